"""The cells of a zone: each number against a slow and obvious count, and what must not show in them."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dscope_blink.analysis.cell_statistics import measure_cells
from dscope_blink.records import ZONE_NAMES, Cell, Defect, Ellipse, ZoneOutline, ellipse_points, zone_map
from tests.builders.inspections import COUNTED

SHAPE = (42, 60)
NAMES = tuple(ZONE_NAMES.values())
EVERY_PLACE = list(product((1, 2, 3), (1, 2, 3)))


def outlines_at(x=31.3, y=20.7, angle_deg=25.0, ratio=0.9):
    """Three zones, the innermost of them off the centre of the others."""
    core = ZoneOutline("A", Ellipse((x + 1.5, y - 1.2), (11, 11 * ratio), angle_deg))
    others = (ZoneOutline(letter, Ellipse((x, y), (d, d * ratio), angle_deg)) for letter, d in (("B", 24), ("D", 38)))
    return (core, *others)


def picture(seed=0):
    return np.random.default_rng(seed).integers(0, 256, SHAPE).astype(np.float32) / np.float32(255)


def marks(seed=1):
    return {name: np.random.default_rng(seed + k).random(SHAPE) < 0.2 for k, name in enumerate(("do2mr", "lei"))}


def defect_at(x, y, zone="cladding", **changes):
    return replace(COUNTED, centroid_px=(x, y), zone=zone, **changes)


def cells_of(gray, outlines, defects=(), names=NAMES, supports=None):
    return measure_cells(gray, zone_map(gray.shape, outlines), supports or {}, defects, names)


def total(cells, zone, value):
    return sum(getattr(cell, value) for cell in cells if cell.zone == zone)


# --- against a slow count


def third(value, start, size):
    """1, 2 or 3: in which third of a stretch a value lies; beyond its ends, the one at that end."""
    return 1 + sum(value >= start + size * k / 3 for k in (1, 2))


def slope(levels, x, y, dx, dy):
    """Half the step between both neighbours, one-sided at the border of the picture."""
    ends = [(x + sign * dx, y + sign * dy) for sign in (-1, 1)]
    (x0, y0), (x1, y1) = (e if 0 <= e[0] < SHAPE[1] and 0 <= e[1] < SHAPE[0] else (x, y) for e in ends)
    return (levels[y1][x1] - levels[y0][x0]) / (abs(x1 - x0) + abs(y1 - y0))


def members_slowly(outlines, k):
    """The pixels of one zone by cell."""
    labels = zone_map(SHAPE, outlines).mask(outlines[k].letter)
    (cx, cy), (width, height) = outlines[k].outer.center_px, outlines[k].outer.extent_px
    found: dict[tuple[int, int], list[tuple[int, int]]] = {place: [] for place in EVERY_PLACE}
    for y, x in product(range(SHAPE[0]), range(SHAPE[1])):
        if labels[y, x]:
            found[third(y, cy - height / 2, height), third(x, cx - width / 2, width)].append((x, y))
    return found


def entropy_slowly(levels):
    return sum(-n / len(levels) * math.log2(n / len(levels)) for n in Counter(levels).values())


def assert_as_counted(cell, pixels, levels, supports):
    values = [levels[y][x] for x, y in pixels]
    assert cell.gray_mean == pytest.approx(statistics.fmean(values), abs=1e-3)
    assert cell.gray_deviation == pytest.approx(statistics.pstdev(values), abs=1e-3)
    assert cell.entropy_bits == pytest.approx(entropy_slowly(values), abs=1e-9)
    assert cell.gradient_x == pytest.approx(statistics.fmean(slope(levels, x, y, 1, 0) for x, y in pixels), abs=1e-3)
    assert cell.gradient_y == pytest.approx(statistics.fmean(slope(levels, x, y, 0, 1) for x, y in pixels), abs=1e-3)
    shares = {name: statistics.fmean(bool(mask[y, x]) for x, y in pixels) for name, mask in supports.items()}
    assert cell.responses == pytest.approx(shares)


@settings(max_examples=15)
@given(x=st.floats(-5, 65), y=st.floats(-5, 47), angle_deg=st.floats(0, 180), ratio=st.floats(0.6, 1.3))
def test_every_number_is_what_a_slow_count_gives(x, y, angle_deg, ratio):
    outlines, gray, supports = outlines_at(x, y, angle_deg, ratio), picture(), marks()
    levels = np.rint(255 * gray).astype(int).tolist()
    cells = cells_of(gray, outlines, supports=supports)
    for k, outline in enumerate(outlines):
        expected = members_slowly(outlines, k)
        own = {(cell.row, cell.column): cell for cell in cells if cell.zone == outline.name}
        assert {place: cell.pixel_count for place, cell in own.items()} == {p: len(v) for p, v in expected.items()}
        for place, pixels in expected.items():
            if pixels:
                assert_as_counted(own[place], pixels, levels, supports)


@given(x=st.floats(-5, 65), y=st.floats(-5, 47), angle_deg=st.floats(0, 180))
def test_the_cells_of_a_zone_hold_each_of_its_pixels_once(x, y, angle_deg):
    outlines = outlines_at(x, y, angle_deg)
    zones = zone_map(SHAPE, outlines)
    cells = cells_of(picture(), outlines)
    for outline in outlines:
        assert total(cells, outline.name, "pixel_count") == zones.mask(outline.letter).sum()


# --- which cells there are


def test_each_zone_has_nine_cells_from_the_innermost_outwards_row_by_row():
    places = [(cell.zone, cell.row, cell.column) for cell in cells_of(picture(), outlines_at())]
    assert places == [(zone, *place) for zone in ("core", "cladding", "contact") for place in EVERY_PLACE]


def test_only_the_asked_zones_have_cells_and_they_are_the_same_as_with_all():
    every, some = cells_of(picture(), outlines_at()), cells_of(picture(), outlines_at(), names=("cladding", "adhesive"))
    assert some == tuple(cell for cell in every if cell.zone == "cladding")


def test_the_cells_divide_the_box_around_the_outline():
    outline = ZoneOutline("B", Ellipse((30.0, 20.0), (36.0, 24.0), 90.0))
    cells = cells_of(picture(), (outline,))
    assert [cell.corner_px for cell in cells] == [pytest.approx((x, y)) for y in (2, 14, 26) for x in (18, 26, 34)]
    assert [cell.size_px for cell in cells] == [pytest.approx((8, 12))] * 9


@given(axes=st.tuples(st.floats(4, 60), st.floats(4, 60)), angle_deg=st.floats(0, 180))
def test_the_box_around_an_ellipse_just_holds_it(axes, angle_deg):
    ellipse = Ellipse((12.0, -7.0), axes, angle_deg)
    assert np.ptp(ellipse_points(ellipse, 3600), axis=0) == pytest.approx(ellipse.extent_px, rel=1e-4)


def test_a_zone_cut_by_the_border_keeps_the_cells_of_its_whole_outline():
    outline = ZoneOutline("B", Ellipse((0.0, 20.0), (30.0, 30.0), 0.0))
    counts = {(c.row, c.column): c.pixel_count for c in cells_of(picture(), (outline,))}
    assert [counts[row, 1] for row in (1, 2, 3)] == [0, 0, 0]
    assert min(counts[row, 3] for row in (1, 2, 3)) > 0


def is_empty(cell: Cell) -> bool:
    numbers = (cell.gray_mean, cell.gray_deviation, cell.entropy_bits, cell.gradient_x, cell.gradient_y)
    return cell.pixel_count == 0 and all(map(math.isnan, (*numbers, *cell.responses.values())))


def test_a_cell_without_a_pixel_keeps_its_row_and_has_no_values():
    circles = tuple(ZoneOutline(letter, Ellipse((30.0, 20.0), (d, d), 0.0)) for letter, d in (("A", 34), ("B", 38)))
    cells = cells_of(picture(), circles, supports=marks())
    assert [(c.row, c.column) for c in cells if c.zone == "cladding" and is_empty(c)] == [(2, 2)]
    assert not any(is_empty(cell) for cell in cells if cell.zone == "core")


# --- what must not show


@pytest.mark.parametrize("level", [0.0, 0.37, 1.0])
def test_the_border_of_a_zone_is_no_edge(level):
    for cell in cells_of(np.full(SHAPE, level, np.float32), outlines_at()):
        if cell.pixel_count:
            assert (cell.gradient_x, cell.gradient_y, cell.gray_deviation, cell.entropy_bits) == (0, 0, 0, 0)


def test_an_even_slope_is_the_gradient_of_every_cell():
    y, x = np.indices(SHAPE)
    gray = ((20 + 2.5 * x - 0.5 * y + 30) / 255).astype(np.float32)
    cells = [cell for cell in cells_of(gray, outlines_at(2.0, 3.0)) if cell.pixel_count]
    assert len(cells) > 9
    for cell in cells:
        assert (cell.gradient_x, cell.gradient_y) == pytest.approx((2.5, -0.5), abs=1e-3)


def test_what_lies_in_another_zone_does_not_matter():
    outlines, gray = outlines_at(), picture()
    bright = gray.copy()
    bright[zone_map(SHAPE, outlines).mask("A")] = 1
    before, after = (cells_of(g, outlines, names=("contact",)) for g in (gray, bright))
    assert [cell.gray_mean for cell in after] == pytest.approx([cell.gray_mean for cell in before], nan_ok=True)


def test_measuring_changes_no_argument():
    gray, supports = picture(), marks()
    cells_of(gray, outlines_at(), supports=supports)
    np.testing.assert_array_equal(gray, picture())
    np.testing.assert_array_equal(supports["lei"], marks()["lei"])


# --- defects


places = st.tuples(st.floats(-50, 120), st.floats(-50, 120))


@given(centroids=st.lists(st.tuples(places, st.sampled_from(NAMES)), max_size=8))
def test_a_defect_counts_once_and_in_its_own_zone_wherever_its_centroid_lies(centroids):
    defects = [defect_at(x, y, zone, area_px=float(k + 1)) for k, ((x, y), zone) in enumerate(centroids)]
    cells = cells_of(picture(), outlines_at(), defects)
    for zone in ("core", "cladding", "contact"):
        own = [d.area_px for d in defects if d.zone == zone]
        assert total(cells, zone, "defect_count") == len(own)
        assert total(cells, zone, "defect_area_px") == pytest.approx(sum(own))


@pytest.mark.parametrize(
    ("centroid", "place"),
    [((22.0, 11.0), (1, 1)), ((31.3, 20.7), (2, 2)), ((40.0, 20.0), (2, 3)), ((31.0, 99.0), (3, 2))],
)
def test_a_defect_counts_in_the_cell_of_its_centroid_or_the_nearest(centroid, place):
    (cell,) = (c for c in cells_of(picture(), outlines_at(), [defect_at(*centroid)]) if c.defect_count)
    assert (cell.zone, cell.row, cell.column) == ("cladding", *place)


def counted_at(*defects: Defect) -> Cell:
    (cell,) = (c for c in cells_of(picture(), outlines_at(), defects) if c.defect_count)
    return cell


def test_the_areas_of_a_cell_add_up_in_both_units():
    cell = counted_at(*(defect_at(31, 20, area_px=a, area_um2=a / 4) for a in (8.0, 10.0)))
    assert (cell.defect_count, cell.defect_area_px, cell.defect_area_um2) == (2, 18.0, 4.5)


def test_without_scale_there_is_no_area_in_micrometres():
    assert counted_at(defect_at(31, 20, area_um2=None)).defect_area_um2 is None
