"""Whether a PNG or TIFF file holds its whole picture: of missing rows many decoders say nothing, and give black ones"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from dscope_blink.files.jpeg import Layout, decode_jpeg
from dscope_blink.records import UnreadableImage

PNG_HEAD, CHUNK_BESIDE_DATA = 8, 12  # signature; length, type and checksum
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# First row, first column, steps down and across of the passes of Adam7: PNG (third edition), 8.1.
PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
PIECE = 2**20


def check_png(data: bytes) -> None:
    """Count the bytes of the pixels of a PNG file against those that its head demands.

    Raises
    ------
    UnreadableImage : there are fewer
    """
    needed, had = _png_bytes(data), 0
    stream = zlib.decompressobj()
    for part in _png_chunks(data, b"IDAT"):
        had += len(stream.decompress(part, PIECE))
        while stream.unconsumed_tail and had < needed:
            had += len(stream.decompress(stream.unconsumed_tail, PIECE))
        if had >= needed:
            return
    had += len(stream.flush())
    if had < needed:
        raise UnreadableImage(f"a part of the picture is missing: {had / needed:.0%} of it is in the file")


def _png_bytes(data: bytes) -> int:
    """What the pixels of the first picture take, each row with a byte that says how it is filtered."""
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    depth, colour, interlaced = data[24], data[25], data[28]
    bits = depth * PNG_CHANNELS.get(colour, 1)
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = ((-((x - width) // across), -((y - height) // down)) for y, x, down, across in passes)
    return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0 and rows > 0)


def png_chunk(data: bytes, name: bytes) -> bytes:
    """The first chunk of this name; empty where there is none."""
    return next(_png_chunks(data, name), b"")


def _png_chunks(data: bytes, name: bytes) -> Iterator[bytes]:
    at = PNG_HEAD
    while at + CHUNK_BESIDE_DATA <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == name:
            yield data[at + 8 : at + 8 + length]
        at += length + CHUNK_BESIDE_DATA


# --- TIFF -------------------------------------------------------------------------------------------------------------

WIDTH, HEIGHT, BITS, COMPRESSION, INTERPRETATION, SAMPLES, PLANES = 256, 257, 258, 259, 262, 277, 284  # TIFF 6.0
STRIPS, ROWS_PER_STRIP, STRIP_BYTES = 273, 278, 279
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES = 322, 323, 324, 325
JPEG_TABLES = 347  # Adobe Photoshop TIFF Technical Note 2
NOT_COMPRESSED, JPEG, LUMA_AND_CHROMA, SEPARATE_PLANES = 1, 7, 6, 2
JPEG_LAYOUTS: Mapping[int, Layout] = {1: "GRAY", 3: "BGR", 4: "CMYK"}  # by the number of samples


class _Pieces(NamedTuple):
    """The strips or tiles of a picture."""

    places: tuple[int, ...]
    sizes: tuple[int, ...]  # as stored
    plain: tuple[int, ...]  # what each that the picture needs takes when not compressed


def check_tiff(tags: Mapping[int, object], data: bytes) -> None:
    """Whether a TIFF has all strips or tiles that its picture needs, each within the file.

    What is in them is for the decoders to say, and they do, but of JPEG; and where nothing is compressed, they do not
    ask how long a strip is.

    Parameters
    ----------
    tags : of the page
    data : the file

    Raises
    ------
    UnreadableImage : one is missing, empty, too short, beyond the end of the file, or a JPEG that is not whole
    """
    compression, pieces = _number(tags, COMPRESSION, NOT_COMPRESSED), _pieces(tags)
    count = len(pieces.plain)
    is_plain = compression == NOT_COMPRESSED and _number(tags, INTERPRETATION, 0) != LUMA_AND_CHROMA  # of fewer samples
    stored = tuple(zip(*pieces, strict=False))
    for number, (place, size, plain) in enumerate(stored, 1):
        if place <= 0 or size < (plain if is_plain else 1) or place + size > len(data):
            which = f"strip or tile {number} of {count}"
            raise UnreadableImage(f"a part of the picture is missing: {which} is empty, too short or beyond the file")
    held = sum(size for _, size, _ in stored)
    if held > len(data):
        raise UnreadableImage(f"strips or tiles share their places: they hold {held} bytes, the file has {len(data)}")
    if compression == JPEG:
        _check_jpegs(tags, (data[place : place + size] for place, size, _ in stored))


def _check_jpegs(tags: Mapping[int, object], pieces: Iterable[bytes]) -> None:
    """Each strip or tile, maybe in whole blocks, is a picture without its tables, which stand once in a tag."""
    tables, across, down = tags.get(JPEG_TABLES, b""), *_piece_sides(tags)
    samples = 1 if _number(tags, PLANES, 1) == SEPARATE_PLANES else _number(tags, SAMPLES, 1)
    head = tables[:-2] if isinstance(tables, bytes) else b""
    for piece in pieces:
        decode_jpeg(head + piece[2:] if head else piece, JPEG_LAYOUTS[samples], (across + 16) * (down + 16))


def _piece_sides(tags: Mapping[int, object]) -> tuple[int, int]:
    """Width and height of a tile, or of a strip."""
    width, height = _number(tags, WIDTH, 0), _number(tags, HEIGHT, 0)
    if TILES in tags:
        return max(_number(tags, TILE_WIDTH, width), 1), max(_number(tags, TILE_HEIGHT, height), 1)
    return width, max(min(_number(tags, ROWS_PER_STRIP, height), height), 1)


def _pieces(tags: Mapping[int, object]) -> _Pieces:
    """UnreadableImage where fewer are listed than the picture needs, before anything is made for each."""
    (across, down), height = _piece_sides(tags), _number(tags, HEIGHT, 0)
    samples, bits = _number(tags, SAMPLES, 1), _numbers(tags, BITS) or (1,)
    planes = samples if _number(tags, PLANES, 1) == SEPARATE_PLANES else 1
    lists = (TILES, TILE_BYTES) if TILES in tags else (STRIPS, STRIP_BYTES)
    places, sizes = (_numbers(tags, tag) for tag in lists)
    beside = -(-_number(tags, WIDTH, 0) // across) if TILES in tags else 1
    count = beside * -(-height // down) * planes
    may_lack_size = not sizes and len(places) == count == 1  # some writers leave the tag out where there is one strip
    had = len(places) if may_lack_size else min(len(places), len(sizes))
    if had < count:
        raise UnreadableImage(f"a part of the picture is missing: {had} of {count} strips or tiles are there")
    row_bytes = -(-across * bits[0] * samples // planes // 8)
    tops = range(0, height, down) if TILES not in tags else ()
    rows = [min(down, height - top) for top in tops] or [down] * (count // planes)
    plain = tuple(row * row_bytes for row in rows) * planes
    return _Pieces(places, plain if may_lack_size else sizes, plain)


def _numbers(tags: Mapping[int, object], tag: int) -> tuple[int, ...]:
    values = tags.get(tag, ())
    listed = values if isinstance(values, (tuple, list)) else (values,)
    return tuple(int(value) for value in listed)


def _number(tags: Mapping[int, object], tag: int, absent: int) -> int:
    return (_numbers(tags, tag) or (absent,))[0]
