"""What a comparison with good faces looks like on paper: figure, text, table, card of the model."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import datetime

import cv2
import numpy as np
import pytest

from dscope_blink.image_processing.comparison_maps import comparison_maps
from dscope_blink.image_processing.departures import score_face
from dscope_blink.image_processing.face_frame import FaceFrame
from dscope_blink.image_processing.own_symmetry import own_symmetry
from dscope_blink.image_processing.similarity import similarity
from dscope_blink.models.family import NoFamily
from dscope_blink.models.reference import ReferenceFace
from dscope_blink.records import ComparisonMaps, Inspection, ReferenceDistances
from dscope_blink.reporting.aggregate_face import Area
from dscope_blink.reporting.analysis_figure import OWN_TITLES, TITLES, analysis_figure, analysis_sheet, part_of
from dscope_blink.reporting.analysis_maps import archetype_photo, departure_photo, similarity_photo
from dscope_blink.reporting.analysis_profile import draw_deviations
from dscope_blink.reporting.analysis_text import card_lines, expired, text_bytes
from dscope_blink.reporting.anomaly_files import (
    DISTANCE_COLUMNS,
    REFERENCE_COLUMNS,
    comparison_table,
    distance_table,
    report_bytes,
)
from dscope_blink.reporting.csv_files import csv_bytes
from dscope_blink.reporting.model_card import model_page
from dscope_blink.reporting.sheet import Photo, Shapes, Sheet, Words
from tests.builders.comparisons import CENTER, COMPARISON, FEATURES_APART, FOUND, NOTHING, OWN, PICTURE, WHOLE
from tests.builders.families import a_family
from tests.builders.inspections import FAILED, GEOMETRY
from tests.builders.references import RADIUS_PX, card_of, good_faces, learned


def maps_of(face: FaceFrame) -> ComparisonMaps:
    model = learned()
    cladding = GEOMETRY.cladding.ellipse
    step = cladding.mean_diameter_px / 2 / RADIUS_PX
    half = len(face.light) // 2
    placed = replace(
        face, to_picture=np.array([[step, 0, CENTER[0] - step * half], [0, step, CENTER[1] - step * half]])
    )
    alike = similarity(placed.light, model.archetype)
    return comparison_maps(placed, model, score_face(placed, model, 0.01), alike, 0.01)


@pytest.fixture(scope="module")
def maps() -> ComparisonMaps:
    face = good_faces()[0]
    half, light = len(face.light) // 2, face.light.copy()
    light[half + 20 : half + 26, half + 20 : half + 26] *= 0.4
    return maps_of(replace(face, light=light))


def words_of(face: Inspection, maps: ComparisonMaps | None) -> list[str]:
    sheet = analysis_sheet(face, card_of(8), PICTURE, maps)
    return [item.text for item in sheet.items if isinstance(item, Words)]


def test_the_figure_has_eight_panels_and_says_what_came_out(maps: ComparisonMaps) -> None:
    words = words_of(FOUND, maps)
    assert set(TITLES) <= set(words)
    assert "ANOMALOUS  3.40 of the limit" in words
    assert {"N1 3.4", "N2 3.4", "HIGH 1", "LOW 1"} <= set(words)
    assert "not compared" not in words
    photos = [item for item in analysis_sheet(FOUND, card_of(8), PICTURE, maps).items if isinstance(item, Photo)]
    assert len(photos) == 6


def test_a_face_that_was_not_compared_has_empty_panels_that_say_so() -> None:
    words = words_of(NOTHING, None)
    assert words.count("not compared") == 4
    assert any("no fiber was found" in text for text in words)


def test_a_dark_place_lies_in_the_map_where_it_lies_in_the_picture(maps: ComparisonMaps) -> None:
    from dscope_blink.reporting.aggregate_face import Area, Shown

    shown = Shown.fitted(part_of(FOUND, PICTURE), Area(0, 0, 4, 4))
    photo = np.full((*shown.size_px[::-1], 3), 120, np.uint8)
    heat = departure_photo(maps, shown, photo, 1).astype(int)
    hot = heat[..., 2] - heat[..., 0]  # red over blue
    ys, xs = np.nonzero(hot > 100)
    step = GEOMETRY.cladding.ellipse.mean_diameter_px / 2 / RADIUS_PX
    expected = shown.share((CENTER + 22.5 * step)[None])[0] * shown.size_px
    assert (xs.mean(), ys.mean()) == pytest.approx(expected, abs=2.5)
    alike = similarity_photo(maps, shown, 1)
    assert alike.shape == archetype_photo(maps, shown, photo, 1).shape == photo.shape


def test_a_face_beside_its_own_symmetry_says_so_everywhere() -> None:
    face = good_faces()[0]
    own = own_symmetry(face, 6.0)
    seen = comparison_maps(face, own, score_face(face, own, 0.01), similarity(face.light, own.archetype), 0.01)
    sheet = analysis_sheet(OWN, None, PICTURE, seen)
    words = [item.text for item in sheet.items if isinstance(item, Words)]
    assert set(OWN_TITLES) <= set(words)
    assert "NO REFERENCE  3.40 of the limit" in words
    assert "whole rings are not judged: there is no reference" in words
    assert not any("good face" in text for text in words)
    assert not [item for item in sheet.items if isinstance(item, Shapes) and item.label == "limit"]
    text = text_bytes(OWN, None).decode()
    assert "Compared with its own symmetry" in text
    assert "of whole rings not judged" in text
    assert "Model" not in text
    report = json.loads(report_bytes(OWN))
    assert report["status"] == "NO_REFERENCE"
    assert [one["contributing_algorithms"] for one in report["defects"]] == [["own_symmetry"]] * 2
    row = dict(zip(comparison_table([OWN]).types, comparison_table([OWN]).rows[0], strict=True))
    assert (row["Reference_Status"], row["Ring_Score"]) == ("NO_REFERENCE", None)


@pytest.mark.parametrize("shape", [(60, 80), (864, 1152), (3000, 40)])
def test_any_size_of_picture_gives_a_figure_of_the_same_size(shape: tuple[int, int]) -> None:
    bare = replace(NOTHING, zones=(), geometry=None, defects=())
    drawn = cv2.imdecode(
        np.frombuffer(analysis_figure(bare, card_of(8), np.zeros(shape, np.uint8), None, "png"), np.uint8), 1
    )
    assert drawn is not None
    assert drawn.shape == (900, 1600, 3)


def test_the_same_comparison_gives_the_same_bytes_in_either_format(maps: ComparisonMaps) -> None:
    for file_format, begins in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        first, second = (analysis_figure(FOUND, card_of(8), PICTURE, maps, file_format) for _ in range(2))
        assert first == second
        assert first.startswith(begins)


def test_the_text_names_each_place_and_keeps_both_verdicts_apart() -> None:
    text = text_bytes(FOUND, card_of(8)).decode()
    assert "ANOMALOUS" in text
    assert f"Verdict by the acceptance criteria, which is another: {FAILED.verdict.status}" in text
    lines = text.splitlines()
    assert any(line.startswith("N1") and "Scratch" in line and "S1" in line for line in lines)
    assert any(line.startswith("N2") and "no known kind" in line and "beyond" in line for line in lines)
    alone = next(line for line in lines if line.startswith("Marks of the inspection in no place"))
    assert "S1" not in alone
    assert "P1" in alone


def test_the_face_as_a_whole_is_told_everywhere(maps: ComparisonMaps) -> None:
    done = replace(FOUND, reference=replace(COMPARISON, whole=WHOLE))
    text = text_bytes(done, card_of(8)).decode()
    assert "As a whole: distance 9.00, 1.50 of the limit" in text
    assert "core_mean 1.2, 8.2 spreads above 1" in text
    assert "cladding_entropy 2, 4.0 spreads below 3" in text
    row = dict(zip(comparison_table([done]).types, comparison_table([done]).rows[0], strict=True))
    assert (row["Distance"], row["Distance_Limit"]) == (9.0, 6.0)
    assert row["Most_Deviant"] == "core_mean 1.2, 8.2 spreads above 1"
    report = json.loads(report_bytes(done))["whole"]
    assert (report["distance"], report["limit"]) == (9.0, 6.0)
    assert [one["feature"] for one in report["deviations"]] == ["core_mean", "cladding_entropy"]
    assert json.loads(report_bytes(FOUND))["whole"] is None
    assert "Nearest good face: good/3.png, distance 4.2 spreads" in text
    assert report["nearest_reference"] == {"file": "good/3.png", "euclid": 4.25}
    words = words_of(done, maps)
    assert {"core_mean", "+8.2", "cladding_entropy", "-4.0"} <= set(words)
    assert "core_mean" not in words_of(FOUND, maps)


def test_the_table_of_distances_has_a_row_for_each_reference_and_a_column_for_each_measure() -> None:
    table = distance_table(WHOLE)
    assert [row[0] for row in table.rows] == ["good/3.png", "good/1.png"]
    named = {column.name.lower() for column in DISTANCE_COLUMNS} - {"reference", "ks"}
    assert named == {field.name for field in fields(ReferenceDistances)} - {"file", "kolmogorov_smirnov"}
    lines = csv_bytes(table, "international").decode("utf-8-sig").splitlines()
    assert lines[1] == "good/3.png,4.25,30.0,0.5,0.6,0.01,1.5,0.07"
    assert lines[2].split(",")[6] == ""
    assert distance_table(None).rows == []


def test_bars_lie_on_the_side_that_the_face_departs_to_and_within_the_panel() -> None:
    page, area = Sheet((4, 4)), Area(0.2, 0.2, 3.7, 1.2)
    draw_deviations(page, area, FEATURES_APART)
    bars = [item.rings[0][0] for item in page.items if isinstance(item, Shapes)]
    start = bars[0][:, 0].min()
    assert bars[0][:, 0].max() > start
    assert bars[1][:, 0].max() == pytest.approx(start)
    for bar in bars:
        assert area.left < bar[:, 0].min() < bar[:, 0].max() < area.right
        assert area.bottom < bar[:, 1].min() < bar[:, 1].max() < area.top


def test_a_model_without_a_family_says_that_only_places_are_compared() -> None:
    few = replace(COMPARISON, why_not_whole="a family needs at least 5 references, got 4")
    text = text_bytes(replace(FOUND, reference=few), card_of(4)).decode()
    assert "As a whole: not compared, a family needs at least 5 references, got 4; only places and rings are" in text


def test_the_card_tells_of_the_family_or_why_there_is_none() -> None:
    family = a_family(12)
    page = model_page("m", replace(learned(), family=family), ()).decode()
    assert f"{len(family.names)} features" in page
    assert "blur of the cladding edge in the picture, px" in page
    bare = model_page("m", replace(learned(), family=NoFamily("a <few>")), ()).decode()
    assert "Not compared: a &lt;few&gt;." in bare


def test_a_name_cannot_begin_a_line_of_the_text() -> None:
    named = replace(FOUND, image=replace(FAILED.image, file="a\nNORMAL: all is well"))
    assert not any(line.startswith("NORMAL") for line in text_bytes(named, card_of(8)).decode().splitlines())


def test_the_table_has_a_row_for_each_picture_and_a_column_for_each_declaration() -> None:
    table = comparison_table([FOUND, NOTHING])
    assert list(table.types) == [column.name for column in REFERENCE_COLUMNS]
    assert [len(row) for row in table.rows] == [len(REFERENCE_COLUMNS)] * 2


def test_a_model_whose_time_is_over_is_said_to_be_so() -> None:
    now = datetime.fromisoformat("2026-06-01T00:00:00+00:00")
    old = card_of(8, expires="2026-05-31T00:00:00+00:00")
    assert expired(old, now)
    assert not expired(replace(old, expires="2026-06-02T00:00:00+00:00"), now)
    assert not expired(replace(old, expires=None), now)
    assert any("until 2026-05-31" in line for line in card_lines(old))


def test_the_card_is_one_file_in_which_names_are_no_markup() -> None:
    faces = (*card_of(8).faces, ReferenceFace("<script>alert(1)</script>.png", "f" * 64, False, "it <b>FAILs</b>"))
    model = replace(learned(), card=replace(card_of(8), faces=faces, microscope='"><img src=x>'))
    page = model_page("<i>m.dscope", model, ("EXPIRED & gone",)).decode()
    for markup in ("<script", "<b>", "<i>", "<img src=x"):
        assert markup not in page
    assert "&lt;script&gt;" in page
    assert "EXPIRED &amp; gone" in page
    assert "8 used of 9" in page
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page.replace("http-equiv", "")
