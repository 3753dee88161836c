"""Grains of laser light are told from dirt and from noise."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dscope_blink.image_processing.speckle import find_speckle
from dscope_blink.records import FiberGeometry
from dscope_blink.synthetic.faces import Contamination, FaceSpec, Pit, render_face
from tests.builders.faces import measured_core
from tests.builders.inspections import cladding_fit

FACE = FaceSpec(
    shape=(300, 300), centre_px=(150.2, 149.1), um_per_px_x=0.6, um_per_px_y=0.6, core=100.0, bits=16, noise=0.0
)
GEOMETRY = FiberGeometry(cladding_fit(FACE.cladding_ellipse), measured_core(FACE.core_ellipse))


def light(*marks):
    return render_face(FACE, marks, np.random.default_rng(0)).image / np.float32(65535)


def grains(rng, contrast, width_px):
    """Intensity of the sum of independent fields of random phase: gamma distributed."""
    fields = rng.standard_normal((round(contrast**-2), 2, *FACE.shape))
    blurred = [[cv2.GaussianBlur(part, (0, 0), width_px) for part in field] for field in fields]
    intensity = (np.array(blurred) ** 2).sum(axis=(0, 1))
    return intensity / intensity.mean()


def told(picture):
    rng = np.random.default_rng(1)
    noisy = picture + 0.004 * rng.standard_normal(picture.shape)
    return [one.text for one in find_speckle(np.clip(noisy, 0, 1).astype(np.float32), GEOMETRY)]


@pytest.mark.parametrize("contrast", [0.3, 0.5])
@pytest.mark.parametrize("width_px", [1.0, 2.0])
def test_speckle_all_over_is_named(contrast, width_px):
    (text,) = told(light() * grains(np.random.default_rng(3), contrast, width_px))
    assert text.startswith("Laser speckle: the core is full of grains")


def test_a_clean_face_has_none():
    assert told(light()) == []


def test_noise_is_no_speckle():
    noise = 1 + 0.25 * np.random.default_rng(2).standard_normal(FACE.shape)
    assert told(light() * noise) == []


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("contrast", [-0.6, 0.5])
def test_a_core_full_of_dirt_is_dirty(seed, contrast):
    rng = np.random.default_rng(seed)
    radius, turn = 24 * np.sqrt(rng.random(90)), rng.uniform(0, 6.28, 90)
    drops = np.stack([radius * np.cos(turn), radius * np.sin(turn), rng.uniform(0.8, 3.5, 90)], axis=1)
    assert told(light(Contamination(tuple(map(tuple, drops.tolist())), contrast, 0.8))) == []


def test_one_large_mark_is_no_speckle():
    assert told(light(Pit((4.0, 3.0), 20.0, -0.7))) == []
