"""Regions that a report looked at alone: how others name them, which zones they are, where their pictures begin.

A separation into core, cladding and ferrule calls ferrule whatever lies beyond the cladding: the ring of adhesive and
the ferrule itself, this program's zones adhesive and contact. Such a report is said to be of the contact zone, and to
have looked at both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from dscope_blink.records import Gravity
from dscope_blink.records.kinds import Zone

Offset: TypeAlias = tuple[float, float]  # x and y, px
Size: TypeAlias = tuple[int, int]  # width and height, px
Reach: TypeAlias = tuple[float, float, float, float]  # least and greatest x, least and greatest y, px
Box: TypeAlias = tuple[int, int, int, int]  # x, y, width and height, px

ZONE_OF_REGION: Mapping[str, Zone] = MappingProxyType(
    {"core": "core", "cladding": "cladding", "ferrule": "contact", "adhesive": "adhesive", "contact": "contact"}
)
WHOLE_PICTURE = ("whole", "full", "all", "image", "picture", "none", "")
_NAMES = "|".join(ZONE_OF_REGION)
_APART = r"[\s_.\-]+"
_NAMED = re.compile(
    rf"(?:(?P<picture>.+?){_APART})?(?:region{_APART})?(?P<region>{_NAMES})(?:{_APART}region)?", re.IGNORECASE
)


LONGEST_NAME = 255  # letters, of a file; the time that the pattern takes grows with the square of it


@dataclass(frozen=True, slots=True)
class NamedRegion:
    """What a name says: the region, and what is left of it, the name of the picture; empty where nothing is."""

    region: str
    picture: str


def region_in(name: str) -> NamedRegion | None:
    """The region that ends a name without extension: `a_core`, `region_core`, `core`; None where none does.

    `core_sample` is no region of a picture called sample.
    """
    found = _NAMED.fullmatch(name.strip()) if len(name) <= LONGEST_NAME else None
    if found is None:
        return None
    picture = found["picture"] or ""
    return NamedRegion(found["region"].casefold(), "" if picture.casefold() == "region" else picture)


def region_of_field(value: str) -> str | None:
    """The region that a field names; empty for the whole picture, None for what nobody knows."""
    text = value.strip().casefold()
    if text in WHOLE_PICTURE:
        return ""
    named = region_in(text)
    return named.region if named else None


@dataclass(frozen=True, slots=True)
class Placing:
    """Where the coordinates of a report begin in its picture, and how that is known."""

    offset_px: Offset
    why: str = ""  # for the log; empty: there is nothing to say
    gravity: Gravity = "info"
    cut_px: Size | None = None  # of the region's own picture, where that is known


def place_region(
    region: str,
    given_px: Offset | None,
    cut_px: Size | None,
    box_px: Box | None,
    picture_px: Size | None,
    reach_px: Reach | None,
) -> Placing:
    """Where the coordinates of a report on one region begin.

    Parameters
    ----------
    region : name of it; empty: the whole picture
    given_px : offset that the report gives, which counts before all others
    cut_px : size of what the report looked at, where it says so or its mask shows it
    box_px : around the region, in the picture, off its mask
    picture_px : size of the whole picture
    reach_px : least and greatest x and y of the places of its marks, as the report has them; None: it has none

    Returns
    -------
    Placing: the offset that is given; none where the report looked at the whole picture, or its marks reach beyond
    the box around the region and, as they are, lie in it; else the corner of that box; else none, with a warning
    """
    if given_px is not None:
        return Placing(given_px, cut_px=cut_px if cut_px != picture_px else None)
    if not region or (cut_px is not None and cut_px == picture_px):
        return Placing((0.0, 0.0))
    if box_px is None:
        what = f"region {region}: there is neither an offset nor a mask of it: its places are taken for the picture's"
        return Placing((0.0, 0.0), what, "warning", cut_px)
    return _in_its_box(region, cut_px, box_px, reach_px)


def _in_its_box(region: str, cut_px: Size | None, box_px: Box, reach_px: Reach | None) -> Placing:
    x, y, width, height = box_px
    corner, size = (float(x), float(y)), sides((width, height))
    if cut_px is not None and cut_px != (width, height):
        what = f"region {region}: its picture has {sides(cut_px)} pixels, the box around its mask {size}"
        return Placing(corner, what, "warning", cut_px)
    if reach_px is not None and _lie_in(reach_px, box_px) and not _lie_in(reach_px, (0, 0, width, height)):
        what = f"region {region}: its marks lie beyond {size} pixels and, as they are, in its mask: they are not moved"
        return Placing((0.0, 0.0), what)
    return Placing(corner, cut_px=(width, height))


def _lie_in(reach_px: Reach, box_px: Box) -> bool:
    x0, x1, y0, y1 = reach_px
    x, y, width, height = box_px
    return x - 0.5 <= x0 and x1 <= x + width - 0.5 and y - 0.5 <= y0 and y1 <= y + height - 0.5


def sides(size_px: Size | None) -> str:
    """A size for a line of the log."""
    return "no size" if size_px is None else f"{size_px[0]} x {size_px[1]}"
