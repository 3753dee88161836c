"""The page of plots of one inspection: maps and distributions of its marks."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from contourpy import FillType, contour_generator

from dscope_blink.records import Defect, FloatImage, Inspection, Points, ZoneOutline, ellipse_points
from dscope_blink.reporting.figures import drawable, round_number
from dscope_blink.reporting.look import CLASS_TITLES, COUNTED_COLOUR, UNCOUNTED_COLOUR, VIOLATING_COLOUR, ZONE_COLOURS
from dscope_blink.reporting.sheet import Shapes, Sheet, Strokes, Words

_TURN = np.linspace(0, 2 * np.pi, 37)[:-1]
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1) / 2
_SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
_HALF_CROSS = np.array([(-1, 2), (0, 1), (1, 2), (2, 1), (1, 0), (2, -1)]) / 4
# Outlines of markers that are 1 wide.
CLASS_MARKS = MappingProxyType(
    {
        "scratch": np.array([(0, 1), (-1, -1), (1, -1)]) / 2,
        "pit_dig": _CIRCLE,
        "contamination": _SQUARE,
        "crack": np.vstack([_HALF_CROSS, -_HALF_CROSS]),
        "chip": _SQUARE @ ((1, 1), (-1, 1)) / np.sqrt(2),
    }
)
_STANDINGS = (("breaks a limit", VIOLATING_COLOUR), ("counted", COUNTED_COLOUR), ("not counted", UNCOUNTED_COLOUR))
EDGE = "#444444"  # around what is white or yellow, on white paper
_DIMENSIONS = MappingProxyType(
    {
        "cladding_diameter": "cladding",
        "core_diameter": "core",
        "core_cladding_offset": "core/cladding offset",
        "core_offset_x": "    to the right",
        "core_offset_y": "    downwards",
    }
)
_PAGE_INCHES = (12.0, 7.6)
# Places on the page in inches from the lower left.
_MAP_CENTRE, _MAP_RADIUS = (3.55, 3.7), 2.95  # the radius is that of the circle that holds all marks and zones
_HEAT_CENTRE, _HEAT_RADIUS = (8.45, 5.3), 1.4
_RADII_CORNER, _ANGLES_CORNER, _FIELD_SIZE = (7.5, 0.65), (9.85, 0.65), (1.95, 2.2)
_LEGEND_X = 10.3
_RIM = 1.05  # of that radius
_MARK_POINTS = (5.0, 24.0)  # a smaller mark would not be seen, a larger one would hide its neighbours
_OUTLINE_POINTS = 180
_RADIAL_BINS, _ANGULAR_BINS = 25, 24
_MAX_NAMED = 30  # ids written beside violating marks
_HEAT_POINTS = 64  # of an outline
_HEAT_CELLS = 100  # along a side of the map: finer than the bells
# Doubling from level to level, as the weights that ship do: each lies well within a level. Lightness falls all the way,
# so that hue does not matter (ColorBrewer 2.0, YlOrBr, Harrower and Brewer 2003, DOI 10.1179/000870403235002042).
_HEAT_LEVELS = (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
HEAT_COLOURS = ("#FFF7BC", "#FEE391", "#FEC44F", "#FE9929", "#EC7014", "#CC4C02", "#8C2D04")


def diameter_text(outline: ZoneOutline, inspection: Inspection) -> str:
    """Mean of both axes, in um where there is a scale; a circle keeps its diameter when the pixels are not square."""
    radii = np.hypot(*((ellipse_points(outline.outer, 4) - outline.outer.center_px) * _factors(inspection)).T)
    return f"{2 * radii.mean():.3g} {'um' if inspection.scale else 'px'}"


def violating_ids(inspection: Inspection) -> frozenset[str]:
    """Ids of the defects that break a rule."""
    return frozenset(name for violation in inspection.verdict.violations for name in violation.defects)


def polar_sheet(inspection: Inspection, weights: Mapping[str, float], spread_share: float) -> Sheet:
    """Where the marks lie: their polar map, a heat map, and their distribution over radius and angle.

    Both maps have the centre of the cladding in their middle and show the face as it is on the screen; lengths are in
    um (px without a scale), angles run clockwise from x to the right. A picture whose zones could not be inspected
    gives a page that says why: an empty map would claim that it is clean.

    Parameters
    ----------
    inspection : Inspection
    weights : heat of a mark by its severity
    spread_share : standard deviation of the bell that each point of a mark becomes, as a share of the map's radius
    """
    page = Sheet(_PAGE_INCHES)
    title = f"{drawable(inspection.title)}    {inspection.verdict.status.replace('_', ' ')}"
    write(page, (_PAGE_INCHES[0] / 2, 7.35), title, size=12, bold=True, across="center")
    if inspection.geometry is None or not inspection.zones:
        _write_reasons(page, inspection)
    else:
        _draw_map(page, inspection)
        _draw_heat(page, inspection, weights, spread_share)
        _draw_radii(page, inspection)
        _draw_angles(page, inspection)
        _draw_legend(page, inspection)
    return page


def write(page: Sheet, at: tuple[float, float], text: str, size: float = 8.5, **looks: Any) -> None:
    """Words on the page."""
    page.items.append(Words(at, text, size, **looks))


def draw_lines(
    page: Sheet, paths: Sequence[Points], colours: str | Sequence[str], width: float, label: str = ""
) -> None:
    """Open lines of one width, of one colour or one for each."""
    each = [colours] * len(paths) if isinstance(colours, str) else colours
    page.items.append(Strokes(paths, each, width, label))


def draw_markers(
    page: Sheet, outline: Points, places: Points, points: Points, faces: Sequence[str | None], edge: str, **looks: Any
) -> None:
    """An outline that is 1 wide at each place, enlarged to so many points."""
    rings = [(place + outline * size / 72,) for place, size in zip(places, points, strict=True)]
    page.items.append(Shapes(rings, faces, edge, **looks))


def _write_reasons(page: Sheet, inspection: Inspection) -> None:
    text = "\n".join(line for reason in inspection.verdict.reasons for line in textwrap.wrap(drawable(reason.text), 90))
    middle = _PAGE_INCHES[0] / 2
    write(page, (middle, 3.8), text, size=12, across="center")
    write(page, (middle, 1.0), "No map: the zones of this picture were not inspected.", across="center")


def _factors(inspection: Inspection) -> tuple[float, float]:
    """From pixels along x and y to the unit of the map: um, or px without a scale."""
    scale = inspection.scale
    return (scale.um_per_px_x, scale.um_per_px_y) if scale else (1.0, 1.0)


def _offsets(points_px: Points, inspection: Inspection) -> Points:
    """(N, 2) offsets from the centre of the cladding, y down."""
    assert inspection.geometry is not None
    return (np.reshape(points_px, (-1, 2)) - inspection.geometry.cladding.ellipse.center_px) * _factors(inspection)


def centroids(defects: Sequence[Defect], inspection: Inspection) -> Points:
    """(N, 2) offsets of marks from the centre of the cladding, y down."""
    return _offsets(np.array([defect.centroid_px for defect in defects]), inspection)


def _outlines(inspection: Inspection) -> list[Points]:
    return [_offsets(ellipse_points(zone.outer, _OUTLINE_POINTS), inspection) for zone in inspection.zones]


def _radius_limit(inspection: Inspection) -> float:
    assert inspection.geometry is not None
    cladding = _offsets(ellipse_points(inspection.geometry.cladding.ellipse, _OUTLINE_POINTS), inspection)
    everything = np.concatenate([cladding, *_outlines(inspection), centroids(inspection.defects, inspection)])
    return float(np.hypot(*everything.T).max())


def _standing(defect: Defect, broken: frozenset[str]) -> int:
    """Index of the colour in `_STANDINGS`."""
    return 0 if defect.id in broken else 1 if defect.counted else 2


@dataclass(frozen=True, slots=True)
class RoundMap:
    """A round map on the page."""

    centre: tuple[float, float]  # inches
    radius: float  # inches, of the circle that holds all
    inches_per_unit: float  # um, or px without a scale

    @classmethod
    def of(cls, centre: tuple[float, float], radius: float, inspection: Inspection) -> RoundMap:
        return cls(centre, radius, radius / _radius_limit(inspection))

    def on_page(self, offsets: Points) -> Points:
        """(N, 2) inches of offsets from the centre of the cladding, which have y down."""
        return self.centre + np.reshape(offsets, (-1, 2)) * (self.inches_per_unit, -self.inches_per_unit)


def _draw_map(page: Sheet, inspection: Inspection) -> None:
    chart = RoundMap.of(_MAP_CENTRE, _MAP_RADIUS, inspection)
    draw_compass(page, chart)
    write_angles(page, chart)
    draw_zone_outlines(page, chart, inspection, 1.8)
    _write_diameters(page, chart, inspection)
    _draw_marks(page, chart, inspection)
    _draw_centres(page, chart, inspection)
    write(page, (0.15, 0.15), _dimensions_text(inspection), up="bottom")


def _directions() -> Points:
    """(8, 2): every 45 degrees, clockwise from the right, y up as on the page."""
    t = np.deg2rad(np.arange(0, 360, 45))
    return np.stack([np.cos(t), -np.sin(t)], axis=1)


def draw_compass(page: Sheet, chart: RoundMap) -> None:
    """Spokes every 45 degrees, and the rim."""
    rim = _RIM * chart.radius
    spokes = [np.array([chart.centre, end]) for end in chart.centre + rim * _directions()]
    around = np.linspace(0, 2 * np.pi, 181)
    circle = chart.centre + rim * np.stack([np.cos(around), np.sin(around)], axis=1)
    draw_lines(page, [*spokes, circle], "#DDDDDD", 0.8)


def write_angles(page: Sheet, chart: RoundMap) -> None:
    """Degrees clockwise from the right, around the map."""
    places = chart.centre + 1.12 * chart.radius * _directions()[::2]
    for degrees, (x, y) in zip(range(0, 360, 90), places, strict=True):
        write(page, (x, y), f"{degrees}°", size=8, colour="#666666", across="center")


def draw_zone_outlines(page: Sheet, chart: RoundMap, inspection: Inspection, width: float) -> None:
    """The borders of the zones in their colours."""
    paths = [chart.on_page(np.vstack([outline, outline[:1]])) for outline in _outlines(inspection)]
    colours = [ZONE_COLOURS[zone.letter] for zone in inspection.zones]
    draw_lines(page, paths, colours, width, "zones")


def _write_diameters(page: Sheet, chart: RoundMap, inspection: Inspection) -> None:
    """Each diameter on its outline, where it hides no mark and no other diameter."""
    taken = list(centroids(inspection.defects, inspection))
    for zone, outline in zip(inspection.zones, _outlines(inspection), strict=True):
        place = _free_place(outline[::5], taken)
        taken.append(place)
        x, y = chart.on_page(place)[0]
        text = f"{zone.letter} {zone.name} {diameter_text(zone, inspection)}"
        write(page, (x, y), text, size=8, across="center", box=ZONE_COLOURS[zone.letter])


def _free_place(outline: Points, taken: Sequence[Points]) -> Points:
    """The point of the outline that is farthest from everything in `taken`."""
    if not taken:
        return np.asarray(outline[-4])  # at the upper right
    apart = outline[:, None] - np.array(taken)[None]  # (n_outline, n_taken, 2)
    return np.asarray(outline[np.hypot(apart[..., 0], apart[..., 1]).min(axis=1).argmax()])


def _mark_points(defects: Sequence[Defect], chart: RoundMap, inspection: Inspection) -> Points:
    """Diameters of markers in points: true to the scale of the map within `_MARK_POINTS`."""
    um = inspection.scale is not None
    diameters = np.array([(d.diameter_um or 0.0) if um else d.diameter_px for d in defects])
    return np.clip(diameters * chart.inches_per_unit * 72, *_MARK_POINTS)


def _draw_marks(page: Sheet, chart: RoundMap, inspection: Inspection) -> None:
    """The shape says the class, the colour the standing; rings and ids for what breaks a limit."""
    broken = violating_ids(inspection)
    for name in CLASS_TITLES:
        marks = [d for d in inspection.defects if d.classification == name]
        if marks:
            places = chart.on_page(centroids(marks, inspection))
            points = _mark_points(marks, chart, inspection)
            faces = [_STANDINGS[_standing(defect, broken)][1] for defect in marks]
            draw_markers(page, CLASS_MARKS[name], places, points, faces, EDGE, width=0.8, label=name)
    _draw_rings(page, chart, [d for d in inspection.defects if d.id in broken], inspection)


def _draw_rings(page: Sheet, chart: RoundMap, marks: Sequence[Defect], inspection: Inspection) -> None:
    if not marks:
        return
    places = chart.on_page(centroids(marks, inspection))
    points = _mark_points(marks, chart, inspection) + 8
    draw_markers(page, _CIRCLE, places, points, [None] * len(marks), VIOLATING_COLOUR, width=2.0, label="rings")
    corners = places + (0.35 * points / 72 + 0.03)[:, None]  # at the upper right, clear of the ring
    for defect, corner in list(zip(marks, corners.tolist(), strict=True))[:_MAX_NAMED]:
        write(page, tuple(corner), defect.id, size=8, up="bottom")


def _draw_centres(page: Sheet, chart: RoundMap, inspection: Inspection) -> None:
    """Crosses at the centres of cladding and core: the offset to scale."""
    assert inspection.geometry is not None
    _draw_cross(page, np.array(chart.centre), np.array([(12, 0), (0, 12)]), "#000000", 0.8)
    if inspection.geometry.core is not None:
        core = chart.on_page(_offsets(np.array(inspection.geometry.core.ellipse.center_px), inspection))
        _draw_cross(page, core[0], np.array([(8, 8), (8, -8)]), ZONE_COLOURS["A"], 1.2)


def _draw_cross(page: Sheet, centre: Points, strokes_points: Points, colour: str, width: float) -> None:
    """Two strokes that halve each other; each as (x, y) from end to end."""
    halves = strokes_points / 2 / 72
    draw_lines(page, [centre + np.array([-half, half]) for half in halves], colour, width, "cross")


def _dimensions_text(inspection: Inspection) -> str:
    """One line for each measured dimension, the offset of the core with its direction."""
    unit = "px" if inspection.scale is None else "um"
    found = {key: inspection.measurements.get(f"{key}_{unit}") for key in _DIMENSIONS}
    return "\n".join(
        f"{_DIMENSIONS[key]} {one.value:.2f}{'' if one.uncertainty is None else f' ± {one.uncertainty:.2f}'} {unit}"
        for key, one in found.items()
        if one is not None and one.value is not None
    )


def _draw_heat(page: Sheet, inspection: Inspection, weights: Mapping[str, float], spread_share: float) -> None:
    chart = RoundMap.of(_HEAT_CENTRE, _HEAT_RADIUS, inspection)
    limit = _RIM * _radius_limit(inspection)
    at, heat = heat_map(inspection, weights, limit, spread_share * limit)
    x, y = chart.on_page(np.stack([at, at], axis=1)).T
    lines = contour_generator(x, y, heat, fill_type=FillType.OuterOffset)
    for level, colour in zip(_HEAT_LEVELS, HEAT_COLOURS, strict=True):  # hotter ones on top of cooler ones
        areas: Any = lines.filled(level, np.inf)  # points of each area with its holes, and where each ring begins
        rings = [np.split(points, starts[1:-1]) for points, starts in zip(*areas, strict=True)]
        page.items.append(Shapes(rings, [colour] * len(rings), None, 0.0, "heat"))
    draw_compass(page, chart)
    draw_zone_outlines(page, chart, inspection, 1.0)
    write(page, (_HEAT_CENTRE[0], 6.92), "heat: marks weighed by severity", size=9, across="center")


def heat_map(
    inspection: Inspection, weights: Mapping[str, float], limit: float, spread: float
) -> tuple[Points, FloatImage]:
    """How much the marks near each place weigh.

    The outline of each mark is blurred by a bell, exp(-d^2 / 2 spread^2) at the distance d, and as strong as makes a
    lone mark reach the weight of its severity, whether small, long or wide; the heat of all marks is added.

    Parameters
    ----------
    inspection : one whose cladding was located
    weights : heat of a mark by its severity
    limit : the map reaches so far from the centre of the cladding, in um (px without a scale)
    spread : standard deviation of the bell, in the same unit

    Returns
    -------
    at, heat : (n,) places along either axis in that unit, and (n, n) float32, rows along y, downwards
    """
    edges = np.linspace(-limit, limit, _HEAT_CELLS + 1)
    at = (edges[:-1] + edges[1:]) / 2
    points = [_some(_offsets(defect.contour_px, inspection)) for defect in inspection.defects]
    shares = [weights[d.severity] * _lone(p, spread) for p, d in zip(points, inspection.defects, strict=True)]
    x, y = np.concatenate([np.empty((0, 2)), *points]).T
    laid, _, _ = np.histogram2d(y, x, bins=[edges, edges], weights=np.concatenate([np.empty(0), *shares]))
    bell = np.exp(-((at[:, None] - at) ** 2) / (2 * spread**2))
    # Not as `bell @ laid @ bell`: where all processors are busy the threads of BLAS take 25 ms instead of half of one.
    along_y = np.einsum("ij,jk->ik", bell, laid)
    return at, np.einsum("ij,jk->ik", along_y, bell).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Field:
    """A rectangle of the page that spans a range of numbers."""

    corner: tuple[float, float]  # lower left, inches
    size: tuple[float, float]  # inches
    ends: tuple[float, float]  # of the ranges, which begin at 0

    def on_page(self, points: Points) -> Points:
        """(..., 2) inches."""
        return self.corner + np.asarray(points) / self.ends * self.size


def _some(outline: Points) -> Points:
    """Enough of its points, evenly chosen: their number goes into the time squared."""
    return outline[:: len(outline) // _HEAT_POINTS + 1]


def _lone(points: Points, spread: float) -> Points:
    """What each point counts, all the same, so that the hottest of them and their centre reaches 1."""
    apart = np.vstack([points, points.mean(axis=0)])[:, None] - points  # (n_point + 1, n_point, 2)
    heat = np.exp(-(apart**2).sum(axis=2) / (2 * spread**2)).sum(axis=1)
    return np.full(len(points), 1 / heat.max())


def _draw_radii(page: Sheet, inspection: Inspection) -> None:
    limit = _radius_limit(inspection)
    radii = np.hypot(*centroids(inspection.defects, inspection).T)
    field, bars = _bars(_RADII_CORNER, radii, np.linspace(0, 1.0001 * limit, _RADIAL_BINS + 1), inspection)
    outer = [np.hypot(*outline.T).mean() for outline in _outlines(inspection)]
    zones = [field.on_page(np.array([[radius, 0], [radius, field.ends[1]]])) for radius in outer]
    draw_lines(page, zones, [ZONE_COLOURS[zone.letter] for zone in inspection.zones], 1.5)
    page.items.append(bars)
    unit = "um" if inspection.scale else "px"
    _draw_ticks(page, field, _round_ticks(limit), f"marks by distance ({unit})")


def _draw_angles(page: Sheet, inspection: Inspection) -> None:
    x, y = centroids(inspection.defects, inspection).T
    angles = np.rad2deg(np.arctan2(y, x)) % 360
    field, bars = _bars(_ANGLES_CORNER, angles, np.linspace(0, 360, _ANGULAR_BINS + 1), inspection)
    page.items.append(bars)
    _draw_ticks(page, field, [0, 90, 180, 270, 360], "marks by angle (deg)")


def _bars(corner: tuple[float, float], values: Points, edges: Points, inspection: Inspection) -> tuple[_Field, Shapes]:
    """Number of marks by value, those of each standing on top of the other."""
    broken = violating_ids(inspection)
    kinds = np.array([_standing(defect, broken) for defect in inspection.defects], dtype=int)
    counts = np.array([np.histogram(values[kinds == kind], edges)[0] for kind in range(len(_STANDINGS))])
    tops = counts.cumsum(axis=0)  # (n_standing, n_bin)
    kind, place = np.nonzero(counts)
    left, right, high = edges[place], edges[place + 1], tops[kind, place]
    low = high - counts[kind, place]
    corners = np.array([[left, low], [right, low], [right, high], [left, high]]).transpose(2, 0, 1)  # (n_bar, 4, 2)
    field = _Field(corner, _FIELD_SIZE, (float(edges[-1]), 1.05 * max(tops[-1].max(), 1)))
    colours = [_STANDINGS[k][1] for k in kind]
    return field, Shapes([(bar,) for bar in field.on_page(corners)], colours, EDGE, 0.6, "bars")


def _draw_ticks(page: Sheet, field: _Field, ticks: Sequence[float], title: str) -> None:
    """The two axes of a field with their numbers."""
    counts = _round_ticks(field.ends[1])
    below = field.on_page(np.array([(tick, 0) for tick in ticks]))
    beside = field.on_page(np.array([(0, count) for count in counts]))
    corners = field.on_page(np.array([(0, field.ends[1]), (0, 0), (field.ends[0], 0)]))
    strokes = [np.array([p, p - (0, 0.05)]) for p in below] + [np.array([p, p - (0.05, 0)]) for p in beside]
    draw_lines(page, [corners, *strokes], "#000000", 0.8)
    for tick, (x, y) in zip(ticks, below, strict=True):
        write(page, (x, y - 0.14), f"{tick:g}", size=8, across="center")
    for count, (x, y) in zip(counts, beside, strict=True):
        write(page, (x - 0.1, y), f"{count:g}", size=8, across="right")
    write(page, (corners[1:, 0].mean(), corners[1, 1] - 0.38), title, across="center")


def _round_ticks(top: float) -> list[float]:
    """Round numbers from 0 on, up to seven."""
    step = max(round_number(top / 2.5), 1.0)
    return [float(tick) for tick in np.arange(0, top + step / 1e6, step)]


def _draw_legend(page: Sheet, inspection: Inspection) -> None:
    """What colours and shapes mean, with how many there are of each, and the levels of heat."""
    broken = violating_ids(inspection)
    standings = Counter(_standing(defect, broken) for defect in inspection.defects)
    classes = Counter(defect.classification for defect in inspection.defects)
    rows = np.array([(_LEGEND_X, 6.8 - 0.22 * k) for k in range(len(_STANDINGS) + len(CLASS_TITLES))])
    levels = np.array([(7.1 + 0.47 * k, 3.5) for k in range(len(_HEAT_LEVELS))])
    squares = np.vstack([rows[: len(_STANDINGS)], levels])
    colours = [*(colour for _, colour in _STANDINGS), *HEAT_COLOURS]
    draw_markers(page, _SQUARE, squares, np.full(len(squares), 8.0), colours, EDGE, width=0.6)
    found = [name for name in CLASS_TITLES if classes[name]]
    for name, place in zip(found, rows[len(_STANDINGS) :], strict=False):
        draw_markers(page, CLASS_MARKS[name], place[None], np.array([8.0]), [None], EDGE, width=1.0)
    texts = [f"{name} ({standings[kind]})" for kind, (name, _) in enumerate(_STANDINGS)]
    texts += [f"{CLASS_TITLES[name]} ({classes[name]})" for name in found]
    for (x, y), text in zip([*rows[: len(texts)], *levels], [*texts, *map("{:g}".format, _HEAT_LEVELS)], strict=True):
        write(page, (x + 0.12, y), text)
