"""The two looks at a sheet: a first that is enough where its count fits a layout, and a second that may add little.

The second is one at the picture itself where a layout has an open place (`gates.recovery.accepts`: placed), or others
of the finder: then what only they saw counts only on an open place, and only if it is dark enough. So a ghost of
confidence 0.001 never mends a count; the plain rule (`all`), by which it does, can be given.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from dscope_blink.config.gate_settings import DuplicateSettings, FellowSettings, GateSettings, RecoverySettings
from dscope_blink.gates.deduplication import Sameness, without_duplicates
from dscope_blink.gates.fellows import Fellows, is_other_print, marker_on
from dscope_blink.gates.open_places import Open, Placed, Standing, stand_on
from dscope_blink.gates.searching import MarkerFinder, Picture, Search
from dscope_blink.records import Box, FoundObject, Marker, SearchPass

UNMEASURED = math.nan  # of the ink in a box: a layout says how it is measured
PAPER_MARGIN = 0.5  # of the sides of a box: as much around it is looked at for paper
PAPER_PERCENTILE = 90


def find_markers(
    picture: Picture, finder: MarkerFinder, layouts: Sequence[Placed], settings: GateSettings
) -> tuple[Marker, ...]:
    """The markers of a sheet.

    Parameters
    ----------
    picture : (H, W) grey or (H, W, 3) blue, green, red, uint8
    finder : what finds them
    layouts : of which the sheet may be; none where they are still to be learned
    settings : section `gates` of the configuration

    Returns
    -------
    tuple of Marker, those of the first look before those of the second, the surest first; their ink is not measured
    """
    same = _sameness(settings.duplicates)
    first = settings.primary
    seen = without_duplicates(finder(picture, Search(first.side_px, first.confidence, first.overlap)), same)
    if settings.recovery.accepts == "placed":  # a letter more and a marker less leave the count as it is
        return _placed(picture, seen, layouts, settings.fellows)
    fits = any(_counts(seen) == Counter(place.kind for place in layout.places) for layout in layouts)
    if fits or settings.recovery.accepts == "none":
        return _as_markers(seen, "primary")
    again = [one for look in _looks(picture, finder, settings.recovery) for one in look]
    merged = without_duplicates([*seen, *again], same)
    only_again = [one for one in merged if one not in seen]
    if settings.recovery.accepts == "all":
        return (*_as_markers([one for one in merged if one in seen], "primary"), *_as_markers(only_again, "recovery"))
    accepted = _expected(picture, seen, only_again, layouts, settings.recovery)
    return (*_as_markers(seen, "primary"), *_as_markers(accepted, "recovery"))


def _counts(found: Sequence[FoundObject]) -> Counter[str]:
    return Counter(one.kind for one in found)


def _as_markers(found: Sequence[FoundObject], look: SearchPass) -> tuple[Marker, ...]:
    return tuple(Marker(one, look, UNMEASURED, UNMEASURED, UNMEASURED) for one in found)


def _sameness(settings: DuplicateSettings) -> Sameness:
    return Sameness(settings.overlap, settings.least_area_ratio, settings.most_area_ratio)


# --- the look at the places themselves


def _placed(
    picture: Picture, seen: tuple[FoundObject, ...], layouts: Sequence[Placed], rules: FellowSettings
) -> tuple[Marker, ...]:
    """The markers of the first look without other print, and those that open places show beside their fellows."""
    standing = _best_standing(picture, seen, layouts)
    if standing is None or not (standing.free or standing.beside):
        return _as_markers(seen, "primary")
    gray = np.asarray(picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    on_places = [one for one in seen if one not in standing.beside]

    def fellows(kind: str, near_px: tuple[float, float]) -> Fellows | None:
        return Fellows.of(gray, kind, near_px, on_places)

    beside = ((one, fellows(one.kind, one.box.center_px)) for one in standing.beside)
    other = [one for one, own in beside if own is not None and is_other_print(one, own, rules)]
    kept = [one for one in seen if one not in other]
    opened = ((place, fellows(place.kind, place.center_px)) for place in standing.free)
    looked = (marker_on(place, own, rules) for place, own in opened if own is not None)
    added = [one for one in looked if one is not None and not any(one.box.overlap(had.box) for had in kept)]
    return (*_as_markers(kept, "primary"), *_as_markers(added, "recovery"))


def _best_standing(picture: Picture, seen: Sequence[FoundObject], layouts: Sequence[Placed]) -> Standing | None:
    """On the layout that the markers agree with most."""
    size_px = picture.shape[1], picture.shape[0]
    ways = [way for layout in layouts if (way := stand_on(seen, layout, size_px)) is not None]
    return max(ways, key=lambda way: way.agreement) if ways else None


# --- the second look of the finder


def _looks(picture: Picture, finder: MarkerFinder, rules: RecoverySettings) -> Iterator[tuple[FoundObject, ...]]:
    """What is seen in the picture, in its mirror images and at other scales, in pixels of the picture."""
    wanted = Search(rules.side_px, rules.confidence, rules.overlap)
    yield finder(picture, wanted)
    for axis in (1, 0) if rules.flips else ():  # left to right, top to bottom
        mirrored = np.ascontiguousarray(np.flip(picture, axis))
        yield tuple(_mirrored(one, picture.shape[axis], axis) for one in finder(mirrored, wanted))
    for scale in rules.scales:
        yield finder(picture, Search(round(scale * rules.side_px), rules.confidence, rules.overlap))


def _mirrored(one: FoundObject, length_px: int, axis: int) -> FoundObject:
    box = one.box
    if axis == 1:
        back = Box(length_px - box.right_px, box.top_px, length_px - box.left_px, box.bottom_px)
    else:
        back = Box(box.left_px, length_px - box.bottom_px, box.right_px, length_px - box.top_px)
    return FoundObject(one.kind, back, one.confidence)


def _expected(
    picture: Picture,
    seen: Sequence[FoundObject],
    only_again: Sequence[FoundObject],
    layouts: Sequence[Placed],
    rules: RecoverySettings,
) -> list[FoundObject]:
    """For the open places of the layout that most of the markers stand on, the surest that is dark enough on each."""
    standing = _best_standing(picture, seen, layouts)
    if standing is None:
        return []
    least = _least_darkness(picture, seen, rules.min_darkness)
    dark = [one for one in only_again if _darkness(picture, one.box) >= least.get(one.kind, math.inf)]
    free = [one for one in dark if not any(one.box.overlap(other.box) for other in seen)]
    chosen = []
    for place in standing.free:
        on_it = [one for one in free if _is_on(one, place)]
        if on_it:
            chosen.append(max(on_it, key=lambda one: one.confidence))
            free = [one for one in free if not one.box.overlap(chosen[-1].box)]
    return chosen


def _is_on(one: FoundObject, place: Open) -> bool:
    return one.kind == place.kind and math.dist(one.box.center_px, place.center_px) <= place.reach_px


def _least_darkness(picture: Picture, seen: Sequence[FoundObject], share: float) -> dict[str, float]:
    """By kind, from the markers of the first look; a kind that it saw nothing of has none."""
    return {
        kind: share * float(np.median([_darkness(picture, one.box) for one in seen if one.kind == kind]))
        for kind in _counts(seen)
    }


def _darkness(picture: Picture, box: Box) -> float:
    """Share of the light of the paper around a box that the median of its ink takes; 0 outside of the picture."""
    wide, high = PAPER_MARGIN * box.width_px, PAPER_MARGIN * box.height_px
    around = Box(box.left_px - wide, box.top_px - high, box.right_px + wide, box.bottom_px + high)
    ink, paper = _gray_in(picture, box), _gray_in(picture, around)
    if ink.size == 0:
        return 0.0
    return 1 - float(np.median(ink)) / max(float(np.percentile(paper, PAPER_PERCENTILE)), 1.0)


def _gray_in(picture: Picture, box: Box) -> Picture:
    height, width = picture.shape[:2]
    left, right = (int(np.clip(round(x), 0, width)) for x in (box.left_px, box.right_px))
    top, bottom = (int(np.clip(round(y), 0, height)) for y in (box.top_px, box.bottom_px))
    part = picture[top:bottom, left:right]
    if part.ndim == 2 or part.size == 0:
        return part
    return np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), np.uint8)
