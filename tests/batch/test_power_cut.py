"""What a run says is written is there after the power went, on a disk of its own."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from benchmarks.soak.disks import copied_at_once, ext4, why_no_mount
from benchmarks.soak.program import ended, standing_still, started
from tests.builders.batches import program
from tests.builders.pictures import folder_of

pytestmark = pytest.mark.slow


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The file of a disk that loses its power."""
    if why_no_mount():
        pytest.skip(f"nothing can be mounted here: {why_no_mount()}")
    return tmp_path / "disk.img"


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


def test_after_a_power_cut_at_the_end_of_a_run_all_of_it_is_there(pictures, image):
    folder_of(pictures, *(f"{k}.png" for k in range(4)))
    copy = image.with_name("copy.img")
    with ext4(image, image.with_name("disk")) as mount:
        assert subprocess.run(program(pictures, mount / "new" / "out", "--workers=2"), check=False).returncode == 0
        copied_at_once(image, copy)
        with ext4(copy, image.with_name("cut"), fresh=False) as cut:
            there, left = files_of(mount / "new" / "out"), files_of(cut / "new" / "out")
    assert left == there
    assert len(there) > 4 * 4


def test_whenever_the_power_goes_no_record_says_more_than_there_is(pictures, image):
    folder_of(pictures, *(f"{k}.png" for k in range(10)))
    seen, copy = [], image.with_name("copy.img")
    with ext4(image, image.with_name("disk")) as mount:
        run = started(program(pictures, mount / "out", "--workers=2"), image.with_name("said.txt"))
        while run.poll() is None:
            with standing_still(run):
                copied_at_once(image, copy)
            with ext4(copy, image.with_name("cut"), fresh=False) as cut:
                seen.append(len(list((cut / "out").glob("*_result.json"))))
                assert broken(cut / "out") == []
            copy.unlink()  # the next one is another file: this one may be let go of later
        assert ended(run) == 0
    assert len(seen) > 3
