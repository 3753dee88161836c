"""The part of a picture in which an ellipse lies."""

from __future__ import annotations

from typing import TypeAlias

from dscope_blink.records import Ellipse

Part: TypeAlias = tuple[int, int, int, int]  # left, top, right, bottom; the last two beyond it


def part_around(ellipse: Ellipse, shape: tuple[int, ...], margin: float = 0.0) -> Part | None:
    """The upright box around an ellipse, as far as the picture holds it; None where it holds nothing of it.

    Parameters
    ----------
    ellipse : in pixels of the picture
    shape : (H, W) of the picture
    margin : what lies between ellipse and box, as a share of the longer side of the box
    """
    (x, y), (across, down) = ellipse.center_px, ellipse.extent_px
    beside = margin * max(across, down)
    left, top = max(int(x - across / 2 - beside), 0), max(int(y - down / 2 - beside), 0)
    right, bottom = min(int(x + across / 2 + beside) + 1, shape[1]), min(int(y + down / 2 + beside) + 1, shape[0])
    return (left, top, right, bottom) if left < right and top < bottom else None
