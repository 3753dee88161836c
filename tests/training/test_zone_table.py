"""Rows of zones: what they measure, what their marks make of them, and when nobody can say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.records import LIMIT_BROKEN, Notice, Verdict
from dscope_blink.training import texture
from dscope_blink.training.labels import Row
from dscope_blink.training.severities import zone_label
from dscope_blink.training.zone_table import COLUMNS, zone_rows
from tests.builders.inspections import FAILED
from tests.builders.labelled import SIZE, drawn, face_of, face_with, label_with, rectangle
from tests.builders.settings import SETTINGS

TRAINING = SETTINGS.profile("fast_scan").training
PIT = rectangle(80, 60, 83, 64)


def by_zone(rows: tuple[Row, ...]) -> dict[str, Row]:
    return {row["zone"]: row for row in rows}


@pytest.mark.parametrize(
    ("severities", "label"),
    [
        ((), "clean"),
        (("NEGLIGIBLE", "NEGLIGIBLE"), "clean"),
        (("LOW",), "minor"),
        (("NEGLIGIBLE", "LOW"), "minor"),
        (("LOW", "MEDIUM"), "minor"),
        (("LOW", "HIGH"), "major"),
        (("CRITICAL", ""), "major"),
        (("LOW", ""), None),
        (("NEGLIGIBLE", ""), None),
        (("",), None),
    ],
)
def test_the_worst_mark_makes_the_label_of_its_zone(severities: tuple[str, ...], label: str | None) -> None:
    marks = [drawn(f"P{number}", PIT, severity=severity) for number, severity in enumerate(severities)]
    assert zone_label(marks, TRAINING) == label


def test_from_which_severity_on_a_zone_is_minor_or_major_is_a_setting() -> None:
    marks = [drawn("P1", PIT, severity="MEDIUM")]
    assert zone_label(marks, replace(TRAINING, zone_minor_from="HIGH", zone_major_from="CRITICAL")) == "clean"
    assert zone_label(marks, replace(TRAINING, zone_major_from="MEDIUM")) == "major"
    specks = [drawn("P1", PIT, severity="NEGLIGIBLE")]
    assert zone_label(specks, replace(TRAINING, zone_minor_from="NEGLIGIBLE")) == "minor"


def test_a_zone_is_measured_in_pixels_and_on_the_face() -> None:
    face = face_with(label_with(drawn("P1", PIT, severity="HIGH", counted=True)))
    row = by_zone(zone_rows(face, TRAINING))["cladding"]
    assert (row["inner_radius_px"], row["outer_radius_um"]) == (10, 15)
    assert row["area_px"] == np.count_nonzero(face.zones == 2)
    assert row["area_um2"] == pytest.approx(row["area_px"] / 4)
    assert (row["marks"], row["marks_counted"], row["marks_pit_dig"], row["marks_scratch"]) == (1, 1, 1, 0)
    assert (row["marks_area_px"], row["largest_mark_area_px"]) == (20, 20)
    assert row["marks_area_share"] == pytest.approx(20 / row["area_px"], rel=1e-6)
    assert (row["worst_kind"], row["worst_severity"], row["label"]) == ("pit_dig", "HIGH", "major")


def test_a_mark_counts_in_its_own_zone_and_its_pixels_where_they_lie() -> None:
    face = face_with(label_with(drawn("P1", rectangle(85, 58, 95, 62), severity="LOW")))
    rows = by_zone(zone_rows(face, TRAINING))
    assert (rows["cladding"]["marks"], rows["adhesive"]["marks"]) == (1, 0)
    assert 0 < rows["adhesive"]["marks_area_px"] < 55
    assert rows["cladding"]["marks_area_px"] + rows["adhesive"]["marks_area_px"] == 55


def test_the_light_of_a_zone_is_that_of_its_own_pixels() -> None:
    face = face_with(label_with())
    picture = np.full((SIZE, SIZE), 10, np.uint8)
    picture[face.zones == 2] = 100
    picture[(face.zones == 2) & (np.arange(SIZE)[:, None] % 2 == 0)] = 140
    rows = by_zone(zone_rows(face_with(label_with(), picture), TRAINING))
    assert rows["cladding"]["gray_mean"] == pytest.approx(120 / 255, rel=0.01)
    assert rows["cladding"]["gray_std"] == pytest.approx(20 / 255, rel=0.01)
    assert rows["cladding"]["entropy_bits"] == pytest.approx(1, abs=0.001)
    assert rows["core"]["gray_mean"] == pytest.approx(10 / 255, abs=1e-6)
    assert rows["core"]["glcm_contrast"] == 0
    steps = (140 // 8 - 100 // 8) ** 2
    assert rows["cladding"]["glcm_contrast"] == pytest.approx(steps / 2, rel=0.1)  # beside each other alike, below not


def test_pairs_across_the_border_of_two_zones_count_in_neither() -> None:
    levels = np.array([[0, 0, 255, 255]], np.uint8)
    first, second = texture.pairs_by_zone(levels, np.array([[0, 0, 1, 1]], np.uint8), 2)
    assert (first[0, 0], first.sum(), second[-1, -1], second.sum()) == (2, 2, 2, 2)


def test_a_zone_passes_by_the_limits_that_were_held_against_it() -> None:
    rows = by_zone(zone_rows(face_of(FAILED), TRAINING))
    assert (rows["core"]["passed"], rows["cladding"]["passed"], rows["ferrule"]["passed"]) == (False, True, None)
    assert rows["core"]["label"] == "major"


def test_what_hides_marks_keeps_a_zone_from_being_clean_or_passed() -> None:
    reasons = (Notice(LIMIT_BROKEN, "Zone core"), Notice("cut_by_border", "Cut"))
    hidden = replace(FAILED, verdict=replace(FAILED.verdict, reasons=reasons))
    rows = by_zone(zone_rows(face_of(hidden), TRAINING))
    assert (rows["core"]["passed"], rows["cladding"]["passed"]) == (False, None)
    assert {row["label"] for row in rows.values()} == {None}


def test_a_face_that_was_not_graded_has_zones_and_no_labels() -> None:
    verdict = Verdict("NOT_GRADED", (Notice("out_of_focus", "Blurred"),))
    rows = zone_rows(face_of(replace(FAILED, verdict=verdict, defects=())), TRAINING)
    assert len(rows) == 4
    for row in rows:
        assert (row["label"], row["marks"], row["passed"]) == (None, None, None)
        assert row["area_px"] > 0


def test_a_zone_that_was_not_asked_for_is_not_clean() -> None:
    asked = replace(FAILED, request=replace(FAILED.request, zones=("core", "cladding")))
    rows = by_zone(zone_rows(face_of(asked), TRAINING))
    assert rows["ferrule"]["label"] is None
    assert rows["core"]["label"] == "major"


def test_every_row_has_every_column_and_labels_are_marked_as_such() -> None:
    for face in (face_of(FAILED), face_with(label_with(um_per_px=None))):
        for row in zone_rows(face, TRAINING):
            assert set(row) == {column.name for column in COLUMNS}
    tells = {column.name for column in COLUMNS if column.tells_label}
    assert {"label", "passed", "marks", "worst_severity"} <= tells
    assert not {"area_px", "gray_mean", "glcm_energy"} & tells
