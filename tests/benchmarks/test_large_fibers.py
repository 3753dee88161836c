"""A fiber of 1000 um is graded, its pits are found and sized, and the table says so."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.large_fibers import FIBERS, Fiber, Result, face_of, measured, pits_on, row_of
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("deep_inspection")
SMALL = Fiber(125.0, 30.0, 0.9)


def test_pits_keep_clear_of_each_other_and_of_the_edges():
    rng = np.random.default_rng(2)
    pits = pits_on(face_of(FIBERS[2], rng, shape=(64, 64)), 12, rng)
    at = np.array([pit.centre_um for pit in pits])
    apart = np.linalg.norm(at[:, None] - at[None], axis=2) + 1e6 * np.eye(len(at))
    assert len(pits) == 12
    assert apart.min() > 20
    assert (np.abs(np.linalg.norm(at, axis=1)[:, None] - [180.0, 200.0]) >= 10).all()


def test_the_row_tells_what_became_of_the_faces():
    result = measured(SMALL, 1, 3, CONFIG)
    row = row_of(result, 99.6)
    assert (row["cladding, um"], row["clean"], row["MB"]) == ("125", "1 of 1", "100")
    assert row["found"] == f"{result.found:.1%}"
    assert result.found > 0.5
    assert float(row["largest"]) >= float(row["mean"]) >= abs(float(row["bias"]))


def passed(result: Result) -> list[str]:
    return [face.inspection.verdict.status for face in result.clean]


@pytest.mark.slow
@pytest.mark.parametrize("fiber", [FIBERS[3], FIBERS[-1]], ids=str)
def test_large_fibers_are_graded_and_their_pits_found_and_sized(fiber: Fiber):
    result = measured(fiber, 1, 23, CONFIG)
    assert passed(result) == ["PASS"]
    assert result.false == 0
    assert result.found >= 0.95
    assert np.abs(result.errors_um).mean() < 0.2
    assert np.abs(result.errors_um).max() < 0.4
