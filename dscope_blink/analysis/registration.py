"""Two shots of one end face, shifted, scaled or turned against each other: the turn, and which marks are the same.

Shift, scale and the shape of the pixels are those of the located cladding; the turn is found by the marks alone. Each
mark that lies where the other shot has one speaks for a turn, the more the fewer other turns would bring it onto one
(what lies near the axis says nothing, nor what lies in dense dirt). Whether so many would lie so by chance at any turn
is bounded as in A. Desolneux, L. Moisan, J.-M. Morel, "Meaningful Alignments", Int. J. Computer Vision 40 (2000),
DOI 10.1023/A:1026593302236, the tail of the sum by H. Chernoff, "A Measure of Asymptotic Efficiency", Ann. Math.
Statist. 23 (1952), DOI 10.1214/aoms/1177729330.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Ellipse, FaceChange, Fate, Inspection, MarkFate, Points, Turn, to_circle

Places: TypeAlias = NDArray[np.complex128]  # in radii of the cladding about its centre, x + iy, y down

TOLERANCE = 0.03  # radii of the cladding: 1.9 um of 125, what an outline of a mark moves by from shot to shot
COVERED = 0.5  # share of an outline that must lie on marks of the other shot
TURNS = 360  # that are tried: 1 degree moves a mark at twice the cladding radius by the tolerance
FINE_DEG = np.arange(-3.0, 3.01, 0.1)
FEWEST_PAIRS = 3  # of marks, by which the turn is told finer
APART_DEG = 10.0  # turns nearer than this to the best are the same one
FALSE_ALARMS = 1e-3  # pairs of unrelated shots for which a turn may be found
# Times the evidence for the next best turn. Of the photographs of one face turned in its holder that are decided, the
# least has 2.5; of 1586 pairs of different faces, those that are as unlikely by chance have at most 1.3.
DISTINCT = 2.0
_POINTS = 24  # of an outline
_AT_ONCE = 2_000_000  # points turned in memory: 360 turns of 200 marks
_GRID = 64  # pixels per radius of the cladding, in which marks are drawn
_FARTHEST = 8.0  # radii of the cladding that are drawn: no zone reaches so far
_BINARY_PLACES = 4
_EXPONENTS = np.linspace(0.05, 2.0, 40)[:, None]  # of the bound


def compared(before: Inspection, after: Inspection) -> FaceChange:
    """What became of the marks from one shot of a face to the next.

    Parameters
    ----------
    before, after : records of shots of ONE face; that they are of one is not looked at

    Returns
    -------
    FaceChange
        Without marks where the turn is not known: then no more than their numbers can be compared.
    """
    weighed, shots = _turn(before, after)
    turn = weighed.turn
    if turn.angle_deg is None or shots is None:
        return FaceChange(turn)
    first, second = shots
    forth = np.exp(1j * math.radians(turn.angle_deg))
    return FaceChange(turn, _fates(first, second, forth, "removed"), _fates(second, first, forth.conjugate(), "new"))


@dataclass(frozen=True, slots=True)
class WeighedTurn:
    """A turn, and how much speaks for it."""

    turn: Turn
    alike: int = 0  # marks of the shot with fewer that lie on marks of the other
    marks: int = 0  # of the shot with fewer
    log_chance: float = 0.0  # natural logarithm of how likely so many lie so by chance, at most


def weigh_turn(before: Inspection, after: Inspection) -> WeighedTurn:
    """The turn from one shot to the next, with its evidence.

    Without an angle where a shot was not inspected or the marks do not tell.
    """
    return _turn(before, after)[0]


def _turn(before: Inspection, after: Inspection) -> tuple[WeighedTurn, tuple[_Shot, _Shot] | None]:
    for name, inspection in (("first", before), ("second", after)):
        if inspection.geometry is None or not inspection.zones:
            return WeighedTurn(Turn(None, f"no marks were sought in the {name} shot")), None
        if not inspection.defects:
            return WeighedTurn(Turn(None, f"the {name} shot has no mark to find the turn by")), None
    first, second = _Shot.of(before), _Shot.of(after)
    # By the shot with fewer marks: what was removed, or has come, is no evidence against a turn.
    if len(first.outlines) <= len(second.outlines):
        return _decided(first, second, 1.0), (first, second)
    return _decided(second, first, -1.0), (first, second)


# --- shots in the coordinates of the fiber


@dataclass(frozen=True, slots=True)
class _Shot:
    """The marks of one shot in radii of the cladding."""

    inspection: Inspection
    outlines: Places  # (n_mark, 24), evenly along each
    labels: NDArray[np.int32]  # (N, N) 64 pixels per radius about the centre: 1 + place of a mark within the tolerance

    @classmethod
    def of(cls, inspection: Inspection) -> _Shot:
        paths = [_to_fiber(_cladding(inspection), mark.contour_px) for mark in inspection.defects]
        outlines = np.array([_evenly(path) for path in paths])
        half = math.ceil((min(np.abs(outlines).max(), _FARTHEST) + 2 * TOLERANCE) * _GRID)
        labels = np.zeros((2 * half + 1, 2 * half + 1), np.int32)
        for place in np.argsort([-mark.area_px for mark in inspection.defects], kind="stable"):  # small ones on top
            path = np.stack([paths[place].real, paths[place].imag], axis=-1) * _GRID + half
            near = np.clip(path, -len(labels), 2 * len(labels))
            fixed = [np.rint(near * 2**_BINARY_PLACES).astype(np.int32)]
            cv2.fillPoly(labels, fixed, int(place) + 1, cv2.LINE_8, _BINARY_PLACES)
            cv2.polylines(labels, fixed, True, int(place) + 1, round(2 * TOLERANCE * _GRID), cv2.LINE_8, _BINARY_PLACES)
        return cls(inspection, outlines, labels)

    def marks_at(self, places: Places) -> NDArray[np.int32]:
        """1 + the place of the mark that lies at each point; 0: none."""
        half = len(self.labels) // 2
        columns, rows = (np.rint(part * _GRID).astype(np.intp) + half for part in (places.real, places.imag))
        inside = (np.minimum(columns, rows) >= 0) & (np.maximum(columns, rows) < len(self.labels))
        return np.where(inside, self.labels[rows * inside, columns * inside], 0)

    def shows(self, places: Places) -> NDArray[np.bool_]:
        """Whether marks were sought at each point: in the picture, and within the outermost zone that was inspected."""
        image, asked = self.inspection.image, self.inspection.request.zones
        inspected = [zone.outer.mean_diameter_px for zone in self.inspection.zones if zone.name in asked]
        cladding = _cladding(self.inspection)
        x, y = _to_picture(cladding, places).T
        inside = (x >= 0) & (y >= 0) & (x <= (image.width or 0) - 1) & (y <= (image.height or 0) - 1)
        return np.asarray(inside & (np.abs(places).ravel() <= max(inspected, default=0.0) / cladding.mean_diameter_px))


def _cladding(inspection: Inspection) -> Ellipse:
    assert inspection.geometry is not None, "a shot without geometry is not compared"
    return inspection.geometry.cladding.ellipse


def _to_fiber(cladding: Ellipse, points_px: Points) -> Places:
    center, matrix = to_circle(cladding)
    return np.asarray((points_px - center) @ matrix @ (1, 1j))


def _to_picture(cladding: Ellipse, places: Places) -> Points:
    center, matrix = to_circle(cladding)
    return np.stack([places.real.ravel(), places.imag.ravel()], axis=-1) @ np.linalg.inv(matrix) + center


def _evenly(path: Places) -> Places:
    """Points of a closed path, equally far from each other along it."""
    closed = np.append(path, path[0])
    along = np.concatenate([[0.0], np.abs(np.diff(closed)).cumsum()])
    return np.asarray(np.interp(np.arange(_POINTS) / _POINTS * along[-1], along, closed))


# --- the turn


def _decided(fewer: _Shot, other: _Shot, sign: float) -> WeighedTurn:
    """The turn of the best evidence, if that is neither chance nor much the same at another; `sign`: of `fewer`'s."""
    turns = np.arange(TURNS) * 360.0 / TURNS
    covered = _covered_shares(fewer, other, turns) >= COVERED  # (n_turn, n_mark)
    chance = np.maximum(covered.mean(axis=0), 1 / TURNS)  # of each mark to lie on another at any turn
    evidence = covered @ -np.log(chance)
    best = int(evidence.argmax())
    apart = np.abs((turns - turns[best] + 180) % 360 - 180) > APART_DEG
    alike, count = int(covered[best].sum()), covered.shape[1]
    log_chance = _log_chance(chance, float(evidence[best])) + math.log(_chances(covered, best))
    if log_chance > math.log(FALSE_ALARMS):
        why_not = f"too few marks lie alike at any turn: at most {alike} of {count} marks"
        return WeighedTurn(Turn(None, why_not), alike, count, log_chance)
    if evidence[best] < DISTINCT * evidence[apart].max():
        why_not = f"the marks lie alike at more than one turn: {alike} of {count} marks at the best"
        return WeighedTurn(Turn(None, why_not), alike, count, log_chance)
    fine = turns[best] + FINE_DEG
    shares = _covered_shares(fewer, other, fine).sum(axis=1) + _covered_shares(other, fewer, -fine).sum(axis=1)
    middle = _by_pairs(fewer, other, float(fine[shares >= shares.max() - 1e-9].mean()))
    return WeighedTurn(Turn(round(sign * middle % 360, 1) % 360), alike, count, log_chance)


def _by_pairs(shot: _Shot, other: _Shot, turn_deg: float) -> float:
    """The turn by the marks that are each other's partners: the median of their angles.

    What is covered tells it to a degree only, outlines being larger than their tolerance. Where a mark lies is the
    surer the smaller it is, and the angle of that the farther out.
    """
    forth = np.exp(1j * math.radians(turn_deg))
    partner, back = _partners(shot, other, forth), _partners(other, shot, forth.conjugate())
    mine = np.flatnonzero(partner >= 0)
    mine = mine[back[partner[mine]] == mine]
    if len(mine) < FEWEST_PAIRS:
        return turn_deg
    own, its = shot.outlines[mine], other.outlines[partner[mine]]
    places, its_places = own.mean(axis=1), its.mean(axis=1)
    off_deg = np.degrees(np.angle(its_places / (places * forth)))
    extent = np.maximum(np.abs(own - places[:, None]).max(axis=1), np.abs(its - its_places[:, None]).max(axis=1))
    weight = np.minimum(np.abs(places), np.abs(its_places)) / (extent + TOLERANCE)
    order = np.argsort(off_deg, kind="stable")
    reached = weight[order].cumsum()
    off = float(off_deg[order][np.searchsorted(reached, reached[-1] / 2)])
    return turn_deg + off if abs(off) <= FINE_DEG[-1] else turn_deg


def _partners(shot: _Shot, other: _Shot, forth: complex) -> NDArray[np.intp]:
    """(n_mark,) the place of the mark of the other shot that covers most of each, -1 where none covers enough."""
    found = other.marks_at(shot.outlines * forth)
    counts = [Counter(labels[labels > 0].tolist()).most_common(1) for labels in found]
    return np.array([of[0][0] - 1 if of and of[0][1] >= COVERED * _POINTS else -1 for of in counts], np.intp)


def _covered_shares(shot: _Shot, other: _Shot, turns_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_turn, n_mark): the share of each outline that lies on marks of the other shot when it is turned."""
    some = math.ceil(len(turns_deg) * shot.outlines.size / _AT_ONCE)
    parts = (
        (other.marks_at(np.exp(1j * np.radians(part))[:, None, None] * shot.outlines) > 0).mean(axis=2)
        for part in np.array_split(turns_deg, min(some, len(turns_deg)))
    )
    return np.concatenate(list(parts))


def _chances(covered: NDArray[np.bool_], best: int) -> float:
    """How many times on its way about the axis a shot of chance marks may come to lie as well as at the best turn.

    Marks that each stay covered for some turns at a time stay so together for the shorter a time the more they are.
    """
    entered = (covered & ~np.roll(covered, 1, axis=0)).sum()
    together = covered.sum() / max(entered, 1) / max(covered[best].sum(), 1)  # turns in a row
    return float(TURNS / max(together, 1.0))


def _log_chance(chance: NDArray[np.float64], evidence: float) -> float:
    """Upper bound of the logarithm of how likely marks that lie by chance come to so much evidence."""
    moments = np.log1p(chance ** (1 - _EXPONENTS) - chance).sum(axis=1)
    return min(float((moments - _EXPONENTS[:, 0] * evidence).min()), 0.0)


# --- the marks


def _fates(shot: _Shot, other: _Shot, turn: complex, gone: Fate) -> tuple[MarkFate, ...]:
    turned = shot.outlines * turn
    found = other.marks_at(turned)
    seen = other.shows(turned).reshape(found.shape).mean(axis=1) >= COVERED
    names = [mark.id for mark in other.inspection.defects]
    return tuple(
        MarkFate(mark.id, *_fate(labels, bool(is_seen), names, gone))
        for mark, labels, is_seen in zip(shot.inspection.defects, found, seen, strict=True)
    )


def _fate(labels: NDArray[np.int32], is_seen: bool, names: Sequence[str], gone: Fate) -> tuple[Fate, str]:
    there = Counter(labels[labels > 0].tolist())
    if there.total() >= COVERED * len(labels):
        return "stayed", names[there.most_common(1)[0][0] - 1]
    return (gone if is_seen else "unseen"), ""
