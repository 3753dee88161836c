"""What a run says is written is there after the power went, on a disk of its own."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from benchmarks.soak.program import ended, started
from tests.builders.batches import program
from tests.builders.disks import after_power_cut, can_mount, disk
from tests.builders.pictures import folder_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_mount(), reason="this user cannot mount a disk here"),
]


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def broken(out: Path) -> list[str]:
    """What records say is there, and is not as they say."""
    wrong = []
    for record in out.glob("*_result.json"):
        for name, sha256 in json.loads(record.read_bytes())["outputs"].items():
            path = out / name
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
                wrong.append(name)
    return wrong


def test_after_a_power_cut_at_the_end_of_a_run_all_of_it_is_there(pictures, tmp_path):
    folder_of(pictures, *(f"{k}.png" for k in range(4)))
    with disk(tmp_path) as (mount, image):
        assert subprocess.run(program(pictures, mount / "new" / "out", "--workers=2"), check=False).returncode == 0
        with after_power_cut(image, tmp_path) as cut:
            there, left = files_of(mount / "new" / "out"), files_of(cut / "new" / "out")
    assert left == there
    assert len(there) > 4 * 4


def test_whenever_the_power_goes_no_record_says_more_than_there_is(pictures, tmp_path):
    folder_of(pictures, *(f"{k}.png" for k in range(10)))
    seen = []
    with disk(tmp_path) as (mount, image):
        run = started(program(pictures, mount / "out", "--workers=2"), tmp_path / "said.txt")
        while run.poll() is None:
            with after_power_cut(image, tmp_path, run) as cut:
                seen.append(len(list((cut / "out").glob("*_result.json"))))
                assert broken(cut / "out") == []
        assert ended(run) == 0
    assert len(seen) > 3
