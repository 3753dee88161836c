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
    Notice,
    Points,
    Rectangle,
    Verdict,
    ellipse_points,
    notice,
    texts,
)
from dscope_blink.reporting.annotation import annotate
from dscope_blink.reporting.drawing import Box, Pen, draw_text, plain_text
from dscope_blink.reporting.label_places import Ground
from dscope_blink.reporting.look import (
    COUNTED_COLOUR,
    RESULT_COLOURS,
    STATUS_COLOURS,
    UNCOUNTED_COLOUR,
    VIOLATING_COLOUR,
)
from dscope_blink.reporting.panel import criteria_text, verdict_text
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


def annotated(picture: NDArray[Any], inspection: Inspection) -> NDArray[np.uint8]:
    """Places on the whole picture are those of the record."""
    return annotate(picture, inspection, "whole")


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
    drawn = annotated(picture, FAILED)
    assert drawn.dtype == np.uint8
    assert drawn.shape[1:] == (WIDTH, 3)
    assert drawn.shape[0] > HEIGHT
    assert np.array_equal(picture, before)


def test_a_picture_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="a picture must be uint8 or uint16, got float32"):
        annotate(GREY.astype(np.float32), FAILED)


@pytest.mark.parametrize("inspection", EVERY_KIND.values(), ids=EVERY_KIND.keys())
def test_every_kind_of_result_bears_the_stamp_of_its_verdict(inspection: Inspection) -> None:
    panel = annotated(GREY, inspection)[HEIGHT:]
    red, green, blue = (int(STATUS_COLOURS[inspection.verdict.status][i : i + 2], 16) for i in (1, 3, 5))
    assert (panel == (blue, green, red)).all(axis=2).mean() > 0.02


def test_a_picture_without_a_fiber_is_shown_untouched() -> None:
    assert np.array_equal(annotated(GREY, NOT_LOCATED)[:HEIGHT], np.dstack([GREY] * 3))


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (300, 7)])
def test_a_tiny_picture_still_gets_a_panel_that_can_be_read(shape: tuple[int, int]) -> None:
    drawn = annotate(np.zeros(shape, np.uint8), UNREADABLE)
    assert drawn.shape[1] >= 600
    assert drawn.shape[0] > 2 * shape[0]


def _ring(drawn: NDArray[np.uint8], index: int, colour: str) -> NDArray[np.bool_]:
    return _has_colour(drawn, colour, ellipse_points(ZONES[index].outer))


def test_the_ring_of_a_zone_has_the_colour_of_its_result() -> None:
    drawn = annotated(GREY, FAILED)
    for index, result in enumerate(("broken", "kept", "no limit", "no limit")):
        assert _ring(drawn, index, RESULT_COLOURS[result]).mean() > 0.9


def test_the_ring_of_a_zone_that_was_not_inspected_is_broken() -> None:
    some = replace(FAILED, request=replace(FAILED.request, zones=("core", "cladding", "adhesive")))
    ring = ellipse_points(ZONES[3].outer)
    seen = _has_colour(annotated(GREY, some), RESULT_COLOURS["not inspected"], ring, within_px=0)
    assert 0.3 < seen.mean() < 0.9


def test_nothing_of_a_face_that_was_not_graded_is_drawn_as_kept() -> None:
    drawn = annotated(GREY, NO_SCALE)
    assert not (drawn == [int(RESULT_COLOURS["kept"][i : i + 2], 16) for i in (5, 3, 1)]).all(axis=2).any()
    assert all(_ring(drawn, index, RESULT_COLOURS["not graded"]).mean() > 0.9 for index in range(4))


def test_what_lies_beyond_the_outermost_inspected_zone_is_veiled_and_what_lies_within_is_not() -> None:
    some = replace(PASSED, request=replace(PASSED.request, zones=("core", "cladding")))
    drawn = annotated(GREY, some)[:HEIGHT]
    assert np.array_equal(drawn[425:435, 470:490, 0], GREY[425:435, 470:490])
    beyond = np.s_[740:800, 10:40]
    assert (drawn[beyond][..., 0] < GREY[beyond] - 5).all()
    dark = GREY // 8
    assert (annotated(dark, some)[beyond][..., 0].astype(int) > annotated(dark, NOT_LOCATED)[beyond][..., 0]).all()


def test_the_crop_holds_the_outermost_inspected_zone_with_a_margin_at_the_scale_it_was_enlarged_by() -> None:
    some = replace(FAILED, request=replace(FAILED.request, zones=("core", "cladding")))
    (x, y), (across, down) = ZONES[1].outer.center_px, ZONES[1].outer.extent_px
    drawn = annotate(GREY, some)
    beside = 0.1 * max(across, down)
    left, top = int(x - across / 2 - beside), int(y - down / 2 - beside)
    zoom = 1000 / (int(y + down / 2 + beside) + 1 - top)
    points = (ellipse_points(ZONES[1].outer) - (left, top) + 0.5) * zoom - 0.5
    assert _has_colour(drawn, RESULT_COLOURS["kept"], points).mean() > 0.8


def test_the_crop_of_a_fiber_at_the_border_ends_there() -> None:
    aside = tuple(replace(z, outer=replace(z.outer, center_px=(0.0, 0.0))) for z in ZONES)
    assert annotate(GREY, replace(PASSED, zones=aside)).shape[1] > 640


def test_both_views_stand_side_by_side(written: list[str]) -> None:
    crop = annotate(GREY, FAILED)
    once = len(written)
    both = annotate(GREY, FAILED, "both")
    assert both.shape[1] > crop.shape[1]
    assert np.array_equal(both[:700, : crop.shape[1]], crop[:700])
    assert sum(text.startswith("S1 ") for text in written[once:]) == 1  # labels stand on the crop alone


@pytest.mark.parametrize(
    ("defect", "colour"),
    [(VIOLATING, VIOLATING_COLOUR), (COUNTED, COUNTED_COLOUR)],
    ids=["violating", "counted"],
)
def test_a_mark_is_outlined_in_the_colour_of_its_standing(defect: Defect, colour: str) -> None:
    drawn = annotated(GREY, FAILED)
    assert _has_colour(drawn, colour, defect.contour_px).mean() > 0.9
    for other in {VIOLATING_COLOUR, COUNTED_COLOUR} - {colour}:
        assert _has_colour(drawn, other, defect.contour_px).mean() < 0.1


def test_a_mark_that_is_not_counted_has_a_thin_outline() -> None:
    drawn = annotated(GREY, FAILED)
    assert _has_colour(drawn, UNCOUNTED_COLOUR, UNCOUNTED.contour_px).mean() > 0.9
    outwards = UNCOUNTED.centroid_px + 1.3 * (UNCOUNTED.contour_px - UNCOUNTED.centroid_px)
    assert not _has_colour(drawn, UNCOUNTED_COLOUR, outwards).any()


def test_a_mark_of_some_pixels_that_is_not_counted_is_shown_by_a_circle_around_it() -> None:
    speck = mark("P1", "pit_dig", (150.0, 0.0), 3)
    drawn = annotated(GREY, replace(PASSED, defects=(speck,)))
    x, y = map(int, speck.centroid_px)
    assert np.array_equal(drawn[y - 1 : y + 2, x - 1 : x + 2, 0], GREY[y - 1 : y + 2, x - 1 : x + 2])
    around = ellipse_points(Ellipse(speck.centroid_px, (11.5, 11.5), 0.0), 36)
    assert _has_colour(drawn, UNCOUNTED_COLOUR, around).mean() > 0.5


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


@pytest.mark.parametrize(("width", "zoom"), [(100, 4), (320, 3.125), (800, 1.25), (1000, 1), (4000, 1)])
def test_outlines_lie_on_zones_and_marks_at_every_size_of_the_picture(width: int, zoom: float) -> None:
    shape = (round(width * HEIGHT / WIDTH), width)
    inspection = _shrunk(FAILED, width / WIDTH)
    drawn = annotated(np.resize(GREY, shape), inspection)
    zone_a, counted = ellipse_points(inspection.zones[0].outer), inspection.defects[1].contour_px
    for colour, points in ((RESULT_COLOURS["broken"], zone_a), (COUNTED_COLOUR, counted)):
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
    drawn = annotated(GREY, replace(FAILED, zones=zones, defects=marks))
    assert drawn.shape[1] == WIDTH
    assert drawn.shape[0] > HEIGHT


def test_a_violating_mark_stands_in_a_thick_frame() -> None:
    far = UNCOUNTED.contour_px - UNCOUNTED.centroid_px
    frame = UNCOUNTED.centroid_px + far * (1 + 6 / (UNCOUNTED.diameter_px / 2))
    broken = replace(FAILED.verdict.violations[0], defects=(UNCOUNTED.id,))
    defects = (replace(UNCOUNTED, counted=True),)
    failed = replace(FAILED, verdict=replace(FAILED.verdict, violations=(broken,)), defects=defects)
    assert _has_colour(annotated(GREY, failed), VIOLATING_COLOUR, frame).mean() > 0.9
    assert _has_colour(annotated(GREY, FAILED), VIOLATING_COLOUR, frame).mean() < 0.1


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
    drawn = annotated(GREY, replace(PASSED, defects=(pit,)))
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
    assert _label_fills(annotated(GREY, FAILED), VIOLATING_COLOUR) > 1500
    assert _label_fills(annotated(GREY, FAILED), COUNTED_COLOUR) < 1000


@pytest.fixture(scope="module")
def crowded() -> Inspection:
    places = np.random.default_rng(5).uniform(-300, 300, (300, 2))
    marks = tuple(mark(f"P{i + 1}", "pit_dig", (x, y), 8) for i, (x, y) in enumerate(places.tolist()))
    return replace(FAILED, defects=marks)


def test_hundreds_of_marks_can_be_drawn(crowded: Inspection) -> None:
    drawn = annotated(GREY, crowded)
    seen = [_has_colour(drawn, UNCOUNTED_COLOUR, m.contour_px, within_px=2).any() for m in crowded.defects]
    assert np.mean(seen) > 0.9  # the others lie below the label of a neighbour


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that is drawn."""
    texts_drawn: list[str] = []
    monkeypatch.setattr(
        "dscope_blink.reporting.drawing.cv2.putText", lambda image, text, *rest: texts_drawn.append(text)
    )
    return texts_drawn


def test_only_marks_that_break_a_limit_or_count_have_a_label(written: list[str]) -> None:
    annotate(GREY, FAILED)
    names = {text.split()[0] for text in written} & {defect.id for defect in FAILED.defects}
    assert names == {VIOLATING.id, COUNTED.id}


def test_of_many_marks_that_count_the_most_severe_have_a_label_and_the_number_of_the_others_is_said(
    crowded: Inspection, written: list[str]
) -> None:
    marks = tuple(replace(m, counted=True, severity="MEDIUM") for m in crowded.defects)
    worst = replace(VIOLATING, classification="pit_dig")
    annotate(GREY, replace(crowded, defects=(*marks, worst)))
    labelled = [text for text in written if text.split()[0] in {m.id for m in (*marks, worst)}]
    assert labelled[0].startswith("S1 ")
    assert 2 < len(labelled) <= 16
    assert any(f"301 marks seen, {301 - len(labelled)} that count without label" in text for text in written)


def test_the_label_of_a_mark_that_breaks_a_limit_has_its_size_beside_the_limit(written: list[str]) -> None:
    annotate(GREY, FAILED)
    assert "S1 3.6 um wide, none allowed" in written
    assert "P1 9.0 um" in written


def test_the_table_of_zones_says_what_came_of_each(written: list[str]) -> None:
    annotate(GREY, FAILED)
    start = written.index("Zone")
    assert written[start : start + 5] == ["Zone", "Found", "Counted", "Allowed", "Result"]
    assert written[start + 5 : start + 15] == [
        *("A core 25 um", "1", "1", "any", "BROKEN"),
        *("B cladding 110 um", "1", "1", "any", "kept"),
    ]


def test_a_warning_that_is_the_reason_is_not_said_twice(written: list[str]) -> None:
    dark, other = notice("maybe_core", "by its size"), notice("maybe_core", "another")
    quality = replace(FAILED.quality, warnings=(dark, other))
    annotate(GREY, replace(NO_SCALE, quality=quality, verdict=Verdict("NOT_GRADED", (dark,))))
    assert sum("by its size" in text for text in written) == 1
    assert any("another" in text for text in written)


def test_a_picture_without_zones_has_no_table_and_says_why(written: list[str]) -> None:
    annotate(GREY, NOT_LOCATED)
    assert "Found" not in written
    assert any(text.startswith("Localization Failed") for text in written)


def test_the_micro_sign_is_a_u_with_a_stem() -> None:
    pen, at = Pen(1, 0.9), (10, 40)
    u, micro = np.zeros((80, 120, 3), np.uint8), np.zeros((80, 120, 3), np.uint8)
    draw_text(u, "um", at, pen)
    draw_text(micro, "µm", at, pen)
    added = np.argwhere((micro != u).any(axis=2))
    bottom, right = np.argwhere(u.any(axis=2)).max(axis=0)
    assert added[:, 0].max() > bottom  # below the line
    assert added[:, 1].max() < (10 + right) / 2  # at the left of the first letter
    assert pen.text_px("µm") == pen.text_px("um")


def test_warnings_have_the_room_that_the_reasons_leave(written: list[str]) -> None:
    warnings = (notice("zone_cut", "84% of zone contact is seen"), notice("poor_illumination", "93 % is dark " * 6))
    annotated(GREY, replace(FAILED, quality=replace(FAILED.quality, warnings=warnings)))
    after = written[written.index(FAILED.verdict.reasons[0].text) + 1 : written.index("Zone")]
    assert "; ".join(texts(warnings)).split()[-4:] == " ".join(after).split()[-4:]


@pytest.mark.parametrize("file", [HOSTILE_FILE, "größe µ.png", "bytes\udcff.png", "x" * 300])
def test_any_file_name_is_written_in_letters_of_the_font(file: str, written: list[str]) -> None:
    annotated(GREY, replace(UNREADABLE, image=replace(UNREADABLE.image, file=file)))
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
    assert plain_text("Ø ≤ 3 µm, straße é 図\n<ok>") == "? <= 3 µm, strasse e ? <ok>"
    assert plain_text("album 3 um: 1.5 um, um") == "album 3 µm: 1.5 µm, um"


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
    assert verdict_text(FAILED) == "Zone A: 1 scratch, none allowed (S1: 36.0 um long)"
    assert verdict_text(PASSED) == "No limit is broken."
    sure = replace(MARGINAL, verdict=replace(MARGINAL.verdict, doubts=()))
    assert verdict_text(sure) == (
        "No limit is broken. Closest: Zone cladding: defect diameter > 10 um: 0, allowed none;"
        " mark that decides 9.0 um, 1.0 um below."
    )


def test_a_marginal_verdict_says_so_before_anything_else() -> None:
    text = verdict_text(MARGINAL)
    assert text.startswith("MARGINAL. No limit is broken. Closest: ")
    assert text.endswith(f"({MARGINAL.verdict.doubts[0]})")
    unsure = replace(FAILED, verdict=replace(FAILED.verdict, doubts=("one", "another")))
    assert verdict_text(unsure) == f"MARGINAL. {FAILED.verdict.reasons[0].text} (one; another)"


def test_a_marginal_verdict_is_drawn_otherwise_than_a_sure_one() -> None:
    sure = replace(MARGINAL, verdict=replace(MARGINAL.verdict, doubts=()))
    drawn, other = annotated(GREY, MARGINAL), annotated(GREY, sure)
    assert np.array_equal(drawn[:HEIGHT], other[:HEIGHT])
    assert not np.array_equal(drawn[HEIGHT:], other[HEIGHT:])


def test_many_long_reasons_do_not_grow_the_panel() -> None:
    long = replace(
        FAILED,
        verdict=Verdict(
            "FAIL", (Notice("limit_broken", "a reason that goes on " * 30),) * 9, FAILED.verdict.violations
        ),
    )
    assert annotated(GREY, long).shape == annotated(GREY, FAILED).shape


def test_a_verdict_on_some_zones_says_on_which() -> None:
    some = replace(FAILED, request=replace(FAILED.request, zones=("core", "cladding")))
    assert "; ONLY zone core, cladding inspected" in criteria_text(some)
    assert "ONLY" not in criteria_text(FAILED)
