"""Light around the fiber against that of good faces over the distance from the centre; below it the features that
deviate most, or, where a model knows none, how far each ring departs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dscope_blink.records import ComparisonMaps, Deviation, FloatImage, Points
from dscope_blink.reporting.aggregate_face import Area
from dscope_blink.reporting.figures import round_number
from dscope_blink.reporting.look import VIOLATING_COLOUR
from dscope_blink.reporting.plots import draw_lines, write
from dscope_blink.reporting.sheet import Shapes, Sheet

FACE_COLOUR, NORMAL_COLOUR, BAND_COLOUR, AXES_COLOUR = "#0072B2", "#606060", "#D9D9D9", "#000000"
BELOW, BESIDE, BETWEEN, ABOVE = 0.32, 0.42, 0.5, 0.18  # of a field, for its numbers and words; inches
MORE_COLOUR = "#D55E00"
MOST_BARS = 7
LEAST_REACH = 3.0  # spreads that the bars span: what good faces have is to look small
BARS_SHARE = 0.52  # of the width, for the bars; the rest is for names
BAR_NUMBERS = 0.34  # inches beside a bar, for its number
ROOM = 0.05  # of a range, above and below


@dataclass(frozen=True, slots=True)
class Field:
    """A rectangle of the page that spans two ranges of numbers."""

    area: Area
    low: tuple[float, float]
    high: tuple[float, float]

    def on_page(self, points: Points) -> Points:
        """(N, 2) inches, at the border where they lie beyond."""
        share = np.clip((np.asarray(points) - self.low) / (np.subtract(self.high, self.low)), 0, 1)
        return np.asarray((self.area.left, self.area.bottom) + share * (self.area.width, self.area.height))


def draw_profile(page: Sheet, area: Area, maps: ComparisonMaps, deviations: Sequence[Deviation] = ()) -> None:
    """Both halves of the panel."""
    height = (area.height - BELOW - BETWEEN - ABOVE) / 2
    left, width = area.left + BESIDE, area.width - BESIDE - 0.05
    _draw_light(page, Area(left, area.bottom + BELOW + height + BETWEEN, width, height), maps)
    lower = Area(left, area.bottom + BELOW, width, height)
    if deviations:
        draw_deviations(page, Area(area.left, lower.bottom, area.width, height), deviations)
    elif _judges_rings(maps):
        _draw_scores(page, lower, maps)
    else:
        write(page, (lower.left, lower.top + 0.13), "whole rings are not judged: there is no reference", size=8)


def _judges_rings(maps: ComparisonMaps) -> bool:
    """Not so of a face beside its own symmetry, whose rings may depart by any amount."""
    return bool(np.isfinite(maps.ring_limit).any())


def draw_deviations(page: Sheet, area: Area, deviations: Sequence[Deviation]) -> None:
    """A bar for each of the most deviant features, to the right where the face has more, else to the left."""
    shown = deviations[:MOST_BARS]
    reach = max(*(abs(one.spreads) for one in shown), LEAST_REACH)
    width = area.width * BARS_SHARE
    middle, step = area.right - width / 2 - 0.05, area.height / MOST_BARS
    half = width / 2 - BAR_NUMBERS
    for number, one in enumerate(shown):
        y, end = area.top - step * (number + 0.5), middle + half * one.spreads / reach
        thick = step * 0.3
        bar = np.array([(middle, y - thick), (end, y - thick), (end, y + thick), (middle, y + thick)])
        colour = MORE_COLOUR if one.spreads > 0 else FACE_COLOUR
        page.items.append(Shapes([(bar,)], [colour], None, 0.0, "deviation"))
        write(page, (area.right - width - 0.05, y), one.name, size=7.5, across="right")
        more = one.spreads > 0
        beside = (end + (0.05 if more else -0.05), y)
        write(page, beside, f"{one.spreads:+.1f}", size=7.5, across="left" if more else "right")
    draw_lines(page, [np.array([(middle, area.bottom), (middle, area.top)])], AXES_COLOUR, 0.8, "axes")
    write(page, (area.left, area.top + 0.13), "features that deviate most, in spreads of good faces", size=8)


def _draw_light(page: Sheet, area: Area, maps: ComparisonMaps) -> None:
    seen = np.isfinite(maps.ring_light) & np.isfinite(maps.ring_normal)
    if not seen.any():
        return
    radii = np.flatnonzero(seen) / maps.radius_px
    light, normal, judged = maps.ring_light[seen], maps.ring_normal[seen], _judges_rings(maps)
    limit = maps.ring_limit[seen] if judged else np.zeros_like(light)
    field = _field(area, radii, np.concatenate([light, normal - limit, normal + limit]))
    band = np.vstack([np.stack([radii, normal - limit], axis=1), np.stack([radii, normal + limit], axis=1)[::-1]])
    if judged:
        page.items.append(Shapes([(field.on_page(band),)], [BAND_COLOUR], None, 0.0, "limit"))
    draw_lines(page, [_path(field, radii, normal)], NORMAL_COLOUR, 0.8, "normal")
    draw_lines(page, [_path(field, radii, light)], FACE_COLOUR, 1.2, "face")
    _draw_axes(page, field, "")
    write(page, (area.left, area.top + 0.11), "this face", size=8, colour=FACE_COLOUR)
    beside = "good faces, and how far a ring may depart" if judged else "its own symmetry"
    write(page, (area.left + 0.6, area.top + 0.11), beside, size=8)


def _draw_scores(page: Sheet, area: Area, maps: ComparisonMaps) -> None:
    seen = np.isfinite(maps.ring_scores)
    if not seen.any():
        return
    radii, scores = np.flatnonzero(seen) / maps.radius_px, maps.ring_scores[seen]
    field = _field(area, radii, np.concatenate([[0.0, 1.2], scores]))
    draw_lines(page, [_path(field, np.array([0.0, field.high[0]]), np.ones(2))], VIOLATING_COLOUR, 0.8, "limit")
    draw_lines(page, [_path(field, radii, scores)], FACE_COLOUR, 1.2, "ring scores")
    _draw_axes(page, field, "distance from the centre, radii of the cladding")
    write(page, (area.left, area.top + 0.13), "departure of whole rings, 1 the limit", size=8)


def _field(area: Area, radii: Points, values: FloatImage) -> Field:
    low, high = float(values.min()), float(values.max())
    room = max(high - low, 1e-3) * ROOM
    return Field(area, (0.0, low - room), (float(radii.max()) or 1.0, high + room))


def _path(field: Field, radii: Points, values: FloatImage | Points) -> Points:
    return field.on_page(np.stack([radii, values], axis=1))


def _draw_axes(page: Sheet, field: Field, title: str) -> None:
    area = field.area
    corners = np.array([(area.left, area.top), (area.left, area.bottom), (area.right, area.bottom)])
    draw_lines(page, [corners], AXES_COLOUR, 0.8, "axes")
    for tick in _ticks(field.low[0], field.high[0]):
        x, y = field.on_page(np.array([(tick, field.low[1])]))[0]
        draw_lines(page, [np.array([(x, y), (x, y - 0.04)])], AXES_COLOUR, 0.8)
        write(page, (x, y - 0.12), f"{tick:g}", size=7.5, across="center")
    for tick in _ticks(field.low[1], field.high[1]):
        x, y = field.on_page(np.array([(field.low[0], tick)]))[0]
        draw_lines(page, [np.array([(x, y), (x - 0.04, y)])], AXES_COLOUR, 0.8)
        write(page, (x - 0.07, y), f"{tick:g}", size=7.5, across="right")
    if title:
        write(page, (area.left + area.width / 2, area.bottom - 0.26), title, size=8, across="center")


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers within a range, three to seven."""
    step = round_number((high - low) / 3)
    return [round(float(tick), 9) + 0.0 for tick in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step]
