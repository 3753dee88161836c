"""Pixels that no optics have drawn go; what is as wide as the optics draw stays."""

from __future__ import annotations

import numpy as np
import pytest

from dscope_blink.image_processing.hot_pixels import hot_pixel_warnings, without_hot_pixels
from dscope_blink.synthetic.faces import FaceSpec, Pit, Scratch, render_face

FACE = FaceSpec(shape=(300, 400), centre_px=(203.4, 146.7), um_per_px_x=0.6, um_per_px_y=0.6)
WITHIN = FACE.cladding_ellipse


def picture(*marks, blur_px=0.8):
    spec = FaceSpec(FACE.shape, FACE.centre_px, um_per_px_x=0.6, um_per_px_y=0.6, blur_px=blur_px)
    return render_face(spec, marks, np.random.default_rng(0)).image.astype(np.float32) / 255


def found(gray, blur_px=0.8):
    return sorted(map(tuple, without_hot_pixels(gray, blur_px, WITHIN)[1].tolist()))


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize(
    "places", [[(190, 150)], [(190, 150), (191, 150)], [(190, 150), (191, 151)], [(230, 120), (165, 170)]]
)
def test_hot_and_dead_pixels_single_and_in_pairs_are_replaced(level, places):
    clean = picture()
    spoilt = clean.copy()
    for x, y in places:
        spoilt[y, x] = level
    mended, where = without_hot_pixels(spoilt, 0.8, WITHIN)
    assert sorted(map(tuple, where.tolist())) == sorted(places)
    assert np.abs(mended - clean).max() < 0.05
    assert spoilt[places[0][1], places[0][0]] == level


def test_a_clean_picture_stays_the_same_array():
    gray = picture()
    assert without_hot_pixels(gray, 0.8, WITHIN)[0] is gray


@pytest.mark.parametrize("size_um", [0.6, 1.5])
@pytest.mark.parametrize("offset_um", [0.0, 0.3])
def test_the_smallest_pits_stay(size_um, offset_um):
    pits = tuple(Pit((x + offset_um, 20.0), size_um, contrast) for x, contrast in ((-35, -0.9), (-10, 3.0), (15, -0.6)))
    for blur_px in (0.65, 1.0):
        assert found(picture(*pits, blur_px=blur_px), blur_px) == []


def test_thin_scratches_and_their_ends_stay():
    lines = (Scratch(((-40, -10), (30, -10)), 0.6, 1.0), Scratch(((-30, 20), (20, 35)), 0.6, -0.9))
    assert found(picture(*lines)) == []


def test_where_the_optics_are_sharper_than_a_pixel_nothing_is_told():
    spoilt = picture()
    spoilt[150, 190] = 1.0
    assert found(spoilt, blur_px=0.5) == []


def test_a_picture_full_of_such_pixels_has_another_noise():
    spoilt = picture()
    spoilt[60:240:6, 120:300:6] = 1.0
    assert found(spoilt) == []


def test_the_warning_names_their_number_and_places():
    assert hot_pixel_warnings(np.empty((0, 2), int)) == ()
    (one,) = hot_pixel_warnings(np.array([[190, 150]]))
    assert one.text == "Hot pixels: 1 pixel is sharper than the optics, and left out: x 190 y 150"
    (many,) = hot_pixel_warnings(np.array([[k, 7] for k in range(9)]))
    assert many.text.startswith("Hot pixels: 9 pixels are")
    assert many.text.endswith("and 4 more")
