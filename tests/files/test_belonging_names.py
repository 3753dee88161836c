"""Under which names the record of a picture may lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from dscope_blink.files.names import Names, in_reach, may_lie_at, safe_names

FILES = (
    "a.png",
    "b/a.png",
    "b/a.jpg",
    "summary.png",
    "A.tif",
    "x.y.png",
    f"{'n' * 250}.png",
    "with space.bmp",
    "图.png",
)


def record(folder: Path, name: str) -> Path:
    return folder / f"{name}_result.json"


def test_every_name_that_is_given_is_one(tmp_path: Path) -> None:
    for file, name in zip(FILES, Names().give(FILES), strict=True):
        assert may_lie_at(record(tmp_path, name), file), name
        assert may_lie_at(record(tmp_path, f"{name}_lane07"), file, 7)
    for face, name in zip(FILES, safe_names(FILES, tmp_path), strict=True):
        assert may_lie_at(record(tmp_path, name), face), name
    far = tmp_path / ("d" * 200) / ("d" * 200)
    long = in_reach("e" * 3900, "e.png", far)
    assert may_lie_at(record(far, long), "e.png")


@pytest.mark.parametrize(
    ("name", "file", "lane"),
    [
        *(("b", "a.png", None), ("a", "b.png", None), ("ab", "a.png", None), ("a_jpg", "a.png", None)),
        *(
            ("a", "sub/a.png", None),
            ("other/a", "sub/a.png", None),
            ("a_lane02", "a.png", 3),
            ("a_lane02", "a.png", None),
        ),
        *(("a", "", None), ("a", "../../x.png", None), ("a", "a(.png", None)),
    ],
)
def test_others_are_not(tmp_path: Path, name: str, file: str, lane: int | None) -> None:
    assert not may_lie_at(record(tmp_path, name), file, lane)
