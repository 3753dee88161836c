"""Patterns of the marks of a face, each only where chance is bounded, and where they point.

On a face whose marks lie by chance each kind is named in fewer than one of a thousand: `chance.FALSE_ALARMS`.
"""

from __future__ import annotations

from collections.abc import Sequence

from dscope_blink.analysis.aggregation.directions import about_the_fiber, across_zones, parallels
from dscope_blink.analysis.aggregation.face_places import FacePlaces
from dscope_blink.analysis.aggregation.on_the_lens import staying
from dscope_blink.analysis.aggregation.rings import one_sided, ring_of
from dscope_blink.analysis.aggregation.rows import rows_of
from dscope_blink.records import Detection, Inspection, MergedMark, Pattern


def patterns_of(
    marks: Sequence[MergedMark], face: Inspection, detections: Sequence[Detection] = ()
) -> tuple[Pattern, ...]:
    """Every pattern that is no chance; a mark may be part of several.

    Parameters
    ----------
    marks : merged, in pixels of the picture of `face`
    face : with its fiber and zones; without them no pattern about the fiber is looked for
    detections : of records of several pictures, each of whose inspection is in pixels of its own
    """
    found = staying(marks, detections)
    places = FacePlaces.of(marks, face)
    if places is None or not marks:
        return found
    ring, side, about = ring_of(places), one_sided(places), about_the_fiber(places)
    rows = rows_of(places, ring.marks if ring is not None else ())
    single = tuple(pattern for pattern in (ring, side, about) if pattern is not None)
    return (*found, *single, *parallels(places), *across_zones(places), *rows)
