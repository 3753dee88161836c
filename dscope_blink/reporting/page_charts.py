"""The charts of a batch as numbers for SVG: where each bar, line and letter goes, in the chart's own units."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from dscope_blink.records import CLASSIFICATIONS
from dscope_blink.reporting.batch_statistics import RADII, BatchStatistics, Floats, MarkMap

WIDTH, HEIGHT = 520.0, 150.0  # of a plot, without the room for its ticks
MAP_SIDE = 500.0
MOST_BARS = 40
# Fewer say more as a sentence than as a chart.
FEWEST = 10  # sizes of a distribution: of fewer, one would be more than a tenth of it
FEWEST_ON_MAP = 5  # located fibers: of fewer, what two share by chance looks like a place where marks pile up
FEWEST_IN_TIME, FEWEST_IN_BAR = 20, 5  # pictures of a course in time: four bars, each enough for a share
SHORTEST_COURSE_H = 2
NAME_DEG = {"A": 45, "B": 72, "C": 18, "D": 45}  # where a letter stands: those of B and C, which are close, apart
STATUSES = ("PASS", "FAIL", "NOT_GRADED")


@dataclass(frozen=True, slots=True)
class Bar:
    """An upright rectangle; `style` names what it stands for, `title` says it in words."""

    x: float
    y: float
    width: float
    height: float
    style: str
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and what is written there."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Bars above an axis; the origin at the upper left."""

    title: str
    note: str
    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_label: str
    y_label: str
    median: float | None = None  # place of a line across
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True, slots=True)
class Reason:
    """Why pictures failed or were not graded, for one bar of the Pareto chart."""

    key: str
    status: str
    count: int
    share_pct: float  # of all pictures
    bar_pct: float  # length of the bar


@dataclass(frozen=True, slots=True)
class Shade:
    """A square of a map, the darker the more pictures have a mark there."""

    x: float
    y: float
    side: float
    opacity: float
    title: str


@dataclass(frozen=True, slots=True)
class Ring:
    """The border of a zone around the centre of the map, and where its letter stands."""

    letter: str
    radius: float
    name_at: tuple[float, float]


@dataclass(frozen=True, slots=True)
class MapChart:
    """Marks of many pictures over each other, above the grid of how many pictures are hit."""

    width: float
    height: float
    cells: tuple[Shade, ...]
    levels: tuple[Tick, ...]  # the key of the grid: opacity and count
    rings: tuple[Ring, ...]
    centre: tuple[float, float]
    paths: Mapping[str, str]  # by style: the marks that break a limit, and the others
    bar: Tick  # length of the scale bar
    faces: int
    left_out: int
    most_hit: int
    most_hit_at: tuple[float, float] | None
    most_hit_text: str
    shows_marks: bool


def pareto(batch: BatchStatistics) -> tuple[Reason, ...]:
    """What pictures failed by, the commonest first, then what kept them from being graded."""
    reasons = batch.totals.reasons.most_common()
    longest = max((count for _, count in reasons), default=1)
    return tuple(
        Reason(reason, status, count, 100 * count / batch.totals.images, 100 * count / longest)
        for (status, reason), count in sorted(reasons, key=lambda found: found[0][0])  # stable: the commonest first
    )


def trend(batch: BatchStatistics) -> Plot:
    """Verdicts in the order in which the pictures were taken, in groups; no bars for few pictures or a short time."""
    ordered = sorted(batch.moments, key=lambda moment: moment[0])  # stable: the order of the batch within a second
    title, few = "Verdicts in the order of time", _too_few_for_time(ordered)
    if few:
        return Plot(title, few, (), (), (), "", "pictures")
    highest = max(math.ceil(len(ordered) / MOST_BARS), FEWEST_IN_BAR)
    groups = [range(first, min(first + highest, len(ordered))) for first in range(0, len(ordered), highest)]
    pitch, statuses = WIDTH / len(groups), [status for _, status in ordered]
    bars = [
        bar for number, group in enumerate(groups) for bar in _stack(group, statuses, number * pitch, pitch, highest)
    ]
    return Plot(
        title=title,
        note=f"{len(ordered)} pictures, {highest} to a bar",
        bars=tuple(bars),
        x_ticks=(Tick(pitch / 2, _minute(ordered[0][0])), Tick(WIDTH - pitch / 2, _minute(ordered[-1][0]))),
        y_ticks=_count_ticks(highest),
        x_label="",
        y_label="pictures",
    )


def _too_few_for_time(ordered: Sequence[tuple[str, str]]) -> str:
    """Why there is no course in time to show; empty where there is."""
    graded = sum(status != "NOT_GRADED" for _, status in ordered)
    if graded < FEWEST_IN_TIME:
        return f"not shown for fewer than {FEWEST_IN_TIME} graded pictures, here {graded}"
    if _is_a_course(ordered[0][0], ordered[-1][0]):
        return ""
    return f"not shown for less than {SHORTEST_COURSE_H} hours from the first picture to the last"


def _is_a_course(first: str, last: str) -> bool:
    try:
        hours = datetime.fromisoformat(last[:19]) - datetime.fromisoformat(first[:19])
    except ValueError:  # a record that others made
        return False
    return hours >= timedelta(hours=SHORTEST_COURSE_H)


def _stack(group: range, statuses: Sequence[str], x: float, pitch: float, highest: int) -> Iterator[Bar]:
    """The verdicts of a group of pictures, one upon the other."""
    below = HEIGHT
    for status in STATUSES:
        count = sum(statuses[number] == status for number in group)
        height = HEIGHT * count / highest
        below -= height
        if count:
            title = f"{_from_to(group[0] + 1, group[-1] + 1)}: {count} {status.replace('_', ' ')}"
            yield Bar(x, below, pitch * 0.92, height, status, title)


def _from_to(first: int, last: int) -> str:
    return f"picture {first}" if first == last else f"pictures {first} to {last}"


def _minute(moment: str) -> str:
    """`2026-11-21 20:31` of an ISO 8601 time."""
    return moment[:16].replace("T", " ")


def cladding_plot(batch: BatchStatistics) -> Plot:
    """Diameters of the cladding: in um where they were measured, in px where the scale was taken from them."""
    if batch.diameters_um:
        without = f"; {batch.known_diameters} with a given diameter are left out" if batch.known_diameters else ""
        return _histogram("Cladding diameter", batch.diameters_um, "um", without)
    note = "; it gave the scale, so it is shown in pixels" if batch.known_diameters else "; there is no scale"
    return _histogram("Cladding diameter", batch.diameters_px, "px", note if batch.diameters_px else "")


def concentricity_plot(batch: BatchStatistics) -> Plot:
    """Distances of the centres of core and cladding."""
    return _histogram("Concentricity error", batch.offsets_um, "um", "")


def _histogram(title: str, values: Sequence[float], unit: str, note: str) -> Plot:
    if not values:
        return Plot(title, "not measured in any picture", (), (), (), unit, "pictures")
    measured = np.array(values)
    median = float(np.median(measured))
    several = f"median {median:.4g} {unit}, {measured.min():.4g} to {measured.max():.4g} {unit}"
    spread = f"{_pictures(measured.size)}, {several if measured.size > 1 else f'{median:.4g} {unit}'}{note}"
    if measured.size < FEWEST:
        return Plot(title, spread, (), (), (), unit, "pictures")
    edges = _edges(measured)
    counts = np.histogram(np.clip(measured, edges[0], edges[-1]), edges)[0]  # what rounding puts beyond the last edge
    highest = int(counts.max())
    x = (edges - edges[0]) / (edges[-1] - edges[0]) * WIDTH
    titles = [f"{low:.4g} to {high:.4g} {unit}: {n}" for low, high, n in zip(edges, edges[1:], counts, strict=False)]
    heights, widths = HEIGHT * counts / highest, np.diff(x) * 0.94
    bars = tuple(
        Bar(float(x[k]), HEIGHT - float(heights[k]), float(widths[k]), float(heights[k]), "value", titles[k])
        for k in np.flatnonzero(counts)
    )
    return Plot(
        title=title,
        note=spread,
        bars=bars,
        x_ticks=_value_ticks(edges),
        y_ticks=_count_ticks(highest),
        x_label=unit,
        y_label="pictures",
        median=float(np.interp(median, edges, x)),
    )


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


def _edges(values: Floats) -> Floats:
    """Borders of bins on round numbers, about the square root of the number of values."""
    low, high = float(values.min()), float(values.max())
    bins = min(max(math.ceil(math.sqrt(values.size)), 5), 30)
    step = nice_step(max(high - low, abs(high) * 1e-3, 1e-6) / bins)
    return np.asarray(np.arange(math.floor(low / step), math.floor(high / step) + 2) * step)


def nice_step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * (1 - 1e-9))


def _value_ticks(edges: Floats) -> tuple[Tick, ...]:
    low, high = float(edges[0]), float(edges[-1])
    step = nice_step((high - low) / 6)
    at = np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return tuple(Tick((value - low) / (high - low) * WIDTH, f"{value:.{decimals}f}") for value in at.tolist())


def _count_ticks(highest: int) -> tuple[Tick, ...]:
    step = max(1, round(nice_step(highest / 4)))
    return tuple(Tick(HEIGHT * (1 - n / highest), str(n)) for n in range(0, highest + 1, step))


def too_few_for_maps(batch: BatchStatistics) -> str:
    """Why maps would show no place where marks pile up; empty where they may."""
    located = len(batch.faces)
    return f"not shown for fewer than {FEWEST_ON_MAP} located fibers, here {located}" if located < FEWEST_ON_MAP else ""


def fiber_chart(batch: BatchStatistics) -> MapChart:
    """The map in the coordinates of the fiber, with its zones."""
    marks = batch.fiber_map()
    factor = _factor(marks)
    rings = tuple(_ring(letter, radius * factor) for letter, radius in batch.zones().items())
    x, y = marks.most_hit[1:]
    text = f"{math.hypot(x, y):.3g} {marks.unit} from the centre, at {_clock(x, y)} o'clock"
    return _map_chart(marks, factor, rings, text)


def picture_chart(batch: BatchStatistics) -> MapChart:
    """The map in the coordinates of the picture."""
    marks = batch.picture_map()
    x, y = marks.most_hit[1:]
    return _map_chart(marks, _factor(marks), (), f"{x:.0f} px from the left, {y:.0f} px from the top")


def _ring(letter: str, radius: float) -> Ring:
    at = math.radians(NAME_DEG[letter])
    return Ring(letter, radius, (radius * math.cos(at), -radius * math.sin(at)))


def _factor(marks: MarkMap) -> float:
    return MAP_SIDE / (marks.cell * max(marks.hits.shape))


def _clock(x: float, y: float) -> int:
    """Hour of a direction, y downwards."""
    return round(math.degrees(math.atan2(x, -y)) / 30) % 12 or 12


def _map_chart(marks: MarkMap, factor: float, rings: tuple[Ring, ...], most_hit_text: str) -> MapChart:
    height, width = (side * marks.cell * factor for side in marks.hits.shape)
    highest = int(marks.hits.max())
    drawn = bool(marks.outlines) or not marks.kinds.size
    most_hit, x, y = marks.most_hit
    length = nice_step(marks.cell * marks.hits.shape[1] / 8)
    unit = "cladding radius" if (length, marks.unit) == (1, RADII) else marks.unit
    return MapChart(
        width=width,
        height=height,
        cells=_shades(marks, factor, 1 + drawn),  # what one picture shows is said by the mark itself
        levels=tuple(Tick(_opacity(n, highest), str(n)) for n in _levels(1 + drawn, highest)),
        rings=rings,
        centre=(-marks.left_top[0] * factor, -marks.left_top[1] * factor),
        paths=_paths(marks, factor) if drawn else {},
        bar=Tick(length * factor, f"{length:g} {unit}"),
        faces=marks.faces,
        left_out=marks.left_out,
        most_hit=most_hit,
        most_hit_at=((x - marks.left_top[0]) * factor, (y - marks.left_top[1]) * factor) if most_hit > 1 else None,
        most_hit_text=most_hit_text,
        shows_marks=drawn,
    )


def _shades(marks: MarkMap, factor: float, lowest: int) -> tuple[Shade, ...]:
    side, highest = marks.cell * factor, int(marks.hits.max())
    places = ((int(row), int(column)) for row, column in zip(*np.nonzero(marks.hits >= lowest), strict=True))
    found = ((row, column, int(marks.hits[row, column])) for row, column in places)
    return tuple(
        Shade(column * side, row * side, side, _opacity(count, highest), f"{count} of {marks.faces} pictures")
        for row, column, count in found
    )


def _levels(lowest: int, highest: int) -> list[int]:
    """At most five counts from the lowest that is shaded to the highest."""
    spread = highest - lowest
    return sorted({lowest + round(spread * share) for share in (0, 0.25, 0.5, 0.75, 1)}) if spread >= 0 else []


def _opacity(count: int, highest: int) -> float:
    return round(0.12 + 0.83 * (count / highest), 3)


def _paths(marks: MarkMap, factor: float) -> dict[str, str]:
    """One SVG path for the marks of each kind that break a limit, and one for the others."""
    paths: dict[str, list[str]] = {}
    for outline, kind, broken in zip(marks.outlines, marks.kinds.tolist(), marks.broken.tolist(), strict=True):
        style = f"{CLASSIFICATIONS[kind]} {'broken' if broken else 'kept'}"
        at = ((outline - marks.left_top) * factor).ravel().tolist()
        paths.setdefault(style, []).append(f"M{' '.join(f'{value:.1f}' for value in at)}z")
    return {style: "".join(parts) for style, parts in sorted(paths.items(), key=lambda item: "broken" in item[0])}
