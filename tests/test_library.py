"""What others import: quick to import, sensible without a word, and clear where it says no."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

import dscope_blink
from dscope_blink import library
from dscope_blink.batch import job
from dscope_blink.models.reference import model_bytes
from dscope_blink.records import ConfigError, Scale, UserError
from dscope_blink.reporting.tables import SUMMARY_COLUMNS
from dscope_blink.terminal.commands import main
from tests.builders.analyses import SMALL, good_pictures, other_pictures
from tests.builders.face_sources import by_second, stored
from tests.builders.networks import segmenting
from tests.builders.pictures import MULTIMODE, SCRATCH, blank_png, face_png, folder_of
from tests.builders.settings import CONFIG_FILE, ROOT, SETTINGS

ASKED: dict[str, Any] = {"fiber_class": "multimode", "core_diameter_um": 50, "cladding_diameter_um": 125}
QUICK: dict[str, Any] = {**ASKED, "profile": "fast_scan"}


def array_of(png: bytes) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))


# --- the names


def test_the_package_gives_the_names_of_the_library() -> None:
    assert dscope_blink.__all__ == library.__all__
    assert set(dscope_blink.__all__) <= set(dir(dscope_blink))
    assert dscope_blink.inspect is library.inspect


def test_a_name_that_is_none_is_missed_as_python_misses_it() -> None:
    with pytest.raises(AttributeError, match="module 'dscope_blink' has no attribute 'inspekt'"):
        _ = dscope_blink.inspekt


def test_importing_the_package_loads_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import dscope_blink; print(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    outside = {name.partition(".")[0] for name in run.stdout.split()} - set(sys.stdlib_module_names)
    assert outside == {"dscope_blink"}


FUNCTIONS = [name for name in dscope_blink.__all__ if inspect.isfunction(getattr(dscope_blink, name))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_says_what_it_takes_gives_and_raises(name: str) -> None:
    function = getattr(dscope_blink, name)
    said = inspect.getdoc(function) or ""
    sections = ["Parameters\n---", "Returns\n---"] + ["Raises\n---"] * (name != "summary_table")
    assert [section for section in sections if section not in said] == []
    assert [given for given in inspect.signature(function).parameters if given not in said] == []


# --- pictures


def test_an_array_is_inspected_without_a_file() -> None:
    found = dscope_blink.inspect(array_of(face_png(SCRATCH)), name="mine", **QUICK)
    assert found.verdict.status == "FAIL"
    assert (found.image.file, found.image.sha256, found.image.width, found.image.height) == ("mine", None, 400, 300)
    assert found.provenance.inputs["config"] == SETTINGS.sha256
    assert found.confidence is None


def test_an_array_and_its_file_are_found_alike(tmp_path) -> None:
    path = folder_of(tmp_path, "a.png", data=face_png(SCRATCH)) / "a.png"
    by_array, by_file = (dscope_blink.inspect(picture, **QUICK) for picture in (array_of(face_png(SCRATCH)), path))
    assert by_array.defects[0].area_px == by_file.defects[0].area_px
    assert by_file.image.sha256 is not None
    assert by_array.verdict == by_file.verdict


def test_without_a_word_the_configuration_says_what_is_asked() -> None:
    found = dscope_blink.inspect(array_of(face_png()))
    criteria = SETTINGS.profile(SETTINGS.default_profile).criteria
    assert (found.criteria.edition, found.criteria.fiber_class) == (criteria.default_edition, criteria.default_class)
    assert found.provenance.profile == SETTINGS.default_profile
    assert found.verdict.status == "NOT_GRADED"
    assert [reason.kind for reason in found.verdict.reasons] == ["no_scale"]


def test_a_calibration_gives_the_scale(tmp_path) -> None:
    (tmp_path / "calibration.json").write_text(json.dumps({"um_per_px": 0.85}), encoding="utf-8")
    found = dscope_blink.inspect(array_of(face_png()), profile="fast_scan", calibration=tmp_path / "calibration.json")
    assert found.scale == Scale(0.85, 0.85, "calibration")


def test_a_learned_model_looks_for_marks_where_its_engine_is_asked_for(tmp_path) -> None:
    (tmp_path / "n.onnx").write_bytes(segmenting(256, threshold=1.0, kind=1))
    config = SETTINGS.profile("fast_scan")
    config = replace(config, learned=replace(config.learned, network=tmp_path / "n.onnx"))
    found = dscope_blink.inspect(array_of(face_png(SCRATCH)), config=config, engine="dl", **ASKED)
    assert found.provenance.engine == "dl"
    assert [mark.detected_by for mark in found.defects] == [("learned",)]


def test_the_settings_of_one_profile_do_as_well_as_a_file() -> None:
    config = SETTINGS.profile("fast_scan")
    found = dscope_blink.inspect(array_of(face_png()), config=config, zones=("cladding", "core"), **ASKED)
    assert found.provenance.profile == "fast_scan"
    assert found.request.zones == ("core", "cladding")
    with pytest.raises(UserError, match="the settings are those of profile fast_scan, got deep_inspection"):
        dscope_blink.inspect(array_of(face_png()), config=config, profile="deep_inspection")


def test_a_file_that_is_no_picture_is_not_graded(tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    found = dscope_blink.inspect(tmp_path / "a.png")
    assert [reason.kind for reason in found.verdict.reasons] == ["unreadable"]


@pytest.mark.parametrize(
    ("picture", "complaint"),
    [
        (np.zeros((30, 40)), r"picture must be of uint8 or uint16, got float64"),
        (np.zeros((30, 40, 4), np.uint8), r"picture must be of shape \(H, W\) or \(H, W, 3\), got \(30, 40, 4\)"),
        (np.zeros((0, 40), np.uint8), r"picture must be of shape"),
        (None, r"picture must be an array or a path, got NoneType"),
    ],
)
def test_an_array_that_is_no_picture_is_refused(picture, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        dscope_blink.inspect(picture)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"profile": "fast"}, "profile in config.json: must be one of"),
        ({"edition": "iec"}, "edition: must be one of"),
        ({"fiber_class": "multi"}, "fiber class in edition"),
        ({"zones": ("ferrule",)}, "zones must be some of core, cladding, adhesive, contact, got ferrule"),
        ({"zones": "core"}, "zones must be a list of names, got 'core'"),
        ({"zones": None}, "zones must be a list of names, got None"),
        ({"zones": (1, ["core"])}, "zones must be some of core, cladding, adhesive, contact, got 1"),
        ({"edition": ["a"]}, r"edition must be a text, got \['a'\]"),
        ({"fiber_is_angled": "no"}, "fiber_is_angled must be True or False, got 'no'"),
        ({"fiber_structure": 7}, "fiber_structure must be a text, got 7"),
        ({"fiber_structure": "bow"}, 'fiber_structure: must be one of "panda", "four_cores", "square_core", got "bow"'),
        ({"core_diameter_um": "50"}, "core_diameter_um must be a number, got '50'"),
        ({"cladding_diameter_um": True}, "cladding_diameter_um must be a number, got True"),
        ({"manifest": {"serial": 1}}, "manifest is nothing that can be asked, that are edition, fiber_class"),
        ({"name": None}, "name must be a text, got None"),
        ({"cladding_diameter_um": -1}, "cladding_diameter_um must lie between"),
        ({"calibration": "absent.json"}, "absent.json"),
        ({"engine": "deep"}, "engine must be one of classical, both, dl, got 'deep'"),
    ],
)
def test_what_cannot_be_asked_is_told(words, complaint) -> None:
    with pytest.raises(UserError, match=complaint):
        dscope_blink.inspect(array_of(blank_png()), **words)


def test_a_picture_that_is_not_there_is_told(tmp_path) -> None:
    with pytest.raises(UserError, match=r"absent\.png: no such file"):
        dscope_blink.inspect(tmp_path / "absent.png")


# --- folders


@pytest.mark.parametrize("workers", [-1, 1.5, "two", None])
def test_a_number_of_workers_that_is_none_is_refused_before_anything_is_written(workers, tmp_path) -> None:
    with pytest.raises(UserError, match="workers must be a whole number, at least 0, got"):
        dscope_blink.inspect_folder(tmp_path, output_dir=tmp_path / "out", workers=workers)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_nothing_is_printed(tmp_path) -> None:
    folder_of(tmp_path / "pictures", "a.png", data=blank_png())
    code = (
        "import dscope_blink\n"
        f"*_, = dscope_blink.inspect_folder({str(tmp_path / 'pictures')!r}, output_dir={str(tmp_path / 'out')!r})"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")


@pytest.fixture
def pictures(tmp_path):
    folder_of(tmp_path / "pictures", "a2.png", "a10.png")
    return folder_of(tmp_path / "pictures", "b.png", data=face_png(SCRATCH))


def test_a_folder_is_inspected_as_it_is_read_and_nothing_is_written(pictures) -> None:
    found = dscope_blink.inspect_folder(pictures, **QUICK)
    assert [(one.image.file, one.verdict.status) for one in found] == [
        ("a2.png", "PASS"),
        ("a10.png", "PASS"),
        ("b.png", "FAIL"),
    ]
    assert len(list(pictures.iterdir())) == 3


def test_one_picture_that_cannot_be_computed_does_not_end_a_folder(pictures, monkeypatch) -> None:
    whole = job.look_at_loaded

    def fails_once(asked, request, loaded, provenance):
        if loaded.info.file == "a10.png":
            raise ValueError("no number")
        return whole(asked, request, loaded, provenance)

    monkeypatch.setattr(job, "look_at_loaded", fails_once)
    found = [one.verdict for one in dscope_blink.inspect_folder(pictures, **QUICK)]
    assert [verdict.status for verdict in found] == ["PASS", "NOT_GRADED", "FAIL"]
    assert [reason.text for reason in found[1].reasons] == ["Internal error: ValueError: no number"]


def test_with_a_folder_for_results_all_files_are_written(pictures, tmp_path) -> None:
    found = list(dscope_blink.inspect_folder(pictures, output_dir=tmp_path / "out", **QUICK))
    assert len(found) == 3
    assert {"summary_report.csv", "report.html", "a2_result.json", "b_annotated.png"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }


def test_the_table_is_that_of_the_terminal(pictures, tmp_path) -> None:
    words = [f"--input-dir={pictures}", f"--output-dir={tmp_path / 'out'}", "--workers=0", "--quiet", "--no-plots"]
    assert main(["inspect", *words, *MULTIMODE, "--profile=fast_scan"]) == 0
    table = dscope_blink.summary_table(dscope_blink.inspect_folder(pictures, **QUICK))
    lines = (tmp_path / "out" / "summary_report.csv").read_text(encoding="utf-8").splitlines()
    assert ",".join(table.columns) == lines[0]
    assert len(table) == len(lines) - 1


def test_an_empty_table_keeps_its_columns_and_types() -> None:
    table = dscope_blink.summary_table([])
    assert list(table.columns) == [column.name for column in SUMMARY_COLUMNS]
    assert [str(kind) for kind in table.dtypes] == [column.dtype for column in SUMMARY_COLUMNS]


def test_a_folder_that_cannot_be_inspected_is_told_before_the_first_picture(tmp_path) -> None:
    for folder, complaint in ((tmp_path / "absent", "no such folder"), (tmp_path, "no picture in it")):
        with pytest.raises(UserError, match=complaint):
            dscope_blink.inspect_folder(folder)
    with pytest.raises(UserError, match="workers need an output_dir"):
        dscope_blink.inspect_folder(tmp_path, workers=2)


# --- records and configurations


def test_a_record_is_read_and_judged_by_its_own_limits_as_it_was(pictures, tmp_path) -> None:
    found = {i.image.file: i for i in dscope_blink.inspect_folder(pictures, output_dir=tmp_path / "out", **QUICK)}
    stored = dscope_blink.load_record(tmp_path / "out" / "b_result.json")
    assert (stored.image, stored.verdict.status) == (found["b.png"].image, "FAIL")
    assert dscope_blink.judge(stored).verdict.violations == found["b.png"].verdict.violations
    assert dscope_blink.judge(stored, edition="iec_61300_3_35_2015").criteria.edition == "iec_61300_3_35_2015"
    with pytest.raises(UserError, match="edition: must be one of"):
        dscope_blink.judge(stored, edition="iec")


def test_a_file_that_is_no_record_is_told(tmp_path) -> None:
    (tmp_path / "a_result.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"a_result\.json: no record: "):
        dscope_blink.load_record(tmp_path / "a_result.json")


def test_the_configuration_is_the_one_that_ships_unless_another_is_named(tmp_path) -> None:
    assert dscope_blink.load_config() == SETTINGS
    (tmp_path / "mine.json").write_text(CONFIG_FILE.read_text(encoding="utf-8"), encoding="utf-8")
    assert dscope_blink.load_config(str(tmp_path / "mine.json")).sha256 == SETTINGS.sha256
    (tmp_path / "mine.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError):
        dscope_blink.load_config(tmp_path / "mine.json")


# --- several detections


@pytest.fixture
def two(tmp_path):
    """Two folders of results of one picture, clean and of another profile."""
    folder_of(tmp_path / "pictures", "a.png", data=face_png(SCRATCH))
    found = dscope_blink.inspect(tmp_path / "pictures" / "a.png", **QUICK)
    paths = stored(tmp_path / "first", found, "a.png"), stored(tmp_path / "second", by_second(found), "a.png")
    return tmp_path, found, paths


def test_inspections_and_files_are_brought_together_in_any_order(two) -> None:
    _, found, (first, second) = two
    faces = [dscope_blink.aggregate(sources) for sources in ([found, second], [second, found], [first, second])]
    assert [{source.key for source in face.sources} for face in faces] == [{"fast_scan", "deep_inspection"}] * 3
    marks = [[mark.defect for mark in face.marks] for face in faces]
    assert marks[0] == marks[1] == marks[2] != []


def test_the_same_inspection_twice_is_two_sources_of_two_names(two) -> None:
    _, found, _ = two
    face = dscope_blink.aggregate([found, found], name="twice")
    assert [source.key for source in face.sources] == ["fast_scan", "fast_scan 2"]


def test_without_a_record_nothing_can_be_brought_together(tmp_path) -> None:
    with pytest.raises(UserError, match="at least one source must be a record"):
        dscope_blink.aggregate([])
    (tmp_path / "broken_result.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"broken_result\.json: "):
        dscope_blink.aggregate([tmp_path / "broken_result.json"])


def test_folders_are_brought_together_face_by_face(two) -> None:
    folder, found, _ = two
    asked = {"output_dir": folder / "out", "profile": "fast_scan"}
    (face,) = dscope_blink.aggregate_folders(
        folder / "first", folder / "second", input_dir=folder / "pictures", **asked
    )
    assert face.verdict.status == found.verdict.status == "FAIL"
    assert (folder / "out" / "a_annotated.png").exists()
    assert dscope_blink.load_record(folder / "out" / "a_result.json") == face
    with pytest.raises(UserError, match="image b: no source has seen such a face"):
        dscope_blink.aggregate_folders(folder / "first", image="b", **asked)
    with pytest.raises(UserError, match="named twice"):
        dscope_blink.aggregate_folders(folder / "first", folder / "first", **asked)
    with pytest.raises(UserError, match="no such folder"):
        dscope_blink.aggregate_folders(folder / "third", **asked)


# --- what is normal


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Any:
    folder = tmp_path_factory.mktemp("learned")
    learned = dscope_blink.learn(good_pictures(folder / "good", 5), folder / "m.dscope", config=SMALL, **ASKED)
    return learned, folder / "m.dscope"


def test_a_model_is_the_one_that_was_written(model) -> None:
    learned, path = model
    assert [face.used for face in learned.card.faces] == [True] * 5
    assert dscope_blink.load_model(path).card == learned.card


def test_an_array_and_its_file_compare_alike_and_as_a_folder_does(model, tmp_path) -> None:
    _, path = model
    pictures = other_pictures(tmp_path / "pictures", "a", "b")
    by_array = dscope_blink.analyze(array_of((pictures / "b.png").read_bytes()), path, config=SMALL, **ASKED)
    by_file = dscope_blink.analyze(pictures / "b.png", path, config=SMALL, **ASKED)
    asked: dict[str, Any] = {"config": SMALL, "output_dir": tmp_path / "out", **ASKED}
    normal, by_folder = dscope_blink.analyze_folder(pictures, path, **asked)
    assert (normal.comparison.status, by_folder.comparison.status) == ("NORMAL", "ANOMALOUS")
    assert len(by_file.comparison.anomalies) > 0
    assert by_file.comparison.model_sha256 == dscope_blink.load_model(path).sha256
    for one in (by_array, by_file, by_folder):
        assert one.comparison == by_file.comparison
        assert one.verdict.status == "FAIL"
        assert one.confidence is None
    assert (tmp_path / "out" / "compare_reference.csv").is_file()
    again = dscope_blink.analyze_folder(pictures, path, resume=True, **asked)
    assert [one.comparison.status for one in again] == ["NORMAL", "ANOMALOUS"]


def test_without_a_model_a_face_is_compared_with_its_own_symmetry(tmp_path) -> None:
    pictures = other_pictures(tmp_path / "pictures", "b")
    one = dscope_blink.analyze(pictures / "b.png", config=SMALL, **ASKED)
    (other,) = dscope_blink.analyze_folder(pictures, output_dir=tmp_path / "out", config=SMALL, **ASKED)
    assert one.comparison == other.comparison
    assert (one.comparison.status, one.comparison.model_sha256) == ("NO_REFERENCE", "")
    assert {place.found_by for place in one.comparison.anomalies} == {"own_symmetry"}


def test_faces_are_added_to_a_model(model, tmp_path) -> None:
    _, path = model
    good_pictures(tmp_path / "more", 7)
    for number in range(5):
        (tmp_path / "more" / f"good_{number}.png").unlink()
    added = dscope_blink.learn(tmp_path / "more", tmp_path / "m.dscope", update=path, config=SMALL, **ASKED)
    assert len(added.card.faces) == 7


def test_what_cannot_be_learned_or_compared_is_told(model, pictures, tmp_path) -> None:
    _, path = model
    with pytest.raises(UserError, match=r"output .*m\.zip: must be a file that ends in \.dscope"):
        dscope_blink.learn(pictures, tmp_path / "m.zip")
    with pytest.raises(UserError, match=r"absent\.dscope: cannot be read"):
        dscope_blink.analyze(pictures / "b.png", tmp_path / "absent.dscope")
    with pytest.raises(UserError, match="workers must be a whole number"):
        dscope_blink.analyze_folder(pictures, path, output_dir=tmp_path / "out", workers=-1)
    old = dscope_blink.load_model(path)
    late = replace(old, card=replace(old.card, expires="2001-01-01T00:00:00+00:00"))
    (tmp_path / "late.dscope").write_bytes(model_bytes(late))
    with pytest.raises(UserError, match="the model expired 2001"):
        dscope_blink.load_model(tmp_path / "late.dscope")
