"""Figures from inspection records: the only home of matplotlib, which is imported when a figure is made.

The palette, the display names and the outlines of ellipses live here too, so that every picture of the program speaks
one visual language: zones in cool colours, marks in warm ones, all from the colour-blind-safe palette of Okabe and Ito
("Color Universal Design", 2008, https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

import io
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import numpy as np

from records import Defect, Ellipse, FloatImage, Inspection, Points, TargetFeatures, ZoneOutline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.projections.polar import PolarAxes

ZONE_COLOURS = MappingProxyType({"A": "#56B4E9", "B": "#009E73", "C": "#0072B2", "D": "#CC79A7"})
VIOLATING_COLOUR = "#D55E00"
COUNTED_COLOUR = "#F0E442"
UNCOUNTED_COLOUR = "#FFFFFF"
STATUS_COLOURS = MappingProxyType({"PASS": "#009E73", "FAIL": VIOLATING_COLOUR, "NOT_GRADED": "#6B6B6B"})
CLASS_TITLES = MappingProxyType(
    {"scratch": "Scratch", "pit_dig": "Pit/Dig", "contamination": "Contamination", "crack": "Crack", "chip": "Chip"}
)
_CLASS_MARKS = MappingProxyType(
    {
        "scratch": ("^", "#000000"),
        "pit_dig": ("o", "#E69F00"),
        "contamination": ("s", "#56B4E9"),
        "crack": ("X", "#CC79A7"),
        "chip": ("D", "#009E73"),
    }
)
_FIGURE_INCHES = (10.0, 5.6)
_MAP_POINTS = 170  # radius of the polar map on the page, in points: marks are drawn to scale with it
_MARK_POINTS = (5.0, 24.0)  # a smaller mark would not be seen, a larger one would hide its neighbours
_RADIAL_BINS = 25
_MAX_NAMED = 30  # ids written beside violating marks
_DATE_KEYS = MappingProxyType({"svg": "Date", "pdf": "CreationDate"})
_CALIBRATION_INCHES = (13.0, 7.0)
_MAX_ARROWS = 600  # more would hide the picture and each other
_ARROW_SHARE = 0.03  # of the picture's width: the length of a long residual
_RESIDUAL_BINS = 41
_USED_COLOUR, _LEFT_OUT_COLOUR, _ARROW_COLOUR = "#009E73", "#E69F00", VIOLATING_COLOUR
_AXIS_COLOURS = ("#0072B2", "#E69F00")  # of x and y


def ellipse_points(ellipse: Ellipse, count: int = 360) -> Points:
    """(count, 2) float64 points on an ellipse, in pixels.

    cv2.ellipse rounds its angle to whole degrees, which moves the outline of a 224 x 206 px fiber by 0.1 px.
    """
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    angle = np.deg2rad(ellipse.angle_deg)
    along, across = ellipse.axes_px[0] / 2 * np.cos(t), ellipse.axes_px[1] / 2 * np.sin(t)
    x = ellipse.center_px[0] + along * np.cos(angle) - across * np.sin(angle)
    y = ellipse.center_px[1] + along * np.sin(angle) + across * np.cos(angle)
    return np.stack([x, y], axis=1)


def diameter_text(outline: ZoneOutline, inspection: Inspection) -> str:
    """Mean of both axes, in um where there is a scale; a circle keeps its diameter when the pixels are not square."""
    radii = np.hypot(*((ellipse_points(outline.outer, 4) - outline.outer.center_px) * _factors(inspection)).T)
    return f"{2 * radii.mean():.3g} {'um' if inspection.scale else 'px'}"


def violating_ids(inspection: Inspection) -> frozenset[str]:
    """Ids of the defects that break a rule."""
    return frozenset(name for violation in inspection.verdict.violations for name in violation.defects)


def polar_figure(inspection: Inspection) -> Figure:
    """Map of the marks around the centre of the cladding, with their radial histogram beside it.

    Radius in um (px without a scale); angle as seen on the screen, from x to the right, clockwise. A picture whose
    zones could not be inspected gives a page that says why: an empty map would claim that it is clean.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_FIGURE_INCHES, dpi=100)
    FigureCanvasAgg(figure)
    title = f"{_drawable(inspection.image.file)}    {inspection.verdict.status.replace('_', ' ')}"
    figure.suptitle(title, fontsize=12, fontweight="bold", parse_math=False)
    if inspection.geometry is None or not inspection.zones:
        _write_reasons(figure, inspection)
    else:
        polar_axes = cast("PolarAxes", figure.add_axes((0.03, 0.07, 0.50, 0.80), projection="polar"))
        _draw_map(polar_axes, inspection)
        _draw_histogram(figure.add_axes((0.62, 0.12, 0.35, 0.52)), inspection)
        _draw_legend(figure, inspection)
    return figure


def png_bytes(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    return figure_bytes(figure, "png")


def figure_bytes(figure: Figure, file_format: str) -> bytes:
    """The figure as a file: png, svg or pdf; the same one gives the same bytes each time."""
    from matplotlib import rc_context

    buffer = io.BytesIO()
    undated = {} if file_format == "png" else {_DATE_KEYS[file_format]: None}
    with rc_context({"svg.hashsalt": "blink"}):
        figure.savefig(buffer, format=file_format, metadata=undated)
    return buffer.getvalue()


def _drawable(text: str) -> str:
    """`text` with a question mark for what matplotlib's own font may lack: a missing glyph is a warning and a box."""
    return "".join(c if c.isprintable() and c < "\u0250" else "?" for c in text)


def _write_reasons(figure: Figure, inspection: Inspection) -> None:
    text = "\n".join(_drawable(reason) for reason in inspection.verdict.reasons)
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=12, wrap=True, parse_math=False)
    figure.text(0.5, 0.12, "No map: the zones of this picture were not inspected.", ha="center")


def _factors(inspection: Inspection) -> tuple[float, float]:
    """From pixels along x and y to the unit of the map: um, or px without a scale."""
    scale = inspection.scale
    return (scale.um_per_px_x, scale.um_per_px_y) if scale else (1.0, 1.0)


def _offsets(points_px: Points, inspection: Inspection) -> Points:
    """(N, 2) offsets from the centre of the cladding."""
    assert inspection.geometry is not None
    return (np.reshape(points_px, (-1, 2)) - inspection.geometry.cladding.ellipse.center_px) * _factors(inspection)


def _polar(points_px: Points, inspection: Inspection) -> tuple[Points, Points]:
    dx, dy = _offsets(points_px, inspection).T
    return np.arctan2(dy, dx), np.hypot(dx, dy)


def _radius_limit(inspection: Inspection) -> float:
    outlines = [ellipse_points(zone.outer) for zone in inspection.zones]
    centroids = [np.array([defect.centroid_px]) for defect in inspection.defects]
    assert inspection.geometry is not None
    everything = np.concatenate([ellipse_points(inspection.geometry.cladding.ellipse), *outlines, *centroids])
    return float(_polar(everything, inspection)[1].max())


def _draw_map(axes: PolarAxes, inspection: Inspection) -> None:
    axes.set_theta_direction(-1)  # y points down on the screen
    axes.set_rmax(1.05 * _radius_limit(inspection))
    axes.set_rticks([])
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.tick_params(labelsize=8, colors="#666666")
    taken = [np.array(defect.centroid_px) for defect in inspection.defects]
    for zone in inspection.zones:
        place = _free_place(ellipse_points(zone.outer, 36), taken)
        _draw_zone(axes, zone, place, inspection)
        taken.append(place)
    for classification in CLASS_TITLES:
        _draw_class(axes, [d for d in inspection.defects if d.classification == classification], inspection)
    _draw_rings(axes, inspection)


def _free_place(outline: Points, taken: list[Points]) -> Points:
    """The point of the outline that is farthest from everything in `taken`, in pixels."""
    if not taken:
        return np.asarray(outline[-3])  # at the upper right
    apart = outline[:, None] - np.array(taken)[None]  # (n_outline, n_taken, 2)
    return np.asarray(outline[np.hypot(apart[..., 0], apart[..., 1]).min(axis=1).argmax()])


def _draw_zone(axes: PolarAxes, zone: ZoneOutline, label_px: Points, inspection: Inspection) -> None:
    """The outline with its diameter written on it."""
    theta, radius = _polar(ellipse_points(zone.outer), inspection)
    colour = ZONE_COLOURS[zone.letter]
    axes.plot(np.append(theta, theta[0]), np.append(radius, radius[0]), color=colour, linewidth=1.8)
    angle, distance = _polar(label_px, inspection)
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": colour, "linewidth": 0.8, "alpha": 0.9}
    text = f"{zone.letter} {diameter_text(zone, inspection)}"
    axes.text(float(angle[0]), float(distance[0]), text, fontsize=8, ha="center", va="center", bbox=box, zorder=3)


def _mark_areas(defects: list[Defect], inspection: Inspection) -> Points:
    """Marker areas in square points: true to the scale of the map within `_MARK_POINTS`."""
    um = inspection.scale is not None
    diameters = np.array([(d.diameter_um or 0.0) if um else d.diameter_px for d in defects])
    points = diameters * _MAP_POINTS / _radius_limit(inspection)
    return np.clip(points, *_MARK_POINTS) ** 2


def _draw_class(axes: PolarAxes, defects: list[Defect], inspection: Inspection) -> None:
    if not defects:
        return
    marker, colour = _CLASS_MARKS[defects[0].classification]
    theta, radius = _polar(np.array([d.centroid_px for d in defects]), inspection)
    areas = _mark_areas(defects, inspection)
    axes.scatter(theta, radius, s=areas, marker=marker, color=colour, edgecolors="white", linewidths=0.6, zorder=4)


def _draw_rings(axes: PolarAxes, inspection: Inspection) -> None:
    """Rings around the marks that break a limit, with their ids."""
    broken = violating_ids(inspection)
    defects = [d for d in inspection.defects if d.id in broken]
    if not defects:
        return
    theta, radius = _polar(np.array([d.centroid_px for d in defects]), inspection)
    areas = (np.sqrt(_mark_areas(defects, inspection)) + 7) ** 2
    axes.scatter(theta, radius, s=areas, facecolors="none", edgecolors=VIOLATING_COLOUR, linewidths=2.0, zorder=5)
    for defect, angle, r in list(zip(defects, theta, radius, strict=True))[:_MAX_NAMED]:
        axes.annotate(defect.id, (angle, r), (8, 6), textcoords="offset points", fontsize=8, zorder=6)


def _draw_histogram(axes: Axes, inspection: Inspection) -> None:
    from matplotlib.ticker import MaxNLocator

    limit = _radius_limit(inspection)
    shown = [name for name in CLASS_TITLES if any(d.classification == name for d in inspection.defects)]
    radii = [_class_radii(name, inspection) for name in shown]
    if radii:
        colours = [_CLASS_MARKS[name][1] for name in shown]
        axes.hist(
            radii, bins=np.linspace(0, limit, _RADIAL_BINS + 1).tolist(), stacked=True, color=colours, edgecolor="white"
        )
    else:
        axes.text(0.5, 0.5, "no marks", transform=axes.transAxes, ha="center", va="center", color="#666666")
    for zone in inspection.zones:
        radius = float(_polar(ellipse_points(zone.outer), inspection)[1].mean())
        axes.axvline(radius, color=ZONE_COLOURS[zone.letter], linewidth=1.5, zorder=0)
    axes.set_xlim(0, 1.02 * limit)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(
        f"distance of the centroid from the fiber centre ({'um' if inspection.scale else 'px'})", fontsize=9
    )
    axes.set_ylabel("marks", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _class_radii(classification: str, inspection: Inspection) -> Points:
    centroids = [d.centroid_px for d in inspection.defects if d.classification == classification]
    return _polar(np.array(centroids), inspection)[1]


def _draw_legend(figure: Figure, inspection: Inspection) -> None:
    from matplotlib.lines import Line2D

    classes = [name for name in CLASS_TITLES if any(d.classification == name for d in inspection.defects)]
    handles = [
        Line2D([], [], color=ZONE_COLOURS[z.letter], lw=2, label=f"{z.letter} {z.name}") for z in inspection.zones
    ]
    for name in classes:
        marker, colour = _CLASS_MARKS[name]
        count = sum(d.classification == name for d in inspection.defects)
        label = f"{CLASS_TITLES[name]} ({count})"
        handles.append(Line2D([], [], color=colour, marker=marker, ls="none", ms=8, label=label))
    if violating_ids(inspection):
        ring = Line2D([], [], color=VIOLATING_COLOUR, marker="o", ls="none", ms=11, mfc="none", mew=2)
        ring.set_label("breaks a limit")
        handles.append(ring)
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.60, 0.92), ncols=2, fontsize=8.5, frameon=False)


# --- calibration


def calibration_figure(gray: FloatImage, seen: TargetFeatures, file: str, lines: Sequence[str]) -> Figure:
    """One picture of a calibration target with what the fit made of it.

    Left the picture with the features, used or left out, and their residuals magnified; right the measured values in
    words, the histogram of the residuals and how they run across the picture: noise shows no pattern there, a wrong
    count, a bent target or a lens that distorts do.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    seen : features in the picture
    file : name of the picture
    lines : what was measured, in words
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_CALIBRATION_INCHES, dpi=100)
    FigureCanvasAgg(figure)
    figure.suptitle(_drawable(file), fontsize=12, fontweight="bold", parse_math=False)
    _draw_features(figure.add_axes((0.03, 0.06, 0.60, 0.85)), gray, seen)
    figure.text(0.66, 0.90, "\n".join(lines), family="monospace", fontsize=9.5, va="top", linespacing=1.5)
    _draw_residuals(figure.add_axes((0.69, 0.37, 0.29, 0.22)), seen)
    _draw_trends(figure.add_axes((0.69, 0.08, 0.29, 0.20)), seen)
    return figure


def _draw_features(axes: Axes, gray: FloatImage, seen: TargetFeatures) -> None:
    height, width = gray.shape
    axes.imshow(gray, cmap="gray", interpolation="antialiased")
    size = float(np.clip(4e3 / max(len(seen.used), 1), 1, 30))  # square points
    used, left_out = seen.points_px[seen.used], seen.points_px[~seen.used]
    axes.scatter(used[:, 0], used[:, 1], s=size, color=_USED_COLOUR, label=f"used ({len(used)})")
    axes.plot(*left_out.T, "x", color=_LEFT_OUT_COLOUR, markeredgewidth=2, label=f"left out ({len(left_out)})")
    _draw_arrows(axes, seen, width)
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.tick_params(labelsize=8, colors="#666666")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.06), ncols=3, fontsize=9, frameon=False)


def _draw_arrows(axes: Axes, seen: TargetFeatures, width: int) -> None:
    """Residuals of some of the used features, evenly chosen, by a round factor."""
    used = np.flatnonzero(seen.used)
    if not used.size:
        return
    some = used[:: 1 + len(used) // _MAX_ARROWS]
    length = float(np.percentile(np.hypot(*seen.residuals_px[used].T), 95))
    factor = _round_number(_ARROW_SHARE * width / max(length, 1e-6))
    axes.quiver(
        *seen.points_px[some].T,
        *(factor * seen.residuals_px[some]).T,
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.002,
        color=_ARROW_COLOUR,
        label=f"residual x {factor:,g}" + ("" if len(some) == len(used) else f", of {len(some)}"),
    )


def _round_number(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above it."""
    decade = 10.0 ** np.floor(np.log10(value))
    return float(decade * max(step for step in (1, 2, 5) if step * decade <= value * (1 + 1e-9)))


def _draw_residuals(axes: Axes, seen: TargetFeatures) -> None:
    used = seen.residuals_px[seen.used]
    limit = 1.05 * float(np.abs(used).max(initial=1e-4))
    bins = np.linspace(-limit, limit, _RESIDUAL_BINS + 1).tolist()
    for name, values, colour in zip("xy", used.T, _AXIS_COLOURS, strict=True):
        axes.hist(values, bins=bins, histtype="step", linewidth=1.5, color=colour, label=f"{name}, rms {_rms(values)}")
    axes.set_xlabel("residual (px)", fontsize=9)
    axes.set_ylabel("features used", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)


def _rms(values: Points) -> str:
    return f"{float(np.sqrt(np.mean(values**2))) if len(values) else 0.0:.4f} px"


def _draw_trends(axes: Axes, seen: TargetFeatures) -> None:
    """Residual along each axis against the place on it."""
    points, residuals = seen.points_px[seen.used], seen.residuals_px[seen.used]
    for k, (name, colour) in enumerate(zip("xy", _AXIS_COLOURS, strict=True)):
        axes.plot(
            points[:, k], residuals[:, k], ".", markersize=2, color=colour, alpha=0.5, label=f"{name} against {name}"
        )
    axes.axhline(0, color="#666666", linewidth=0.8)
    axes.set_xlabel("place along the axis (px)", fontsize=9)
    axes.set_ylabel("residual (px)", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False, loc="upper right", ncols=2)
