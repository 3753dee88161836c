"""Whether two lines are one: they run along one another, which lines that cross or touch do not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.aggregation.mark_shapes import SAMPLES, Numbers, Shapes
from dscope_blink.records import Points

LEAST_ALONG = 0.5  # of the length of either that lies along the other ...
LEAST_BESIDE = 0.2  # ... or so much of it, where that is as long as LEAST_LENGTH: each goes on where the other ends
LEAST_LENGTH = 3.0  # eps
MOST_TURN_DEG = 5.0  # between two long lines
MOST_OFF = 0.75  # eps over the length along which they are compared, the tangent of what is added for short ones
MOST_LAPPED = 0.25  # of the shorter of two pieces that lies beside the other
LEAST_BRIDGED = 0.35  # of the shorter: so much of either lies beside what joins them, more than beside each other


@dataclass(frozen=True, slots=True)
class Together:
    """How two lines near each other lie, (P,) each; what is neither of both touches, or follows after the other."""

    run: NDArray[np.bool_]  # along one another
    cross: NDArray[np.bool_]  # in another direction


def together(shapes: Shapes, first: NDArray[np.intp], second: NDArray[np.intp], eps: float) -> Together:
    """Whether lines run along one another, in one direction and within `eps`.

    Of two that cross, what lies near the other is as long as that is wide, and turned against it; the turn that is
    allowed falls with that length, so that it is refused at every angle.

    Parameters
    ----------
    first, second : (P,) pairs of lines
    """
    (enough, turned), (enough_back, turned_back) = (
        _along(shapes, *pair, eps) for pair in ((first, second), (second, first))
    )
    return Together((enough & ~turned) | (enough_back & ~turned_back), turned & turned_back)


def _along(
    shapes: Shapes, line: NDArray[np.intp], other: NDArray[np.intp], eps: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether enough of a line lies beside another, and whether what does is turned against it; (P,) each."""
    import shapely

    if not len(line):
        return np.zeros(0, bool), np.zeros(0, bool)
    middles = shapes.middles[line]  # (P, SAMPLES, 2)
    beside = shapely.distance(shapely.points(middles), shapes.areas[other][:, None]) <= eps
    share = beside.mean(axis=1)
    start = beside.argmax(axis=1)
    stop = SAMPLES - 1 - beside[:, ::-1].argmax(axis=1)
    rows = np.arange(len(line))
    ends = np.stack([middles[rows, start], middles[rows, stop]], axis=1)  # (P, 2, 2)
    chord = ends[:, 1] - ends[:, 0]
    length = np.hypot(chord[:, 0], chord[:, 1])
    tracks = shapely.linestrings(_lengthened(shapes.middles[other]))
    there = shapely.get_coordinates(
        shapely.line_interpolate_point(
            tracks[:, None], shapely.line_locate_point(tracks[:, None], shapely.points(ends))
        )
    ).reshape(-1, 2, 2)
    turn = _turns_deg(chord, there[:, 1] - there[:, 0])
    most = MOST_TURN_DEG + np.degrees(np.arctan2(MOST_OFF * eps, np.maximum(length, 1e-9)))
    enough = (share >= LEAST_ALONG) | ((share >= LEAST_BESIDE) & (length >= LEAST_LENGTH * eps))
    return enough, (share > 0) & (turn > most)


def _turns_deg(first: Points, second: Points) -> Numbers:
    """Angles between directions, 0..90; (P,)."""
    cross = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return np.degrees(np.arctan2(np.abs(cross), np.abs((first * second).sum(axis=1))))


def _lengthened(middles: Numbers) -> Numbers:
    """Lines that go straight on beyond both of their ends by their own length; (..., SAMPLES + 2, 2)."""
    ahead = (middles[..., -1, :] - middles[..., -1 - STEADY, :]) * (SAMPLES / STEADY)
    back = (middles[..., 0, :] - middles[..., STEADY, :]) * (SAMPLES / STEADY)
    return np.concatenate(
        [(middles[..., 0, :] + back)[..., None, :], middles, (middles[..., -1, :] + ahead)[..., None, :]], axis=-2
    )


STEADY = 4  # samples over which the direction of an end is taken


Span: TypeAlias = tuple[float, float]  # from where to where along a line a mark lies


def spans_along(shapes: Shapes, places: Sequence[int], line: int) -> Mapping[int, Span]:
    """Where marks lie along a line, which goes straight on beyond its ends."""
    import shapely

    track = shapely.linestrings(_lengthened(shapes.middles[line]))
    return {place: _span(shapes, place, track) for place in places}


def _span(shapes: Shapes, place: int, track: object) -> Span:
    import shapely

    points = shapes.middles[place]
    if math.isnan(points[0, 0]):
        points = shapely.get_coordinates(shapes.areas[place])
    at = shapely.line_locate_point(track, shapely.points(points))
    return float(at.min()), float(at.max())


def are_bridged(pieces: tuple[Span, Span], others: Iterable[Span]) -> bool:
    """Whether two marks of a source lie one after the other, and one of another source on both of them.

    One that only goes as far as the first of them does tells nothing that the source does not know itself.
    """
    shorter = min(stop - start for start, stop in pieces)
    return lapped(*pieces) <= MOST_LAPPED * shorter and any(
        all(lapped(span, piece) >= LEAST_BRIDGED * shorter for piece in pieces) for span in others
    )


def lapped(first: Span, second: Span) -> float:
    """How much of a line two spans share; negative for a gap."""
    return min(first[1], second[1]) - max(first[0], second[0])
