"""The files that ship with the program: settings, schemas, the empty calibration."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
INSTALLED = PACKAGE / "shipped"  # there once the program is installed
CALIBRATION = "calibration.json"


def shipped(name: str) -> Path:
    """Where a file lies that ships with the program: in the package once that is installed, beside it in a checkout."""
    installed = INSTALLED / name
    return installed if installed.exists() else PACKAGE.parent / name


def calibration_file() -> Path:
    """The calibration that is used: that of the station, or the empty one that ships."""
    own = own_calibration()
    return own if own.exists() else shipped(CALIBRATION)


def own_calibration() -> Path:
    """Where a station keeps its calibration: beside a checkout, else in the folder where the program is started."""
    return Path(CALIBRATION) if INSTALLED.exists() else shipped(CALIBRATION)
