"""The short form of the soak: nothing is lost to kills, power cuts, full disks, damaged records and hostile files."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soak.__main__ import PARTS, soak
from benchmarks.soak.disks import why_no_mount

SHORT = {"kills": 3, "power_cuts": 2, "full_disks": 2, "mutations": 300, "hostile": 60}
MOUNTS = ("power_cuts", "full_disks")


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_nothing_is_lost(name: str, tmp_path: Path) -> None:
    if name in MOUNTS and why_no_mount():
        pytest.skip(f"nothing can be mounted here: {why_no_mount()}")
    (part,) = soak(1, {other: SHORT[other] if other == name else 0 for other in PARTS}, tmp_path)
    assert part.lost == []
    assert part.count >= SHORT[name]
