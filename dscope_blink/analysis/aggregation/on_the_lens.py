"""Marks that stay at their place of the picture while the face moves: dust on lens or camera, not on the face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dscope_blink.analysis.aggregation.chance import IN_WORDS, is_chance, log_tail
from dscope_blink.analysis.aggregation.face_places import Floats
from dscope_blink.analysis.aggregation.moving import Move, cladding_of
from dscope_blink.records import Detection, Ellipse, MergedMark, Pattern, Points

_TOLERANCE = 0.03  # radii of the cladding: what an outline moves by from shot to shot
_AROUND = 10.0  # tolerances: as dense as there marks lie by chance, too
_MOVED = 4.0  # tolerances that a mark of the face must have moved by, for its place to tell
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class _Shot:
    """One picture and the marks that its records have, in its own pixels."""

    size_px: tuple[int, int]
    angle_deg: float
    cladding: Ellipse
    names: tuple[tuple[str, str], ...]  # source and id of each mark
    places_px: Points  # (n, 2)


def staying(marks: Sequence[MergedMark], detections: Sequence[Detection]) -> tuple[Pattern, ...]:
    """Of every two pictures that show the face in other places the marks that are at the same place of both.

    Parameters
    ----------
    marks : merged
    detections : records of this program among them, whose inspections are in pixels of their own pictures
    """
    shots = _shots(detections)
    pairs = [pair for pair in combinations(shots, 2) if pair[0].size_px == pair[1].size_px]
    found: dict[str, None] = {}
    for first, second in pairs:
        names = _staying_in(first, second, len(pairs))
        found |= dict.fromkeys(m.defect.id for m in marks if names & {member.name for member in m.members})
    if not found:
        return ()
    text = f"{len(found)} marks are at the same place of pictures in which the face lies otherwise, {IN_WORDS}"
    return (Pattern("stays", tuple(found), text, "lens or camera: dust on them, not on the face"),)


def _shots(detections: Sequence[Detection]) -> list[_Shot]:
    """One for each picture whose fiber was located and whose turn is known."""
    grouped: dict[str, list[Detection]] = {}
    for one in detections:
        grouped.setdefault(one.source.picture_sha256 or one.source.picture, []).append(one)
    shots = map(_shot, grouped.values())
    return [shot for shot in shots if shot is not None]


def _shot(group: Sequence[Detection]) -> _Shot | None:
    """By the record of it that has most marks: those of others would be the same again."""
    records = [one for one in group if one.inspection is not None and one.source.turn.angle_deg is not None]
    if not records:
        return None
    best = max(records, key=lambda one: (len(one.marks), one.source.key))
    face, angle = best.inspection, best.source.turn.angle_deg
    cladding = None if face is None else cladding_of(face)
    if face is None or cladding is None or angle is None or face.image.size_px is None:
        return None
    names = tuple((best.source.key, mark.id) for mark in face.defects)
    places = np.array([mark.centroid_px for mark in face.defects]).reshape(-1, 2)
    return _Shot(face.image.size_px, angle, cladding, names, places)


def _staying_in(first: _Shot, second: _Shot, pairs: int) -> set[tuple[str, str]]:
    """Source and id of the marks of both pictures that are at the same place, if those are no chance."""
    if not len(first.names) or not len(second.names):
        return set()
    tolerance = _TOLERANCE * second.cladding.area_diameter_px / 2
    moved_to = Move(first.cladding, second.cladding, first.angle_deg - second.angle_deg).points(first.places_px)
    to_place, to_moved = _apart(first.places_px, second.places_px), _apart(moved_to, second.places_px)
    tells = np.hypot(*(moved_to - first.places_px).T) >= _MOVED * tolerance
    stays = tells & (to_place.min(axis=1) <= tolerance) & (to_moved.min(axis=1) > tolerance)
    near = (to_place <= _AROUND * tolerance).sum(axis=1)
    chance = np.minimum((near + 1) / _AROUND**2, 1.0)
    if stays.sum() < _FEWEST:
        return set()
    if is_chance(log_tail(int(stays.sum()), int(tells.sum()), float(chance[tells].mean())), pairs):
        return set()
    partners = to_place.argmin(axis=1)
    mine = {name for name, is_one in zip(first.names, stays, strict=True) if is_one}
    return mine | {second.names[partners[place]] for place in np.flatnonzero(stays)}


def _apart(some: Points, others: Points) -> Floats:
    """(n_some, n_other) distances in pixels."""
    steps = some[:, None] - others
    return np.asarray(np.hypot(steps[..., 0], steps[..., 1]))
