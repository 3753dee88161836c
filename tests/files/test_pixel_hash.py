"""Copies of a picture in other bytes have one hash of pixels."""

from __future__ import annotations

import numpy as np

from dscope_blink.files.pixel_hash import pixels_sha256

GREY = np.arange(600 * 700, dtype=np.uint32).reshape(600, 700).astype(np.uint8)


def test_a_colour_picture_of_greys_is_a_grey_one():
    assert pixels_sha256(np.dstack([GREY] * 3)) == pixels_sha256(GREY)


def test_other_pixels_shapes_and_types_have_other_hashes():
    changed, tinted = GREY.copy(), np.dstack([GREY] * 3)
    changed[599, 699] ^= 1
    tinted[599, 699, 2] ^= 1
    others = (changed, tinted, GREY.reshape(700, 600), GREY.astype(np.uint16))
    assert len({pixels_sha256(picture) for picture in (GREY, *others)}) == 5


def test_how_it_lies_in_memory_does_not_matter():
    assert pixels_sha256(np.asfortranarray(GREY)) == pixels_sha256(GREY)
