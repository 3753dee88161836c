"""A picture of a connector -> where its fibers lie: circles of one size on a lattice of known shape.

Of fibers and ferrule only the ratios are known, pitch to cladding above all. For every size that the claddings may
have, circles of that size are sought everywhere, and of all lattices that their centres lie on the fullest is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise, product
from statistics import median

import cv2
import numpy as np

from dscope_blink.config.settings import ConnectorSearch
from dscope_blink.gates.lattice import Index, Lattice, fit_lattice, lattice_along, reference_direction
from dscope_blink.image_processing.ring_evidence import (
    COARSE,
    FINE,
    EdgeField,
    RingEvidence,
    edge_field,
    evidence_near,
    ring_map,
)
from dscope_blink.records import ConnectorLayout, FloatImage, Notice, Points, notice

SIZE_STEP = 1.06  # from radius to radius: a ring is found within half of that
MOST_CIRCLES = 60  # of one radius, the clearest
MOST_GAPS = 4  # missing fibers between two that a row is founded on, beside the places that have none
GAP_COST = 0.25  # of evidence, for each place of a row without a fiber: of two lattices the fuller one is meant
CHANCE = 0.2  # of evidence, that grains of glass show of any circle
LOOSE = 0.12  # pitches: of circles whose centre and size are known by so much
CUT_MIN_SEEN = 0.35  # of the circumference: of less it cannot be said whether it is a fiber
WHOLE_SEEN = 0.97  # radii from the centre to the border of the picture: the radius is known by that
NEAR = 0.06  # pitches, once the lattice is fitted
REFITS = 3
ROUNDS = 2  # the second with the pitch that the first has found
FEW = 2  # circles on a lattice: a single one in another may be its core
LARGER = 1.3  # radii: circles that are no longer those of the same fibers
RADII = (0.97, 1.0, 1.03)  # of what the pitch says
COARSE_SHARE = 0.8  # of the evidence: what a smaller picture shows of it at least


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """A place of the lattice at which a fiber shows."""

    index: Index  # row and place, counted from any
    center_px: tuple[float, float]
    evidence: float
    whole: bool  # else the border of the picture cuts it
    inverted: bool  # darker than the ferrule where the other fibers are brighter, or the other way round
    level: float  # median grey level inside over that of what is bright beside it


@dataclass(frozen=True, slots=True)
class FoundRow:
    """The fibers of a picture on their lattice."""

    lattice: Lattice
    places: tuple[FoundPlace, ...]
    cladding_px: float  # by the pitch, or of a single fiber by the size of its circle
    strange_px: tuple[tuple[float, float], ...] = ()  # middles of fibers where it has none

    @property
    def whole(self) -> int:
        """Fibers that lie wholly in the picture; with more than one the pitch is measured."""
        return sum(place.whole and not place.inverted for place in self.places)


def find_row(
    gray: FloatImage, layout: ConnectorLayout, search: ConnectorSearch, cladding_px: float | None = None
) -> FoundRow | Notice:
    """Find the fibers of a connector in a picture.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    layout : of the connector
    search : limits from config.json
    cladding_px : diameter of the claddings where a calibration says it

    Returns
    -------
    FoundRow, or a Notice that says why there is none
    """
    best = _largest_clear(list(_hypotheses(gray, layout, search, cladding_px)))
    if best is None:
        return notice("row_not_found", "no circles of one size lie as the fibers of the connector would")
    for _ in range(REFITS):
        points = np.array(list(best.circles.values()))
        best = _judged(best.of, fit_lattice(layout, points, list(best.circles)), best.sign, layout, gray.shape)
    radius_px = best.lattice.pitch_px * layout.cladding_um / layout.pitch_um / 2
    return _row_on(gray, best.lattice, tuple(best.circles), radius_px, layout, search)


@dataclass(frozen=True, slots=True)
class Disc:
    """A circle in pixels of the picture."""

    center_px: tuple[float, float]
    diameter_px: float


def clear_discs(gray: FloatImage, search: ConnectorSearch, least_px: float) -> tuple[Disc, ...]:
    """Of each size from a diameter on the disc whose border shows best, where one shows.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    search : limits from config.json
    least_px : smallest diameter
    """
    found = (_circles(gray, radius, search) for radius in _radii(gray.shape, search, None) if 2 * radius >= least_px)
    clear = [one for one in found if len(one.centers) and abs(one.strengths[0]) >= search.min_evidence]
    sizes: dict[int, _Circles] = {}
    for one in sorted(clear, key=lambda one: -abs(one.strengths[0])):
        sizes.setdefault(round(math.log(one.radius_px) / math.log(LARGER)), one)
    return tuple(Disc(_pair(one.centers[0]), 2 * one.radius_px) for one in sizes.values())


def row_around(gray: FloatImage, disc: Disc, layout: ConnectorLayout, search: ConnectorSearch) -> FoundRow | Notice:
    """The row of a fiber of which only the size is sure: it may be one of several.

    Parameters
    ----------
    gray, layout, search : as in `find_row`
    disc : its cladding, roughly
    """
    row = find_row(gray, layout, search, disc.diameter_px)
    if isinstance(row, FoundRow) and row.whole > 1:
        return row
    return _row_of_one(gray, disc, layout, search)


def _row_of_one(
    gray: FloatImage, cladding: Disc, layout: ConnectorLayout, search: ConnectorSearch
) -> FoundRow | Notice:
    """The row of which a single fiber is known: its neighbours lie at the nominal pitch."""
    pitch = cladding.diameter_px * layout.pitch_um / layout.cladding_um
    x, y = reference_direction(layout)
    lattice = lattice_along(layout, cladding.center_px, (pitch * x, pitch * y))
    row = _row_on(gray, lattice, ((0, 0),), cladding.diameter_px / 2, layout, search)
    if isinstance(row, Notice) or (0, 0) not in {place.index for place in row.places}:
        return notice("row_not_found", "the one circular edge in the picture is not that of a fiber of the connector")
    return row if row.whole > 1 else replace(row, cladding_px=cladding.diameter_px)


def clearer(row: FoundRow | Notice, larger: FoundRow | Notice, search: ConnectorSearch) -> FoundRow | Notice:
    """The row of larger circles where it is half as clear as the other: round grains are smaller than fibers.

    Not where the larger ones lie around the others, for in a fiber lies no grain.
    """
    if clearness(larger) < max(clearness(row) / 2, search.min_evidence) or isinstance(larger, Notice):
        return row
    return row if clearness(larger) < clearness(row) and _lie_within(row, larger) else larger


def _lie_within(row: FoundRow | Notice, larger: FoundRow) -> bool:
    if isinstance(row, Notice) or row.whole < FEW:
        return False
    reach = larger.cladding_px / 2
    return any(math.dist(a.center_px, b.center_px) < reach for a in row.places for b in larger.places)


def is_clear(row: FoundRow, place: FoundPlace) -> bool:
    """Whether a circle shows there about as well as the fibers do: an empty hole, if it is none of them."""
    return place.evidence >= _clear_from(row)


CLEAR_SHARE = 0.8


def with_strange(gray: FloatImage, row: FoundRow | Notice, search: ConnectorSearch) -> FoundRow | Notice:
    """A row with the fibers that show where it has none: as clear as its own, as large, and of their sign.

    Grains of glass of that size show two thirds of the evidence at most, where fibers show all of it. Of what the
    border cuts half must show, and grains come to three quarters of it: one alone is none.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    row : as it was found
    search : limits from config.json
    """
    if isinstance(row, Notice) or row.whole < FEW:  # of one fiber it is not known which circles are its like
        return row
    field = edge_field(gray, row.cladding_px / 2, FINE)
    own = [place for place in row.places if place.whole and not place.inverted]
    sign = math.copysign(1, sum(_strength(field, place.center_px) for place in own))
    taken = np.array([place.center_px for place in row.places])
    circles = _circles(gray, row.cladding_px / 2, search)
    apart = np.hypot(*(circles.centers[:, None] - taken).transpose(2, 0, 1))  # (circles, places)
    away = circles.centers[apart.min(axis=1) >= row.cladding_px]
    shown = [evidence_near(field, _pair(center), NEAR * row.lattice.pitch_px) for center in away]
    clear = [one for one in shown if one.seen >= HALF_SEEN and one.strength * sign >= _clear_from(row)]
    whole = [one.center_px for one in clear if _is_whole(one, gray, field)]
    return replace(row, strange_px=tuple(one.center_px for one in clear) if len(clear) >= FEW else tuple(whole))


HALF_SEEN = 0.5  # of the circumference


def _clear_from(row: FoundRow) -> float:
    return CLEAR_SHARE * median(one.evidence for one in row.places if one.whole)


def clearness(row: FoundRow | Notice) -> float:
    """Mean evidence of the fibers that lie wholly in the picture, 0..1."""
    if isinstance(row, Notice) or not row.whole:
        return 0.0
    return sum(place.evidence for place in row.places if place.whole and not place.inverted) / row.whole


def _row_on(
    gray: FloatImage,
    lattice: Lattice,
    indices: Sequence[Index],
    radius_px: float,
    layout: ConnectorLayout,
    search: ConnectorSearch,
) -> FoundRow | Notice:
    """The fibers of a picture whose lattice is roughly known; `indices` are those of fibers that are known."""
    places: tuple[FoundPlace, ...] = ()
    for _ in range(ROUNDS):
        known = [lattice.at(*index) for index in indices]
        field = _best_field(gray, radius_px, known)
        sign = math.copysign(1, sum(_strength(field, place) for place in known))  # 1: darker than the ferrule
        places = tuple(_places_on(gray, field, lattice, indices, layout, search, sign))
        whole = [place for place in places if place.whole and not place.inverted]
        if len(whole) < FEW:
            break
        indices = [place.index for place in whole]
        lattice = fit_lattice(layout, np.array([place.center_px for place in whole]), indices)
        radius_px = lattice.pitch_px * layout.cladding_um / layout.pitch_um / 2
    if not places:
        return notice("row_not_found", "no fiber shows at the places of the best lattice")
    return FoundRow(lattice, places, lattice.pitch_px * layout.cladding_um / layout.pitch_um)


def _best_field(gray: FloatImage, radius_px: float, known: Sequence[tuple[float, float]]) -> EdgeField:
    """That of the radius that fits the known fibers best: pitch and cladding give it to a few percent."""
    fields = [edge_field(gray, radius_px * share, FINE) for share in RADII]
    return max(fields, key=lambda field: sum(abs(_strength(field, place)) for place in known))


def _strength(field: EdgeField, place: tuple[float, float]) -> float:
    return evidence_near(field, place, NEAR * 4 * field.radius * field.factors[0]).strength


@dataclass(frozen=True, slots=True)
class _Hypothesis:
    score: float
    lattice: Lattice
    circles: Mapping[Index, tuple[float, float]]  # their centres, by their places
    of: _Circles
    sign: float


@dataclass(frozen=True, slots=True)
class _Circles:
    """The circles of one radius that were found, the clearest first."""

    radius_px: float
    centers: Points  # (N, 2) in pixels of the stored picture
    strengths: Points  # (N,) signed


def _hypotheses(
    gray: FloatImage, layout: ConnectorLayout, search: ConnectorSearch, cladding_px: float | None
) -> Iterator[_Hypothesis]:
    for radius in _radii(gray.shape, search, cladding_px):
        circles = _circles(gray, radius, search)
        fullest = max(_lattices(circles, layout, search, gray.shape), key=lambda one: one.score, default=None)
        if fullest is not None:
            yield fullest


def _largest_clear(hypotheses: Sequence[_Hypothesis]) -> _Hypothesis | None:
    """The best one, or one of clearly larger circles that is half as good: round grains are smaller than fibers."""
    best = max(hypotheses, key=lambda one: one.score, default=None)
    if best is None:
        return None
    radius, least = best.of.radius_px * LARGER, best.score / 2
    return _largest_clear([one for one in hypotheses if one.of.radius_px >= radius and one.score >= least]) or best


def _radii(shape: tuple[int, ...], search: ConnectorSearch, cladding_px: float | None) -> list[float]:
    if cladding_px is not None:
        return [cladding_px / 2 * share for share in (1 - search.max_size_error / 2, 1, 1 + search.max_size_error / 2)]
    low, high = search.min_cladding_px / 2, min(shape) / 2
    count = max(math.ceil(math.log(max(high / low, 1)) / math.log(SIZE_STEP)), 1)
    return [low * SIZE_STEP**k for k in range(count)]


def _circles(gray: FloatImage, radius_px: float, search: ConnectorSearch) -> _Circles:
    field = edge_field(gray, radius_px, COARSE)
    strengths = ring_map(field)
    size = np.abs(strengths)
    around = cv2.dilate(size, np.ones((COARSE + 1, COARSE + 1), np.uint8))
    peak = size >= np.maximum(around, COARSE_SHARE * search.min_evidence)
    y, x = np.nonzero(peak)
    order = np.argsort(-size[y, x], kind="stable")[:MOST_CIRCLES]
    places = field.to_picture(np.stack([x[order], y[order]], axis=1))
    return _Circles(radius_px, places, strengths[y[order], x[order]].astype(np.float64))


def _lattices(
    circles: _Circles, layout: ConnectorLayout, search: ConnectorSearch, shape: tuple[int, ...]
) -> Iterator[_Hypothesis]:
    pitch = 2 * circles.radius_px * layout.pitch_um / layout.cladding_um
    reference = np.array(reference_direction(layout))
    ways = circles.centers[None] - circles.centers[:, None]  # (from, to, 2)
    ahead = ways @ reference
    lengths = np.hypot(ways[..., 0], ways[..., 1])
    steps = np.rint(lengths / pitch)
    fits = (
        (steps >= 1)
        & (steps <= _most_gaps(layout) + 1)
        & (ahead >= lengths * math.cos(math.radians(search.max_turn_deg)))
    )
    fits &= np.abs(lengths - steps * pitch) <= search.max_size_error * lengths
    fits &= circles.strengths[:, None] * circles.strengths > 0
    for i, j in np.argwhere(fits).tolist():
        lattice = lattice_along(layout, _pair(circles.centers[i]), _pair(ways[i, j] / steps[i, j]))
        yield _judged(circles, lattice, math.copysign(1, circles.strengths[i]), layout, shape)


def _judged(
    circles: _Circles, lattice: Lattice, sign: float, layout: ConnectorLayout, shape: tuple[int, ...]
) -> _Hypothesis:
    """How full a lattice is: the evidence of the circles on it less the cost of the gaps."""
    exact = lattice.indices(circles.centers)  # (N, 2) row and place
    nearest = np.rint(exact)
    off = np.hypot(*((exact - nearest) * (layout.row_pitch_um / layout.pitch_um, 1.0)).T)
    on = np.flatnonzero((off <= LOOSE) & (circles.strengths * sign > 0) & (np.abs(nearest[:, 0]) < len(layout.rows)))
    first: dict[Index, int] = {}
    for k in on.tolist():
        first.setdefault((int(nearest[k, 0]), int(nearest[k, 1])), k)
    kept = _connected(first, _most_gaps(layout))
    gaps = sum(max(row) - min(row) + 1 - len(row) for row in _rows_of(kept))
    gaps += _empty_ends(lattice, list(kept), circles.radius_px, layout, shape)
    score = float((np.abs(circles.strengths[list(kept.values())]) - CHANCE).sum()) - GAP_COST * gaps
    return _Hypothesis(score, lattice, {i: _pair(circles.centers[k]) for i, k in kept.items()}, circles, sign)


def _empty_ends(
    lattice: Lattice, indices: Sequence[Index], radius_px: float, layout: ConnectorLayout, shape: tuple[int, ...]
) -> int:
    """Places without a fiber beyond both ends: a row of which less than all shows goes on beyond one of them."""
    places = [place for _, place in indices]
    if not places or max(places) - min(places) + 1 >= layout.columns:
        return 0
    rooms = []
    for end, step in ((min(places), -1), (max(places), 1)):
        steps = np.arange(1, layout.columns)
        x, y = lattice.at(indices[0][0], 0)
        at = np.array([x, y]) + (end + step * steps)[:, None] * np.array(lattice.along_px)  # (steps, 2)
        inside = ((at >= radius_px) & (at <= np.array(shape[1::-1]) - 1 - radius_px)).all(axis=1)
        rooms.append(int(inside.sum()))
    return min(rooms)


def _most_gaps(layout: ConnectorLayout) -> int:
    used = sorted({place for _, place in layout.lanes})
    return MOST_GAPS + max((b - a - 1 for a, b in pairwise(used)), default=0)


def _connected(first: dict[Index, int], most_gaps: int) -> dict[Index, int]:
    """Without what lies beyond a gap that is wider than any that a row may have."""
    places = sorted({place for _, place in first})
    runs = np.split(places, np.flatnonzero(np.diff(places) > most_gaps + 1) + 1)
    longest = set(max(runs, key=len).tolist()) if places else set()
    return {index: k for index, k in first.items() if index[1] in longest}


def _rows_of(kept: Mapping[Index, int]) -> list[list[int]]:
    return [[place for row, place in kept if row == number] for number in {row for row, _ in kept}]


def _places_on(
    gray: FloatImage,
    field: EdgeField,
    lattice: Lattice,
    indices: Sequence[Index],
    layout: ConnectorLayout,
    search: ConnectorSearch,
    sign: float,
) -> Iterator[FoundPlace]:
    """Every place of the lattice at which a fiber shows, as far beyond those that are known as there are more.

    Beyond them half of what the others show is enough: a fiber that is overlooked there would shift all numbers.
    """
    at = partial(_place_at, gray, field, lattice, sign)
    rows, places = ([index[k] for index in indices] for k in (0, 1))
    low, high, beyond = min(places), max(places), len(layout.rows) - 1
    inner = [at(index) for index in product(range(min(rows), max(rows) + 1), range(low, high + 1))]
    found = [place for place in inner if place is not None and place.evidence >= search.min_place_evidence]
    least = min(median(place.evidence for place in found) / 2 if found else 1.0, search.min_evidence)
    yield from found
    other_rows = [row for row in range(min(rows) - beyond, max(rows) + beyond + 1) if not min(rows) <= row <= max(rows)]
    yield from _clear(map(at, product(other_rows, range(low, high + 1))), least)
    all_rows = sorted({*range(min(rows), max(rows) + 1), *other_rows})
    for step, end in ((-1, low), (1, high)):
        for place in range(end + step, end + step * (layout.columns + 1), step):
            more = list(_clear((at((row, place)) for row in all_rows), least))
            if not more:
                break
            yield from more


def _clear(places: Iterable[FoundPlace | None], least: float) -> Iterator[FoundPlace]:
    yield from (place for place in places if place is not None and place.evidence >= least)


def _place_at(gray: FloatImage, field: EdgeField, lattice: Lattice, sign: float, index: Index) -> FoundPlace | None:
    """What shows at a place; None where too little of it lies in the picture."""
    shown = evidence_near(field, lattice.at(*index), NEAR * lattice.pitch_px)
    if shown.seen < CUT_MIN_SEEN:
        return None
    whole, inverted = _is_whole(shown, gray, field), shown.strength * sign < 0
    level = _level(gray, shown.center_px, field.radius * field.factors[0])
    return FoundPlace(index, shown.center_px, abs(shown.strength), whole, inverted, level)


def _is_whole(shown: RingEvidence, gray: FloatImage, field: EdgeField) -> bool:
    radius = field.radius * field.factors[0]
    (x, y), (h, w) = shown.center_px, gray.shape
    return min(x, y, w - 1 - x, h - 1 - y) >= radius * WHOLE_SEEN


def _level(gray: FloatImage, center_px: tuple[float, float], radius_px: float) -> float:
    reach = math.ceil(BESIDE[1] * radius_px)
    left, top = max(round(center_px[0]) - reach, 0), max(round(center_px[1]) - reach, 0)
    part = gray[top : round(center_px[1]) + reach + 1, left : round(center_px[0]) + reach + 1]
    y, x = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
    radii = np.hypot(x - center_px[0], y - center_px[1]) / radius_px
    inside, beside = part[radii < INSIDE], part[(radii > BESIDE[0]) & (radii < BESIDE[1])]
    if not inside.size or not beside.size:
        return 0.0
    # between grains of glass the ferrule is dark: the grains are as bright as what is cut from fibers
    return float(np.median(inside)) / max(float(np.percentile(beside, BRIGHT)), 1e-3)


INSIDE, BESIDE = 0.85, (1.15, 1.6)  # radii
BRIGHT = 90  # percent of the pixels are darker


def _pair(values: Points) -> tuple[float, float]:
    return float(values[0]), float(values[1])
