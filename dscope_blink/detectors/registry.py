"""The detectors by name, shipped or installed: residual in, support out.

Each shipped one is a file with one public function `detect(residual, *, settings...) -> FloatImage`, whose keyword
arguments are the keys of its entry in config.json, beside `enabled` and `weight`. Installed packages add theirs by an
entry point. One that asks for `config_dir` gets the folder of its configuration, for files that its settings name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from dscope_blink.config.installed_detectors import CONFIG_DIR, by_keyword, installed_detector
from dscope_blink.detectors import (
    black_hat,
    do2mr,
    do2mr_published,
    edge_chip,
    faint_lines,
    gradient,
    learned,
    lei,
    lei_published,
    reference,
    skeleton,
)
from dscope_blink.detectors.support import checked_support
from dscope_blink.records import FloatImage, Residual, UserError

Detector: TypeAlias = Callable[..., Any]

DETECTORS: Mapping[str, Detector] = MappingProxyType(
    {
        "do2mr": do2mr.detect,
        "lei": lei.detect,
        "black_hat": black_hat.detect,
        "gradient": gradient.detect,
        "skeleton": skeleton.detect,
        "edge_chip": edge_chip.detect,
        "faint_lines": faint_lines.detect,
        "do2mr_published": do2mr_published.detect,
        "lei_published": lei_published.detect,
        "reference": reference.detect,
        "learned": learned.detect,
    }
)


def find_detector(name: str) -> Detector:
    """The detector of a name; one of an installed package is imported where it is first used.

    Raises
    ------
    UserError : there is none, or it is broken
    """
    if name in DETECTORS:
        return DETECTORS[name]
    try:
        return installed_detector(name)
    except UserError as error:
        raise UserError(f"detector {name}: {error}") from error


def support_of(name: str, residual: Residual, settings: Mapping[str, object], config_dir: Path) -> FloatImage:
    """What one detector supports.

    Parameters
    ----------
    name : of the detector
    residual : window of the picture
    settings : its own keys of the configuration
    config_dir : folder of the configuration

    Returns
    -------
    (h, w) float32, 0..1

    Raises
    ------
    UserError : there is no such detector, or it is broken
    ValueError : it returned something else
    """
    folder = {CONFIG_DIR: config_dir} if _asks_for_folder(name) else {}
    return checked_support(name, find_detector(name)(residual, **settings, **folder), residual.snr.shape)


@cache  # reading a signature for every picture would take longer than the call
def _asks_for_folder(name: str) -> bool:
    return CONFIG_DIR in by_keyword(find_detector(name))
