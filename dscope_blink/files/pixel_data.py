"""Pixels as JSON to a picture: pixels.schema.json describes the file; of a hostile one nothing large is made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from dscope_blink.records import UnreadableImage
from dscope_blink.records.json_reading import decode_json

LONGEST_SIDE_PX = 32766  # OpenCV turns and scales no longer ones
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
COLOUR = re.compile(rb"\s*\[\s*\[\s*\[")
Levels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Side: TypeAlias = Annotated[int, Meta(ge=1, le=LONGEST_SIDE_PX)]


class PixelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file, its pixels not yet read."""

    width: Side
    height: Side
    depth: Annotated[int, Meta(ge=8, le=16)]  # bits
    pixels: msgspec.Raw
    um_per_px: Annotated[float, Meta(gt=0, le=1000)] | None = None
    name: Annotated[str, Meta(max_length=1000)] | None = None


@dataclass(frozen=True, slots=True)
class PixelFacts:
    """What a file of pixels says of its picture."""

    bits: int
    um_per_px: float | None  # None: it does not say


def is_pixel_data(data: bytes) -> bool:
    """Whether a file may be pixels as JSON: no format of pictures begins like an object of JSON."""
    return data[:64].removeprefix(BYTE_ORDER_MARK).lstrip()[:1] == b"{"


def pixel_facts(data: bytes) -> PixelFacts:
    """What the file says beside its pixels; UnreadableImage as `decode_pixels`."""
    found = _opened(data)
    return PixelFacts(found.depth, found.um_per_px)


def decode_pixels(data: bytes, max_pixels: int) -> Levels:
    """Read the picture of a file.

    Parameters
    ----------
    data : the whole file
    max_pixels : larger pictures are refused before any pixel is read

    Returns
    -------
    (H, W) or (H, W, 3) uint8 for a depth of 8, else uint16; channels in OpenCV's order: blue, green, red

    Raises
    ------
    UnreadableImage : it is no JSON, not what the schema asks for, or too large
    """
    found = _opened(data)
    if found.width * found.height > max_pixels:
        text = f"the picture must have at most {max_pixels} pixels, it has {found.width} x {found.height}"
        raise UnreadableImage(text)
    raw = bytes(found.pixels)
    is_coloured = COLOUR.match(raw) is not None
    _check_counts(raw, found, is_coloured)
    shape = (found.height, found.width, 3) if is_coloured else (found.height, found.width)
    levels: NDArray[Any] = np.zeros(shape, np.uint8 if found.depth == 8 else np.uint16)
    row_of = _row_of(found.depth, is_coloured)
    for number, row in enumerate(_decoded(raw, ROWS, "$.pixels")):  # numbers of Python take ten times the room
        values = _decoded(bytes(row), row_of, f"$.pixels[{number}]")
        if len(values) != found.width:
            text = f"pixels[{number}] must have width pixels, {found.width}, got {len(values)}"
            raise UnreadableImage(f"pixel data: {text}")
        levels[number] = _levels(np.array(values), levels.dtype)
    return levels if levels.ndim == 2 else levels[..., ::-1].copy()


ROWS = msgspec.json.Decoder(list[msgspec.Raw])


def _opened(data: bytes) -> PixelFile:
    plain = data.removeprefix(BYTE_ORDER_MARK)
    found: PixelFile = _decoded(plain, msgspec.json.Decoder(PixelFile), "$")
    beside = plain.replace(bytes(found.pixels), b"0", 1)
    if len(beside) > MOST_BESIDE:
        text = f"beside its pixels it must have at most {MOST_BESIDE} bytes, it has {len(beside)}"
        raise UnreadableImage(f"pixel data: {text}")
    try:
        decode_json(beside)
    except ValueError as error:
        raise UnreadableImage(f"pixel data: {error}") from None
    return found


MOST_BESIDE = 100_000  # bytes; pixels given twice would be beside those that count


def _decoded(data: bytes, decoder: msgspec.json.Decoder[Any], place: str) -> Any:
    try:
        return decoder.decode(data)
    except RecursionError:
        raise UnreadableImage("pixel data: it is nested too deeply") from None
    except ValueError as error:  # msgspec's own and Unicode's
        raise UnreadableImage(f"pixel data: {str(error).replace('`$', f'`{place}')}") from None


@lru_cache(maxsize=32)
def _row_of(depth: int, is_coloured: bool) -> msgspec.json.Decoder[Any]:
    within = Meta(ge=0, le=2**depth - 1)
    level: Any = Annotated[int, within] | Annotated[float, within]  # whole numbers may be written 12.0
    return msgspec.json.Decoder(list[tuple[level, level, level]] if is_coloured else list[level])


def _check_counts(raw: bytes, found: PixelFile, is_coloured: bool) -> None:
    """Before anything is made of them: an empty list takes two bytes in a file and thirty times as many in memory."""
    pixels = found.width * found.height
    lists = 1 + found.height + (pixels if is_coloured else 0)
    numbers = pixels * (3 if is_coloured else 1)
    if raw.count(b"[") != lists or raw.count(b",") != numbers - 1:
        what = "three levels each" if is_coloured else "one level each"
        text = f"pixels must be {found.height} rows of {found.width} pixels, {what}"
        raise UnreadableImage(f"pixel data: {text}, got other numbers of them")


def _levels(values: NDArray[Any], dtype: np.dtype[Any]) -> Levels:
    whole: Levels = values.astype(dtype)
    if values.dtype.kind == "f" and not np.array_equal(whole, values):
        odd = float(values[whole != values][0])
        raise UnreadableImage(f"pixel data: levels must be whole numbers, got {odd:g}")
    return whole
