"""Each stage of one picture as a picture of its own, to see what the program saw: edges, zones, residual, evidence.

All are drawn in pixels of the stored picture, so that a place found in one can be looked up in the others.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import (
    ZONE_LETTERS,
    Candidate,
    CoreFit,
    Ellipse,
    FloatImage,
    Inspection,
    Points,
    Residual,
    ZoneOutline,
    ellipse_points,
    texts,
    zone_map,
)
from dscope_blink.reporting.as_shipped import matplotlib_as_shipped
from dscope_blink.reporting.figures import drawable, empty_figure, png_bytes
from dscope_blink.reporting.look import VIOLATING_COLOUR, ZONE_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

_SHORTEST_PX, _LONGEST_PX = 800, 1600  # of the longer side of the picture as drawn
_DPI = 100
_STRIP_PX, _ABOVE_PX, _BELOW_PX, _LEFT_PX, _RIGHT_PX, _PLOT_PX = 82, 14, 44, 64, 110, 190
_INK, _PAPER = "#202020", "#FFFFFF"
_CLADDING_COLOUR, _CORE_COLOUR, _LEFT_OUT_COLOUR = "#009E73", "#56B4E9", VIOLATING_COLOUR
_SIGMAS = 10.0  # at the ends of the scale of the residual: the same for all pictures, so that they can be compared
_LETTER_PX = 7.0  # of the lines below a title

P = ParamSpec("P")
Extent = tuple[float, float, float, float]  # left, right, bottom, top in pixels of the stored picture


@dataclass(frozen=True, slots=True, eq=False)
class EdgePoints:
    """The points of one edge along the rays of its ellipse."""

    name: str  # cladding or core
    points_px: Points  # (N, 2)
    angles_deg: NDArray[np.float64]  # (N,) of the rays, from the first axis of the ellipse
    distances_px: NDArray[np.float64]  # (N,) from the ellipse, outwards
    used: NDArray[np.bool_]  # (N,) whether the point supports the ellipse
    tolerance_px: float


@dataclass(frozen=True, slots=True, eq=False)
class SearchSeen:
    """What the search for marks came to."""

    residual: Residual
    supports: Mapping[str, NDArray[Any]]  # (h, w) by detector, 0..1
    weights: Mapping[str, float]
    confidence: FloatImage  # (h, w)
    threshold: float
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StagesSeen:
    """What the stages of one picture came to, as far as it can be drawn."""

    gray: FloatImage  # (H, W) float32, 0..1
    edges: tuple[EdgePoints, ...]
    inspection: Inspection
    search: SearchSeen | None = None  # None: the picture did not get so far


def stage_pictures(seen: StagesSeen) -> Iterator[tuple[str, bytes]]:
    """Draw every stage that the picture came to.

    Yields
    ------
    Name, as `01_flattened`, and PNG of each; the annotated picture, the last stage, is drawn by `annotation`
    """
    yield "01_flattened", _drawn(_flattened, seen.gray)
    yield "02_edges", _drawn(_edges, seen)
    if seen.inspection.geometry is not None:
        yield "03_ellipses", _drawn(_ellipses, seen)
    if seen.search is None:
        return
    yield "04_zones", _drawn(_zones, seen)
    yield "05_background", _drawn(_background, seen.gray, seen.search.residual)
    yield "06_residual", _drawn(_residual, seen.gray, seen.search.residual)
    for name in seen.search.supports:
        yield f"07_support_{name}", _drawn(_support, seen.gray, seen.search, name)
    yield "08_confidence", _drawn(_confidence, seen.gray, seen.search)


@matplotlib_as_shipped()
def _drawn(stage: Callable[P, Figure], /, *args: P.args, **kwargs: P.kwargs) -> bytes:
    return png_bytes(stage(*args, **kwargs))


MARKS = "09_marks"


# --- the sheet that all are drawn on


@dataclass(frozen=True, slots=True)
class _Sheet:
    figure: Figure
    axes: Axes
    plot: Axes | None  # below the picture


def _sheet(gray: FloatImage, title: str, said: str, plot_px: int = 0) -> _Sheet:
    """A title strip, below it room for the picture at its own size, enlarged or reduced where that is not legible."""
    height, width = (side * _zoom(gray) for side in gray.shape)
    total = _LEFT_PX + width + _RIGHT_PX, _STRIP_PX + _ABOVE_PX + height + _BELOW_PX + plot_px
    figure = empty_figure((total[0] / _DPI, total[1] / _DPI))
    strip = _STRIP_PX / total[1]
    figure.add_axes((0, 1 - strip, 1, strip), facecolor=_INK, xticks=[], yticks=[])
    left, lines = 12 / total[0], textwrap.wrap(drawable(said), int(total[0] / _LETTER_PX), max_lines=2)
    figure.text(left, 1 - 0.25 * strip, drawable(title), color=_PAPER, fontsize=15, weight="bold", va="center")
    figure.text(left, 1 - 0.7 * strip, "\n".join(lines), color=_PAPER, fontsize=9, va="center", parse_math=False)
    box = (_LEFT_PX / total[0], (_BELOW_PX + plot_px) / total[1], width / total[0], height / total[1])
    axes = figure.add_axes(box, facecolor="#808080")
    axes.tick_params(labelsize=8)
    axes.set(xlim=(-0.5, gray.shape[1] - 0.5), ylim=(gray.shape[0] - 0.5, -0.5))
    axes.set_xlabel("x (px)", fontsize=8, labelpad=1)
    axes.set_ylabel("y (px)", fontsize=8, labelpad=1)
    plot = figure.add_axes((box[0], 44 / total[1], box[2], (plot_px - 60) / total[1])) if plot_px else None
    return _Sheet(figure, axes, plot)


def _zoom(gray: FloatImage) -> float:
    longest = max(gray.shape)
    return float(np.clip(1.0, _SHORTEST_PX / longest, max(_LONGEST_PX / longest, 1e-9)))


def _show_gray(sheet: _Sheet, gray: FloatImage, extent: Extent | None = None) -> AxesImage:
    low, high = np.percentile(gray[::2, ::2], (0.5, 99.5))
    return _show(sheet, gray, "gray", (float(low), float(max(high, low + 1e-3))), extent)


def _show(
    sheet: _Sheet, values: NDArray[Any], colours: Any, limits: tuple[float, float], extent: Extent | None = None
) -> AxesImage:
    xlim, ylim = sheet.axes.get_xlim(), sheet.axes.get_ylim()
    shown = sheet.axes.imshow(
        values, cmap=colours, vmin=limits[0], vmax=limits[1], extent=extent, interpolation="antialiased", aspect="auto"
    )
    sheet.axes.set(xlim=xlim, ylim=ylim)
    return shown


def _scale(sheet: _Sheet, shown: AxesImage, label: str, extend: str = "neither") -> Axes:
    """The scale of the colours, right of the picture."""
    box = sheet.axes.get_position()
    width = sheet.figure.get_size_inches()[0] * _DPI
    bar_axes = sheet.figure.add_axes((box.x1 + 14 / width, box.y0, 18 / width, box.height))
    bar = sheet.figure.colorbar(shown, cax=bar_axes, extend=extend)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    return bar.ax


def _extent(residual: Residual) -> Extent:
    """Where the window of a residual lies in the stored picture."""
    (x, y), (across, down), (h, w) = residual.origin_px, residual.pixel_px, residual.snr.shape
    return x * across - 0.5, (x + w) * across - 0.5, (y + h) * down - 0.5, y * down - 0.5


def _outline(sheet: _Sheet, ellipse: Ellipse, colour: str, style: str = "-", label: str | None = None) -> None:
    points = ellipse_points(ellipse)
    closed = np.vstack([points, points[:1]])
    sheet.axes.plot(*closed.T, style, color=_INK, linewidth=2.6, alpha=0.5)
    sheet.axes.plot(*closed.T, style, color=colour, linewidth=1.4, label=label)


def _legend(sheet: _Sheet) -> None:
    if sheet.axes.get_legend_handles_labels()[0]:
        sheet.axes.legend(loc="upper right", fontsize=9, framealpha=0.85, markerscale=2.5)


# --- the stages


def _flattened(gray: FloatImage) -> Figure:
    height, width = gray.shape
    said = f"{width} x {height} px, grey levels after the flat field, where one is configured; 0 black, 1 saturated"
    sheet = _sheet(gray, "01  Picture", said)
    _scale(sheet, _show_gray(sheet, gray), "grey level", "both")
    return sheet.figure


def _edges(seen: StagesSeen) -> Figure:
    sheet = _sheet(seen.gray, "02  Edges found", _said_of_edges(seen), _PLOT_PX if seen.edges else 0)
    _show_gray(sheet, seen.gray)
    for edge in seen.edges:
        colour = _colour_of(edge)
        for axes, x, y in ((sheet.axes, *edge.points_px.T), (sheet.plot, edge.angles_deg, edge.distances_px)):
            assert axes is not None, "there is a plot where there is an edge"
            axes.plot(x[~edge.used], y[~edge.used], "x", color=_LEFT_OUT_COLOUR, markersize=4, label=_left_out(edge))
            axes.plot(x[edge.used], y[edge.used], ".", color=colour, markersize=2.5, label=_used(edge))
    _legend(sheet)
    if sheet.plot is not None:
        _finish_distances(sheet.plot, seen.edges)
    return sheet.figure


def _colour_of(edge: EdgePoints) -> str:
    return _CORE_COLOUR if edge.name == "core" else _CLADDING_COLOUR


def _used(edge: EdgePoints) -> str:
    return f"{edge.name}: {int(edge.used.sum())} used"


def _left_out(edge: EdgePoints) -> str:
    return f"{edge.name}: {int((~edge.used).sum())} left out"


def _finish_distances(axes: Axes, edges: Sequence[EdgePoints]) -> None:
    """The distances from the ellipse along its circumference: noise, dirt and a wrong ring look different there."""
    for edge in edges:
        for side in (-edge.tolerance_px, edge.tolerance_px):
            axes.axhline(side, color=_colour_of(edge), linewidth=0.8, linestyle="--")
    axes.axhline(0, color=_INK, linewidth=0.8)
    farthest = (1.2 if all(edge.used.all() for edge in edges) else 3) * max(edge.tolerance_px for edge in edges)
    axes.set(xlim=(0, 360), ylim=(-farthest, farthest), xticks=range(0, 361, 45))
    axes.tick_params(labelsize=8)
    axes.set_xlabel("along the circumference (deg)", fontsize=8, labelpad=1)
    axes.set_ylabel("from the ellipse (px)", fontsize=8)


def _said_of_edges(seen: StagesSeen) -> str:
    if seen.inspection.geometry is None:
        return "; ".join(texts(seen.inspection.verdict.reasons))
    return "Along each ray the steepest step; used where it lies within the dashed tolerance of the fitted ellipse"


def _ellipses(seen: StagesSeen) -> Figure:
    geometry = seen.inspection.geometry
    assert geometry is not None, "without a geometry there is no such stage"
    cladding, core = geometry.cladding, geometry.core
    said = f"cladding {_axes(cladding.ellipse)}, residual {cladding.rms_px:.2f} px rms, seen on {cladding.support:.0%}"
    sheet = _sheet(seen.gray, "03  Fitted ellipses", f"{said}; {'no core' if core is None else _said_of_core(core)}")
    _show_gray(sheet, seen.gray)
    _outline(sheet, cladding.ellipse, _CLADDING_COLOUR, label="cladding")
    sheet.axes.plot(*cladding.ellipse.center_px, "+", color=_CLADDING_COLOUR, markersize=14)
    if core is not None:
        _outline(sheet, core.ellipse, _CORE_COLOUR, "-" if core.source == "measured" else "--", f"core, {core.source}")
        sheet.axes.plot(*core.ellipse.center_px, "x", color=_CORE_COLOUR, markersize=10)
    _legend(sheet)
    return sheet.figure


def _axes(ellipse: Ellipse) -> str:
    return "{:.2f} x {:.2f} px".format(*ellipse.axes_px)


def _said_of_core(core: CoreFit) -> str:
    if core.source == "nominal":
        return f"core {_axes(core.ellipse)}, nominal: {core.reason}"
    return f"core {_axes(core.ellipse)}, residual {core.rms_px:.2f} px rms, seen on {core.support:.0%}"


def _zones(seen: StagesSeen) -> Figure:
    outlines, criteria = seen.inspection.zones, seen.inspection.criteria
    said = f"{criteria.title}; zones A to D, each up to its outline"
    sheet = _sheet(seen.gray, "04  Zones", said)
    _show_gray(sheet, seen.gray)
    _show(sheet, _tinted(seen.gray, outlines), None, (0, 1))
    for outline in outlines:
        label = f"{outline.letter} {outline.name}, to {2 * outline.radius_px:.1f} px"
        _outline(sheet, outline.outer, ZONE_COLOURS[outline.letter], label=label)
    _legend(sheet)
    return sheet.figure


def _tinted(gray: FloatImage, outlines: Sequence[ZoneOutline]) -> NDArray[np.float32]:
    """The zones as a veil of their colours, (H, W, 4), 0..1."""
    from matplotlib.colors import to_rgba

    colours = [(0, 0, 0, 0), *(to_rgba(ZONE_COLOURS[letter], 0.25) for letter in ZONE_LETTERS)]
    return np.array(colours, np.float32)[zone_map(gray.shape, outlines).labels]


def _background(gray: FloatImage, residual: Residual) -> Figure:
    said = "What repeats around the fiber, with its light and its own rings: this is subtracted from the picture"
    sheet = _sheet(gray, "05  Background", said)
    _scale(sheet, _show_gray(sheet, residual.background, _extent(residual)), "grey level", "both")
    return sheet.figure


def _residual(gray: FloatImage, residual: Residual) -> Figure:
    said = "Picture less background, smoothed, in sigmas of its noise; blue is darker, red brighter, grey not searched"
    sheet = _sheet(gray, "06  Residual", said)
    snr = np.where(residual.inside, residual.snr, np.nan)
    shown = _show(sheet, snr, "RdBu_r", (-_SIGMAS, _SIGMAS), _extent(residual))
    _scale(sheet, shown, "sigmas", "both")
    return sheet.figure


def _support(gray: FloatImage, search: SearchSeen, name: str) -> Figure:
    support = np.asarray(search.supports[name], np.float32)
    share = float((support > 0).mean())
    said = f"Weight {search.weights[name]:g} of {search.threshold:g} needed; it supports {share:.2%} of the pixels"
    sheet = _sheet(gray, f"07  Support of {name}", said)
    _show_gray(sheet, gray)
    shown = _show(sheet, np.ma.masked_equal(support, 0), "autumn_r", (0, 1), _extent(search.residual))
    _scale(sheet, shown, "support")
    return sheet.figure


def _confidence(gray: FloatImage, search: SearchSeen) -> Figure:
    most = max(sum(search.weights.values()), search.threshold)
    said = f"Supports times weights, summed; from {search.threshold:g} on a mark begins; outlined: {_count(search)}"
    sheet = _sheet(gray, "08  Confidence map", said)
    _show_gray(sheet, gray)
    confidence = np.ma.masked_equal(search.confidence, 0)
    bar = _scale(sheet, _show(sheet, confidence, "viridis", (0, most), _extent(search.residual)), "evidence")
    bar.axhline(search.threshold, color=_LEFT_OUT_COLOUR, linewidth=2)
    for candidate in search.candidates:
        _outline_candidate(sheet, candidate, search.residual.pixel_px)
    return sheet.figure


def _count(search: SearchSeen) -> str:
    count = len(search.candidates)
    return f"{count} candidate{'' if count == 1 else 's'}"


def _outline_candidate(sheet: _Sheet, candidate: Candidate, pixel_px: tuple[float, float]) -> None:
    """Around the pixels of a candidate, which is given in those of the working picture."""
    x, y, width, height = candidate.bbox_px
    padded = np.pad(candidate.mask, 1).astype(np.float32)
    across = (x + np.arange(-1, width + 1) + 0.5) * pixel_px[0] - 0.5
    down = (y + np.arange(-1, height + 1) + 0.5) * pixel_px[1] - 0.5
    sheet.axes.contour(across, down, padded, levels=[0.5], colors=[_LEFT_OUT_COLOUR], linewidths=1.2)
