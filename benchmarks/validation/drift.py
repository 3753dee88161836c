"""Light and focus that drift: which verdicts change, and where that begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import cv2
import numpy as np

from benchmarks.rendered import request_for
from benchmarks.validation.bench import PHOTOGRAPHS, RENDERED, SEED, Bench, default_config
from benchmarks.validation.photographs import Photograph, inspect_picture, labelled
from benchmarks.validation.truth import borderline
from dscope_blink.files.decoding import Picture
from dscope_blink.records import Request, Status

BRIGHTER, TILTED, BLURRED = "brightness", "slope of the light", "blur"
# Each way of drifting and its steps: a factor; what one side gains and the other loses; a sigma in px.
STEPS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        BRIGHTER: (0.7, 0.8, 0.9, 1.1, 1.2, 1.3),
        TILTED: (0.1, 0.2, 0.3),
        BLURRED: (0.5, 1.0, 1.5, 2.0, 3.0),
    }
)

Source: TypeAlias = Photograph | int  # an int is the number of a rendered face with few marks or none


@dataclass(frozen=True, slots=True)
class Drifted:
    """The verdicts on one picture: as it is, and after each step of each drift."""

    background: str
    name: str
    before: Status
    after: Mapping[tuple[str, float], Status]


def drifted(bench: Bench) -> list[Drifted]:
    """Inspect each picture after every step; rendered faces only where there are no photographs."""
    sources: list[Source] = list(range(bench.plan.drifted))
    if bench.shared is not None:
        sources += bench.plan.some(labelled(bench.shared, default_config()))
    return bench.run(_all_steps, sources)


def _all_steps(source: Source) -> Drifted:
    picture, name, request = opened(source, SEED)

    def status(changed: Picture) -> Status:
        return inspect_picture(changed, name, request, default_config()).verdict.status

    after = {(way, step): status(changed(picture, way, step)) for way, steps in STEPS.items() for step in steps}
    return Drifted(RENDERED if isinstance(source, int) else PHOTOGRAPHS, name, status(picture), after)


def opened(source: Source, seed: int) -> tuple[Picture, str, Request]:
    """The picture with its name and what is asked of it; `seed` is that of the rendered faces."""
    if isinstance(source, int):
        spec, face = borderline(source, seed)
        return face.image, f"face {source}", request_for(spec)
    return source.picture(default_config()), source.path.name, source.request


def changed(picture: Picture, way: str, step: float) -> Picture:
    """The picture after one step of a drift.

    Parameters
    ----------
    picture : (H, W) or (H, W, 3) uint8 or uint16
    way : a key of STEPS
    step : factor on the grey levels; share gained at the right border and lost at the left; or sigma in px

    Returns
    -------
    array of the same shape and type, clipped to its range
    """
    if way == BLURRED:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), step))
    factor = np.linspace(1 - step, 1 + step, picture.shape[1]) if way == TILTED else np.full(picture.shape[1], step)
    factor = factor[:, None] if picture.ndim == 3 else factor
    return np.asarray(np.clip(np.rint(picture * factor), 0, np.iinfo(picture.dtype).max).astype(picture.dtype))


def flips_at(picture: Drifted, way: str, step: float) -> bool:
    """Whether one step turns PASS into FAIL or FAIL into PASS."""
    return {picture.before, picture.after[way, step]} == {"PASS", "FAIL"}


@dataclass(frozen=True, slots=True)
class Changes:
    """How many pictures that had a verdict lost it or got the other one."""

    pictures: int
    worse: int  # PASS to FAIL
    better: int  # FAIL to PASS
    not_graded: int

    @property
    def flipped(self) -> int:
        """Those with the other verdict."""
        return self.worse + self.better


def changes(pictures: Sequence[Drifted], way: str, step: float) -> Changes:
    """What one step does to the pictures that had a verdict before it."""
    graded = [(p.before, p.after[way, step]) for p in pictures if p.before != "NOT_GRADED"]
    return Changes(
        len(graded),
        graded.count(("PASS", "FAIL")),
        graded.count(("FAIL", "PASS")),
        sum(after == "NOT_GRADED" for _, after in graded),
    )
