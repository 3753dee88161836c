"""How a network learned, as a figure: its loss step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from matplotlib.figure import Figure

from dscope_blink.reporting.as_shipped import matplotlib_as_shipped
from dscope_blink.reporting.figures import empty_figure

_INCHES = (8.0, 4.5)
_TAUGHT_COLOUR, _HELD_OUT_COLOUR, _TUNED_COLOUR = "#E69F00", "#0072B2", "#666666"

Curve: TypeAlias = Sequence[tuple[int, float, float]]  # step, loss, loss on held-out crops


@matplotlib_as_shipped()
def learning_figure(curves: Sequence[Curve]) -> Figure:
    """The loss of one course after the other, on what is taught and on what is held out; a line where one ends."""
    figure = empty_figure(_INCHES)
    axes = figure.add_axes((0.1, 0.13, 0.86, 0.82))
    start = 0
    for curve in (curve for curve in curves if curve):
        steps = [start + step for step, _, _ in curve]
        label = "" if start else "on one batch of what is taught", "" if start else "on held-out crops"
        axes.plot(steps, [loss for _, loss, _ in curve], color=_TAUGHT_COLOUR, lw=1, label=label[0] or None)
        axes.plot(steps, [held for _, _, held in curve], color=_HELD_OUT_COLOUR, label=label[1] or None)
        if start:
            axes.axvline(start, color=_TUNED_COLOUR, lw=0.8, ls=":")
        start = steps[-1] + 1
    axes.set(xlabel="step", ylabel="loss", ylim=(0, None))
    if start:
        axes.legend(frameon=False)
    return figure
