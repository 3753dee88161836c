"""A sheet on its layout: the map is found again, and a residual says what leaving its marker out would say."""

from __future__ import annotations

import numpy as np
import pytest

from dscope_blink.gates.perspective import departures, fit_map, pose_of, through

GRID = np.array([(x, y) for x in (80.0, 400.0, 900.0, 1200.0) for y in (90.0, 500.0, 1100.0, 1600.0)])
TILTED = np.array([[0.98, 0.05, 12.0], [-0.04, 1.03, -7.0], [2e-5, -1e-5, 1.0]])


def test_a_perspective_map_is_found_again() -> None:
    found = fit_map(through(TILTED, GRID), GRID)
    assert found.apply(through(TILTED, GRID)) == pytest.approx(GRID, abs=1e-6)
    assert found.back(GRID) == pytest.approx(through(TILTED, GRID), abs=1e-6)


@pytest.mark.parametrize("place", range(len(GRID)))
def test_a_move_is_what_a_map_of_all_others_says(place: int) -> None:
    seen = through(TILTED, GRID) + np.random.default_rng(place).normal(0, 0.3, GRID.shape)
    seen[place] += (7.0, -4.0)
    everything = np.ones(len(GRID), dtype=bool)
    apart = departures(fit_map(seen, GRID), seen, GRID, everything)
    others = np.arange(len(GRID)) != place
    slow = np.hypot(*(GRID[place] - fit_map(seen[others], GRID[others]).apply(seen[place : place + 1])[0]))
    assert apart.moved_px[place] == pytest.approx(slow, rel=0.03)
    assert np.argmax(apart.judged_px) == place


def test_judged_residuals_have_one_spread_for_corners_and_middle() -> None:
    rng = np.random.default_rng(5)
    everything = np.ones(len(GRID), dtype=bool)
    judged = []
    for _ in range(400):
        seen = GRID + rng.normal(0, 0.5, GRID.shape)
        judged.append(departures(fit_map(seen, GRID), seen, GRID, everything).judged_px)
    spread = np.sqrt(np.mean(np.square(judged), axis=0) / 2)
    assert spread == pytest.approx(np.full(len(GRID), 0.5), rel=0.1)


def test_points_on_a_line_decide_no_map() -> None:
    line = np.array([(10.0 * k, 5.0 * k) for k in range(12)])
    with pytest.raises(ValueError, match="do not decide"):
        fit_map(line, line)


def test_the_pose_is_what_the_sheet_was_given() -> None:
    c, s = np.cos(np.radians(4)), np.sin(np.radians(4))
    turned = np.array([[1.3 * c, -1.3 * s, 20], [1.3 * s, 1.3 * c, -30], [0, 0, 1.0]])
    pose = pose_of(fit_map(through(turned, GRID), GRID), 1300, 1700)
    assert [pose.turn_deg, pose.scale] == pytest.approx([4, 1.3])
    assert [pose.stretch, pose.perspective] == pytest.approx([0, 0], abs=1e-9)
    assert not pose.mirrored
