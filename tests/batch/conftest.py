"""Where the batches of these tests find their pictures and leave their results."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.pictures import SCRATCH, face_png, folder_of


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder to be filled."""
    return tmp_path / "pictures"


@pytest.fixture
def faces(pictures: Path) -> Path:
    """Five pictures, of which c.png and d.png show a scratch."""
    folder_of(pictures, "c.png", "d.png", data=face_png(SCRATCH))
    return folder_of(pictures, "a.png", "b.png", "e.png")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder that a batch makes."""
    return tmp_path / "out"
