"""A file that ends properly and lacks a part of its picture is refused; what every viewer opens is read."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dscope_blink.files.decoding import decode_image
from dscope_blink.records import UnreadableImage
from tests.files.test_decoding import stored, tiff_file

LIMIT = 1_000_000
RNG = np.random.default_rng(0)
GREY = RNG.integers(1, 256, (96, 80), np.uint8)
COLOUR = RNG.integers(1, 256, (96, 80, 3), np.uint8)
END_OF_JPEG = b"\xff\xd9"

both = pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])


@pytest.fixture(autouse=True)
def _silence(capfd):
    yield
    assert capfd.readouterr() == ("", "")


def refused(data, why):
    with pytest.raises(UnreadableImage, match=why):
        decode_image(data, LIMIT)


# --- JPEG


@both
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
@pytest.mark.parametrize("share", [0.55, 0.6, 0.8, 0.95])
def test_a_jpeg_cut_short_and_ended_is_refused(pixels, options, share):
    data = stored(pixels, "JPEG", **options)
    refused(data[: int(share * len(data))] + END_OF_JPEG, "Corrupt JPEG data|last scans")


def test_a_jpeg_without_its_last_scans_is_refused():
    data = stored(COLOUR, "JPEG", progressive=True)
    refused(data[: data.rindex(b"\xff\xc4")] + END_OF_JPEG, "the last scans of the picture are missing")


def test_a_jpeg_whose_rest_is_zero_is_refused():
    data = stored(COLOUR, "JPEG")
    cut = int(0.6 * len(data))
    refused(data[:cut] + bytes(len(data) - cut), "the end of the picture is missing")
    refused(data[:cut] + RNG.bytes(3000).replace(b"\xff", b"") + END_OF_JPEG, "the decoder says")


@both
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_has_the_pixels_that_pillow_gives(pixels, progressive):
    data = stored(pixels, "JPEG", quality=80, progressive=progressive)
    expected = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode_image(data, LIMIT), expected[..., ::-1] if pixels.ndim == 3 else expected)


def stray_before_the_pixels(data):
    scan = data.index(b"\xff\xda")
    return data[:scan] + b"\0\7" + data[scan:]


def no_scan_parameters(data):
    end = data.index(b"\xff\xda") + 2 + 12
    return data[: end - 2] + b"\0\0" + data[end:]


HARMLESS = {
    "stray bytes before the pixels": stray_before_the_pixels,
    "padding behind the pixels": lambda data: data[:-2] + bytes(100) + END_OF_JPEG,
    "slack behind the end": lambda data: data + RNG.bytes(5000),
    "another picture behind the end": lambda data: data + stored(COLOUR[::-1].copy(), "JPEG"),
    "a note": lambda data: data[:2] + b"\xff\xfe\x00\x06\xff\xda\xff\xd9" + data[2:],
    "scan parameters as telephones write them": no_scan_parameters,
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_a_jpeg_that_viewers_open_is_read(change):
    data = stored(COLOUR, "JPEG")
    np.testing.assert_array_equal(decode_image(change(data), LIMIT), decode_image(data, LIMIT))


@pytest.mark.parametrize("change", [stray_before_the_pixels, no_scan_parameters])
def test_what_is_harmless_does_not_hide_that_the_rest_is_missing(change):
    data = change(stored(COLOUR, "JPEG"))
    refused(data[: int(0.7 * len(data))] + END_OF_JPEG, "premature end of data segment")


# --- PNG


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(rows, layout, interlaced=0, size=(80, 96), extra=b""):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, *layout, 0, 0, interlaced))
    coded = zlib.compress(rows)
    halves = (coded[: len(coded) // 2], coded[len(coded) // 2 :])
    return b"\x89PNG\r\n\x1a\n" + head + extra + b"".join(chunk(b"IDAT", h) for h in halves) + chunk(b"IEND", b"")


PALETTE = chunk(b"PLTE", bytes(range(48)) * 16)
LAYOUTS = {(1, 0): 10, (2, 0): 20, (8, 0): 80, (16, 0): 160, (8, 2): 240, (16, 2): 480, (4, 3): 40, (8, 6): 320}


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("share", [0.6, 0.8, 0.99])
def test_a_png_without_its_last_rows_is_refused(layout, share):
    row, palette = b"\0" + b"\x5a" * LAYOUTS[layout], PALETTE if layout[1] == 3 else b""
    assert decode_image(png(row * 96, layout, extra=palette), LIMIT).shape[:2] == (96, 80)
    refused(png(row * int(share * 96), layout, extra=palette), "a part of the picture is missing|truncated")


def test_an_interlaced_png_without_its_last_passes_is_refused():
    whole = b"".join(b"\0" + b"\x5a" * (n - 1) for n in (2, 2, 3, 3, 3, 5, 4, 4, 4, 8, 8))  # rows of the passes
    assert decode_image(png(whole, (8, 0), 1, (7, 5)), LIMIT).shape == (5, 7)
    for cut in (8, 16):
        refused(png(whole[:-cut], (8, 0), 1, (7, 5)), "a part of the picture is missing|truncated")


def test_a_png_whose_last_rows_are_black_is_read():
    pixels = GREY.copy()
    pixels[-10:] = 0
    np.testing.assert_array_equal(decode_image(stored(pixels, "PNG"), LIMIT), pixels)


# --- TIFF

STRIPS = [GREY[top : top + 8].tobytes() for top in range(0, 96, 8)]
PLACES, SIZES = [8 + 640 * k for k in range(12)], [640] * 12
DAMAGE = {
    "not listed": (PLACES[:10], SIZES[:10]),
    "no place": ([*PLACES[:10], 0, 0], SIZES),
    "no bytes": (PLACES, [*SIZES[:10], 0, 0]),
    "too few bytes": (PLACES, [*SIZES[:11], 320]),
    "beyond the file": ([*PLACES[:11], 10**6], SIZES),
}


def strips(places, sizes):
    return tiff_file(STRIPS, GREY.shape, 8, (278, 4, 8), (273, 4, *places), (279, 4, *sizes))


def test_a_tiff_with_all_its_strips_is_read():
    np.testing.assert_array_equal(decode_image(strips(PLACES, SIZES), LIMIT), GREY)


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_tiff_that_lacks_strips_is_refused(damage):
    refused(strips(*damage), "a part of the picture is missing")


def test_a_tiff_that_lacks_tiles_is_refused():
    tiles = [GREY[y : y + 16, x : x + 16].tobytes() for y in range(0, 96, 16) for x in range(0, 80, 16)]
    assert decode_image(tiff_file(tiles, GREY.shape, 8, (322, 4, 16), (323, 4, 16)), LIMIT).shape == GREY.shape
    refused(tiff_file(tiles[:-1], GREY.shape, 8, (322, 4, 16), (323, 4, 16)), "29 of 30 strips or tiles are there")


@both
def test_a_tiff_whose_jpeg_is_cut_short_is_refused(pixels):
    data = stored(pixels, "TIFF", compression="jpeg")
    assert decode_image(data, LIMIT).shape == pixels.shape
    end = data.index(END_OF_JPEG, data.index(b"\xff\xda"))
    cut = end - 400
    refused(data[:cut] + END_OF_JPEG + bytes(end - cut) + data[end + 2 :], "premature end|Corrupt")


# --- photographs


@pytest.mark.accuracy
def test_photographs_are_read_whole_or_not_at_all(shared):
    for file in sorted((shared / "endfaces").glob("*.jpg")):
        data = file.read_bytes()
        whole, scan = decode_image(data, LIMIT), data.rindex(b"\xff\xda")
        cut = data[: data.index(END_OF_JPEG, scan)]
        refused(cut[: scan + int(0.8 * (len(cut) - scan))] + END_OF_JPEG, "premature end of data segment")
        np.testing.assert_array_equal(decode_image(cut + END_OF_JPEG, LIMIT), whole)
