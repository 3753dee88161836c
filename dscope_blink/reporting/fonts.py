"""The letters of plots and certificates: DejaVu Sans, which comes with matplotlib."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def font_file(bold: bool) -> Path:
    """The file of the font; matplotlib itself is not imported for it."""
    found = find_spec("matplotlib")
    assert found is not None, "matplotlib is required"
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return Path(str(found.origin)).parent / "mpl-data" / "fonts" / "ttf" / name
