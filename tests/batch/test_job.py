"""One picture of a batch: what is written of it, and that its failure is its own."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from PIL import Image

from dscope_blink.batch.job import Job, hash_of_flat_field, inspect_unwritten, not_looked_at
from dscope_blink.files.decoding import decode_image, most_bytes
from dscope_blink.files.pixel_hash import pixels_sha256
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.whole_files import WriteFailed
from dscope_blink.pipeline import all_stages
from dscope_blink.records import UserError, notice, texts
from dscope_blink.records.stored import load_record
from dscope_blink.reporting.picture_files import write_result, write_zone_image
from tests.builders.batches import ASKED, CONFIG, ZONE_BY_ZONE, batch_of, finished, results_of, summary, written
from tests.builders.pictures import SCRATCH, blank_png, blanks, face_jpeg, face_png, folder_of

OTHER_FORMATS = replace(CONFIG, reporting=replace(CONFIG.reporting, annotated_format="jpeg", plot_format="svg"))


# --- what is written


def test_each_image_gets_its_files_and_the_batch_its_summary(pictures, out):
    results_of(folder_of(pictures, "a.png"), out, plots=True)
    per_image = {"a_annotated.png", "a_histogram.png", "a_report.csv", "a_result.json"}
    assert written(out) == per_image | {"summary_report.csv"}


def test_pictures_and_plots_are_written_in_the_formats_of_the_configuration_and_replace_others(pictures, out):
    folder_of(pictures, "a.png")
    results_of(pictures, out, plots=True)
    results_of(pictures, out, plots=True, config=OTHER_FORMATS)
    per_image = {"a_annotated.jpg", "a_histogram.svg", "a_report.csv", "a_result.json"}
    assert written(out) == per_image | {"summary_report.csv"}
    assert (out / "a_annotated.jpg").read_bytes().startswith(b"\xff\xd8")


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
        "bits": None,
        "pixels_sha256": pixels_sha256(decode_image(face_png(), 120_000)),
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
        "a b, c.png",
        "\u00b5m \u6e2c.png",
        "%s%n.png",
        "[red].png",
    ]
    if os.name != "nt":
        names += ["<script>alert(1)<.png", '"quoted".png', "it's.png"]
    assert set(results_of(blanks(pictures, *names), out)) == set(names)
    assert all((out / f"{name[:-4]}_result.json").is_file() for name in names)
    cells = list(summary(out)["Image_Filename"])
    assert not any(cell.startswith(("=", "-", "@")) for cell in cells)
    assert {cell.removeprefix("'") for cell in cells} == set(names)


@pytest.mark.skipif(os.name == "nt", reason="this system refuses such file names")
def test_file_names_of_several_lines_and_with_codes_stay_on_their_line(pictures, out, caplog):
    names = ["a\nb.png", "\n=1+1.png", "\r-2.png", "\t@x.png", "c\x1b[2J\x07.png"]
    with caplog.at_level("INFO", "dscope"):
        assert set(results_of(blanks(pictures, *names), out)) == set(names)
    shown = {"' -2.png", "' =1+1.png", "' @x.png", "a b.png", "c\ufffd[2J\ufffd.png"}
    assert set(summary(out)["Image_Filename"]) == shown
    assert all(message.isprintable() for message in caplog.messages)


def test_of_a_file_of_several_pictures_the_first_is_inspected_with_a_warning(pictures, out):
    pages = [Image.open(io.BytesIO(data)) for data in (face_png(), blank_png())]
    pictures.mkdir()
    pages[0].save(pictures / "a.tif", save_all=True, append_images=pages[1:])
    (result,) = results_of(pictures, out).values()
    assert result.was_measured
    assert "Several pictures: the file holds more than one, the first is inspected" in texts(result.quality.warnings)


SETTLING = replace(CONFIG, preprocessing=replace(CONFIG.preprocessing, settle_s=0.4, settle_max_wait_s=0.5))


def test_a_picture_that_arrives_in_pieces_is_measured_when_it_is_whole(pictures, out):
    whole = face_png()
    folder_of(pictures, "a.png", data=whole[:100])
    os.utime(pictures / "a.png")

    def arrive() -> None:
        with (pictures / "a.png").open("ab", buffering=0) as file:
            for start in range(100, len(whole), 10_000):
                time.sleep(0.03)
                file.write(whole[start : start + 10_000])

    sender = Thread(target=arrive)
    sender.start()
    (result,) = results_of(pictures, out, config=SETTLING).values()
    sender.join()
    assert result.image.sha256 == hashlib.sha256(whole).hexdigest()
    assert result.was_measured


def test_a_picture_that_never_stops_arriving_is_reported_and_the_rest_is_inspected(pictures, out):
    folder_of(blanks(pictures, "b.png"), "a.png", data=face_png())
    is_over = Event()

    def arrive() -> None:
        while not is_over.wait(0.03):
            os.utime(pictures / "a.png")

    os.utime(pictures / "a.png")
    sender = Thread(target=arrive)
    sender.start()
    results = results_of(pictures, out, config=SETTLING)
    is_over.set()
    sender.join()
    assert texts(results["a.png"].verdict.reasons) == ["Unreadable: the file was still being written after 0.5 s"]
    assert set(results) == {"a.png", "b.png"}


# --- what goes wrong with one image


def test_what_cannot_be_read_is_reported_and_the_rest_is_measured(pictures, out):
    folder_of(pictures, "good.png")
    (pictures / "cut.jpg").write_bytes(face_jpeg()[: len(face_jpeg()) // 2])
    (pictures / "text.png").write_text("this is no picture")
    (pictures / "empty.tif").write_bytes(b"")
    (pictures / "gone.bmp").symlink_to(pictures / "nowhere")
    results = results_of(pictures, out)
    bad = {file: result for file, result in results.items() if file != "good.png"}
    assert results["good.png"].was_measured
    assert results["good.png"].verdict.status != "NOT_GRADED"
    assert all(result.verdict.reasons[0].text.startswith("Unreadable: ") for result in bad.values())
    assert list(summary(out)["Image_Filename"]) == ["cut.jpg", "empty.tif", "gone.bmp", "good.png", "text.png"]
    assert json.loads((out / "cut_result.json").read_text())["geometry"] is None


def test_an_error_inside_the_program_is_one_images_own(pictures, out, monkeypatch, caplog):
    def fails_on_b(picture, info, *rest, **models):
        if info.file == "b.png":
            raise ZeroDivisionError("of all things")
        return all_stages(picture, info, *rest, **models)

    monkeypatch.setattr("dscope_blink.batch.job.all_stages", fails_on_b)
    results = results_of(folder_of(blanks(pictures, "a.png", "b.png"), "c.png"), out)
    assert texts(results["b.png"].verdict.reasons) == ["Internal error: ZeroDivisionError: of all things"]
    assert results["b.png"].image.width == 40
    assert results["c.png"].was_measured
    assert "b_annotated.png" in written(out)
    assert "Traceback" in caplog.text


EVERYTHING = replace(ZONE_BY_ZONE, reporting=replace(ZONE_BY_ZONE.reporting, report=True, pdf=True, plots=True))
WRITERS = (
    ("write_defect_table", ("a_report.csv",)),
    ("write_annotated", ("a_annotated.png",)),
    ("write_histogram", ("a_histogram.png",)),
    ("write_views", ("a_view.jpg", "a_thumbnail.jpg", "a_confidence.png")),
    ("write_agreement", ("a_agreement.csv",)),
    ("write_cells", ("a_cells.csv",)),
    ("write_zone_image", tuple(f"a_zone_{zone}.png" for zone in ("core", "cladding", "adhesive", "contact"))),
    ("page_picture", ("a_certificate.pdf",)),
)


@pytest.mark.parametrize(
    ("writer", "files"),
    [pytest.param(*row, id=row[0], marks=[pytest.mark.slow] if row[0] != "write_annotated" else []) for row in WRITERS],
)
def test_a_drawing_that_fails_is_left_out_and_costs_no_verdict(pictures, out, monkeypatch, caplog, writer, files):
    folder_of(pictures, "a.png", data=face_png(SCRATCH))
    (whole,) = results_of(pictures, out, plots=True, config=EVERYTHING).values()
    everything = written(out)
    assert set(files) < everything

    def fails(*_):
        raise ValueError("no\nink")

    with monkeypatch.context() as patch:
        patch.setattr(f"dscope_blink.batch.picture_reports.{writer}", fails)
        batch = batch_of(pictures, out, plots=True, config=EVERYTHING)
        (done,) = finished(batch)
    assert done.inspection.verdict == whole.verdict
    (warning,) = set(done.inspection.quality.warnings) - set(whole.quality.warnings)
    assert (warning.kind, warning.text) == ("not_drawn", f"Not drawn: {', '.join(files)}, ValueError: no ink")
    assert written(out) == everything - set(files)
    assert "Traceback" in caplog.text
    assert warning in load_record(out / "a_result.json").quality.warnings
    (again,) = finished(replace(batch, resume=True))
    assert not again.resumed
    assert written(out) == everything
    assert again.inspection.quality.warnings == whole.quality.warnings


def test_a_part_that_fails_takes_its_whole_report_along(pictures, out, monkeypatch):
    def fails_later(path, cut):
        if "contact" in path.name:
            raise ValueError("no ink")
        write_zone_image(path, cut)

    monkeypatch.setattr("dscope_blink.batch.picture_reports.write_zone_image", fails_later)
    results_of(folder_of(pictures, "a.png"), out, config=ZONE_BY_ZONE)
    assert not [name for name in written(out) if "zone" in name]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_while_drawing_ends_the_batch(pictures, out, monkeypatch, number):
    def fails(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("dscope_blink.batch.picture_reports.write_annotated", fails)
    with pytest.raises(WriteFailed, match=os.strerror(number)):
        results_of(folder_of(pictures, "a.png"), out)
    assert written(out) == {"summary_report.csv"}


def test_a_record_that_cannot_be_made_is_an_internal_error(pictures, out, monkeypatch):
    def fails_once(path, inspection):
        if inspection.was_measured:
            raise ValueError("no number")
        write_result(path, inspection)

    monkeypatch.setattr("dscope_blink.batch.job.write_result", fails_once)
    (result,) = results_of(folder_of(pictures, "a.png"), out).values()
    assert texts(result.verdict.reasons) == ["Internal error: ValueError: no number"]


# --- the flat field


def with_flat_field(path: Path) -> UserError | None:
    config = replace(CONFIG, preprocessing=replace(CONFIG.preprocessing, flat_field_image=path))
    with pytest.raises(UserError) as caught:
        hash_of_flat_field(config)
    return caught.value


def test_a_flat_field_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "flat.png").write_bytes(b"")
    assert "none.png: cannot be read, No such file" in str(with_flat_field(tmp_path / "none.png"))
    assert "flat.png: the file is empty" in str(with_flat_field(tmp_path / "flat.png"))


def test_a_file_that_is_too_large_is_neither_read_nor_hashed(tmp_path):
    config = replace(CONFIG, preprocessing=replace(CONFIG.preprocessing, max_pixels=1))
    path = tmp_path / "a.png"
    with path.open("wb") as file:
        file.truncate(most_bytes(1) + 1)
    job, image = Job(tmp_path, config), ImageFile(path, "a.png", "a", ASKED)
    assert not_looked_at(job, image, notice("time_limit", "x")).image.sha256 is None
    _, inspection = inspect_unwritten(job, image)
    assert "the file must have at most" in inspection.verdict.reasons[0].text
