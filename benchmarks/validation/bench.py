"""What all parts share: how much is measured, with which settings, by how many processes."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import cv2

from benchmarks.rendered import ROOT
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config, ConfigFile
from dscope_blink.image_processing.fusion import EDGE_DETECTOR

Job = TypeVar("Job")
Result = TypeVar("Result")
Item = TypeVar("Item")

SEED = 59  # no setting was tuned on these faces
ALONE = " alone"
RENDERED, PHOTOGRAPHS = "rendered faces", "photographs"  # what is inspected, as the page names it


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    title: str
    injected: int  # faces for each background, zone and contrast
    clean: int  # rendered faces without a blemish
    blemished: int  # with blemishes of at least 4 um
    judged: int  # with few blemishes, for the verdicts
    compared: int  # faces of each sort that all variants inspect
    drifted: int  # rendered faces with few marks or none
    retaken: int  # rendered faces that are taken again
    photographs: int | None  # of those that are there; None: all
    marks: int | None = None  # pictures for each question about single marks; None: all

    def some(self, items: Sequence[Item]) -> Sequence[Item]:
        """As many of the items as `photographs` says, from all over their list."""
        every = 1 if self.photographs is None else max(len(items) // self.photographs, 1)
        return items[::every]

    def few(self, items: Sequence[Item]) -> Sequence[Item]:
        """As many of the items as `marks` says, from all over their list."""
        return items if self.marks is None else drawn(items, self.marks)


def drawn(items: Sequence[Item], most: int) -> Sequence[Item]:
    """At most so many of the items, drawn at random, in the order of their list."""
    return [items[k] for k in sorted(random.Random(SEED).sample(range(len(items)), min(most, len(items))))]


FULL = Plan("full", 24, 200, 80, 200, 24, 24, 24, None, 120)
QUICK = Plan("quick", 3, 8, 8, 8, 3, 3, 3, 6, 23)


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured, where the photographs are, and who does it."""

    plan: Plan
    shared: Path | None  # None: absent
    workers: int

    def run(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> list[Result]:
        """The result of each job in the order of the jobs, by processes of one OpenCV thread each."""
        # forked while other threads run, a process may hang
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.workers, context, cv2.setNumThreads, (1,)) as pool:
            return list(pool.map(function, jobs, chunksize=4))


@cache
def settings() -> ConfigFile:
    """The configuration that ships."""
    return load_config(ROOT / "config.json")


@cache
def variants() -> MappingProxyType[str, Config]:
    """Every profile by name, and each detector of the default one alone."""
    default = settings().profile(settings().default_profile)
    alone = {f"{name}{ALONE}": _alone(default, name) for name, one in default.detectors.items() if one.enabled}
    return MappingProxyType({**settings().profiles, **alone})


def default_config() -> Config:
    """The default profile."""
    return settings().profile(settings().default_profile)


def _alone(config: Config, name: str) -> Config:
    """Only this detector, whose weight is enough; the walk along the edge has its own way past the threshold."""
    detectors = {key: replace(one, enabled=key == name) for key, one in config.detectors.items()}
    threshold = config.fusion.threshold if name == EDGE_DETECTOR else config.detectors[name].weight
    fusion = replace(config.fusion, threshold=threshold)
    return replace(config, detectors=MappingProxyType(detectors), fusion=fusion)
