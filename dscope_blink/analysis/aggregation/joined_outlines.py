"""The outlines of several marks as the one outline of the mark that they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dscope_blink.analysis.aggregation.mark_shapes import areas_of
from dscope_blink.records import SourceMark

THINNEST_PX = 0.5  # half the width of what ties two pieces


def area_of(mark: SourceMark) -> Any:
    """What a mark covers in pixels, without its holes; of what crosses itself all that it goes around."""
    import shapely

    area = shapely.Polygon(mark.outline_px) if len(mark.outline_px) > 2 else None
    if area is None or not area.is_valid:
        (area,) = areas_of([mark.outline_px])
        area = area if area.geom_type in ("Polygon", "LineString", "Point") else joined([area])
    holes = () if mark.defect is None else mark.defect.holes_px
    if not holes:
        return area
    open_area = shapely.difference(area, shapely.union_all(areas_of(holes)))
    return area if open_area.is_empty else joined([open_area])


class Areas:
    """What marks cover, each worked out once: with every source that is left out all others are merged again."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[SourceMark, Any]] = {}  # with the mark, lest another gets its number

    def of(self, mark: SourceMark) -> Any:
        """As `area_of`."""
        known = self._known.get(id(mark))
        if known is None:
            known = self._known[id(mark)] = mark, area_of(mark)
        return known[1]


def joined(areas: Sequence[Any]) -> Any:
    """The union, as one polygon: pieces apart are tied at their nearest points, as wide as the thinner of the two.

    Pieces of a line are so tied along it. A line or a point where there is no more.
    """
    import shapely

    whole = areas[0] if len(areas) == 1 else shapely.union_all(areas)
    while whole.geom_type.startswith(("Multi", "Geometry")):
        *others, least = sorted(whole.geoms, key=lambda part: (-part.area, part.bounds))
        nearest = min(others, key=lambda part: (part.distance(least), part.bounds))
        width = max(min(_half_width(least), _half_width(nearest)), THINNEST_PX)
        tie = shapely.shortest_line(least, nearest).buffer(width)
        whole = shapely.union_all([*others, least, tie])
    return whole


def _half_width(area: Any) -> float:
    """Of the ribbon with this area and outline."""
    return float(area.area / max(area.length, 1e-9))
