"""Marks of several sources, drawn with known shapes, and a located face to measure them on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dscope_blink.records import Inspection, Points, Scale, SourceMark, recorded
from tests.builders.inspections import CENTER, FAILED
from tests.builders.settings import SETTINGS as FILE

SETTINGS = FILE.profile("deep_inspection").aggregation
SQUARE = Scale(0.5, 0.5, "user_cladding")
FACE: Inspection = recorded(replace(FAILED, defects=()))  # its pixels are not square


def disc(at: tuple[float, float], diameter_px: float, count: int = 32) -> Points:
    """A round outline."""
    turn = np.linspace(0, 2 * math.pi, count, endpoint=False)
    return np.array(at) + diameter_px / 2 * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def bar(at: tuple[float, float], length_px: float, width_px: float, angle_deg: float = 0.0) -> Points:
    """A straight bar about its middle."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * np.array([length_px, width_px]) / 2
    return np.array(at) + corners @ np.array([[c, s], [-s, c]])


def arc(at: tuple[float, float], radius_px: float, width_px: float, start_deg: float, stop_deg: float) -> Points:
    """A bent ribbon."""
    turn = np.radians(np.linspace(start_deg, stop_deg, 40))
    ray = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return np.array(at) + np.concatenate([(radius_px + width_px / 2) * ray, ((radius_px - width_px / 2) * ray)[::-1]])


def seen(source: str, name: str, outline: Points, kind: str = "pit_dig", **changes: Any) -> SourceMark:
    """A mark that a detector of the name of its source has found."""
    mark = SourceMark(source, name, kind, kind, outline, 0.6, (source,))
    return replace(mark, **changes)


def near_center(x: float, y: float) -> tuple[float, float]:
    """A place by its distance from the centre of FACE."""
    return CENTER[0] + x, CENTER[1] + y


def names_of(marks: Sequence[SourceMark], clusters: Sequence[Sequence[int]]) -> set[frozenset[tuple[str, str]]]:
    """Clusters by the names of their marks."""
    return {frozenset(marks[place].name for place in one) for one in clusters}
