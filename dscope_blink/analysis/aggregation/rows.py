"""Marks that lie in a straight row.

After J. Lezama, J.-M. Morel, G. Randall, R. Grompone von Gioi, "A Contrario 2D Point Alignment Detection", IEEE Trans.
Pattern Analysis and Machine Intelligence 37 (2015), DOI 10.1109/TPAMI.2014.2345389: a strip from mark to mark is
compared with what lies beside it, and it counts how many of the boxes along it hold a mark, not how many marks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.aggregation.chance import IN_WORDS, is_chance, log_tail
from dscope_blink.analysis.aggregation.directions import MADE_ACROSS, across_in_words
from dscope_blink.analysis.aggregation.face_places import FacePlaces, apart_deg
from dscope_blink.records import Pattern

MOST_MARKS = 200  # among more no rows are looked for: pairs times marks would take seconds
_HALF_WIDTHS = (0.015, 0.03)  # of a strip, in radii of the cladding
_BESIDE = 10.0  # half widths that are compared with
_SHARE, _SHARE_AT_BORDER = 1 / _BESIDE, 2 / (1 + _BESIDE)  # of the strip; where one side of it was not looked at
_SHORTEST = 0.5  # in radii: on a shorter piece a circle about the fiber is straight, too
_BOXES = 12
_FEWEST = 4  # boxes that hold a mark, beside the two at its ends
_MOST_ROWS = 3
_ALONG_DEG = 15.0  # that a scratch may lie off the row that it is a piece of
_PIECES = 0.6  # of the marks of a row: then it is a scratch in pieces


def rows_of(face: FacePlaces, elsewhere: Sequence[str] = ()) -> tuple[Pattern, ...]:
    """The rows that are least likely by chance, of which no two share half of their marks.

    Parameters
    ----------
    face : with its marks
    elsewhere : ids of marks of a ring: a piece of it is no row
    """
    count = len(face.places)
    if not _FEWEST + 2 <= count <= MOST_MARKS:
        return ()
    tests = len(_HALF_WIDTHS) * count * (count - 1) / 2
    found = [row for start in range(count - 1) for row in _from(face, start) if not is_chance(row[0], tests)]
    chosen = list[frozenset[int]]()
    for _, members in sorted(found, key=lambda row: (row[0], -len(row[1]), sorted(row[1]))):
        names = face.ids(sorted(members))
        in_ring = sum(name in elsewhere for name in names) > len(names) / 2
        if not in_ring and all(len(members & other) <= len(members) / 2 for other in chosen):
            chosen.append(members)
    return tuple(_row(face, sorted(members)) for members in chosen[:_MOST_ROWS])


def _from(face: FacePlaces, start: int) -> list[tuple[float, frozenset[int]]]:
    """Strips from one mark to each of those after it: how likely, and which marks."""
    ends = np.arange(start + 1, len(face.places))
    reach = face.places[ends] - face.places[start]
    ends, reach = ends[np.abs(reach) >= _SHORTEST], reach[np.abs(reach) >= _SHORTEST]
    turned = (face.places - face.places[start]) * (reach.conj() / np.abs(reach) ** 2)[:, None]  # (n_end, n_mark)
    along, across = turned.real, np.abs(turned.imag) * np.abs(reach)[:, None]
    between = (along > 1e-9) & (along < 1 - 1e-9)
    found = []
    for half in _HALF_WIDTHS:
        inside, near = between & (across <= half), between & (across <= _BESIDE * half)
        for row in np.flatnonzero(inside.sum(axis=1) >= _FEWEST):
            occupied = len(set((along[row, inside[row]] * _BOXES).astype(int).tolist()))
            if occupied < _FEWEST:
                continue
            share = _share(face, start, int(ends[row]), half)
            likely = log_tail(occupied, int(near[row].sum()), share)
            found.append((likely, frozenset((start, int(ends[row]), *np.flatnonzero(inside[row]).tolist()))))
    return found


def _share(face: FacePlaces, start: int, end: int, half: float) -> float:
    """Of the strip in itself and what lies beside it: more where not all of that was looked at."""
    places = face.places[[start, end]]
    beside = 1j * (places[1] - places[0]) / abs(places[1] - places[0]) * _BESIDE * half
    corners: NDArray[np.complex128] = np.concatenate([places + beside, places - beside])
    return _SHARE if face.shows(corners).all() else _SHARE_AT_BORDER


def _row(face: FacePlaces, members: Sequence[int]) -> Pattern:
    first, last = _ends(face, members)
    direction = np.angle(last - first) % np.pi
    along = apart_deg(face.directions[members], direction) <= _ALONG_DEG  # NaN, of a mark without direction, is not
    ids, degrees = face.ids(members), np.degrees(direction)
    if along.mean() < _PIECES:
        text = f"{len(ids)} marks lie in a row at {degrees:.0f} deg, {IN_WORDS}"
        return Pattern("row", ids, text, "handling or polishing: one hard grain that skipped across the face")
    if len(face.zones_crossed(members)) < 2:
        text = f"{len(ids)} marks lie along one line at {degrees:.0f} deg like pieces of one scratch, {IN_WORDS}"
        return Pattern("row", ids, text, "polishing: one scratch that was found in pieces")
    text = f"{len(ids)} pieces of a scratch at {degrees:.0f} deg lie {across_in_words(face, members)}, {IN_WORDS}"
    return Pattern("across_zones", ids, text, MADE_ACROSS)


def _ends(face: FacePlaces, members: Sequence[int]) -> tuple[complex, complex]:
    places = face.places[list(members)]
    apart = np.abs(places[:, None] - places)
    first, last = np.unravel_index(int(apart.argmax()), apart.shape)
    return complex(places[first]), complex(places[last])
