"""The detectors by name: residual in, support mask out.

Each is one file with one public function `detect(residual, *, settings...) -> Mask` whose keyword arguments are the
keys of its entry in config.json, beside `enabled` and `weight`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from dscope_blink.detectors import black_hat, do2mr, do2mr_published, edge_chip, gradient, lei, lei_published, skeleton
from dscope_blink.records import Mask

Detector: TypeAlias = Callable[..., Mask]

DETECTORS: Mapping[str, Detector] = MappingProxyType(
    {
        "do2mr": do2mr.detect,
        "lei": lei.detect,
        "black_hat": black_hat.detect,
        "gradient": gradient.detect,
        "skeleton": skeleton.detect,
        "edge_chip": edge_chip.detect,
        "do2mr_published": do2mr_published.detect,
        "lei_published": lei_published.detect,
    }
)
