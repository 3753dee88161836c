"""What no sheet tells: a layout that looks the same mirrored, and one whose places are a part of another's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

from dscope_blink.config.gate_settings import LayoutRules
from dscope_blink.gates.assignment import Laid, lay, places_of, turned_about
from dscope_blink.gates.placement import WAYS, poses_of
from dscope_blink.records import Layout


def ambiguities(layouts: Sequence[Layout], rules: LayoutRules) -> Iterator[str]:
    """What cannot be told by the markers of sheets of these layouts, a line each.

    Parameters
    ----------
    layouts : of which sheets may be
    rules : the section `gates.layout`
    """
    for one in layouts:
        ways = ways_alike(one, rules)
        if ways:
            yield f"layout {one.name}: its markers look the same {' and '.join(ways)}, and such a sheet is OK"
    for small, large in permutations(layouts, 2):
        if lies_within(small, large, rules):
            lost = len(large.places) - len(small.places)
            yield f"layout {small.name} lies within {large.name}: a sheet of that which lost the {lost} others is OK"


def ways_alike(layout: Layout, rules: LayoutRules) -> tuple[str, ...]:
    """How a sheet may lie and be taken for an upright one.

    Parameters
    ----------
    layout : of it
    rules : the section `gates.layout`
    """
    own, poses = places_of(layout), poses_of(rules)
    laid = (
        (name, lay(turned_about(own, quarters, mirrored), own, 1.0, poses, layout.tolerance_px))
        for name, quarters, mirrored in WAYS
    )
    return tuple(dict.fromkeys(name for name, found in laid if _is_whole(found, layout)))


def lies_within(small: Layout, large: Layout, rules: LayoutRules) -> bool:
    """Whether the places of one layout are a part of those of another.

    Parameters
    ----------
    small, large : layouts
    rules : the section `gates.layout`
    """
    if len(small.places) >= len(large.places):
        return False
    scale = small.width_px / large.width_px
    return _is_whole(lay(places_of(large), places_of(small), scale, poses_of(rules), small.tolerance_px), small)


def _is_whole(laid: Laid | None, layout: Layout) -> bool:
    return laid is not None and len(laid.pairs) == len(layout.places) and bool(laid.agreeing.all())
