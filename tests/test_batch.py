"""Many images: what is written for each, and that one failure never stops the rest."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from batch import Batch, Counts, load_flat_field, run_batch, was_measured
from config_loader import Config, load_config
from image_files import find_images, plan_images
from manifest import Manifest
from pipeline import inspect_image
from records import Inspection, Request, UserError
from tests.pictures import blank_png, blanks, face_jpeg, face_png, folder_of
from whole_files import WriteFailed

CONFIG = load_config(Path(__file__).parents[1] / "config.json").profile("fast_scan")
ASKED = Request("iec_61300_3_35_2015", "multimode", 50.0, 125.0)


ZONE_BY_ZONE = replace(CONFIG, reporting=replace(CONFIG.reporting, cells=True, zone_images=True, agreement=True))


def batch_of(folder: Path, output: Path, plots: bool = False, config: Config = CONFIG) -> Batch:
    found = find_images(folder, True, output)
    return Batch(plan_images(found, output, Manifest(), ASKED), output, config, plots=plots)


def results_of(folder: Path, output: Path, plots: bool = False, config: Config = CONFIG) -> dict[str, Inspection]:
    return {inspection.image.file: inspection for inspection in run_batch(batch_of(folder, output, plots, config))}


def written(output: Path) -> set[str]:
    return {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}


def summary(output: Path) -> pd.DataFrame:
    return pd.read_csv(output / "summary_report.csv", keep_default_na=False)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def pictures(tmp_path):
    return tmp_path / "pictures"


# --- what is written


def test_each_image_gets_its_files_and_the_batch_its_summary(pictures, out):
    results_of(folder_of(pictures, "a.png"), out, plots=True)
    per_image = {"a_annotated.png", "a_histogram.png", "a_report.csv", "a_result.json"}
    assert written(out) == per_image | {"summary_report.csv"}


def test_without_plots_only_the_histogram_is_left_out(pictures, out):
    results_of(blanks(pictures, "a.png"), out)
    assert written(out) == {"a_annotated.png", "a_report.csv", "a_result.json", "summary_report.csv"}


def test_zones_are_written_one_by_one_when_the_configuration_asks_for_it(pictures, out):
    results_of(folder_of(pictures, "a.png"), out, config=ZONE_BY_ZONE)
    zones = {f"a_zone_{zone}.png" for zone in ("core", "cladding", "adhesive", "contact")}
    always = {"a_annotated.png", "a_report.csv", "a_result.json", "summary_report.csv"}
    assert written(out) == always | {"a_agreement.csv", "a_cells.csv"} | zones


def test_nothing_is_written_of_zones_that_were_not_inspected(pictures, out):
    results_of(blanks(pictures, "a.png"), out, config=ZONE_BY_ZONE)
    assert written(out) == {"a_annotated.png", "a_report.csv", "a_result.json", "summary_report.csv"}


def test_the_output_repeats_the_subfolders(pictures, out):
    results_of(blanks(pictures, "a.png", "sub/deep/a.png"), out)
    assert {"a_result.json", "sub/deep/a_result.json"} <= written(out)
    assert list(summary(out)["Image_Filename"]) == ["a.png", "sub/deep/a.png"]


def test_pictures_of_one_stem_do_not_overwrite_each_other(pictures, out):
    blanks(pictures, "a.png")
    (pictures / "a.jpg").write_bytes(blank_png())
    results_of(pictures, out)
    files = [json.loads((out / f"a_{end}_result.json").read_text())["image"]["file"] for end in ("jpg", "png")]
    assert files == ["a.jpg", "a.png"]


def test_the_record_says_where_it_comes_from(pictures, out):
    (inspection,) = results_of(folder_of(pictures, "a.png"), out).values()
    record = json.loads((out / "a_result.json").read_text())
    assert record["image"] == {
        "file": "a.png",
        "sha256": hashlib.sha256(face_png()).hexdigest(),
        "width": 400,
        "height": 300,
        "camera": None,
    }
    assert record["provenance"]["config_sha256"] == CONFIG.sha256
    assert record["provenance"]["calibration_sha256"] is None
    assert {"read", "write", "total"} <= set(record["timings_s"])
    assert inspection.timings_s["write"] > 0


def test_nothing_of_an_earlier_run_is_left_beside_a_new_result(pictures, out):
    results_of(folder_of(pictures, "a.png"), out, plots=True, config=ZONE_BY_ZONE)
    (pictures / "a.png").write_bytes(b"no picture any more")
    results_of(pictures, out, plots=True)
    assert written(out) == {"a_report.csv", "a_result.json", "summary_report.csv"}


def test_file_names_that_look_like_commands_are_only_names(pictures, out):
    names = [
        "=1+1.png",
        "-rf.png",
        "@x.png",
        "<script>.png",
        "a b, c.png",
        "\u00b5m \u6e2c.png",
        "%s%n.png",
        "[red].png",
    ]
    names = [name for name in names if os.name != "nt" or "<" not in name]
    assert set(results_of(blanks(pictures, *names), out)) == set(names)
    assert all((out / f"{name[:-4]}_result.json").is_file() for name in names)
    cells = list(summary(out)["Image_Filename"])
    assert not any(cell.startswith(("=", "-", "@")) for cell in cells)
    assert {cell.removeprefix("'") for cell in cells} == set(names)


# --- what goes wrong with one image


def test_what_cannot_be_read_is_reported_and_the_rest_is_measured(pictures, out):
    folder_of(pictures, "good.png")
    (pictures / "cut.jpg").write_bytes(face_jpeg()[: len(face_jpeg()) // 2])
    (pictures / "text.png").write_text("this is no picture")
    (pictures / "empty.tif").write_bytes(b"")
    (pictures / "gone.bmp").symlink_to(pictures / "nowhere")
    results = results_of(pictures, out)
    bad = {file: result for file, result in results.items() if file != "good.png"}
    assert was_measured(results["good.png"])
    assert results["good.png"].verdict.status != "NOT_GRADED"
    assert all(result.verdict.reasons[0].startswith("Unreadable: ") for result in bad.values())
    assert list(summary(out)["Image_Filename"]) == ["cut.jpg", "empty.tif", "gone.bmp", "good.png", "text.png"]
    assert json.loads((out / "cut_result.json").read_text())["geometry"] is None


def test_an_error_inside_the_program_is_one_images_own(pictures, out, monkeypatch, caplog):
    def fails_on_b(picture, info, *rest):
        if info.file == "b.png":
            raise ZeroDivisionError("of all things")
        return inspect_image(picture, info, *rest)

    monkeypatch.setattr("batch.inspect_image", fails_on_b)
    results = results_of(folder_of(blanks(pictures, "a.png", "b.png"), "c.png"), out)
    assert results["b.png"].verdict.reasons == ("Internal error: ZeroDivisionError: of all things",)
    assert results["b.png"].image.width == 40
    assert was_measured(results["c.png"])
    assert "b_annotated.png" in written(out)
    assert "Traceback" in caplog.text


def test_an_error_while_drawing_leaves_a_record_that_says_so(pictures, out, monkeypatch):
    def fails(*_):
        raise ValueError("no ink")

    monkeypatch.setattr("batch.write_annotated", fails)
    (result,) = results_of(blanks(pictures, "a.png"), out).values()
    assert result.verdict.reasons == ("Internal error: ValueError: no ink",)
    assert written(out) == {"a_report.csv", "a_result.json", "summary_report.csv"}


# --- how a batch ends


def test_a_batch_that_is_stopped_keeps_what_was_finished(pictures, out):
    with closing(run_batch(batch_of(blanks(pictures, "a.png", "b.png", "c.png"), out))) as inspections:
        next(inspections)
        next(inspections)
    assert list(summary(out)["Image_Filename"]) == ["a.png", "b.png"]


def test_a_result_that_cannot_be_written_ends_the_batch_and_keeps_what_was_finished(pictures, out):
    inspections = run_batch(batch_of(blanks(pictures, "a.png", "b.png", "sub/c.png"), out))
    next(inspections)
    (out / "sub").write_text("in the way")
    next(inspections)
    with pytest.raises(WriteFailed, match="sub cannot be written"):
        next(inspections)
    assert list(summary(out)["Image_Filename"]) == ["a.png", "b.png"]


def test_a_batch_without_permission_to_write_says_so(pictures, out):
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    out.mkdir(mode=0o500)
    with pytest.raises(WriteFailed, match="Permission denied"):
        results_of(blanks(pictures, "a.png"), out)


def test_what_is_odd_about_the_folder_is_logged(pictures, out, caplog):
    list(run_batch(replace(batch_of(blanks(pictures, "a.png"), out), warnings=("100 % odd",))))
    assert "100 % odd" in caplog.text


@pytest.mark.parametrize(
    ("counts", "fail_exit", "code"),
    [
        (Counts(passed=2), True, 0),
        (Counts(passed=1, failed=1), False, 0),
        (Counts(passed=1, failed=1), True, 3),
        (Counts(failed=1, not_graded=1, not_measured=1), True, 1),
        (Counts(not_graded=3), True, 0),
    ],
)
def test_the_exit_code_tells_what_could_not_be_measured_and_what_failed_if_asked(counts, fail_exit, code):
    assert counts.exit_code(fail_exit) == code


# --- the flat field


def with_flat_field(path: Path) -> UserError | None:
    config = replace(CONFIG, preprocessing=replace(CONFIG.preprocessing, flat_field_image=path))
    with pytest.raises(UserError) as caught:
        load_flat_field(config)
    return caught.value


def test_a_flat_field_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "flat.png").write_bytes(b"")
    assert "none.png: cannot be read, No such file" in str(with_flat_field(tmp_path / "none.png"))
    assert "flat.png: the file is empty" in str(with_flat_field(tmp_path / "flat.png"))
