"""Targets are found wherever they lie and however dirty they are; nothing else is taken for one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dscope_blink.calibration.targets import DotGrid, NotFound, Ruler, find_dots, find_ruler
from dscope_blink.files.decoding import decode_image, to_gray
from dscope_blink.records import FloatImage
from dscope_blink.synthetic.faces import FaceSpec, render_face
from dscope_blink.synthetic.targets import Shot, dot_grid, ruler
from tests.builders.targets import small


def grid_in(gray: FloatImage) -> DotGrid:
    found = find_dots(gray)
    assert isinstance(found, DotGrid), found
    return found


def ruler_in(gray: FloatImage) -> Ruler:
    found = find_ruler(gray)
    assert isinstance(found, Ruler), found
    return found


def pitch_of(found: Ruler) -> float:
    return 1 / float(np.linalg.norm(found.wave))


# --- dots


@pytest.mark.parametrize("tilt_deg", [0, 3, 17, 30, 45, -20])
def test_a_grid_is_fitted_at_any_turn(tilt_deg: float) -> None:
    grid = grid_in(dot_grid(small(tilt_deg=tilt_deg)))
    assert np.linalg.norm(grid.basis, axis=0) == pytest.approx([20, 20], rel=2e-4)
    assert grid.basis[:, 0] @ grid.basis[:, 1] == pytest.approx(0, abs=0.05)
    assert grid.residual_px < 0.1


def test_every_whole_dot_counts() -> None:
    assert grid_in(dot_grid(Shot(noise=0, shading=0))).dots == 23 * 17  # 480 x 360 px at 20 px, less the cut ones


@pytest.mark.parametrize("dark", [True, False])
def test_missing_dots_and_dirt_do_not_bend_the_grid(dark: bool) -> None:
    shot = small(tilt_deg=12, dark=dark, dirt=25, shading=0.5, noise=0.03)
    grid = grid_in(dot_grid(shot, missing=0.25))
    assert np.linalg.norm(grid.basis, axis=0) == pytest.approx([20, 20], rel=1e-3)


@pytest.mark.parametrize("um_per_px", [0.15, 0.5, 1.0, 1.6])
def test_dots_may_be_far_apart_or_close(um_per_px: float) -> None:
    grid = grid_in(dot_grid(small((um_per_px, um_per_px), tilt_deg=8)))
    assert np.linalg.norm(grid.basis, axis=0) == pytest.approx([10 / um_per_px] * 2, rel=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 10])
def test_dots_that_dirt_has_merged_with_are_left_out(seed: int) -> None:
    shot = Shot((0.15, 0.15), tilt_deg=13, dirt=30, shading=0.5, noise=0.03, seed=seed)
    grid = grid_in(dot_grid(shot, missing=0.1))
    assert np.linalg.norm(grid.basis, axis=0) == pytest.approx([10 / 0.15] * 2, rel=5e-4)


@pytest.mark.slow
def test_a_grid_is_counted_to_its_far_corners() -> None:
    grid = grid_in(dot_grid(Shot((2.0, 1.9), tilt_deg=11, shape=(1200, 1600), noise=0.03), missing=0.2))
    assert grid.dots > 45_000
    assert np.linalg.norm(grid.basis * [[2.0], [1.9]], axis=0) == pytest.approx([10, 10], rel=1e-4)


def test_a_patch_of_a_grid_among_scattered_dots_is_refused() -> None:
    patch, rng = dot_grid(Shot(noise=0, shading=0)), np.random.default_rng(1)
    scattered = np.full_like(patch, patch.max())
    for x, y in rng.uniform(10, (470, 350), (150, 2)):
        cv2.circle(scattered, (int(x), int(y)), 5, float(patch.min()), -1)
    scattered[120:230, 160:310] = patch[120:230, 160:310]
    assert isinstance(find_dots(scattered), NotFound)


def test_too_few_dots_are_refused_with_their_number() -> None:
    found = find_dots(dot_grid(Shot((0.08, 0.08))))
    assert isinstance(found, NotFound)
    assert found.reason.startswith("No dot grid: ")


# --- ruler


@pytest.mark.parametrize("tilt_deg", [0, 2, 10, 30, -25, 90, 70])
def test_a_ruler_is_fitted_at_any_turn(tilt_deg: float) -> None:
    found = ruler_in(ruler(small(tilt_deg=tilt_deg)))
    assert pitch_of(found) == pytest.approx(20, rel=5e-4)
    turn = np.degrees(np.arctan2(found.wave[1], found.wave[0]))
    assert (turn - tilt_deg + 90) % 180 - 90 == pytest.approx(0, abs=0.15)


def test_nearly_every_tick_counts() -> None:
    assert 21 <= ruler_in(ruler(Shot(noise=0, shading=0))).ticks <= 24  # 480 px at 20 px, less those cut by the border


@pytest.mark.parametrize("width_um", [1.0, 2.0, 3.0, 5.0, 6.5])
@pytest.mark.parametrize("um_per_px", [0.25, 0.4, 1.5])
def test_thin_ticks_far_apart_are_not_taken_for_finer_ones(um_per_px: float, width_um: float) -> None:
    shot = Shot((um_per_px, um_per_px), tilt_deg=6, shape=(240, 480))
    found = ruler_in(ruler(shot, width_um=max(width_um, um_per_px), height_um=80 * um_per_px))
    assert pitch_of(found) == pytest.approx(10 / um_per_px, rel=1e-3)


@pytest.mark.parametrize("dark", [True, False])
def test_dirt_and_uneven_light_do_not_stretch_the_ruler(dark: bool) -> None:
    shot = small(tilt_deg=-14, dark=dark, dirt=25, shading=0.5, noise=0.04)
    assert pitch_of(ruler_in(ruler(shot))) == pytest.approx(20, rel=1e-3)


def test_too_few_ticks_are_refused_with_their_number() -> None:
    found = find_ruler(ruler(Shot((0.12, 0.12)), height_um=15))
    assert isinstance(found, NotFound)
    assert found.reason.endswith("10 are needed")


# --- what is no target


def noise(sigma_px: float) -> FloatImage:
    field = np.random.default_rng(3).normal(0, 1, (360, 480)).astype(np.float32)
    if sigma_px:
        field = cv2.GaussianBlur(field, (0, 0), sigma_px)
    return np.clip(0.5 + 0.15 * field / field.std(), 0, 1).astype(np.float32)


def end_face() -> FloatImage:
    return to_gray(
        render_face(FaceSpec(shape=(360, 480), centre_px=(240.0, 180.0)), (), np.random.default_rng(0)).image
    )


@pytest.mark.parametrize("gray", [noise(0), noise(3), end_face()], ids=["noise", "mottle", "end face"])
def test_what_is_no_target_is_refused(gray: FloatImage) -> None:
    assert isinstance(find_dots(gray), NotFound)
    assert isinstance(find_ruler(gray), NotFound)


def test_one_target_is_not_taken_for_the_other() -> None:
    assert isinstance(find_dots(ruler(small(tilt_deg=4))), NotFound)


@pytest.mark.accuracy
@pytest.mark.slow
def test_no_photograph_of_a_surface_is_taken_for_a_target(shared) -> None:
    pictures = sorted([*(shared / "endfaces").glob("*.jpg"), *(shared / "not_a_fiber").glob("*.png")])
    assert pictures
    for path in pictures:
        gray = to_gray(decode_image(path.read_bytes(), 10**8))
        assert isinstance(find_dots(gray), NotFound), path.name
        assert isinstance(find_ruler(gray), NotFound), path.name
