"""Calibration targets as small as their tests allow: finding one takes as long as it has pixels."""

from __future__ import annotations

from typing import Any

from dscope_blink.synthetic.targets import Shot


def small(um_per_px: tuple[float, float] = (0.5, 0.5), tilt_deg: float = 0.0, **changes: Any) -> Shot:
    """A shot of 320 x 240 px: at 20 px from one to the next it shows some 15 x 11 dots, or 16 ticks."""
    return Shot(um_per_px, tilt_deg, shape=(240, 320), **changes)
