"""Who found what of a face, read from NAME_aggregate.json for the page of its results.

The file may be of another version, or changed by hand: what is not understood is left out, and never stops the page.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dscope_blink.records import Points, printable, read_file
from dscope_blink.records.json_reading import decode_any_json
from dscope_blink.records.sealing import unbroken

logger = logging.getLogger("dscope.reports")


@dataclass(frozen=True, slots=True)
class SourceLayer:
    """What one source reported, and what it decides."""

    key: str
    marks: int  # that it reported and that are part of the face
    alone: int  # marks of the face that no other source saw
    status_without: str = ""  # the verdict if it were no source
    flips: bool = False  # whether that is another one


@dataclass(frozen=True, slots=True)
class Member:
    """A mark as one source reported it."""

    source: int  # place of it among the sources
    id: str
    outline_px: Points  # (N, 2), without points where it is not stored


@dataclass(frozen=True, slots=True)
class FaceLayers:
    """An aggregate as it is stored, as far as the page shows it."""

    sources: tuple[SourceLayer, ...]
    members: Mapping[str, tuple[Member, ...]]  # by id of the mark of the record
    score: float | None = None
    passed: bool | None = None
    reasons: tuple[str, ...] = ()


def read_layers(path: Path) -> FaceLayers | None:
    """What is stored of a face; None where there is no such file, or none that can be understood."""
    try:
        stored = unbroken(read_file(path), decode_any_json)
        return _layers(stored)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        logger.warning("%s: its sources are not in the page, %s", printable(str(path)), printable(str(error)))
        return None


def _layers(stored: Mapping[str, Any]) -> FaceLayers:
    marks: list[Mapping[str, Any]] = list(stored["marks"])
    told = _told(stored)
    keys = list(dict.fromkeys([*told, *(str(member["source"]) for mark in marks for member in mark["members"])]))
    places = {key: place for place, key in enumerate(keys)}
    members = {str(mark["id"]): tuple(_member(one, places) for one in mark["members"]) for mark in marks}
    score = stored.get("verdict_by_score") or {}
    value = score.get("score")
    return FaceLayers(
        sources=tuple(_source(key, places[key], told.get(key, {}), members.values()) for key in keys),
        members=members,
        score=float(value) if isinstance(value, int | float) and math.isfinite(value) else None,
        passed=score["status"] == "PASS" if "status" in score else None,
        reasons=tuple(map(str, score.get("reasons", ()))),
    )


def _told(stored: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What is said of each source, in its description and among its scores."""
    told: dict[str, dict[str, Any]] = {}
    for part in ("sources", "who_found_what"):
        for one in stored.get(part) or ():
            if isinstance(one, dict) and "key" in one:
                told.setdefault(str(one["key"]), {}).update(one)
    return told


def _source(key: str, place: int, told: Mapping[str, Any], members: Iterable[tuple[Member, ...]]) -> SourceLayer:
    marks = list(members)
    count = sum(member.source == place for mark in marks for member in mark)
    alone = sum({member.source for member in mark} == {place} for mark in marks)
    return SourceLayer(key, count, alone, str(told.get("status_without") or ""), told.get("flips") is True)


def _member(stored: Mapping[str, Any], places: Mapping[str, int]) -> Member:
    outline = np.array(stored.get("outline_px") or np.empty((0, 2)), dtype=np.float64)
    if outline.ndim != 2 or outline.shape[1] != 2 or not np.isfinite(outline).all():
        raise ValueError(f"mark {stored['id']} of {stored['source']}: an outline must be pairs of numbers")
    return Member(places[str(stored["source"])], str(stored["id"]), outline)
