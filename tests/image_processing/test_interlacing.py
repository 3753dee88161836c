"""The comb of two fields is measured, and no still picture has one."""

from __future__ import annotations

import numpy as np
import pytest

from dscope_blink.image_processing.interlacing import field_shift
from dscope_blink.synthetic.faces import FaceSpec, Scratch, render_face

FACE = FaceSpec(shape=(300, 400), centre_px=(203.4, 146.7), um_per_px_x=0.6, um_per_px_y=0.6)


def picture(*marks):
    return render_face(FACE, marks, np.random.default_rng(0)).image.astype(np.float32) / 255


def combed(gray, shift_px):
    moved = gray.copy()
    moved[1::2] = np.roll(gray[1::2], shift_px, axis=1)
    return moved


@pytest.mark.parametrize("shift_px", [-12, -5, -1, 2, 9])
@pytest.mark.parametrize("top", [0, 1])
def test_the_shift_of_odd_rows_is_measured(shift_px, top):
    moved = combed(picture(), shift_px)[top:]
    found = field_shift(moved, FACE.cladding_ellipse)
    assert found == pytest.approx(shift_px if top == 0 else -shift_px, abs=0.3)


def test_a_still_picture_has_none():
    assert field_shift(picture(Scratch(((-50, -9), (50, 9)), 2.0, -0.6)), FACE.cladding_ellipse) is None


def test_rows_of_uneven_gain_are_no_shift():
    uneven = picture()
    uneven[::2] *= 1.1
    assert field_shift(uneven, FACE.cladding_ellipse) is None


def test_in_a_narrow_picture_nothing_is_told():
    assert field_shift(combed(picture(), 5)[:, 150:240], FACE.cladding_ellipse) is None
