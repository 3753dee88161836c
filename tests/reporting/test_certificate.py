"""What the certificates say, read back from the PDF files."""

from __future__ import annotations

import io
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pypdf import PdfReader

from dscope_blink.analysis.rejudging import load_row
from dscope_blink.batch.job import Job, inspect_file
from dscope_blink.records import ImageInfo, Inspection, Notice, Request, Verdict, texts
from dscope_blink.records.stored import load_record
from dscope_blink.reporting.batch_reports import write_batch_reports
from dscope_blink.reporting.certificate import BatchCertificate, certificate
from dscope_blink.reporting.certificate_picture import PagePicture
from dscope_blink.reporting.stored_results import StoredResults
from dscope_blink.terminal.commands import main
from tests.builders.batches import CONFIG, batch_of, finished
from tests.builders.inspections import (
    COUNTED,
    EVERY_KIND,
    FAILED,
    HOSTILE_FILE,
    MARGINAL,
    NO_SCALE,
    PASSED,
    UNREADABLE,
    mark,
)
from tests.builders.pictures import SCRATCH, face_png, folder_of

ASKED = replace(CONFIG, reporting=replace(CONFIG.reporting, pdf=True))
PICTURE = PagePicture(bytes(cv2.imencode(".jpg", np.full((300, 400, 3), 90, np.uint8))[1]), "as far as zone C")
every_kind = pytest.mark.parametrize("inspection", EVERY_KIND.values(), ids=EVERY_KIND.keys())


def pages_of(pdf: bytes) -> list[str]:
    """The text of each page, whatever the lines it was broken into."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def text_of(inspection: Inspection, picture: PagePicture | None = PICTURE) -> str:
    return " ".join(pages_of(certificate(inspection, picture)))


def named(file: str) -> Inspection:
    return replace(FAILED, image=ImageInfo(file, "ab" * 32, 1000, 850))


# --- one picture


@pytest.mark.parametrize("moment", ["yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_moment_that_no_calendar_has_keeps_no_certificate_back(moment: str) -> None:
    odd = replace(UNREADABLE, provenance=replace(UNREADABLE.provenance, started=moment))
    assert "NOT GRADED" in text_of(odd, None)


@every_kind
def test_the_verdict_and_its_reasons_are_those_of_the_record(inspection):
    text = text_of(inspection)
    assert inspection.verdict.status.replace("_", " ") in text
    assert all(reason.text in text for reason in inspection.verdict.reasons)


@every_kind
def test_every_mark_and_every_hash_is_named(inspection):
    text = text_of(inspection)
    assert all(f" {defect.id} {defect.zone} " in text for defect in inspection.defects)
    hashes = (inspection.image.sha256, inspection.provenance.inputs["config"])
    assert all(text_ in text for text_ in hashes if text_)


def test_a_verdict_that_was_changed_in_the_record_is_repeated_and_not_found_anew():
    passed = replace(FAILED, verdict=Verdict("PASS", checks=FAILED.verdict.checks))
    assert "FAIL" not in text_of(passed)


def test_a_mark_stands_beside_the_limit_it_breaks():
    assert "S1 core Scratch 31.2 um width 3.6 ± 0.7 um scratch width of any size: 1, allowed none BREAKS IT" in text_of(
        FAILED
    )


def test_limits_that_are_not_confirmed_are_told_on_the_first_page():
    limits = replace(FAILED.criteria, zones=CONFIG.criteria.find("iec_61300_3_35_2015", "multimode").zones)
    for confirmed, expected in ((False, True), (True, False)):
        judged = replace(FAILED, criteria=replace(limits, confirmed=confirmed))
        first = pages_of(certificate(judged, PICTURE))[0]
        assert ("NOT CONFIRMED" in first) is expected


def test_a_doubtful_verdict_is_told_with_what_would_change_it():
    text = text_of(MARGINAL)
    assert f"MARGINAL: {MARGINAL.verdict.doubts[0]}" in text
    assert "Closest: Zone cladding: defect diameter > 10 um" in text


def test_without_a_scale_sizes_are_in_pixels_and_that_is_said():
    text = text_of(NO_SCALE)
    assert "none: sizes are in pixels, and nothing can be graded" in text
    assert "P1 cladding Pit/Dig 82.2 px diameter 20.0 px not graded" in text


def test_what_was_not_graded_has_a_certificate_without_a_picture():
    text = text_of(UNREADABLE, None)
    assert "NOT GRADED Unreadable: the file is empty" in text
    assert "There is no picture." in text
    assert "The fiber was not located." in text


def test_what_the_picture_leaves_out_is_said_below_it():
    assert "as far as zone C" in text_of(FAILED)


def test_the_columns_of_the_manifest_are_carried():
    text = text_of(
        replace(FAILED, request=replace(FAILED.request, manifest={"serial": "0012", "operator": "<b>&amp;"}))
    )
    assert "serial 0012" in text
    assert "operator <b>&amp;" in text


def test_many_marks_go_over_several_numbered_pages():
    marks = tuple(replace(mark(f"P{n}", "pit_dig", (70, n), 20), counted=True) for n in range(1, 151))
    pages = pages_of(certificate(replace(FAILED, defects=marks), PICTURE))
    assert len(pages) >= 4
    for number, page in enumerate(pages, 1):
        assert f"tray/fiber_07.png page {number} of {len(pages)}" in page
    assert all(f" {defect.id} cladding " in " ".join(pages) for defect in marks)


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        (HOSTILE_FILE, "=cmd()/<script>[U+000A][U+56F3].png"),
        ("Prüfling_Ω-Ж.png", "Prüfling_Ω-Ж.png"),
        ("\u202egnp.exe", "[U+202E]gnp.exe"),
        ("\U0001f600.png", "[U+1F600].png"),
        ('<font color="red">.png', '<font color="red">.png'),
    ],
)
def test_any_file_name_is_printed(file, shown):
    assert shown in text_of(named(file))


def test_a_name_of_many_letters_is_there_in_full():
    file = "x" * 240 + ".png"
    assert file in text_of(named(file)).replace(" ", "")


@hypothesis_settings(max_examples=40)
@given(st.text(max_size=60), st.text(min_size=1, max_size=4000), st.dictionaries(st.text(), st.text(), max_size=3))
def test_no_text_is_too_much_for_it(file, reason, carried):
    asked = Request("iec_61300_3_35_2015", "multimode", manifest=carried)
    inspection = replace(
        UNREADABLE, image=ImageInfo(file), request=asked, verdict=Verdict("NOT_GRADED", (Notice("other", reason),))
    )
    assert pages_of(certificate(inspection, None))


def test_a_cell_taller_than_a_page_is_continued_on_the_next():
    carried = {"remark": " ".join(["word"] * 3000)}
    pages = pages_of(certificate(replace(PASSED, request=replace(PASSED.request, manifest=carried)), None))
    assert " ".join(pages).count("word") == 3000


def test_the_same_record_gives_the_same_file():
    one, two = (certificate(FAILED, PICTURE) for _ in range(2))
    assert one == two
    about = PdfReader(io.BytesIO(one)).metadata
    assert about is not None
    assert about.creation_date == datetime(2026, 1, 31, 8, tzinfo=UTC)


# --- a batch


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of three pictures with their certificates."""
    folder = tmp_path_factory.mktemp("made")
    pictures = folder_of(folder / "pictures", "a.png", "b.png", data=face_png(SCRATCH))
    folder_of(pictures, "c.png", data=b"no picture")
    finished(batch_of(pictures, folder / "lot 7", config=ASKED))
    return folder


@pytest.fixture
def stored(made: Path, tmp_path: Path) -> Path:
    """The same, for this test to change."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "lot 7"


def test_each_picture_and_the_batch_get_a_certificate(stored):
    assert {path.name for path in stored.glob("*.pdf")} == {
        *(f"{name}_certificate.pdf" for name in "abc"),
        "certificate.pdf",
    }
    text = " ".join(pages_of((stored / "certificate.pdf").read_bytes()))
    hashes = [load_record(stored / f"{name}_result.json").image.sha256 for name in "abc"]
    for expected in (
        "lot 7",
        "0 PASS, 2 FAIL, 1 NOT GRADED",
        "0.0 %: 2 of 3 graded, 0 pass",
        "1 Unreadable",
        "Signature",
    ):
        assert expected in text
    assert all(str(one) in text.replace(" ", "") for one in hashes)
    assert CONFIG.sha256 in text


def test_certificates_made_later_are_those_made_at_once(stored, capsys):
    before = {path.name: path.read_bytes() for path in stored.glob("*.pdf")}
    for path in stored.glob("*.pdf"):
        path.unlink()
    assert main(["report", str(stored), "--pdf"]) == 0
    assert {path.name: path.read_bytes() for path in stored.glob("*.pdf")} == before
    printed = capsys.readouterr().out
    assert "certificate.pdf" in printed
    assert "Certificates beside the records: 3" in printed


def test_a_record_that_cannot_be_read_is_a_picture_that_is_not_graded(stored):
    (stored / "b_result.json").write_text("{", encoding="utf-8")
    assert main(["report", str(stored), "--pdf", "--quiet"]) == 0
    text = " ".join(pages_of((stored / "certificate.pdf").read_bytes()))
    assert "Pictures 3 Verdicts 0 PASS, 1 FAIL, 2 NOT GRADED" in text
    assert "Unreadable record: no record: Input data was truncated" in text
    own = " ".join(pages_of((stored / "b_certificate.pdf").read_bytes()))
    assert "NOT GRADED" in own
    assert "Unreadable record" in own


def test_a_record_that_is_gone_is_named_as_missing(stored):
    paths = [stored / f"{name}_result.json" for name in "abc"]
    paths[1].unlink()
    write_batch_reports(stored, StoredResults(paths, partial(load_row, settings=CONFIG)), ASKED)
    pages = pages_of((stored / "certificate.pdf").read_bytes())
    assert "MISSING here: b_result.json, cannot be read" in pages[0]
    assert "Pictures 2 " in pages[0]


def test_certificates_of_several_batches_made_at_once_are_those_of_each(stored, tmp_path):
    """So that they are as their records say, and a run that is resumed does no picture again for them."""
    before = {path.name: path.read_bytes() for path in stored.glob("*_certificate.pdf")}
    assert main(["report", str(stored.parent), "--pdf", "--quiet"]) == 0
    assert {path.name: path.read_bytes() for path in stored.glob("*_certificate.pdf")} == before
    again = finished(replace(batch_of(tmp_path / "pictures", stored, config=ASKED), resume=True))
    assert [done.resumed for done in again] == [True, True, True]


def test_an_empty_batch_has_a_certificate_that_says_so():
    (page, *_) = pages_of(BatchCertificate().pdf("lot", ["a_result.json, cannot be read"]))
    assert "0 of 0 graded, 0 pass" in page


def test_resuming_makes_the_certificate_that_is_missing(stored, tmp_path):
    (stored / "a_certificate.pdf").unlink()
    again = [
        done.resumed for done in finished(replace(batch_of(tmp_path / "pictures", stored, config=ASKED), resume=True))
    ]
    assert sorted(again) == [False, True, True]
    assert (stored / "a_certificate.pdf").exists()


def test_a_certificate_of_an_earlier_run_does_not_stay(stored, tmp_path):
    finished(batch_of(tmp_path / "pictures", stored))
    assert not list(stored.glob("*_certificate.pdf"))


def test_a_certificate_that_cannot_be_written_leaves_nothing_of_its_picture(tmp_path, capsys):
    pictures = folder_of(tmp_path / "pictures", "a.png")
    (tmp_path / "out" / "a_certificate.pdf" / "in the way").mkdir(parents=True)
    code = main(["inspect", f"--input-dir={pictures}", f"--output-dir={tmp_path / 'out'}", "--pdf", "--quiet"])
    assert code == 1
    assert "a_certificate.pdf" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "out").glob("a_*")} == {"a_certificate.pdf"}


def test_a_certificate_that_fails_costs_only_its_own_picture(tmp_path, monkeypatch):
    def broken(*_: object) -> bytes:
        raise RuntimeError("no room")

    monkeypatch.setattr("dscope_blink.reporting.certificate.certificate", broken)
    (image,) = batch_of(folder_of(tmp_path / "pictures", "a.png"), tmp_path / "out", config=ASKED).images
    os.makedirs(tmp_path / "out")
    inspection = inspect_file(Job(tmp_path / "out", ASKED), image)
    assert inspection.verdict.status == "PASS"
    assert "Not drawn: a_certificate.pdf, RuntimeError: no room" in texts(inspection.quality.warnings)
    assert load_record(tmp_path / "out" / "a_result.json").verdict == inspection.verdict


def test_a_mark_that_no_limit_counts_says_so():
    assert "P1 cladding Pit/Dig" in text_of(replace(PASSED, defects=(replace(COUNTED, counted=False),)))


@pytest.mark.parametrize("drawn", ["png", "jpeg"])
def test_the_picture_is_shown_in_whichever_format_it_was_drawn(tmp_path, drawn):
    asked = replace(ASKED, reporting=replace(ASKED.reporting, annotated_format=drawn))
    finished(batch_of(folder_of(tmp_path / "pictures", "a.png"), tmp_path / "out", config=asked))
    (first, *_) = PdfReader(tmp_path / "out" / "a_certificate.pdf").pages
    assert len(first.images) == 1
    assert first.images[0].image is not None
