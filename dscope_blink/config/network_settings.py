"""Settings of networks of objects: each is declared by one entry of `gates.networks`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OutputLayout = Literal["yolov5", "yolov8", "yolox", "end_to_end", "detr_softmax", "detr_sigmoid"]


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """What a network of objects is fed, and what its output means: declared, never guessed."""

    file: str  # relative to the configuration
    sha256: str | None  # None: any
    layout: OutputLayout
    classes: tuple[str, ...]  # names, in the order of the network
    mask_coefficients: int  # for each box, which are not used; 0: it gives no masks
    strides: tuple[int, ...]  # of the grids of cells, px of the input; empty where the layout has no grids
    input_side_px: int
    letterbox: Literal["center", "corner", "stretch"]
    pad_level: int  # 0..255
    color: Literal["rgb", "bgr", "gray"]
    levels: Literal["0..1", "0..255"]
    mean: tuple[float, ...]  # of each channel, in `levels`; empty: nothing is taken off
    std: tuple[float, ...]
