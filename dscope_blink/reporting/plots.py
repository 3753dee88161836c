"""Figures of one inspection: maps and distributions of its marks. matplotlib is imported when one is drawn."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from dscope_blink.records import Defect, FloatImage, Inspection, Points, ZoneOutline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
from dscope_blink.records import ellipse_points
from dscope_blink.reporting.as_shipped import matplotlib_as_shipped
from dscope_blink.reporting.figures import drawable, empty_figure, round_number
from dscope_blink.reporting.look import CLASS_TITLES, COUNTED_COLOUR, UNCOUNTED_COLOUR, VIOLATING_COLOUR, ZONE_COLOURS

_CLASS_MARKS = MappingProxyType({"scratch": "^", "pit_dig": "o", "contamination": "s", "crack": "X", "chip": "D"})
_STANDINGS = (("breaks a limit", VIOLATING_COLOUR), ("counted", COUNTED_COLOUR), ("not counted", UNCOUNTED_COLOUR))
_EDGE = "#444444"  # around what is white or yellow, on white paper
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
_HEAT_COLOURS = ("#FFF7BC", "#FEE391", "#FEC44F", "#FE9929", "#EC7014", "#CC4C02", "#8C2D04")


def diameter_text(outline: ZoneOutline, inspection: Inspection) -> str:
    """Mean of both axes, in um where there is a scale; a circle keeps its diameter when the pixels are not square."""
    radii = np.hypot(*((ellipse_points(outline.outer, 4) - outline.outer.center_px) * _factors(inspection)).T)
    return f"{2 * radii.mean():.3g} {'um' if inspection.scale else 'px'}"


def violating_ids(inspection: Inspection) -> frozenset[str]:
    """Ids of the defects that break a rule."""
    return frozenset(name for violation in inspection.verdict.violations for name in violation.defects)


@matplotlib_as_shipped()
def polar_figure(inspection: Inspection, weights: Mapping[str, float], spread_share: float) -> Figure:
    """Where the marks lie: their polar map, a heat map, and their distribution over radius and angle.

    Both maps have the centre of the cladding in their middle and show the face as it is on the screen; lengths are in
    um (px without a scale), angles run clockwise from x to the right. A picture whose zones could not be inspected
    gives a page that says why: an empty map would claim that it is clean.

    Parameters
    ----------
    inspection : Inspection
    weights : heat of a mark by its severity
    spread_share : standard deviation of the bell that each point of a mark becomes, as a share of the map's radius

    Returns
    -------
    Figure with one Axes that spans it, in inches from the lower left, unknown to pyplot, which would keep it for ever.
    """
    figure = empty_figure(_PAGE_INCHES)
    page = _page_of(figure)
    title = f"{drawable(inspection.image.file)}    {inspection.verdict.status.replace('_', ' ')}"
    _write(page, (_PAGE_INCHES[0] / 2, 7.35), title, fontsize=12, fontweight="bold", ha="center")
    if inspection.geometry is None or not inspection.zones:
        _write_reasons(page, inspection)
    else:
        _draw_map(page, inspection)
        _draw_heat(page, inspection, weights, spread_share)
        _draw_radii(page, inspection)
        _draw_angles(page, inspection)
        _draw_legend(page, inspection)
    return figure


def _page_of(figure: Figure) -> Axes:
    """Axes are dear, 10 ms each, and so are their ticks: the page has one, and what it shows is placed in inches."""
    page = figure.add_axes((0, 0, 1, 1))
    page.set_axis_off()
    page.set(xlim=(0, _PAGE_INCHES[0]), ylim=(0, _PAGE_INCHES[1]), autoscale_on=False)
    return page


def _write(page: Axes, at: tuple[float, float], text: str, **looks: Any) -> None:
    page.text(*at, text, **{"fontsize": 8.5, "va": "center", "parse_math": False, **looks})


def _write_reasons(page: Axes, inspection: Inspection) -> None:
    text = "\n".join(line for reason in inspection.verdict.reasons for line in textwrap.wrap(drawable(reason.text), 90))
    middle = _PAGE_INCHES[0] / 2
    _write(page, (middle, 3.8), text, fontsize=12, ha="center")
    _write(page, (middle, 1.0), "No map: the zones of this picture were not inspected.", ha="center")


def _factors(inspection: Inspection) -> tuple[float, float]:
    """From pixels along x and y to the unit of the map: um, or px without a scale."""
    scale = inspection.scale
    return (scale.um_per_px_x, scale.um_per_px_y) if scale else (1.0, 1.0)


def _offsets(points_px: Points, inspection: Inspection) -> Points:
    """(N, 2) offsets from the centre of the cladding, y down."""
    assert inspection.geometry is not None
    return (np.reshape(points_px, (-1, 2)) - inspection.geometry.cladding.ellipse.center_px) * _factors(inspection)


def _centroids(defects: Sequence[Defect], inspection: Inspection) -> Points:
    return _offsets(np.array([defect.centroid_px for defect in defects]), inspection)


def _outlines(inspection: Inspection) -> list[Points]:
    return [_offsets(ellipse_points(zone.outer, _OUTLINE_POINTS), inspection) for zone in inspection.zones]


def _radius_limit(inspection: Inspection) -> float:
    assert inspection.geometry is not None
    cladding = _offsets(ellipse_points(inspection.geometry.cladding.ellipse, _OUTLINE_POINTS), inspection)
    everything = np.concatenate([cladding, *_outlines(inspection), _centroids(inspection.defects, inspection)])
    return float(np.hypot(*everything.T).max())


def _standing(defect: Defect, broken: frozenset[str]) -> int:
    """Index of the colour in `_STANDINGS`."""
    return 0 if defect.id in broken else 1 if defect.counted else 2


@dataclass(frozen=True, slots=True)
class _Map:
    """A round map on the page."""

    centre: tuple[float, float]  # inches
    radius: float  # inches, of the circle that holds all
    inches_per_unit: float  # um, or px without a scale

    @classmethod
    def of(cls, centre: tuple[float, float], radius: float, inspection: Inspection) -> _Map:
        return cls(centre, radius, radius / _radius_limit(inspection))

    def on_page(self, offsets: Points) -> Points:
        """(N, 2) inches of offsets from the centre of the cladding, which have y down."""
        return self.centre + np.reshape(offsets, (-1, 2)) * (self.inches_per_unit, -self.inches_per_unit)


def _draw_map(page: Axes, inspection: Inspection) -> None:
    chart = _Map.of(_MAP_CENTRE, _MAP_RADIUS, inspection)
    _draw_compass(page, chart)
    _write_angles(page, chart)
    _draw_zone_outlines(page, chart, inspection, 1.8)
    _write_diameters(page, chart, inspection)
    _draw_marks(page, chart, inspection)
    _draw_centres(page, chart, inspection)
    _write(page, (0.15, 0.15), _dimensions_text(inspection), va="bottom")


def _directions() -> Points:
    """(8, 2): every 45 degrees, clockwise from the right, y up as on the page."""
    t = np.deg2rad(np.arange(0, 360, 45))
    return np.stack([np.cos(t), -np.sin(t)], axis=1)


def _draw_compass(page: Axes, chart: _Map) -> None:
    """Spokes every 45 degrees, and the rim."""
    from matplotlib.collections import LineCollection

    rim = _RIM * chart.radius
    spokes = [np.array([chart.centre, end]) for end in chart.centre + rim * _directions()]
    around = np.linspace(0, 2 * np.pi, 181)
    circle = chart.centre + rim * np.stack([np.cos(around), np.sin(around)], axis=1)
    page.add_collection(LineCollection([*spokes, circle], colors="#DDDDDD", linewidths=0.8), autolim=False)


def _write_angles(page: Axes, chart: _Map) -> None:
    places = chart.centre + 1.12 * chart.radius * _directions()[::2]
    for degrees, (x, y) in zip(range(0, 360, 90), places, strict=True):
        _write(page, (x, y), f"{degrees}°", fontsize=8, color="#666666", ha="center")


def _draw_zone_outlines(page: Axes, chart: _Map, inspection: Inspection, width: float) -> None:
    from matplotlib.collections import LineCollection

    paths = [chart.on_page(np.vstack([outline, outline[:1]])) for outline in _outlines(inspection)]
    colours = [ZONE_COLOURS[zone.letter] for zone in inspection.zones]
    page.add_collection(LineCollection(paths, colors=colours, linewidths=width, zorder=2, label="zones"), autolim=False)


def _write_diameters(page: Axes, chart: _Map, inspection: Inspection) -> None:
    """Each diameter on its outline, where it hides no mark and no other diameter."""
    taken = list(_centroids(inspection.defects, inspection))
    for zone, outline in zip(inspection.zones, _outlines(inspection), strict=True):
        place = _free_place(outline[::5], taken)
        taken.append(place)
        box = {"boxstyle": "square,pad=0.2", "facecolor": "white", "edgecolor": ZONE_COLOURS[zone.letter]}
        x, y = chart.on_page(place)[0]
        text = f"{zone.letter} {zone.name} {diameter_text(zone, inspection)}"
        _write(page, (x, y), text, fontsize=8, ha="center", bbox=box, zorder=3)


def _free_place(outline: Points, taken: Sequence[Points]) -> Points:
    """The point of the outline that is farthest from everything in `taken`."""
    if not taken:
        return np.asarray(outline[-4])  # at the upper right
    apart = outline[:, None] - np.array(taken)[None]  # (n_outline, n_taken, 2)
    return np.asarray(outline[np.hypot(apart[..., 0], apart[..., 1]).min(axis=1).argmax()])


def _mark_points(defects: Sequence[Defect], chart: _Map, inspection: Inspection) -> Points:
    """Diameters of markers in points: true to the scale of the map within `_MARK_POINTS`."""
    um = inspection.scale is not None
    diameters = np.array([(d.diameter_um or 0.0) if um else d.diameter_px for d in defects])
    return np.clip(diameters * chart.inches_per_unit * 72, *_MARK_POINTS)


def _draw_marks(page: Axes, chart: _Map, inspection: Inspection) -> None:
    """The shape says the class, the colour the standing; rings and ids for what breaks a limit."""
    broken = violating_ids(inspection)
    colours = np.array([colour for _, colour in _STANDINGS])
    for name in CLASS_TITLES:
        marks = [d for d in inspection.defects if d.classification == name]
        if marks:
            x, y = chart.on_page(_centroids(marks, inspection)).T
            areas = _mark_points(marks, chart, inspection) ** 2
            faces = colours[[_standing(defect, broken) for defect in marks]]
            shown = page.scatter(x, y, s=areas, marker=_CLASS_MARKS[name], facecolors=faces, edgecolors=_EDGE, zorder=4)
            shown.set(linewidths=0.8, label=name)
    _draw_rings(page, chart, [d for d in inspection.defects if d.id in broken], inspection)


def _draw_rings(page: Axes, chart: _Map, marks: Sequence[Defect], inspection: Inspection) -> None:
    if not marks:
        return
    places = chart.on_page(_centroids(marks, inspection))
    points = _mark_points(marks, chart, inspection) + 8
    x, y = places.T
    rings = page.scatter(x, y, s=points**2, facecolors="none", edgecolors=VIOLATING_COLOUR, linewidths=2.0, zorder=5)
    rings.set_label("rings")
    corners = places + (0.35 * points / 72 + 0.03)[:, None]  # at the upper right, clear of the ring
    for defect, corner in list(zip(marks, corners.tolist(), strict=True))[:_MAX_NAMED]:
        _write(page, tuple(corner), defect.id, fontsize=8, va="bottom", zorder=6)


def _draw_centres(page: Axes, chart: _Map, inspection: Inspection) -> None:
    """Crosses at the centres of cladding and core: the offset to scale."""
    assert inspection.geometry is not None
    page.plot(*chart.centre, "+", color="#000000", markersize=12, markeredgewidth=0.8, zorder=6)
    if inspection.geometry.core is not None:
        core = chart.on_page(_offsets(np.array(inspection.geometry.core.ellipse.center_px), inspection))
        page.plot(*core.T, "x", color=ZONE_COLOURS["A"], markersize=8, markeredgewidth=1.2, zorder=6)


def _dimensions_text(inspection: Inspection) -> str:
    """One line for each measured dimension, the offset of the core with its direction."""
    unit = "px" if inspection.scale is None else "um"
    found = {key: inspection.measurements.get(f"{key}_{unit}") for key in _DIMENSIONS}
    return "\n".join(
        f"{_DIMENSIONS[key]} {one.value:.2f}{'' if one.uncertainty is None else f' ± {one.uncertainty:.2f}'} {unit}"
        for key, one in found.items()
        if one is not None and one.value is not None
    )


def _draw_heat(page: Axes, inspection: Inspection, weights: Mapping[str, float], spread_share: float) -> None:
    chart = _Map.of(_HEAT_CENTRE, _HEAT_RADIUS, inspection)
    limit = _RIM * _radius_limit(inspection)
    at, heat = heat_map(inspection, weights, limit, spread_share * limit)
    if heat.max() >= _HEAT_LEVELS[0]:
        x, y = chart.on_page(np.stack([at, at], axis=1)).T
        page.contourf(x, y, heat, levels=_HEAT_LEVELS, colors=_HEAT_COLOURS, extend="max", zorder=1)
    _draw_compass(page, chart)
    _draw_zone_outlines(page, chart, inspection, 1.0)
    _write(page, (_HEAT_CENTRE[0], 6.92), "heat: marks weighed by severity", fontsize=9, ha="center")


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


def _draw_radii(page: Axes, inspection: Inspection) -> None:
    limit = _radius_limit(inspection)
    radii = np.hypot(*_centroids(inspection.defects, inspection).T)
    field = _draw_bars(page, _RADII_CORNER, radii, np.linspace(0, 1.0001 * limit, _RADIAL_BINS + 1), inspection)
    for zone, outline in zip(inspection.zones, _outlines(inspection), strict=True):
        radius = np.hypot(*outline.T).mean()
        x, y = field.on_page(np.array([[radius, 0], [radius, field.ends[1]]])).T
        page.plot(x, y, color=ZONE_COLOURS[zone.letter], linewidth=1.5, zorder=0)
    unit = "um" if inspection.scale else "px"
    _draw_ticks(page, field, _round_ticks(limit), f"marks by distance ({unit})")


def _draw_angles(page: Axes, inspection: Inspection) -> None:
    x, y = _centroids(inspection.defects, inspection).T
    angles = np.rad2deg(np.arctan2(y, x)) % 360
    field = _draw_bars(page, _ANGLES_CORNER, angles, np.linspace(0, 360, _ANGULAR_BINS + 1), inspection)
    _draw_ticks(page, field, [0, 90, 180, 270, 360], "marks by angle (deg)")


def _draw_bars(
    page: Axes, corner: tuple[float, float], values: Points, edges: Points, inspection: Inspection
) -> _Field:
    """Number of marks by value, those of each standing on top of the other."""
    from matplotlib.collections import PolyCollection

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
    bars = PolyCollection(list(field.on_page(corners)), facecolors=colours, edgecolors=_EDGE, linewidths=0.6)
    bars.set_label("bars")
    page.add_collection(bars, autolim=False)
    return field


def _draw_ticks(page: Axes, field: _Field, ticks: Sequence[float], title: str) -> None:
    """The two axes of a field with their numbers."""
    from matplotlib.collections import LineCollection

    counts = _round_ticks(field.ends[1])
    below = field.on_page(np.array([(tick, 0) for tick in ticks]))
    beside = field.on_page(np.array([(0, count) for count in counts]))
    corners = field.on_page(np.array([(0, field.ends[1]), (0, 0), (field.ends[0], 0)]))
    strokes = [np.array([p, p - (0, 0.05)]) for p in below] + [np.array([p, p - (0.05, 0)]) for p in beside]
    page.add_collection(LineCollection([corners, *strokes], colors="#000000", linewidths=0.8), autolim=False)
    for tick, (x, y) in zip(ticks, below, strict=True):
        _write(page, (x, y - 0.14), f"{tick:g}", fontsize=8, ha="center")
    for count, (x, y) in zip(counts, beside, strict=True):
        _write(page, (x - 0.1, y), f"{count:g}", fontsize=8, ha="right")
    _write(page, (corners[1:, 0].mean(), corners[1, 1] - 0.38), title, ha="center")


def _round_ticks(top: float) -> list[float]:
    """Round numbers from 0 on, up to seven."""
    step = max(round_number(top / 2.5), 1.0)
    return [float(tick) for tick in np.arange(0, top + step / 1e6, step)]


def _draw_legend(page: Axes, inspection: Inspection) -> None:
    """Entry by entry: the legend of matplotlib takes as long as the map."""
    broken = violating_ids(inspection)
    standings = Counter(_standing(defect, broken) for defect in inspection.defects)
    classes = Counter(defect.classification for defect in inspection.defects)
    rows = np.array([(_LEGEND_X, 6.8 - 0.22 * k) for k in range(len(_STANDINGS) + len(CLASS_TITLES))])
    levels = np.array([(7.1 + 0.47 * k, 3.5) for k in range(len(_HEAT_LEVELS))])
    squares = np.vstack([rows[: len(_STANDINGS)], levels])
    colours = [*(colour for _, colour in _STANDINGS), *_HEAT_COLOURS]
    page.scatter(squares[:, 0], squares[:, 1], s=64, marker="s", facecolors=colours, edgecolors=_EDGE, linewidths=0.6)
    found = [name for name in CLASS_TITLES if classes[name]]
    for name, (x, y) in zip(found, rows[len(_STANDINGS) :], strict=False):
        page.scatter(x, y, s=64, marker=_CLASS_MARKS[name], facecolors="none", edgecolors=_EDGE)
    texts = [f"{name} ({standings[kind]})" for kind, (name, _) in enumerate(_STANDINGS)]
    texts += [f"{CLASS_TITLES[name]} ({classes[name]})" for name in found]
    for (x, y), text in zip([*rows[: len(texts)], *levels], [*texts, *map("{:g}".format, _HEAT_LEVELS)], strict=True):
        _write(page, (x + 0.12, y), text)
