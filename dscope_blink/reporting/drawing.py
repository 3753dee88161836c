"""Lines and lettering on a photograph or a panel, in sub-pixel coordinates, as large as the picture asks for."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Points
from dscope_blink.reporting.displayable import Picture

Colour: TypeAlias = tuple[int, int, int]
Box: TypeAlias = NDArray[np.int64]  # (4,) left, top, right, bottom

WHITE, INK, PAPER, BLACK = (255, 255, 255), (235, 235, 235), (32, 32, 32), (0, 0, 0)
MICRO = "µ"  # the one letter beyond ASCII that is drawn: a u with a stem
SHIFT = 4  # binary places of the sub-pixel coordinates handed to cv2
_DASH = np.array([0.0, 0.2, 0.4, 0.6])  # points of a dash, in periods
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_STEM = (0.19, 0.45)  # of the micro sign: its place in the width of the letter, its depth in heights of an H
_MICROMETRES = re.compile(r"(?<=\d )um\b")
_ASCII_TWINS = str.maketrans(
    {"μ": MICRO, "≤": "<=", "≥": ">=", "±": "+/-", "×": "x", "°": " deg", "ß": "ss"}  # noqa: RUF001
)


@dataclass(frozen=True, slots=True)
class Pen:
    """What scales with the picture: which part of it is drawn on, its enlargement, and the size of the lettering."""

    zoom: float
    font: float
    corner_px: tuple[int, int] = (0, 0)  # left and top of the part, in the stored picture

    def line(self, width: float) -> int:
        """The thickness of a line in pixels, at least one."""
        return max(1, round(width * self.font / 0.5))

    def row(self) -> int:
        """The height of a line of text."""
        return round(40 * self.font)

    def text_px(self, text: str) -> int:
        """The width of a text."""
        return int(cv2.getTextSize(_letters(text), _FONT, self.font, self.line(1))[0][0])

    def on_photo(self, points_px: Points) -> Points:
        """Picture coordinates on the enlarged part; pixel centres are at integers in both."""
        return (np.reshape(points_px, (-1, 2)) - self.corner_px + 0.5) * self.zoom - 0.5


def paper(height: int, width: int) -> Picture:
    """A sheet of the panel's dark grey; by one number, for by three NumPy takes ten times as long."""
    return np.full((height, width, 3), PAPER[0], np.uint8)


def bgr(colour: str) -> Colour:
    """`#RRGGBB` as cv2 has it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return blue, green, red


def draw_path(image: Picture, path: Points, colour: Colour, thickness: int, kind: int = cv2.LINE_AA) -> None:
    """A closed path of sub-pixel points, on the photograph's own coordinates."""
    cv2.polylines(image, [fixed(path)], True, colour, thickness, kind, SHIFT)


def draw_outlined(image: Picture, path: Points, colour: Colour, pen: Pen, weight: float = 1) -> None:
    """A closed path, dark below its colour, so that it shows on any ground."""
    draw_path(image, path, PAPER, pen.line(weight) + 1, cv2.LINE_8)  # below a smooth line, in a fourth of the time
    draw_path(image, path, colour, pen.line(weight))


def draw_broken(image: Picture, path: Points, colour: Colour, pen: Pen, weight: float = 1) -> None:
    """A closed path, of its colour and dark by turns."""
    draw_path(image, path, PAPER, pen.line(weight) + 1, cv2.LINE_8)
    cv2.polylines(image, _dashes(path, weight * pen.row() / 2), False, colour, pen.line(weight), cv2.LINE_AA, SHIFT)


def fixed(path: Points) -> NDArray[np.int32]:
    """Sub-pixel points as cv2 takes them, in sixteenths of a pixel."""
    return np.rint(path * 2**SHIFT).astype(np.int32)


def _dashes(path: Points, period_px: float) -> list[NDArray[np.int32]]:
    """Pieces of a closed path, each a little more than half of its period, in the fixed-point numbers of cv2."""
    closed = np.vstack([path, path[:1]]) @ (1, 1j)  # complex: both coordinates in one interpolation
    place = np.concatenate([[0.0], np.abs(np.diff(closed)).cumsum()])  # along the path
    count = max(round(place[-1] / period_px), 1)
    at = (np.arange(count)[:, None] + _DASH) * place[-1] / count  # (n_dash, 4)
    return list(fixed(np.interp(at, place, closed).view(np.float64).reshape(count, -1, 2)))


def draw_text(image: Picture, text: str, at: tuple[int, int], pen: Pen, colour: Colour = INK) -> None:
    """One line of plain text from `at`, the left end of its middle line."""
    height = cv2.getTextSize("H", _FONT, pen.font, pen.line(1))[0][1]
    base = at[1] + height // 2
    cv2.putText(image, _letters(text), (at[0], base), _FONT, pen.font, colour, pen.line(1), cv2.LINE_AA)
    for place in (index for index, letter in enumerate(text) if letter == MICRO):
        left = at[0] + pen.text_px(text[:place]) + round(_STEM[0] * pen.text_px("u"))
        stem = ((left, base - height // 3), (left, base + round(_STEM[1] * height)))
        cv2.line(image, *stem, colour, pen.line(1), cv2.LINE_AA)


def _letters(text: str) -> str:
    return text.replace(MICRO, "u")


def plain_text(text: str) -> str:
    """`text` in the letters that can be drawn: printable ASCII and the micro sign, micrometres written with it."""
    letters = unicodedata.normalize("NFKD", _MICROMETRES.sub(f"{MICRO}m", text)).translate(_ASCII_TWINS)
    shown = (c for c in letters if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" or c == MICRO else " " if c.isspace() else "?" for c in shown)


def wrapped(text: str, pen: Pen, width: int, max_lines: int) -> list[str]:
    """Lines that fit into `width` pixels; what does not fit into `max_lines` ends in dots."""
    plain = plain_text(text).strip() or " "
    if pen.text_px(plain) <= width:
        return [plain]
    letter_px = max(pen.text_px(plain) / len(plain), 1.0)
    letters = max(int(0.93 * width / letter_px), 8)  # the letters of one line may be wider than their mean
    words = (word[i : i + letters // 2] for word in plain.split(" ") for i in range(0, len(word), letters // 2))
    return textwrap.wrap(" ".join(words), letters, max_lines=max_lines, placeholder=" ...")
