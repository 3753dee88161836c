"""What is a blank surface, and what is refused with the reason."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dscope_blink.config.loading import load_config
from dscope_blink.devices.flat_field import structure, why_not_blank
from dscope_blink.files.decoding import decode_image, to_gray
from dscope_blink.records import FloatImage
from dscope_blink.synthetic.faces import render_face
from dscope_blink.terminal.options import CONFIG
from tests.builders.emulator import surface
from tests.builders.pictures import FACE

CONFIGURED = load_config(CONFIG).profile("deep_inspection")


def reason(light: FloatImage) -> str:
    return why_not_blank(light, CONFIGURED.preprocessing.saturation_level, CONFIGURED.flat_field)


def dusty(light: FloatImage, specks: int) -> FloatImage:
    rng = np.random.default_rng(3)
    shadows = np.ones(light.shape, np.float32)
    for x, y in rng.uniform((0, 0), light.shape[::-1], (specks, 2)):
        cv2.circle(shadows, (int(x), int(y)), 3, 0.7, cv2.FILLED)
    return light * cv2.GaussianBlur(shadows, (0, 0), 1)


@pytest.mark.parametrize(
    "light",
    [{}, {"linear": (0.2, -0.1)}, {"vignette": 0.5}, {"linear": (0.1, 0.1), "quadratic": -0.2, "vignette": 0.3}],
)
def test_a_blank_surface_is_one_however_the_light_falls_off(light):
    assert reason(to_gray(surface(**light))) == ""


def test_some_dust_is_no_matter_for_the_flat_field_takes_it_away():
    assert reason(dusty(to_gray(surface(vignette=0.3)), 12)) == ""


def test_a_surface_full_of_dust_is_not_blank():
    assert reason(dusty(to_gray(surface(vignette=0.3)), 400)).startswith("not blank: ")


def test_the_noise_of_a_single_frame_is_no_structure():
    light = to_gray(surface(vignette=0.3))
    noisy = light + np.random.default_rng(0).normal(0, 0.02, light.shape).astype(np.float32)
    assert np.abs(structure(noisy)).max() < 0.02


def test_an_end_face_is_not_blank():
    face = render_face(replace(FACE, ferrule=150.0, cladding=120.0), (), np.random.default_rng(0)).image
    assert reason(to_gray(face)).startswith("not blank: ")


def test_a_saturated_surface_is_told_to_be_exposed_less():
    assert reason(to_gray(surface(level=1.4))).startswith("saturated: ")
    assert "expose less" in reason(to_gray(surface(level=1.4)))


def test_a_dark_surface_is_told_to_be_exposed_more():
    told = "too dark: its mean level is 10% of the range, 20% are needed; expose more"
    assert reason(to_gray(surface(level=0.1))) == told


def test_black_is_too_dark_and_divides_nothing_by_zero():
    assert reason(np.zeros((30, 40), np.float32)).startswith("too dark: ")


@pytest.mark.slow
@pytest.mark.accuracy
def test_every_photograph_of_an_end_face_has_four_times_the_structure_that_may_be(shared):
    photographs = [path for path in (shared / "endfaces").iterdir() if path.suffix in (".jpg", ".png")]
    assert len(photographs) > 50
    for path in photographs:
        light = to_gray(decode_image(path.read_bytes(), CONFIGURED.preprocessing.max_pixels))
        share = (np.abs(structure(light)) > CONFIGURED.flat_field.max_structure).mean()
        assert share > 4 * CONFIGURED.flat_field.max_structure_share, path.name
