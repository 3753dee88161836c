"""The pictures that the scale is tested on are themselves true: nothing of the measurement is used here."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dscope_blink.synthetic.targets import Shot, dot_grid, ruler

CLEAN = replace(Shot(), noise=0.0, shading=0.0)


def centroids_off_px(gray: NDArray[np.float32], shot: Shot, pitch_um: float) -> tuple[NDArray[np.float64], ...]:
    """Where the dots of a clean grid ought to be, and how far the centroids of their ink are from there."""
    c, s = math.cos(math.radians(shot.tilt_deg)), math.sin(math.radians(shot.tilt_deg))
    k, n = np.mgrid[-30:31, -30:31].reshape(2, -1) * pitch_um
    middle = (np.array(shot.shape[::-1]) - 1) / 2 + shot.place_px
    x, y = (k * c - n * s) / shot.um_per_px[0] + middle[0], (k * s + n * c) / shot.um_per_px[1] + middle[1]
    half = int(0.45 * pitch_um / max(shot.um_per_px))
    inside = (x > half + 1) & (y > half + 1) & (x < shot.shape[1] - half - 2) & (y < shot.shape[0] - half - 2)
    true = np.column_stack([x, y])[inside]
    return true, np.array([centroid_px(gray, place, half) - place for place in true])


def centroid_px(gray: NDArray[np.float32], place: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    column, row = np.rint(place).astype(int)
    window = 0.85 - gray[row - half : row + half + 1, column - half : column + half + 1].astype(np.float64)
    window[window < 0.01] = 0  # less than three grey levels: the step of 8 bits
    y, x = np.indices(window.shape) - half
    return np.array([column, row]) + np.array([np.sum(x * window), np.sum(y * window)]) / window.sum()


@pytest.mark.parametrize(
    "shot",
    [
        replace(CLEAN, tilt_deg=7.0),
        replace(CLEAN, um_per_px=(0.5, 0.46), tilt_deg=-16.0, blur_px=0.6),
        replace(CLEAN, um_per_px=(0.3, 0.3), shape=(600, 800), blur_px=1.4),
    ],
    ids=["turned", "pixels not square", "straight"],
)
def test_dots_lie_where_they_are_said_to_lie(shot: Shot) -> None:
    true, off = centroids_off_px(dot_grid(shot), shot, 10.0)
    assert len(true) > 300
    assert np.abs(off.mean(axis=0)).max() < 0.003
    for axis in (0, 1):  # the scale itself: 1e-5 is a hundredth of what is asked of the measurement
        assert abs(np.polyfit(true[:, axis], off[:, axis], 1)[0]) < 1e-5


@pytest.mark.parametrize("tilt_deg", [0.0, 9.0])
def test_ticks_are_as_far_apart_as_they_are_said_to_be(tilt_deg: float) -> None:
    """Along one row of pixels a tick is as wide and as far from the next as its slant makes it."""
    shot = replace(CLEAN, um_per_px=(0.4, 0.4), tilt_deg=tilt_deg, shape=(400, 600))
    ink = 0.85 - ruler(shot, height_um=40.0, caption=False)[230].astype(np.float64)
    x = np.arange(len(ink))
    pitch_px = 10 / 0.4 / math.cos(math.radians(tilt_deg))
    turns = np.angle(np.sum(ink * np.exp(2j * np.pi * x / pitch_px))) / (2 * np.pi)
    ticks = np.arange(2, 20)
    middles = np.array([weighted_middle(ink, (tick + turns) * pitch_px, pitch_px) for tick in ticks])
    assert np.polyfit(ticks, middles, 1)[0] == pytest.approx(pitch_px, rel=2e-5)


def weighted_middle(ink: NDArray[np.float64], about: float, pitch_px: float) -> float:
    first, last = round(about - 0.45 * pitch_px), round(about + 0.45 * pitch_px)
    part = np.where(ink[first:last] < 0.01, 0, ink[first:last])
    return float(np.sum(np.arange(first, last) * part) / part.sum())
