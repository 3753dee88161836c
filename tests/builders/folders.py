"""Folders of files that only have to be there, and that of the photographs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dscope_blink.files.drawn import marked
from tests.builders.pictures import face_jpeg, face_png

SHARED = Path(__file__).resolve().parents[3] / "shared"  # photographs, which not everyone has

linux_names = pytest.mark.skipif(sys.platform != "linux", reason="this system refuses such file names")


def touched(folder: Path, *files: str) -> Path:
    """The folder with a file under each of these names."""
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"-")
    return folder


def drawn(folder: Path, *names: str) -> None:
    """Files that say that this program has drawn them."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(marked(face_jpeg() if name.endswith(".jpg") else face_png()))
