"""Small files that ask for much time or memory: what their heads promise is not in them, or unpacks without end."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from PIL import Image

Tags: TypeAlias = Mapping[int, tuple[int, Sequence[int]]]  # TIFF: number of the tag -> type and values

SIDE = 14_142  # px; nearly 200 million pixels
PIECE = 2**20
BYTE, SHORT, LONG, RATIONAL, UNDEFINED, LONG_8 = 1, 3, 4, 5, 7, 16  # types of TIFF values
LETTERS = {BYTE: "B", SHORT: "H", LONG: "I", RATIONAL: "II", UNDEFINED: "B", LONG_8: "Q"}


# --- PNG


def zeros(count: int) -> bytes:
    """So many zeros as a zlib stream, made in no time and in a thousandth of the room."""
    packer = zlib.compressobj(9, wbits=-15)
    piece = packer.compress(bytes(PIECE)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(count % PIECE)) + packer.flush()
    check = struct.pack(">I", (count % 65521) << 16 | 1)
    return b"\x78\xda" + piece * (count // PIECE) + rest + check


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG file, its checksum right."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    width: int,
    height: int,
    bits: int,
    colour: int,
    pixels: bytes | None = None,
    extra: bytes = b"",
    interlaced: int = 0,
) -> bytes:
    """A black PNG file.

    Parameters
    ----------
    pixels : compressed; None: as many zeros as the head promises
    extra : chunks before the pixels
    """
    row = 1 + -(-width * bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] // 8)
    packed = zeros(row * height) if pixels is None else pixels
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
    palette = chunk(b"PLTE", bytes(6)) if colour == 3 else b""
    return b"\x89PNG\r\n\x1a\n" + head + extra + palette + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def _small_png(extra: bytes) -> bytes:
    return png(16, 16, 8, 0, extra=extra)


def _packed_text(size: int, keyword: bytes = b"Comment") -> bytes:
    return chunk(b"zTXt", keyword + b"\0\0" + zeros(size))


def _exif_of_many_tags() -> bytes:
    return chunk(b"eXIf", shared_tags(3000, 60_000))


PNG_BOMBS: dict[str, Callable[[], bytes]] = {
    "png_grey": lambda: png(SIDE, SIDE, 8, 0),
    "png_grey_16": lambda: png(SIDE, SIDE, 16, 0),
    "png_colour": lambda: png(SIDE, SIDE, 8, 2),
    "png_colour_16": lambda: png(SIDE, SIDE, 16, 2),
    "png_transparent": lambda: png(SIDE, SIDE, 8, 6),
    "png_transparent_16": lambda: png(SIDE, SIDE, 16, 6),
    "png_one_bit": lambda: png(SIDE, SIDE, 1, 0),
    "png_one_bit_long": lambda: png(32_766, 6_100, 1, 0),
    "png_palette": lambda: png(SIDE, SIDE, 8, 3),
    "png_palette_of_one_bit": lambda: png(SIDE, SIDE, 1, 3, extra=b""),
    "png_grey_transparent": lambda: png(SIDE, SIDE, 8, 4),
    "png_interlaced": lambda: png(8_000, 8_000, 1, 0, interlaced=1),
    "png_colour_within_the_limit": lambda: png(8_000, 8_000, 8, 2),
    "png_colour_16_within_the_limit": lambda: png(8_000, 8_000, 16, 2),
    "png_one_bit_within_the_limit": lambda: png(8_000, 8_000, 1, 0),
    "png_says_60000": lambda: png(60_000, 60_000, 8, 0, b"\x78\xda\x03\x00\x00\x00\x00\x01"),
    "png_says_most": lambda: png(2**31 - 1, 2**31 - 1, 16, 6, b"\x78\xda\x03\x00\x00\x00\x00\x01"),
    "png_of_one_row": lambda: png(2**31 - 1, 1, 1, 0, b"\x78\xda\x03\x00\x00\x00\x00\x01"),
    "png_of_one_column": lambda: png(1, 2**31 - 1, 1, 0, b"\x78\xda\x03\x00\x00\x00\x00\x01"),
    "png_without_size": lambda: png(0, 0, 8, 0, zlib.compress(b"")),
    "png_unpacks_further": lambda: png(16, 16, 8, 0, zeros(2**28)),
    "png_packed_profile": lambda: _small_png(chunk(b"iCCP", b"x\0\0" + zeros(2**28))),
    "png_packed_text": lambda: _small_png(_packed_text(2**28)),
    "png_many_packed_texts": lambda: _small_png(_packed_text(2**20 - 100) * 200),
    "png_many_texts": lambda: _small_png(chunk(b"tEXt", b"k\0v") * 40_000),
    "png_many_chunks": lambda: _small_png(chunk(b"abCd", b"") * 60_000),
    "png_says_many_frames": lambda: _small_png(chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))),
    "png_pixels_in_many_chunks": lambda: png(64, 64, 8, 0, b"", chunk(b"IDAT", b"") * 60_000),
    "png_exif_of_shared_tags": lambda: _small_png(_exif_of_many_tags()),
    "png_long_chunk": lambda: png(16, 16, 8, 0, extra=struct.pack(">I", 2**31 - 1) + b"tEXt"),
}


# --- TIFF


def tiff(pages: Sequence[Tags], data: bytes = b"", loops_to: int | None = None, big: bool = False) -> bytes:
    """A TIFF file; `data` lies at byte 16, its directories behind it; the last one leads to page `loops_to`."""
    count_at, entry, inline = ("<Q", "<HHQ", 8) if big else ("<H", "<HHI", 4)
    place = "<Q" if big else "<I"
    body = bytearray(b"II" + (struct.pack("<HHHQ", 43, 8, 0, 0) if big else struct.pack("<HI", 42, 0)))
    body += bytes(16 - len(body)) + data
    ends, starts = [4 if not big else 8], []
    for tags in pages:
        fields = b""
        for number, (kind, values) in sorted(tags.items()):
            packed = struct.pack("<" + LETTERS[kind] * (len(values) // len(LETTERS[kind])), *values)
            field = packed.ljust(inline, b"\0")
            if len(packed) > inline:
                field = struct.pack(place, len(body))
                body += packed
            fields += struct.pack(entry, number, kind, len(values) // len(LETTERS[kind])) + field
        starts.append(len(body))
        body += struct.pack(count_at, len(tags)) + fields
        ends.append(len(body))
        body += struct.pack(place, 0)
    nexts = [*starts, 0 if loops_to is None else starts[loops_to]]
    for at, start in zip(ends, nexts, strict=True):
        body[at : at + struct.calcsize(place)] = struct.pack(place, start)
    return bytes(body)


def page(width: int, height: int, compression: int, pieces: int, stored: int, rows: int, bits: int = 8) -> Tags:
    """Tags of a grey page whose strips all lie at the same place."""
    return {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [bits]),
        259: (SHORT, [compression]),
        262: (SHORT, [1]),
        273: (LONG, [16] * pieces),
        277: (SHORT, [1]),
        278: (LONG, [rows]),
        279: (LONG, [stored] * pieces),
    }


def tiled(side: int, tile: int, compression: int, stored: int, pieces: int | None = None) -> Tags:
    """Tags of a grey page whose tiles all lie at the same place."""
    count = (-(-side // tile)) ** 2 if pieces is None else pieces
    plain = page(side, side, compression, 1, stored, side)
    tags = {number: value for number, value in plain.items() if number not in (273, 278, 279)}
    places = {324: (LONG, [16] * count), 325: (LONG, [stored] * count)}
    return {**tags, 322: (LONG, [tile]), 323: (LONG, [tile]), **places}


def _packed_strips(width: int, height: int, rows: int, bits: int = 8) -> bytes:
    data = zeros(width * bits // 8 * rows)
    return tiff([page(width, height, 8, -(-height // rows), len(data), rows, bits)], data)


def _coloured(sizes: Tags, samples: int, planes: int) -> Tags:
    return {
        **sizes,
        258: (SHORT, [8] * min(samples, 4)),
        262: (SHORT, [2]),
        277: (SHORT, [samples]),
        284: (SHORT, [planes]),
    }


def _packed_colour() -> bytes:
    data = zeros(3 * SIDE * SIDE)
    return tiff([_coloured(page(SIDE, SIDE, 8, 1, len(data), SIDE), 3, 1)], data)


def _fax() -> bytes:
    """A white page by the fax code of T.6, in which a white row takes one bit."""
    data = b"\xff" * (SIDE // 8) + b"\xfc\x00\x40\x04"  # the rows, and twice the end of a row
    return tiff([page(SIDE, SIDE, 4, 1, len(data), SIDE, 1)], data)


def shared_tags(count: int, size: int) -> bytes:
    """A directory of many tags that all have the same long value: each reader of it keeps them all."""
    head = b"II" + struct.pack("<HI", 42, 8)
    at = 8 + 2 + 12 * count + 4
    fields = b"".join(struct.pack("<HHII", 40_000 + n, UNDEFINED, size, at) for n in range(count))
    return head + struct.pack("<H", count) + fields + bytes(4) + bytes(size)


def _jpeg_tiles() -> bytes:
    file = io.BytesIO()
    Image.new("L", (16, 16), 90).save(file, "JPEG")
    data = file.getvalue() + bytes(60_000)
    return tiff([tiled(2_048, 16, 7, len(data))], data)


def _small(**others: tuple[int, Sequence[int]]) -> Tags:
    return {**page(16, 16, 1, 1, 256, 16), **{int(tag[1:]): value for tag, value in others.items()}}


def _many_pages(count: int) -> bytes:
    return tiff([_small(_254=(LONG, [1]))] * count, bytes(256))


TIFF_BOMBS: dict[str, Callable[[], bytes]] = {
    "tiff_one_strip_for_all": lambda: tiff([page(SIDE, SIDE, 1, SIDE, SIDE, 1)], bytes(SIDE)),
    "tiff_packed": lambda: _packed_strips(SIDE, SIDE, SIDE),
    "tiff_packed_strips_shared": lambda: _packed_strips(SIDE, SIDE, 64),
    "tiff_packed_16": lambda: _packed_strips(SIDE, SIDE, SIDE, 16),
    "tiff_packed_colour": _packed_colour,
    "tiff_fax": _fax,
    "tiff_tiles_shared": lambda: tiff([tiled(SIDE // 64 * 64, 64, 8, len(zeros(4096)))], zeros(4096)),
    "tiff_tiles_of_one_pixel": lambda: tiff([tiled(SIDE, 1, 1, 1, pieces=4)], bytes(16)),
    "tiff_tiles_of_nothing": lambda: tiff([{**tiled(SIDE, 16, 1, 0, pieces=1), 322: (LONG, [0])}], bytes(16)),
    "tiff_jpeg_tiles_shared": _jpeg_tiles,
    "tiff_many_planes": lambda: tiff([_coloured(page(16, 30_000, 1, 1, 256, 1), 65_535, 2)], bytes(256)),
    "tiff_rows_of_nothing": lambda: tiff([page(16, 2**32 - 1, 1, 1, 256, 0)], bytes(256)),
    "tiff_says_most": lambda: tiff([page(2**32 - 1, 2**32 - 1, 1, 1, 256, 1)], bytes(256)),
    "tiff_many_bits": lambda: tiff([_small(_258=(LONG, [2**32 - 1]))], bytes(256)),
    "tiff_tags_shared": lambda: shared_tags(12_000, 46_000),
    "tiff_tag_says_much": lambda: tiff([_small()], bytes(256)).replace(
        struct.pack("<HHI", 273, LONG, 1), struct.pack("<HHI", 273, LONG, 2**32 - 1)
    ),
    "tiff_pages_in_a_circle": lambda: tiff([_small(_254=(LONG, [1]))] * 3, bytes(256), loops_to=0),
    "tiff_page_of_itself": lambda: tiff([_small(_254=(LONG, [1]))], bytes(256), loops_to=0),
    "tiff_many_pages": lambda: _many_pages(1_500),
    "tiff_big_pages": lambda: tiff([_small()], bytes(256), big=True),
    "tiff_place_beyond_all": lambda: b"II" + struct.pack("<HHHQ", 43, 8, 0, 2**64 - 1) + bytes(64),
    "tiff_strip_beyond_all": lambda: tiff([_small(_273=(LONG_8, [2**64 - 1]))], bytes(256), big=True),
    "tiff_without_tags": lambda: tiff([{}], bytes(64)),
}


# --- JPEG, BMP, JSON and other kinds


def _jpeg(side: int, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("L", (side, side), 90).save(file, "JPEG", **options)
    return file.getvalue()


def _says(data: bytes, width: int, height: int) -> bytes:
    """The JPEG file with other sides in its head."""
    at = next(data.index(mark) for mark in (b"\xff\xc0", b"\xff\xc2") if mark in data)
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def _again_and_again(side: int, times: int) -> bytes:
    """A progressive JPEG whose last scan is there many times, each of which goes through all pixels."""
    plain = _jpeg(side, progressive=True)
    last = plain.rindex(b"\xff\xda")
    return plain[:last] + plain[last:-2] * times + b"\xff\xd9"


def _bmp(width: int, height: int, bits: int, compression: int, pixels: bytes, colours: int = 0) -> bytes:
    table = bytes(4 * min(colours or (2**bits if bits <= 8 else 0), 256))
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(pixels), 0, 0, colours, 0)
    at = 14 + len(info) + len(table)
    return b"BM" + struct.pack("<IHHI", at + len(pixels), 0, 0, at) + info + table + pixels


def _pixel_file(width: int, height: int, pixels: bytes) -> bytes:
    return b'{"width": %d, "height": %d, "depth": 8, "pixels": %b}' % (width, height, pixels)


def _by_pillow(kind: str, side: int, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("L", (side, side)).save(file, kind, **options)
    return file.getvalue()


def _npy(shape: str, data: bytes = b"") -> bytes:
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


def _noise(count: int) -> bytes:
    return np.random.default_rng(0).bytes(count)


OTHER_BOMBS: dict[str, Callable[[], bytes]] = {
    "jpeg_says_65500": lambda: _says(_jpeg(64), 65_500, 65_500),
    "jpeg_says_14142": lambda: _says(_jpeg(64), SIDE, SIDE),
    "jpeg_progressive_says_14142": lambda: _says(_jpeg(64, progressive=True), SIDE, SIDE),
    "jpeg_many_scans": lambda: _again_and_again(1_000, 2_000),
    "jpeg_many_scans_larger": lambda: _again_and_again(4_000, 300),
    "jpeg_many_restarts": lambda: b"\xff\xd8" + b"\xff\xd0" * 90_000 + _jpeg(64)[2:],
    "jpeg_many_segments": lambda: b"\xff\xd8" + b"\xff\xfe\x00\x02" * 45_000 + _jpeg(64)[2:],
    "jpeg_many_tables": lambda: b"\xff\xd8" + b"\xff\xdb\x00\x02" * 45_000 + _jpeg(64)[2:],
    "jpeg_of_marks": lambda: b"\xff\xd8\xff\xe0" + b"\xff" * 180_000,
    "jpeg_lines_told_later": lambda: _says(_jpeg(64), 64, 0),
    "bmp_runs": lambda: _bmp(SIDE, SIDE, 8, 1, b"\0\2\xff\xff" * 60 + b"\0\1"),
    "bmp_runs_within_the_limit": lambda: _bmp(8_000, 8_000, 8, 1, b"\0\2\xff\xff" * 40 + b"\0\1"),
    "bmp_one_pixel_runs": lambda: _bmp(400, 225, 8, 1, b"\1\0" * 90_000),
    "bmp_says_most": lambda: _bmp(2**31 - 1, 2**31 - 1, 24, 0, bytes(64)),
    "bmp_upside_down": lambda: _bmp(16, -(2**31), 24, 0, bytes(64)),
    "bmp_says_many_colours": lambda: _bmp(16, 16, 8, 0, bytes(256), 2**32 - 1),
    "gif_large": lambda: _by_pillow("GIF", 1_000),
    "webp_large": lambda: _by_pillow("WEBP", 1_000, lossless=True),
    "jpeg_2000_large": lambda: _by_pillow("JPEG2000", 500),
    "json_says_most": lambda: _pixel_file(32_766, 32_766, b"[[0]]"),
    "json_deep": lambda: _pixel_file(4, 4, b"[" * 150_000),
    "json_of_lists": lambda: _pixel_file(300, 300, b"[" + b"[]," * 60_000 + b"[]]"),
    "json_long_number": lambda: _pixel_file(1, 1, b"[[" + b"9" * 180_000 + b"]]"),
    "json_long_fraction": lambda: _pixel_file(1, 1, b"[[0." + b"9" * 180_000 + b"]]"),
    "json_of_deep_objects": lambda: b'{"a":' * 40_000,
    "npy_says_much": lambda: _npy("(100000, 100000)"),
    "npy_of_many_sides": lambda: _npy("(1, 1, 1, 1, 1, 1, 1, 1)", bytes(8)),
    "noise": lambda: _noise(180_000),
}

BOMBS: dict[str, Callable[[], bytes]] = {**PNG_BOMBS, **TIFF_BOMBS, **OTHER_BOMBS}
ENDINGS = {"jpeg": "jpg", "tiff": "tif"}


def bomb_file(name: str) -> str:
    """The name of the file of a bomb."""
    kind = name.split("_", maxsplit=1)[0]
    return f"{name}.{ENDINGS.get(kind, kind if kind in ('png', 'bmp', 'json') else 'png')}"
