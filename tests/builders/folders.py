"""Folders of files that only have to be there, and that of the photographs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"  # photographs, which not everyone has

linux_names = pytest.mark.skipif(sys.platform != "linux", reason="this system refuses such file names")


def touched(folder: Path, *files: str) -> Path:
    """The folder with a file under each of these names."""
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"-")
    return folder
