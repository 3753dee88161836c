"""What becomes of single marks: the questions of `benchmarks/marks`, as much of each as the page asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from benchmarks.marks import by_eye, centre, class_scenes, lines, neighbours, sizes, specks
from benchmarks.validation import examples
from benchmarks.validation.bench import SEED, Bench, default_config, drawn
from benchmarks.validation.injection import clean_photographs
from benchmarks.validation.photographs import labelled

LINES = 240  # on each background
PAIRS_UM = 3.0  # the diameter of those that lie side by side
PICTURES = 8  # of each kind of neighbours, in each region and on each background
SPECK_FACES, EVERY_PHOTOGRAPH = 12, 3  # rendered, for each size and contrast; one photograph in so many
CLASS_FACES, CLASS_PHOTOGRAPHS = 100, 24  # that had no part in the fit of the classes
CLEAN_CORES, MARKED_CORES = 20, 240  # rendered ones of each sort; blots and flakes, drawn from all
SIZED_FACES = 12  # of each kind in each region and on each background


@dataclass(frozen=True, slots=True)
class SingleMarks:
    """All that is measured of them."""

    lines: Sequence[lines.Trial]
    neighbours: Sequence[neighbours.Result]
    specks: Sequence[specks.Trial]
    sizes: Sequence[sizes.Sized]
    classes: Sequence[class_scenes.Sample]
    middle: Sequence[centre.Trial]
    by_eye: by_eye.Compared
    sheets: Mapping[str, Sequence[examples.Shown]]


def measured(bench: Bench) -> SingleMarks:
    """Put the marks in, inspect, and draw the examples."""
    return SingleMarks(
        [trial for trial in bench.run(lines.try_line, bench.plan.few(_lines(bench))) if trial is not None],
        [one for each in bench.run(neighbours.try_picture, bench.plan.few(_neighbours(bench))) for one in each],
        [one for each in bench.run(specks.try_face, bench.plan.few(_specks(bench))) for one in each],
        [one for each in bench.run(sizes.sized, bench.plan.few(sizes.jobs(SIZED_FACES, bench.shared))) for one in each],
        [one for each in bench.run(class_scenes.samples_of, bench.plan.few(_classes(bench))) for one in each],
        bench.run(centre.try_core, bench.plan.few(_cores(bench))),
        by_eye.measured(bench),
        examples.shown(bench),
    )


def _grounds(bench: Bench) -> tuple[Path | None, ...]:
    return (None,) if bench.shared is None else (None, bench.shared)


def _lines(bench: Bench) -> list[lines.Wish]:
    profile = default_config().profile
    jobs = [lines.Wish(k, None, profile) for k in range(LINES)]
    if bench.shared is not None:
        clean = [p.path for p in labelled(bench.shared, default_config()) if any(map(p.is_clean, "ABD"))]
        jobs += [lines.Wish(k, clean[k % len(clean)], profile) for k in range(LINES)]
    return jobs


def _neighbours(bench: Bench) -> list[neighbours.Job]:
    pair = f"pair-{PAIRS_UM:g}-"
    kinds = [kind for kind in neighbours.MAKERS if kind.startswith(pair) or "pair" not in kind]
    order = product(kinds, _grounds(bench), neighbours.REGIONS, range(PICTURES))
    return [
        neighbours.Job(kind, region, k, SEED, default_config().profile, shared) for kind, shared, region, k in order
    ]


def _classes(bench: Bench) -> list[class_scenes.Job]:
    photographs = CLASS_PHOTOGRAPHS if bench.shared is not None else 0
    jobs = [class_scenes.Job(True, k) for k in range(CLASS_FACES)]
    return [*jobs, *(class_scenes.Job(True, k, bench.shared) for k in range(photographs))]


def _cores(bench: Bench) -> list[centre.Job]:
    profile = default_config().profile
    clean = [centre.Job(profile, core, k) for core in centre.CORES for k in range(CLEAN_CORES)]
    if bench.shared is not None:
        photographs = range(len(clean_photographs(bench.shared, "A")))
        clean += [centre.Job(profile, "", k, shared=bench.shared) for k in photographs]
    blots = product(clean, centre.SIZES_UM, centre.CONTRASTS)
    marked = [replace(job, size_um=size, light=light) for job, size, light in blots]
    soft = [replace(job, size_um=size, flake=True) for job, size in product(clean, centre.FLAKE_UM)]
    return [*clean, *drawn(marked, MARKED_CORES), *drawn(soft, MARKED_CORES // 3)]


def _specks(bench: Bench) -> list[specks.Job]:
    photographs = () if bench.shared is None else range(0, len(specks.photographs(bench.shared)), EVERY_PHOTOGRAPH)
    faces = [*((k, None) for k in range(SPECK_FACES)), *((k, bench.shared) for k in photographs)]
    order = product(specks.SIZES_UM, specks.CONTRASTS, faces)
    return [specks.Job(default_config().profile, size, contrast, k, shared) for size, contrast, (k, shared) in order]
