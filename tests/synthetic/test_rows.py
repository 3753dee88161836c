"""Rendered connectors have their fibers where the truth says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.records import ConnectorLayout
from dscope_blink.synthetic.rows import LaneFault, RowSpec, lane_offsets_um, render_row
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("deep_inspection")

MPO12 = CONFIG.connectors["mpo12"]


def test_the_pitch_of_the_lanes_is_that_of_the_layout() -> None:
    offsets = lane_offsets_um(CONFIG.connectors["mpo24"], turn_deg=3.0)
    assert np.hypot(*np.diff(offsets[:12], axis=0).T) == pytest.approx(250)
    assert np.hypot(*(offsets[12:] - offsets[:12]).T) == pytest.approx(500)
    assert offsets.mean(axis=0) == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize(("side", "first"), [("up", (-1, 0)), ("down", (1, 0)), ("left", (0, 1)), ("right", (0, -1))])
def test_lane_1_lies_on_the_left_of_the_key(side: str, first: tuple[int, int]) -> None:
    turned: ConnectorLayout = replace(MPO12, key_side=side)  # type: ignore[arg-type]
    assert lane_offsets_um(turned)[0] == pytest.approx(np.array(first) * 1375, abs=1e-9)


def test_the_truth_says_where_each_fiber_is_and_what_it_deserves() -> None:
    faults: dict[int, LaneFault] = {2: "pit", 3: "hole", 4: "absent", 5: "specks"}
    row = render_row(RowSpec(MPO12, um_per_px=2.0, faults=faults, noise=0.1), np.random.default_rng(3))
    assert [lane.verdict for lane in row.lanes[:6]] == ["PASS", "FAIL", "NOT_GRADED", "NOT_GRADED", "PASS", "PASS"]
    levels = [float(row.image[round(lane.center_px[1]) + 15, round(lane.center_px[0])]) for lane in row.lanes]
    assert levels[2] < 20 < levels[0] < 120 < levels[3]


def test_a_fiber_across_the_border_of_the_picture_is_cut() -> None:
    spec = RowSpec(MPO12, um_per_px=2.0, shape=(160, 500), jitter_um=0.0)
    seen = [lane.seen for lane in render_row(spec, np.random.default_rng(3)).lanes]
    assert seen == ["no"] * 4 + ["whole"] * 4 + ["no"] * 4
    shifted = replace(spec, shift_um=(125.0, 0.0))
    assert "cut" in [lane.seen for lane in render_row(shifted, np.random.default_rng(3)).lanes]
