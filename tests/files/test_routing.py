"""Pictures are copied or moved whole, and never over others."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from dscope_blink.files.routing import route, withdraw


def picture(path: Path, data: bytes = b"picture") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def test_a_copy_lies_there_whole_and_the_picture_where_it_was(tmp_path: Path) -> None:
    sha256 = picture(tmp_path / "a.png")
    target = tmp_path / "out" / "sub" / "a.png"
    assert route(tmp_path / "a.png", target, sha256, move=False) == target
    assert target.read_bytes() == (tmp_path / "a.png").read_bytes() == b"picture"
    assert [path.name for path in target.parent.iterdir()] == ["a.png"]


def test_a_moved_picture_is_no_longer_where_it_was(tmp_path: Path) -> None:
    sha256 = picture(tmp_path / "a.png")
    assert route(tmp_path / "a.png", tmp_path / "out" / "a.png", sha256, move=True) is not None
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("links", [True, False])
def test_another_picture_of_its_name_is_never_overwritten(tmp_path: Path, links: bool, monkeypatch) -> None:
    if not links:

        def refuse(*_: object) -> None:
            raise PermissionError(1, "no second names here")

        monkeypatch.setattr(os, "link", refuse)
    sha256 = picture(tmp_path / "a.png")
    picture(tmp_path / "out" / "a.png", b"another")
    assert route(tmp_path / "a.png", tmp_path / "out" / "a.png", sha256, move=True) == tmp_path / "out" / "a_2.png"
    assert (tmp_path / "out" / "a.png").read_bytes() == b"another"
    assert (tmp_path / "out" / "a_2.png").read_bytes() == b"picture"


def test_the_same_picture_again_is_one(tmp_path: Path) -> None:
    sha256 = picture(tmp_path / "a.png")
    for _ in range(2):
        assert route(tmp_path / "a.png", tmp_path / "out" / "a.png", sha256, move=False) == tmp_path / "out" / "a.png"
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_a_picture_that_changed_since_it_was_judged_stays(tmp_path: Path) -> None:
    sha256 = picture(tmp_path / "a.png")
    picture(tmp_path / "a.png", b"changed")
    assert route(tmp_path / "a.png", tmp_path / "out" / "a.png", sha256, move=True) is None
    assert (tmp_path / "a.png").read_bytes() == b"changed"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_picture_that_is_gone_goes_nowhere(tmp_path: Path) -> None:
    assert route(tmp_path / "gone.png", tmp_path / "out" / "a.png", "0" * 64, move=True) is None


def test_only_this_very_picture_is_withdrawn(tmp_path: Path) -> None:
    source, sha256 = tmp_path / "source.png", picture(tmp_path / "a.png")
    other = picture(tmp_path / "b.png", b"another")
    assert not withdraw(tmp_path / "a.png", other, source)
    assert not withdraw(tmp_path / "none.png", sha256, source)
    assert withdraw(tmp_path / "a.png", sha256, source)
    assert not (tmp_path / "a.png").exists()


def test_a_copy_under_another_name_is_withdrawn(tmp_path: Path) -> None:
    sha256, target = picture(tmp_path / "a.png"), tmp_path / "out" / "a.png"
    picture(target, b"another")
    placed = route(tmp_path / "a.png", target, sha256, move=False)
    assert placed is not None
    assert placed.name == "a_2.png"
    assert withdraw(target, sha256, tmp_path / "a.png")
    assert [path.name for path in target.parent.iterdir()] == ["a.png"]


def test_the_picture_itself_is_never_withdrawn(tmp_path: Path) -> None:
    """It is judged where an earlier run had copied it to."""
    sha256 = picture(tmp_path / "Good_Images" / "a.png")
    assert not withdraw(tmp_path / "Good_Images" / "a.png", sha256, tmp_path / "Good_Images" / "a.png")
    assert (tmp_path / "Good_Images" / "a.png").read_bytes() == b"picture"
