"""A page of plots as pixels, by OpenCV: in a tenth of the time that matplotlib takes for the same page.

The letters are matplotlib's, DejaVu Sans, drawn by Pillow. What is written on page after page is drawn once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dscope_blink.records import Points
from dscope_blink.reporting.displayable import Picture
from dscope_blink.reporting.drawing import SHIFT, bgr, fixed
from dscope_blink.reporting.fonts import font_file
from dscope_blink.reporting.sheet import Photo, Shapes, Sheet, Strokes, Words

DPI = 100
_THIN_PX = 1.5  # thinner lines are of one pixel
_SMOOTHED_PX = 1.0  # that a smooth edge adds to the width of a figure
_STRAIGHT_PX = 0.01  # off a row or a column
_LINE = 1.2  # from line to line, in heights of one
_MANY = 100  # thin outlines: more are drawn at once, in a tenth of the time
_BOX_GAP = 0.2  # around words in a box, in sizes of their letters
_MASKS = 1024  # of words that are kept: 2 kB each

Mask: TypeAlias = NDArray[np.float32]  # (h, w, 1), 1 where the letters cover all of a pixel


def pixels(sheet: Sheet) -> Picture:
    """The page on white paper, (H, W, 3) uint8, blue green red, 100 pixels to the inch."""
    width, height = (round(inches * DPI) for inches in sheet.inches)
    paper = np.full((height, width, 3), 255, np.uint8)
    for item in sheet.items:
        match item:
            case Strokes():
                _draw_strokes(paper, item)
            case Shapes():
                _draw_shapes(paper, item)
            case Words():
                _draw_words(paper, item)
            case Photo():
                _lay_photo(paper, item)
    return paper


def text_inches(text: str, size: float, bold: bool = False) -> float:
    """How wide a line of words is on the page."""
    return float(_font(size, bold).getlength(text)) / DPI


def _lay_photo(paper: Picture, photo: Photo) -> None:
    """On whole pixels."""
    height = len(paper)
    left, right = (round(x * DPI) for x in (photo.at[0], photo.at[0] + photo.size[0]))
    bottom, top = (height - round(y * DPI) for y in (photo.at[1], photo.at[1] + photo.size[1]))
    size = (right - left, bottom - top)
    paper[top:bottom, left:right] = fitted(photo.picture, size)


def fitted(picture: Picture, size: tuple[int, int]) -> Picture:
    """A picture with so many columns and rows; reduced by areas, so that nothing thin is lost between them."""
    smaller = size[0] < picture.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), np.uint8)


def _on_paper(paper: Picture, places: Points) -> Points:
    """Pixels, whose centres are at integers, of places in inches from the lower left."""
    return np.asarray(places) * (DPI, -DPI) + (-0.5, len(paper) - 0.5)


def _draw_strokes(paper: Picture, strokes: Strokes) -> None:
    for path, colour in zip(strokes.paths, strokes.colours, strict=True):
        _draw_line(paper, _on_paper(paper, path), False, colour, strokes.width)


def _draw_shapes(paper: Picture, shapes: Shapes) -> None:
    thin = shapes.width * DPI / 72 <= _THIN_PX
    if len(shapes.rings) > _MANY and thin and shapes.edge is not None and not any(shapes.faces):
        paths = [ring for rings in shapes.rings for ring in rings]
        points = fixed(_on_paper(paper, np.concatenate(paths)))
        many = np.split(points, np.cumsum([len(path) for path in paths])[:-1])
        cv2.polylines(paper, many, True, bgr(shapes.edge), 1, cv2.LINE_AA, SHIFT)
        return
    for rings, face in zip(shapes.rings, shapes.faces, strict=True):
        paths = [_on_paper(paper, ring) for ring in rings]
        if face is not None:
            cv2.fillPoly(paper, [fixed(path) for path in paths], bgr(face), cv2.LINE_AA, SHIFT)
        for path in paths if shapes.edge is not None else ():
            _draw_line(paper, path, True, str(shapes.edge), shapes.width)


def _draw_line(paper: Picture, path: Points, closed: bool, colour: str, points: float) -> None:
    """Sharp where it only runs along rows and columns; a thick one as a band: OpenCV's own has knots at its points."""
    steps = np.abs(np.diff(path, axis=0))
    if points * DPI / 72 > _THIN_PX:
        band = _band(np.vstack([path, path[:1]]) if closed else path, points * DPI / 72 - _SMOOTHED_PX)
        cv2.fillPoly(paper, [fixed(band)], bgr(colour), cv2.LINE_AA, SHIFT)
    elif steps.min(axis=1).max() < _STRAIGHT_PX:
        cv2.polylines(paper, [np.rint(path).astype(np.int32)], closed, bgr(colour))
    else:
        cv2.polylines(paper, [fixed(path)], closed, bgr(colour), 1, cv2.LINE_AA, SHIFT)


def _band(path: Points, width: float) -> Points:
    """The outline of a line that is so wide, in pixels."""
    along = np.gradient(path, axis=0)
    across = along[:, ::-1] * (1, -1) / np.maximum(np.hypot(*along.T), _STRAIGHT_PX)[:, None] * (width / 2)
    return np.vstack([path + across, (path - across)[::-1]])


# --- words


def _draw_words(paper: Picture, words: Words) -> None:
    mask = _mask_of(words.text, words.size, words.bold, words.across)
    (x, y), (height, width) = _on_paper(paper, np.array(words.at)), mask.shape[:2]
    left = round(x - {"left": 0.0, "center": 0.5, "right": 1.0}[words.across] * width)
    top = round(y - {"center": 0.5, "bottom": 1.0}[words.up] * height)
    if words.box is not None:
        gap = round(_BOX_GAP * words.size * DPI / 72)
        corners = (left - gap, top - gap), (left + width + gap, top + height + gap)
        cv2.rectangle(paper, *corners, (255, 255, 255), cv2.FILLED)
        cv2.rectangle(paper, *corners, bgr(words.box), 1)
    _cover(paper, mask, left, top, words.colour)


def _cover(paper: Picture, mask: Mask, left: int, top: int, colour: str) -> None:
    """Colour where the mask lies, as far as it lies on the paper."""
    (height, width), (bottom, right) = paper.shape[:2], (top + mask.shape[0], left + mask.shape[1])
    seen = mask[max(-top, 0) : max(height - top, 0), max(-left, 0) : max(width - left, 0)]
    ground = paper[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    ground[:] = np.rint(ground + (np.array(bgr(colour), np.float32) - ground) * seen)


@lru_cache(maxsize=_MASKS)
def _mask_of(text: str, size: float, bold: bool, across: str) -> Mask:
    """The letters of all lines, as high as the lines are, whichever letters they have."""
    font, lines = _font(size, bold), text.split("\n")
    _, above, _, below = font.getbbox("lp", anchor="ls")
    step = _LINE * (below - above)
    width = max(*(int(np.ceil(font.getlength(line))) for line in lines), 1)
    canvas = Image.new("L", (width, round((len(lines) - 1) * step + below - above)))
    pen, x = ImageDraw.Draw(canvas), {"left": 0.0, "center": width / 2, "right": width}[across]
    anchor = {"left": "ls", "center": "ms", "right": "rs"}[across]
    for index, line in enumerate(lines):
        pen.text((x, round(index * step) - above), line, fill=255, font=font, anchor=anchor)
    return np.asarray(canvas, np.float32)[..., None] / np.float32(255)


@lru_cache(maxsize=16)
def _font(size: float, bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_file(bold), size * DPI / 72, layout_engine=ImageFont.Layout.BASIC)
