"""The fit of a calibration target as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dscope_blink.records import FloatImage, Points, TargetFeatures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
from dscope_blink.reporting.as_shipped import matplotlib_as_shipped
from dscope_blink.reporting.figures import drawable, empty_figure, round_number
from dscope_blink.reporting.look import VIOLATING_COLOUR

_INCHES = (13.0, 7.0)
_USED_COLOUR, _LEFT_OUT_COLOUR, _ARROW_COLOUR = "#009E73", "#E69F00", VIOLATING_COLOUR
_MAX_ARROWS = 600  # more would hide the picture and each other
_ARROW_SHARE = 0.03  # of the picture's width: the length of a long residual
_RESIDUAL_BINS = 41
_AXIS_COLOURS = ("#0072B2", "#E69F00")  # of x and y


@matplotlib_as_shipped()
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
    figure = empty_figure(_INCHES)
    figure.suptitle(drawable(file), fontsize=12, fontweight="bold", parse_math=False)
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
    factor = round_number(_ARROW_SHARE * width / max(length, 1e-6))
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
