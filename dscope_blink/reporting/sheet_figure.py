"""A page of plots as a figure of matplotlib, for files that are sharp at any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dscope_blink.reporting.as_shipped import matplotlib_as_shipped
from dscope_blink.reporting.figures import empty_figure
from dscope_blink.reporting.sheet import Photo, Rings, Shapes, Sheet, Strokes, Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.path import Path


@matplotlib_as_shipped()
def figure_of(sheet: Sheet) -> Figure:
    """The page as one Axes that spans the figure, unknown to pyplot, which would keep it for ever."""
    figure = empty_figure(sheet.inches)
    page = figure.add_axes((0, 0, 1, 1))
    page.set_axis_off()
    page.set(xlim=(0, sheet.inches[0]), ylim=(0, sheet.inches[1]), autoscale_on=False)
    for place, item in enumerate(sheet.items):
        match item:
            case Strokes():
                _add_strokes(page, item, place)
            case Shapes():
                _add_shapes(page, item, place)
            case Words():
                _add_words(page, item, place)
            case Photo():
                _add_photo(page, item, place)
    return figure


def _add_photo(page: Axes, photo: Photo, place: int) -> None:
    from matplotlib.image import AxesImage

    (left, bottom), (width, height) = photo.at, photo.size
    image = AxesImage(page, extent=(left, left + width, bottom, bottom + height), zorder=place, label=photo.label)
    image.set_data(photo.picture[..., ::-1])
    page.add_image(image)


def _add_strokes(page: Axes, strokes: Strokes, place: int) -> None:
    from matplotlib.collections import LineCollection

    lines = LineCollection(
        list(strokes.paths), colors=list(strokes.colours), linewidths=strokes.width, zorder=place, label=strokes.label
    )
    page.add_collection(lines, autolim=False)


def _add_shapes(page: Axes, shapes: Shapes, place: int) -> None:
    from matplotlib.collections import PathCollection

    paths = [_closed(rings) for rings in shapes.rings]
    faces = ["none" if face is None else face for face in shapes.faces]
    figures = PathCollection(
        paths,
        facecolors=faces,
        edgecolors=shapes.edge or "none",
        linewidths=shapes.width,
        zorder=place,
        label=shapes.label,
    )
    page.add_collection(figures, autolim=False)


def _closed(rings: Rings) -> Path:
    from matplotlib.path import Path

    return Path.make_compound_path(*(Path(np.vstack([ring, ring[:1]]), closed=True) for ring in rings))


def _add_words(page: Axes, words: Words, place: int) -> None:
    box = words.box and {"boxstyle": "square,pad=0.2", "facecolor": "white", "edgecolor": words.box}
    page.text(
        *words.at,
        words.text,
        fontsize=words.size,
        color=words.colour,
        fontweight="bold" if words.bold else "normal",
        ha=words.across,
        va=words.up,
        bbox=box,
        zorder=place,
        parse_math=False,
    )
