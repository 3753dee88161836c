"""A command line becomes a checked batch, or one line for everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dscope_blink.batch.run import Batch
from dscope_blink.config.loading import load_config
from dscope_blink.records import UserError
from dscope_blink.terminal.arguments import check_output_folder, checked_batch, parse_zones
from dscope_blink.terminal.options import CONFIG, make_parser
from tests.builders.pictures import MULTIMODE, folder_of
from tests.builders.unprivileged import unprivileged

CRITERIA = load_config(CONFIG).profile("fast_scan").criteria


@pytest.fixture
def pictures(tmp_path):
    return folder_of(tmp_path / "pictures", "a.png")


def batch_for(folder: Path, *words: str) -> Batch:
    given = [f"--input-dir={folder}", f"--output-dir={folder.parent / 'out'}", *words]
    return checked_batch(make_parser().parse_args(["inspect", *given]))


def complaints(folder: Path, *words: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        batch_for(folder, *words)
    return str(caught.value).splitlines()


def test_what_is_not_given_comes_from_the_configuration(pictures):
    batch = batch_for(pictures)
    assert batch.job.config.profile == load_config(CONFIG).default_profile
    (image,) = batch.images
    assert (image.request.edition, image.request.fiber_class) == (CRITERIA.default_edition, CRITERIA.default_class)
    assert image.request.zones == ("core", "cladding", "adhesive", "contact")
    assert batch.job.calibration is None


def test_what_is_given_reaches_every_image(pictures):
    batch = batch_for(
        pictures, *MULTIMODE, "--edition=iec_61300_3_35_2015", "--zones=cladding,Core", "--profile=fast_scan"
    )
    request = batch.images[0].request
    assert (request.edition, request.fiber_class) == ("iec_61300_3_35_2015", "multimode")
    assert (request.core_diameter_um, request.cladding_diameter_um) == (50.0, 125.0)
    assert request.zones == ("core", "cladding")
    assert batch.job.config.profile == "fast_scan"


def test_plots_are_made_where_the_profile_has_them_unless_refused(pictures):
    assert batch_for(pictures, "--profile=deep_inspection").job.config.reporting.plots
    assert not batch_for(pictures, "--profile=deep_inspection", "--no-plots").job.config.reporting.plots
    assert not batch_for(pictures, "--profile=fast_scan").job.config.reporting.plots


@pytest.mark.parametrize(
    ("words", "asked"),
    [((), ()), (("--cells",), ("cells",)), (("--zone-images",), ("zone_images",)), (("--agreement",), ("agreement",))],
)
def test_what_is_written_on_request_is_asked_for_by_name(pictures, words, asked):
    reporting = batch_for(pictures, *words).job.config.reporting
    assert tuple(name for name in ("cells", "zone_images", "agreement") if getattr(reporting, name)) == asked


ALL_ASKED = '"cells": true, "zone_images": true, "agreement": true'


def test_what_the_configuration_asks_for_needs_no_option(pictures, tmp_path):
    text = CONFIG.read_text().replace('"cells": false, "zone_images": false, "agreement": false', ALL_ASKED)
    (tmp_path / "config.json").write_text(text)
    reporting = batch_for(pictures, f"--config={tmp_path / 'config.json'}").job.config.reporting
    assert (reporting.cells, reporting.zone_images, reporting.agreement) == (True, True, True)


def test_a_calibration_gives_scale_and_hash(pictures, tmp_path):
    path = tmp_path / "calibration.json"
    path.write_text('{"um_per_px": 0.5}')
    batch = batch_for(pictures, f"--calibration={path}")
    assert batch.job.calibration
    assert batch.job.calibration.scale.um_per_px == pytest.approx(0.5)
    assert len(batch.job.calibration.sha256) == 64


def test_the_manifest_overrides_the_command_line_and_its_gaps_are_told(pictures, tmp_path):
    folder_of(pictures, "b.png")
    manifest = tmp_path / "m.csv"
    manifest.write_text("file,fiber_class,lot\na.png,custom,7\nc.png,,\n")
    batch = batch_for(pictures, *MULTIMODE, f"--manifest={manifest}")
    assert [image.request.fiber_class for image in batch.images] == ["custom", "multimode"]
    assert batch.images[0].request.manifest == {"lot": "7"}
    assert batch.warnings == ("c.png: named in the manifest, not among the images", "b.png: not named in the manifest")


def test_every_problem_of_a_command_line_is_told_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    lines = complaints(
        tmp_path / "nowhere",
        f"--output-dir={tmp_path / 'file' / 'out'}",
        f"--calibration={tmp_path / 'nothing.json'}",
        "--zones=core,clading",
        "--core-diameter-um=nan",
        "--cladding-diameter-um=-5",
        "--fiber-class=multimod",
        "--profile=fast",
        f"--manifest={tmp_path / 'm.csv'}",
    )
    expected = ["output folder", "no such folder", "nothing.json", "'cladding'", '"fast_scan"', '"multimode"', "m.csv"]
    expected += ["--core-diameter-um must be a positive number, got nan"]
    expected += ["--cladding-diameter-um must be a positive number, got -5"]
    assert [text for text in expected if not any(text in line for line in lines)] == []
    assert len(lines) == len(expected)


@pytest.mark.parametrize("number", ["0", "inf", "-inf", "abc", "", "1e400", "1,250"])
def test_a_diameter_is_a_positive_number(pictures, number):
    (line,) = complaints(pictures, f"--core-diameter-um={number}")
    assert "--core-diameter-um must be a" in line


@pytest.mark.parametrize("core", ["125", "126"])
def test_a_core_is_smaller_than_its_cladding(pictures, core):
    (line,) = complaints(pictures, f"--core-diameter-um={core}", "--cladding-diameter-um=125")
    assert "core_diameter_um must be less than cladding_diameter_um" in line


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("--edition=iec_61300_3_35_2021", "iec_61300_3_35_202"),
        ("--fiber-class=single_mode_ucp", "single_mode_upc"),
        ("--profile=deep_inspektion", "deep_inspection"),
        ("--fiber-structure=pannda", "panda"),
        ("--zones=contakt", "contact"),
    ],
)
def test_a_misspelt_name_gets_a_hint(pictures, word, hint):
    (line,) = complaints(pictures, word)
    assert "did you mean" in line
    assert hint in line.split("did you mean")[1]


def test_an_edition_without_the_class_is_refused_by_name(pictures):
    (line,) = complaints(pictures, "--edition=iec_61300_3_35_2009", "--fiber-class=multimode")
    assert "iec_61300_3_35_2009" in line
    assert "multimode" in line


def test_a_folder_without_pictures_is_refused_and_its_subfolders_pointed_at(tmp_path):
    (line,) = complaints(tmp_path)
    assert "no picture in it" in line
    assert "--recursive" in line


def test_a_diameter_may_have_a_comma(pictures):
    batch = batch_for(pictures, "--core-diameter-um=62,5", "--cladding-diameter-um=125")
    assert batch.images[0].request.core_diameter_um == 62.5


def test_pictures_and_folders_are_inspected_each_once(pictures, tmp_path):
    other = folder_of(tmp_path / "other", "b.png")
    batch = batch_for(pictures, str(other / "b.png"), str(other), str(pictures))
    root = pictures.parent
    assert [(image.path, image.file) for image in batch.images] == [
        (pictures / "a.png", (pictures / "a.png").relative_to(root).as_posix()),
        (other / "b.png", "other/b.png"),
    ]


def test_what_is_named_must_be_a_picture_or_a_folder(pictures, tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    lines = complaints(pictures, str(tmp_path / "notes.txt"), str(tmp_path / "none"))
    assert "notes.txt: must be one of .png" in lines[0]
    assert "none: no such folder" in lines[1]


def test_one_folder_is_watched(pictures, tmp_path):
    (line,) = complaints(pictures, str(tmp_path), "--watch")
    assert line == "--watch: one folder can be watched, 2 are named"


@pytest.mark.parametrize(
    ("asked", "fiber_class", "said"),
    [
        ((), "single_mode_upc", None),
        (("--core-diameter-um=9",), "single_mode_upc", None),
        (("--core-diameter-um=50",), "multimode", "Fiber class multimode follows from the core of 50 um"),
        (("--core-diameter-um=50", "--fiber-class=custom"), "custom", None),
        (
            ("--core-diameter-um=50", "--fiber-class=single_mode_upc"),
            "single_mode_upc",
            "Fiber class single_mode_upc is for cores of 1 to 15 um, the one given has 50 um",
        ),
    ],
)
def test_the_class_follows_from_the_core_unless_it_is_asked_for(pictures, asked, fiber_class, said):
    batch = batch_for(pictures, *asked)
    assert batch.images[0].request.fiber_class == fiber_class
    assert [line.partition(";")[0] for line in batch.warnings] == ([said] if said else [])


def test_a_core_that_no_class_is_for_asks_for_one(pictures):
    (line,) = complaints(pictures, "--core-diameter-um=20")
    assert line.startswith("fiber class: none of edition iec_61300_3_35_2022 is for a core of 20 um, so it has to be")


def test_both_folders_must_be_named():
    with pytest.raises(UserError) as caught:
        checked_batch(make_parser().parse_args(["inspect"]))
    assert [line.partition(" (")[0] for line in str(caught.value).splitlines()] == [
        "output folder: none is named",
        "input folder: none is named",
    ]


def test_an_output_folder_that_cannot_be_made_is_refused(open_folder):
    (open_folder / "locked").mkdir()
    (open_folder / "locked").chmod(0o555)
    with unprivileged(), pytest.raises(UserError, match="no permission to write"):
        check_output_folder(str(open_folder / "locked" / "sub" / "out"))


@pytest.mark.parametrize("text", ["", ",", " , "])
def test_some_zone_must_be_named(text):
    with pytest.raises(UserError, match="none is named"):
        parse_zones(text)


def test_checking_writes_nothing(pictures):
    batch_for(pictures)
    complaints(pictures, "--zones=x")
    assert [path.name for path in pictures.parent.iterdir()] == ["pictures"]
