"""How many of 16 bits are used is what the file says."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dscope_blink.files.decoding import (
    brightest_beyond,
    decode_image,
    doubtful_bits,
    encode_png,
    stated_bits,
    to_gray,
)

TWELVE = np.arange(60, 60 + 40 * 30, dtype=np.uint16).reshape(30, 40)


def png(pixels, *significant):
    data = encode_png(pixels, {})
    if not significant:
        return data
    body = b"sBIT" + bytes(significant)
    chunk = struct.pack(">I", len(significant)) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]


def tiff(pixels, **tags):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "TIFF", tiffinfo={int(tag[1:]): value for tag, value in tags.items()})
    return stream.getvalue()


def stated(data):
    return stated_bits(data, decode_image(data, 10**6))


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_a_png_says_it_in_its_chunk(bits):
    assert stated(png(TWELVE % 1024, bits)) == bits


@pytest.mark.parametrize("low", [0, 1])
def test_levels_scaled_to_sixteen_bits_as_the_standard_asks_are_of_sixteen(low):
    scaled = (TWELVE << 4 | low * (TWELVE >> 8)).astype(np.uint16)
    assert stated(png(scaled, 12)) == 16


def test_a_tiff_says_it_in_its_largest_level():
    assert stated(tiff(TWELVE, t281=4095)) == 12
    assert stated(tiff(TWELVE, t281=65535)) == 16


def test_the_brightest_level_of_one_picture_is_no_depth():
    assert stated(tiff(TWELVE, t281=int(TWELVE.max()))) is None


def test_what_says_nothing_says_nothing():
    assert stated(png(TWELVE)) is None
    assert stated(tiff(TWELVE)) is None
    assert stated(png(TWELVE.astype(np.uint8))) is None
    assert stated(png(TWELVE, 3)) is None


def test_white_is_the_end_of_the_stated_bits_however_bright_the_picture():
    assert to_gray(TWELVE, 12) == pytest.approx(TWELVE / 4095, abs=1e-6)
    assert to_gray(TWELVE // 8, 12) == pytest.approx(TWELVE // 8 / 4095, abs=1e-6)
    assert to_gray(TWELVE + np.uint16(32768), 12) == pytest.approx(TWELVE / 4095, abs=1e-6)
    assert to_gray(TWELVE.astype(np.uint8), 12) == pytest.approx(TWELVE.astype(np.uint8) / 255)


def test_levels_beyond_the_stated_bits_are_told():
    assert brightest_beyond(TWELVE, 12) is None
    assert brightest_beyond(TWELVE, 10) == TWELVE.max()
    assert brightest_beyond(TWELVE.astype(np.uint8), 8) is None


def test_only_where_the_end_of_an_assumed_range_is_near_the_depth_is_in_doubt():
    assert doubtful_bits(np.full((9, 9), 1017, np.uint16)) == 10
    assert doubtful_bits(np.full((9, 9), 700, np.uint16)) is None
    assert doubtful_bits(np.full((9, 9), 65535, np.uint16)) is None
    assert doubtful_bits(np.full((9, 9), 255, np.uint8)) is None
