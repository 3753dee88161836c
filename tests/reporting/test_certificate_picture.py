"""The picture of a certificate: where it is found, what part of it is shown, and what is said of the rest."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from pypdf import PdfReader

from dscope_blink.records import ImageInfo, Inspection
from dscope_blink.reporting.certificate_picture import PagePicture, drawn_for_page, page_picture
from dscope_blink.reporting.stored_pictures import clean_picture
from dscope_blink.terminal.commands import main
from tests.builders.batches import CONFIG, batch_of, finished
from tests.builders.inspections import FAILED, HEIGHT, NO_SCALE, NOT_LOCATED, PASSED, UNCOUNTED, UNREADABLE, WIDTH
from tests.builders.pictures import SCRATCH, face_png, folder_of
from tests.builders.stored_results import PICTURE, annotated, result_of

GREY = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
ORIGINAL = bytes(cv2.imencode(".png", GREY)[1])
NAMED = replace(FAILED, image=ImageInfo("tray/a.png", hashlib.sha256(ORIGINAL).hexdigest(), WIDTH, HEIGHT))


def shape_of(picture: PagePicture) -> tuple[int, ...]:
    return np.asarray(cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR)).shape


# --- what is shown


def test_the_face_fills_the_picture_and_what_no_limit_counts_beyond_it_is_told():
    counting = replace(FAILED, defects=tuple(m for m in FAILED.defects if m.zone != "contact"))
    near = drawn_for_page(GREY, counting)
    height, width, _ = shape_of(near)
    zone_c = FAILED.zones[2].outer.extent_px  # wide and high, in pixels of the record
    share = zone_c[1] / zone_c[0]
    assert 0.85 * width < min(width, height / share)
    assert near.caption == ""
    beyond = drawn_for_page(GREY, FAILED)
    assert beyond.caption.startswith("2 marks that no limit counts lie beyond this part")


def test_a_mark_that_counts_in_the_contact_zone_is_not_left_out():
    counted = replace(FAILED, defects=(replace(UNCOUNTED, counted=True),))
    assert "beyond" not in drawn_for_page(GREY, counted).caption


@pytest.mark.parametrize("inspection", [FAILED, PASSED, NO_SCALE, NOT_LOCATED])
def test_its_letters_are_as_large_on_paper_whichever_part_is_shown(inspection):
    assert 1390 <= max(shape_of(drawn_for_page(GREY, inspection))) <= 1500


@pytest.mark.parametrize("factor", [0.25, 3.0])
def test_its_letters_are_as_large_on_paper_whatever_the_size_of_the_picture(factor):
    picture = np.asarray(cv2.resize(GREY, None, fx=factor, fy=factor), np.uint8)
    assert 1390 <= max(shape_of(drawn_for_page(picture, NOT_LOCATED))) <= 1500


# --- where it is found


def stored(folder: Path, inspection: Inspection = NAMED, pictures: bool = False) -> str:
    result_of(folder, "tray/a", inspection, pictures)
    return str(folder / "tray" / "a")


def test_the_view_of_the_page_is_drawn_on(tmp_path):
    start = stored(tmp_path / "results", pictures=True)
    found = clean_picture(start, NAMED.image)
    assert found is not None
    assert np.abs(found[..., 0].astype(int) - PICTURE).max() < 8


@pytest.mark.parametrize("place", ["results", ".", "pictures"])
def test_the_original_is_found_beside_the_results(tmp_path, place):
    start = stored(tmp_path / "results")
    folder_of(tmp_path / place, "tray/a.png", data=ORIGINAL)
    found = clean_picture(start, NAMED.image)
    assert found is not None
    assert (found == GREY).all()


def test_another_picture_of_the_same_name_is_not_taken_for_it(tmp_path):
    start = stored(tmp_path / "results")
    folder_of(tmp_path / "pictures", "tray/a.png", data=bytes(cv2.imencode(".png", GREY + 1)[1]))
    assert clean_picture(start, NAMED.image) is None


@pytest.mark.parametrize("file", ["/etc/passwd", "../../a.png"])
def test_no_name_in_a_record_leads_out_of_the_folders(tmp_path, file):
    folder_of(tmp_path, "a.png", data=ORIGINAL)
    hostile = replace(NAMED.image, file=file)
    assert clean_picture(str(tmp_path / "results" / "deep" / "a"), hostile) is None


def test_without_it_the_stored_drawing_is_shown_and_that_is_said(tmp_path):
    start = stored(tmp_path / "results")
    assert page_picture(start, NAMED) is None
    annotated(tmp_path / "results" / "tray", "a", NAMED)
    shown = page_picture(start, NAMED)
    assert shown is not None
    assert "as it was stored" in shown.caption


def test_a_drawing_of_another_verdict_is_not_shown(tmp_path):
    start = stored(tmp_path / "results")
    annotated(tmp_path / "results" / "tray", "a", NAMED)
    assert page_picture(start, NAMED, judged_again=True) is None


def test_a_damaged_picture_is_left_out(tmp_path):
    start = stored(tmp_path / "results")
    Path(start + "_annotated.png").write_bytes(b"no picture")
    Path(start + "_view.jpg").write_bytes(b"no picture")
    assert page_picture(start, NAMED) is None
    assert page_picture(start, UNREADABLE) is None


# --- certificates


def pictures_in(certificate: Path) -> int:
    return len(PdfReader(certificate).pages[0].images)


def test_without_the_page_the_picture_at_hand_is_drawn_and_regrading_finds_what_is_left(tmp_path):
    asked = replace(CONFIG, reporting=replace(CONFIG.reporting, pdf=True, report=False))
    pictures = folder_of(tmp_path / "pictures", "a.png", data=face_png(SCRATCH))
    out = tmp_path / "out"
    finished(batch_of(pictures, out, config=asked))
    assert not list(out.glob("*_view.jpg"))
    (first, *_) = PdfReader(out / "a_certificate.pdf").pages
    assert "as it was stored" not in first.extract_text()
    assert len(first.images) == 1

    again = ["regrade", str(out), "--edition=iec_61300_3_35_2022", "--pdf", "--quiet"]
    assert main(again) == 0
    assert pictures_in(out / "a_certificate_iec_61300_3_35_2022.pdf") == 1
    shutil.rmtree(pictures)
    assert main(again) == 0
    assert pictures_in(out / "a_certificate_iec_61300_3_35_2022.pdf") == 0
