"""A page of plots as a file: PNG by pixels of our own, SVG and PDF by matplotlib, which is imported only for these."""

from __future__ import annotations

import cv2

from dscope_blink.files.drawn import marked
from dscope_blink.reporting.sheet import Sheet
from dscope_blink.reporting.sheet_pixels import pixels

# Most of a page is white paper.
_PNG = (
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE),
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT),
)


def sheet_bytes(sheet: Sheet, file_format: str) -> bytes:
    """The page as a file: png, svg or pdf; the same one gives the same bytes each time."""
    if file_format == "png":
        _, data = cv2.imencode(".png", pixels(sheet), _PNG)
        return marked(data.tobytes())
    from dscope_blink.reporting.figures import figure_bytes
    from dscope_blink.reporting.sheet_figure import figure_of

    return figure_bytes(figure_of(sheet), file_format)
