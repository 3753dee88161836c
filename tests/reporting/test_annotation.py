"""The annotated picture: what is drawn lies where it was measured, can be read, and claims no more than is so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dscope_blink.records import (
    Defect,
    Ellipse,
    Inspection,
    Measured,
    Notice,
    Points,
    Rectangle,
    Verdict,
    ellipse_points,
    notice,
    texts,
)
from dscope_blink.reporting.annotation import (
    Box,
    Ground,
    annotate,
    criteria_text,
    dimensions_text,
    label_text,
    plain_text,
    verdict_text,
)
from dscope_blink.reporting.look import COUNTED_COLOUR, STATUS_COLOURS, UNCOUNTED_COLOUR, VIOLATING_COLOUR, ZONE_COLOURS
from tests.builders.inspections import (
    CENTER,
    COUNTED,
    CRITERIA,
    EVERY_KIND,
    FAILED,
    HEIGHT,
    HOSTILE_FILE,
    MARGINAL,
    NO_SCALE,
    NOT_LOCATED,
    PASSED,
    UNCOUNTED,
    UNREADABLE,
    VIOLATING,
    WIDTH,
    ZONES,
    mark,
)

# Dark and bright bands: enough contrast to be shown as it is, and no colour that is drawn.
GREY = np.tile(np.where(np.arange(WIDTH) // 50 % 2, 60, 190).astype(np.uint8), (HEIGHT, 1))
COLOUR_TOLERANCE = 40  # of each channel: thin lines are anti-aliased


def _has_colour(picture: NDArray[np.uint8], colour: str, points: Points, within_px: int = 1) -> NDArray[np.bool_]:
    """Whether a pixel near each point has the colour."""
    bgr = np.array([int(colour[i : i + 2], 16) for i in (5, 3, 1)])
    x, y = np.rint(points).astype(int).T
    steps = range(-within_px, within_px + 1)
    near = np.array([picture[y + dy, x + dx] for dy in steps for dx in steps], dtype=int)  # (n_step, n_point, 3)
    return np.asarray((abs(near - bgr) < COLOUR_TOLERANCE).all(axis=2).any(axis=0))


def _overlapping(boxes: NDArray[np.int64]) -> list[tuple[int, int]]:
    apart = (boxes[:, None, :2] >= boxes[None, :, 2:]).any(axis=2)  # (n, n): left of or above
    first, second = np.nonzero(np.triu(~(apart | apart.T), k=1))
    return list(zip(first.tolist(), second.tolist(), strict=True))


@pytest.mark.parametrize(
    "picture",
    [
        GREY,
        GREY[..., None],
        np.dstack([GREY] * 2),
        np.dstack([GREY] * 3),
        np.dstack([GREY] * 4),
        GREY.astype(np.uint16) * 257,
    ],
    ids=["grey", "one channel", "grey and alpha", "colour", "colour and alpha", "16 bit"],
)
def test_any_stored_picture_can_be_annotated_and_is_left_alone(picture: NDArray[Any]) -> None:
    before = picture.copy()
    drawn = annotate(picture, FAILED)
    assert drawn.dtype == np.uint8
    assert drawn.shape[1:] == (WIDTH, 3)
    assert drawn.shape[0] > HEIGHT
    assert np.array_equal(picture, before)


def test_a_picture_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="a picture must be uint8 or uint16, got float32"):
        annotate(GREY.astype(np.float32), FAILED)


@pytest.mark.parametrize("inspection", EVERY_KIND.values(), ids=EVERY_KIND.keys())
def test_every_kind_of_result_bears_the_stamp_of_its_verdict(inspection: Inspection) -> None:
    panel = annotate(GREY, inspection)[HEIGHT:]
    red, green, blue = (int(STATUS_COLOURS[inspection.verdict.status][i : i + 2], 16) for i in (1, 3, 5))
    assert (panel == (blue, green, red)).all(axis=2).mean() > 0.02


def test_a_picture_without_a_fiber_is_shown_untouched() -> None:
    assert np.array_equal(annotate(GREY, NOT_LOCATED)[:HEIGHT], np.dstack([GREY] * 3))


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (300, 7)])
def test_a_tiny_picture_still_gets_a_panel_that_can_be_read(shape: tuple[int, int]) -> None:
    drawn = annotate(np.zeros(shape, np.uint8), UNREADABLE)
    assert drawn.shape[1] >= 600
    assert drawn.shape[0] > 2 * shape[0]


@pytest.mark.parametrize("index", range(4), ids="ABCD")
def test_each_zone_is_outlined_in_its_colour(index: int) -> None:
    zone = PASSED.zones[index]
    points = ellipse_points(zone.outer)
    assert _has_colour(annotate(GREY, PASSED), ZONE_COLOURS[zone.letter], points).mean() > 0.9


@pytest.mark.parametrize(
    ("defect", "colour"),
    [(VIOLATING, VIOLATING_COLOUR), (COUNTED, COUNTED_COLOUR)],
    ids=["violating", "counted"],
)
def test_a_mark_is_outlined_in_the_colour_of_its_standing(defect: Defect, colour: str) -> None:
    drawn = annotate(GREY, FAILED)
    assert _has_colour(drawn, colour, defect.contour_px).mean() > 0.9
    for other in {VIOLATING_COLOUR, COUNTED_COLOUR} - {colour}:
        assert _has_colour(drawn, other, defect.contour_px).mean() < 0.1


def test_a_mark_that_is_not_counted_has_a_broken_outline() -> None:
    on_outline = _has_colour(annotate(GREY, FAILED), UNCOUNTED_COLOUR, UNCOUNTED.contour_px)
    assert 0.3 < on_outline.mean() < 0.9
    assert np.count_nonzero(on_outline != np.roll(on_outline, 1)) >= 10


def test_a_mark_of_some_pixels_that_is_not_counted_is_shown_by_a_broken_circle_around_it() -> None:
    speck = mark("P1", "pit_dig", (150.0, 0.0), 3)
    drawn = annotate(GREY, replace(PASSED, defects=(speck,)))
    x, y = map(int, speck.centroid_px)
    assert np.array_equal(drawn[y - 1 : y + 2, x - 1 : x + 2, 0], GREY[y - 1 : y + 2, x - 1 : x + 2])
    around = ellipse_points(Ellipse(speck.centroid_px, (11.5, 11.5), 0.0), 36)
    assert 0.2 < _has_colour(drawn, UNCOUNTED_COLOUR, around).mean() < 1


def _shrunk(inspection: Inspection, factor: float) -> Inspection:
    """The same face in a smaller picture, for what is drawn on the photograph."""

    def at(points: Any) -> Any:
        return (np.asarray(points) + 0.5) * factor - 0.5

    def ellipse(full: Ellipse) -> Ellipse:
        return Ellipse(tuple(at(full.center_px)), (full.axes_px[0] * factor, full.axes_px[1] * factor), full.angle_deg)

    defects = tuple(
        replace(
            d,
            contour_px=at(d.contour_px),
            rect=Rectangle(tuple(at(d.rect.center_px)), tuple(np.multiply(d.rect.size_px, factor)), d.rect.angle_deg),
            diameter_px=d.diameter_px * factor,
            perimeter_px=d.perimeter_px * factor,
        )
        for d in inspection.defects
    )
    zones = tuple(replace(zone, outer=ellipse(zone.outer)) for zone in inspection.zones)
    return replace(inspection, defects=defects, zones=zones)


@pytest.mark.parametrize(("width", "zoom"), [(100, 4), (320, 3), (780, 2), (800, 1), (4000, 1)])
def test_outlines_lie_on_zones_and_marks_at_every_size_of_the_picture(width: int, zoom: int) -> None:
    shape = (round(width * HEIGHT / WIDTH), width)
    inspection = _shrunk(FAILED, width / WIDTH)
    drawn = annotate(np.resize(GREY, shape), inspection)
    zone_a, counted = ellipse_points(inspection.zones[0].outer), inspection.defects[1].contour_px
    for colour, points in ((ZONE_COLOURS["A"], zone_a), (COUNTED_COLOUR, counted)):
        assert _has_colour(drawn, colour, (points + 0.5) * zoom - 0.5).mean() > 0.5
    assert drawn.shape[1] == max(zoom * width, 640)


def test_lettering_and_panel_grow_with_the_picture() -> None:
    heights = [
        annotate(np.full((width, width), 99, np.uint8), NOT_LOCATED).shape[0] - width for width in (1000, 2000, 4000)
    ]
    assert 1.6 * heights[0] < heights[1]
    assert 1.8 * heights[1] < heights[2]


@pytest.mark.parametrize("shift", [(-480.0, 0.0), (0.0, 420.0), (520.0, -430.0), (3000.0, 0.0)])
def test_a_fiber_that_is_cut_by_the_border_is_drawn_within_the_picture(shift: tuple[float, float]) -> None:
    def moved(ellipse: Ellipse) -> Ellipse:
        return replace(ellipse, center_px=(ellipse.center_px[0] + shift[0], ellipse.center_px[1] + shift[1]))

    marks = tuple(
        replace(
            d, contour_px=d.contour_px + shift, rect=replace(d.rect, center_px=tuple(np.add(d.rect.center_px, shift)))
        )
        for d in FAILED.defects
    )
    zones = tuple(replace(zone, outer=moved(zone.outer)) for zone in ZONES)
    drawn = annotate(GREY, replace(FAILED, zones=zones, defects=marks))
    assert drawn.shape[1] == WIDTH
    assert drawn.shape[0] > HEIGHT


def test_a_violating_mark_stands_in_a_thick_frame() -> None:
    far = UNCOUNTED.contour_px - UNCOUNTED.centroid_px
    frame = UNCOUNTED.centroid_px + far * (1 + 6 / (UNCOUNTED.diameter_px / 2))
    broken = replace(FAILED.verdict.violations[0], defects=(UNCOUNTED.id,))
    defects = (replace(UNCOUNTED, counted=True),)
    failed = replace(FAILED, verdict=replace(FAILED.verdict, violations=(broken,)), defects=defects)
    assert _has_colour(annotate(GREY, failed), VIOLATING_COLOUR, frame).mean() > 0.9
    assert _has_colour(annotate(GREY, FAILED), VIOLATING_COLOUR, frame).mean() < 0.1


def test_labels_name_the_mark_its_class_and_its_size() -> None:
    scratch = replace(VIOLATING, length_um=15.2, diameter_um=99.0)
    pit = replace(COUNTED, diameter_um=4.5, length_um=99.0)
    assert label_text(scratch) == "S1: Scratch, 15.2 um"
    assert label_text(pit) == "P1: Pit/Dig, 4.5 um"
    assert label_text(NO_SCALE.defects[1]) == "P1: Pit/Dig, 20.0 px"


def _labels(offsets_px: NDArray[np.float64], letters: Sequence[Box] = ()) -> NDArray[np.int64]:
    paths = [mark("P1", "pit_dig", (x, y), 12).contour_px for x, y in offsets_px.tolist()]
    assert FAILED.geometry is not None
    fiber = ellipse_points(FAILED.geometry.cladding.ellipse)
    ground = Ground.of((HEIGHT, WIDTH), 18, fiber, paths, letters)
    return np.array([ground.place(path, (150, 18), np.inf) for path in paths])


def test_labels_of_ten_spread_marks_do_not_overlap() -> None:
    angles = np.arange(10) * 0.63
    boxes = _labels(np.stack([250 * np.cos(angles), 250 * np.sin(angles)], axis=1))
    assert _overlapping(boxes) == []


def test_labels_of_a_cluster_of_marks_do_not_overlap_and_stay_in_the_picture() -> None:
    boxes = _labels(np.random.default_rng(3).normal(0, 40, (30, 2)))
    assert _overlapping(boxes) == []
    assert (boxes >= 0).all()
    assert (boxes[:, 2:] <= (WIDTH, HEIGHT)).all()


def test_a_label_stays_off_the_fiber_when_there_is_room() -> None:
    left, top, right, bottom = _labels(np.array([[60.0, 0.0]]))[0]
    corners = np.array([[left, top], [right, top], [left, bottom], [right, bottom]]) - CENTER
    assert (np.hypot(corners[:, 0] / 125, corners[:, 1] / 156.25) > 0.97).all()


def test_the_letter_of_a_zone_hides_no_mark() -> None:
    at_the_letter = max(ellipse_points(ZONES[0].outer), key=lambda point: point @ (1, -1)) - CENTER
    pit = mark("P1", "pit_dig", tuple(at_the_letter), 8, counted=True)
    drawn = annotate(GREY, replace(PASSED, defects=(pit,)))
    x, y = map(int, pit.centroid_px)
    ground_of_letters = (drawn[y - 6 : y + 7, x - 6 : x + 7] == 32).all(axis=2)
    assert ground_of_letters.mean() < 0.2  # what lies below the outline of the zone


def test_a_label_stays_off_the_letters_of_the_zones() -> None:
    place = np.array([[200.0, 0.0]])
    free = _labels(place)[0]
    letter = np.array([free[0] + 20, free[1], free[0] + 30, free[3]])
    (moved,) = _labels(place, [letter])
    assert _overlapping(np.array([moved, letter])) == []


def test_a_label_that_no_limit_asks_for_is_left_out_where_there_is_no_room() -> None:
    path = mark("P1", "pit_dig", (0.0, 0.0), 12).contour_px
    everywhere = np.array([0, 0, WIDTH, HEIGHT])
    ground = Ground.of((HEIGHT, WIDTH), 18, path, [path], [everywhere])
    assert ground.place(path, (150, 18), 12.0) is None
    assert ground.place(path, (150, 18), np.inf) is not None


def _label_fills(drawn: NDArray[np.uint8], colour: str) -> int:
    """Pixels of one colour on the photograph, exactly."""
    bgr = [int(colour[i : i + 2], 16) for i in (5, 3, 1)]
    return int((drawn[:HEIGHT] == bgr).all(axis=2).sum())


def test_only_the_label_of_a_mark_that_breaks_a_limit_is_filled_with_its_colour() -> None:
    assert _label_fills(annotate(GREY, FAILED), VIOLATING_COLOUR) > 1500
    assert _label_fills(annotate(GREY, FAILED), COUNTED_COLOUR) < 1000


@pytest.fixture(scope="module")
def crowded() -> Inspection:
    places = np.random.default_rng(5).uniform(-300, 300, (300, 2))
    marks = tuple(mark(f"P{i + 1}", "pit_dig", (x, y), 8) for i, (x, y) in enumerate(places.tolist()))
    return replace(FAILED, defects=marks)


def test_hundreds_of_marks_can_be_drawn(crowded: Inspection) -> None:
    drawn = annotate(GREY, crowded)
    seen = [_has_colour(drawn, UNCOUNTED_COLOUR, m.contour_px, within_px=2).any() for m in crowded.defects]
    assert np.mean(seen) > 0.9  # the others lie below the label of a neighbour


def test_how_many_marks_have_no_label_is_said(crowded: Inspection, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(
        "dscope_blink.reporting.annotation.cv2.putText", lambda image, text, *rest: written.append(text)
    )
    annotate(GREY, crowded)
    labelled = sum(": Pit/Dig, " in text for text in written)
    assert 5 < labelled <= 40
    assert any(f"300 marks found, 0 counted (+{300 - labelled} more, without label)" in text for text in written)


def test_warnings_have_the_room_that_the_reasons_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(
        "dscope_blink.reporting.annotation.cv2.putText", lambda image, text, *rest: written.append(text)
    )
    warnings = (notice("zone_cut", "84% of zone contact is seen"), notice("poor_illumination", "93 % is dark " * 6))
    annotate(GREY, replace(FAILED, quality=replace(FAILED.quality, warnings=warnings)))
    assert (
        "; ".join(texts(warnings)).split()[-4:]
        == " ".join(written[: written.index(FAILED.verdict.reasons[0].text)]).split()[-4:]
    )


@pytest.mark.parametrize("file", [HOSTILE_FILE, "größe µ.png", "bytes\udcff.png", "x" * 300])
def test_any_file_name_is_written_in_letters_of_the_font(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(
        "dscope_blink.reporting.annotation.cv2.putText", lambda image, text, *rest: written.append(text)
    )
    annotate(GREY, replace(UNREADABLE, image=replace(UNREADABLE.image, file=file)))
    assert any(text.startswith(plain_text(file)[:5]) for text in written)
    assert all(" " <= letter <= "~" for text in written for letter in text)


def test_the_criteria_line_says_that_criteria_are_unconfirmed() -> None:
    text = criteria_text(FAILED)
    assert text == (
        "Graded to the criteria published as IEC 61300-3-35:2022, edition 3: Single mode PC/UPC"
        " (iec_61300_3_35_2022, single_mode_upc); UNCONFIRMED criteria"
    )
    assert "UNCONFIRMED" not in criteria_text(replace(FAILED, criteria=replace(CRITERIA, confirmed=True)))


def test_the_criteria_line_claims_no_grade_and_no_compliance_that_is_not_there() -> None:
    company = replace(CRITERIA, source="company rule for fibers of given diameters", zone_rule="centroid")
    for inspection in (FAILED, PASSED, NOT_LOCATED, replace(FAILED, criteria=company)):
        assert "compliant" not in criteria_text(inspection).lower()
    assert criteria_text(NOT_LOCATED).startswith("Not graded.")
    company_text = criteria_text(replace(FAILED, criteria=company))
    assert "a company rule" in company_text
    assert "published" not in company_text
    assert "zone by centroid" in company_text


def test_letters_that_the_font_lacks_are_replaced() -> None:
    assert plain_text("Ø ≤ 3 µm, straße é 図\n<ok>") == "? <= 3 um, strasse e ? <ok>"


def test_a_flat_picture_is_stretched_and_a_blank_one_keeps_its_brightness() -> None:
    ramp = np.tile(np.linspace(100, 140, WIDTH), (HEIGHT, 1))
    shown = annotate(ramp.astype(np.uint8), NOT_LOCATED)[:HEIGHT]
    assert np.ptp(shown) > 90
    for level in (0, 128, 255):
        assert annotate(np.full((HEIGHT, WIDTH), level, np.uint8), NOT_LOCATED)[0, 0, 0] == level


def test_a_twelve_bit_picture_in_sixteen_bits_can_be_seen() -> None:
    ramp = np.tile(np.linspace(300, 3900, WIDTH), (HEIGHT, 1)).astype(np.uint16)
    shown = annotate(ramp, NOT_LOCATED)[:HEIGHT, :, 0]
    assert np.ptp(shown) > 90


def test_the_verdict_in_words_gives_the_reasons_or_the_limit_that_came_closest() -> None:
    assert verdict_text(FAILED.verdict) == "Zone A: 1 scratch, none allowed (S1: 36.0 um long)"
    assert verdict_text(PASSED.verdict) == "No limit is broken."
    sure = replace(MARGINAL.verdict, doubts=())
    assert verdict_text(sure) == (
        "No limit is broken. Closest: Zone cladding: defect diameter > 10 um: 0, allowed none;"
        " mark that decides 9.0 um, 1.0 um below."
    )


def test_a_marginal_verdict_says_so_before_anything_else() -> None:
    text = verdict_text(MARGINAL.verdict)
    assert text.startswith(f"MARGINAL ({MARGINAL.verdict.doubts[0]}). No limit is broken. Closest: ")
    unsure = replace(FAILED.verdict, doubts=("one", "another"))
    assert verdict_text(unsure) == f"MARGINAL (one; another). {FAILED.verdict.reasons[0].text}"


def test_a_marginal_verdict_is_drawn_otherwise_than_a_sure_one() -> None:
    sure = replace(MARGINAL, verdict=replace(MARGINAL.verdict, doubts=()))
    drawn, other = annotate(GREY, MARGINAL), annotate(GREY, sure)
    assert np.array_equal(drawn[:HEIGHT], other[:HEIGHT])
    assert not np.array_equal(drawn[HEIGHT:], other[HEIGHT:])


def test_many_long_reasons_do_not_grow_the_panel() -> None:
    long = replace(
        FAILED,
        verdict=Verdict(
            "FAIL", (Notice("limit_broken", "a reason that goes on " * 30),) * 9, FAILED.verdict.violations
        ),
    )
    assert annotate(GREY, long).shape == annotate(GREY, FAILED).shape


def test_the_dimensions_stand_below_the_picture_with_their_uncertainties():
    text = dimensions_text(FAILED)
    assert "cladding 125.00 ± 0.81 um" in text
    assert "concentricity error 0.12 ± 0.05 um" in text
    assert "core" not in text  # its diameter was not measured
    assert dimensions_text(NOT_LOCATED) == ""


def test_without_a_scale_the_dimensions_are_in_pixels():
    measured = {"cladding_diameter_px": Measured(287.461, 0.244), "cladding_diameter_um": Measured(None)}
    assert dimensions_text(replace(NO_SCALE, measurements=measured)) == ("Fiber (k = 2): cladding 287.46 ± 0.24 px")


def test_a_verdict_on_some_zones_says_on_which() -> None:
    some = replace(FAILED, request=replace(FAILED.request, zones=("core", "cladding")))
    assert "; ONLY zone core, cladding inspected" in criteria_text(some)
    assert "ONLY" not in criteria_text(FAILED)
