"""Figures of matplotlib to bytes that are the same in every run."""

from __future__ import annotations

import io
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from dscope_blink.files.drawn import marked
from dscope_blink.reporting.as_shipped import matplotlib_as_shipped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PNG_LEVEL = 3  # level 6, as matplotlib has it, takes 10 ms more and saves 4 of 247 kB
_DATE_KEYS = MappingProxyType({"svg": "Date", "pdf": "CreationDate"})


@matplotlib_as_shipped()
def empty_figure(inches: tuple[float, float]) -> Figure:
    """A figure with the canvas that draws pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, dpi=100)
    FigureCanvasAgg(figure)
    return figure


def png_bytes(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    return figure_bytes(figure, "png")


@matplotlib_as_shipped()
def figure_bytes(figure: Figure, file_format: str) -> bytes:
    """The figure as a file: png, svg or pdf; the same one gives the same bytes each time."""
    from matplotlib import rc_context

    buffer = io.BytesIO()
    if file_format == "png":
        figure.savefig(buffer, format="png", pil_kwargs={"compress_level": _PNG_LEVEL})
        return marked(buffer.getvalue())
    with rc_context({"svg.hashsalt": "blink"}):
        figure.savefig(buffer, format=file_format, metadata={_DATE_KEYS[file_format]: None})
    return buffer.getvalue()


def drawable(text: str) -> str:
    """`text` with a question mark for what matplotlib's own font may lack: a missing glyph is a warning and a box."""
    return "".join(c if c.isprintable() and c < "\u0250" else "?" for c in text)


def round_number(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above it."""
    decade = 10.0 ** np.floor(np.log10(value))
    return float(decade * max(step for step in (1, 2, 5) if step * decade <= value * (1 + 1e-9)))
