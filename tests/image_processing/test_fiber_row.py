"""The fibers of a connector are found on their lattice, whatever the ferrule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.gates.lanes import Numbering, number_places
from dscope_blink.image_processing.ferrule_residue import find_residue
from dscope_blink.image_processing.fiber_row import FoundRow, find_row, with_strange
from dscope_blink.records import FiberRow, FloatImage, Notice
from dscope_blink.synthetic.rows import LaneFault, RenderedRow, RowSpec, render_row
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("deep_inspection")

SEARCH = CONFIG.connector_search
FOUR = replace(CONFIG.connectors["mpo12"], rows=(FiberRow((1, 2, 3, 4), 0.0),))
TWO_BY_FOUR = replace(FOUR, rows=(FiberRow((1, 2, 3, 4), 0.0), FiberRow((1, 2, 3, 4), 0.0)))


def gray(row: RenderedRow) -> FloatImage:
    return (row.image / np.float32(255)).astype(np.float32)


def found(spec: RowSpec, seed: int = 1) -> tuple[RenderedRow, FoundRow]:
    row = render_row(spec, np.random.default_rng(seed))
    seen = find_row(gray(row), spec.layout, SEARCH)
    assert isinstance(seen, FoundRow), seen
    return row, seen


def centers(row: FoundRow, spec: RowSpec) -> dict[int | None, tuple[float, float]]:
    whole = [place.index for place in row.places if place.whole]
    numbering = number_places(spec.layout, whole, [], None)
    assert isinstance(numbering, Numbering), numbering
    return {spec.layout.lane_at(*numbering.of(p.index)): p.center_px for p in row.places}


@pytest.mark.parametrize("glass", [False, True], ids=["bright", "glass"])
@pytest.mark.parametrize("turn_deg", [-4.0, 0.0, 2.5])
def test_every_fiber_is_found_and_numbered(glass: bool, turn_deg: float) -> None:
    spec = RowSpec(FOUR, um_per_px=0.9, glass=glass, turn_deg=turn_deg)
    row, seen = found(spec)
    places = centers(seen, spec)
    for lane in row.lanes:
        assert places[lane.number] == pytest.approx(lane.center_px, abs=0.06 * row.diameter_px)
    assert seen.cladding_px == pytest.approx(row.diameter_px, rel=0.02)


@pytest.mark.parametrize("glass", [False, True], ids=["bright", "glass"])
def test_fibers_beside_the_rows_of_the_layout_are_told(glass: bool) -> None:
    """Of a connector of two rows that is inspected as one of one row."""
    two = render_row(RowSpec(TWO_BY_FOUR, um_per_px=0.9, glass=glass), np.random.default_rng(1))
    for layout, others in ((FOUR, True), (TWO_BY_FOUR, False)):
        seen = with_strange(gray(two), find_row(gray(two), layout, SEARCH), SEARCH)
        assert isinstance(seen, FoundRow), seen
        assert bool(seen.strange_px) is others


def test_a_row_beside_that_of_the_layout_is_told_though_the_border_cuts_it() -> None:
    two = render_row(RowSpec(TWO_BY_FOUR, um_per_px=0.9), np.random.default_rng(1))
    cut = gray(two)[: round(max(lane.center_px[1] for lane in two.lanes) + 20)]
    seen = with_strange(cut, find_row(cut, FOUR, SEARCH), SEARCH)
    assert isinstance(seen, FoundRow), seen
    assert len(seen.strange_px) == 4


@pytest.mark.parametrize("side", ["up", "right", "down", "left"])
def test_two_rows_are_numbered_by_the_side_of_the_key(side: str) -> None:
    spec = RowSpec(replace(TWO_BY_FOUR, key_side=side), um_per_px=1.2)  # type: ignore[arg-type]
    row, seen = found(spec)
    places = centers(seen, spec)
    assert len(places) == 8
    for lane in row.lanes:
        assert places[lane.number] == pytest.approx(lane.center_px, abs=0.06 * row.diameter_px)


def test_a_missing_fiber_is_not_found_and_its_neighbours_keep_their_numbers() -> None:
    faults: dict[int, LaneFault] = {2: "absent"}
    spec = RowSpec(FOUR, um_per_px=0.9, faults=faults)
    row, seen = found(spec)
    places = centers(seen, spec)
    assert sorted(filter(None, places)) == [1, 3, 4]
    assert places[3] == pytest.approx(row.lanes[2].center_px, abs=0.06 * row.diameter_px)


def test_an_empty_hole_is_darker_than_the_fibers_beside_it() -> None:
    faults: dict[int, LaneFault] = {2: "hole"}
    _, seen = found(RowSpec(FOUR, um_per_px=0.9, faults=faults))
    levels = sorted(place.level for place in seen.places)
    assert levels[0] < SEARCH.min_level_share * levels[1]


def test_a_fiber_at_the_border_of_the_picture_is_not_whole() -> None:
    spec = RowSpec(FOUR, um_per_px=0.9, shape=(350, 1020), shift_um=(80.0, 0.0))
    row, seen = found(spec)
    assert [lane.seen for lane in row.lanes] == ["whole", "whole", "whole", "cut"]
    assert [place.whole for place in sorted(seen.places, key=lambda place: place.index)] == [True, True, True, False]


@pytest.mark.parametrize("seed", range(3))
def test_in_noise_no_row_is_found(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0.5, 0.1, (300, 900)).astype(np.float32)
    assert isinstance(find_row(noise, FOUR, SEARCH), Notice)


# --- residue on the ferrule


def residue_of(spec: RowSpec, um_from_first: tuple[float, float] = (0.0, 0.0)) -> tuple[float, int, list[float]]:
    row, seen = found(spec)
    first = min(place.index for place in seen.places)
    fibers = [seen.lattice.at(first[0], first[1] + k) for k in range(4)]
    marks = find_residue(gray(row), FOUR, seen.lattice, seen.lattice.at(*first), fibers, SEARCH)
    return marks.area_share, len(marks.marks), [mark.diameter_um or 0.0 for mark in marks.marks]


def test_a_clean_ferrule_has_no_residue() -> None:
    assert residue_of(RowSpec(FOUR, um_per_px=0.9))[:2] == (0.0, 0)
    assert residue_of(RowSpec(FOUR, um_per_px=0.9, glass=True))[:2] == (0.0, 0)


def test_residue_between_fibers_is_measured() -> None:
    share, count, diameters = residue_of(RowSpec(FOUR, um_per_px=0.9, residue_um=((0.0, 20.0, 18.0),)))
    assert count == 1
    assert diameters[0] == pytest.approx(36, abs=4)
    assert share == pytest.approx(np.pi * 18**2 / (1000 * 250 - 4 * np.pi * 72**2), rel=0.2)
