"""Photographs by every engine: each by the network of the cross-validation that has not seen its end face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.learned import scenes
from benchmarks.learned.engines import ENGINES, HELD_OUT_SEED, Amounts, config_of, network_of
from benchmarks.learned.held_out import Face, face_of
from benchmarks.learned.shared_stages import shared
from benchmarks.rendered import compared
from benchmarks.validation.bench import PHOTOGRAPHS, RENDERED, Bench, default_config
from benchmarks.validation.drift import STEPS, Drifted, Source, changed, opened
from benchmarks.validation.injection import clean_photographs, inspected
from benchmarks.validation.photographs import (
    OTHER_SCOPES,
    Figures,
    Photograph,
    inspect_photograph,
    inspect_picture,
    labelled,
    scored,
    scored_scopes,
)
from dscope_blink.files.decoding import Picture, to_gray
from dscope_blink.records import Inspection, Mask, Request, Status
from dscope_blink.synthetic.faces import WHITE, Field, render_face
from dscope_blink.synthetic.injection import FLAT, flat_face, painted, reported_um

INJECTED = "injected"  # the sort of these faces
PLACES: Mapping[str, Sequence[tuple[str, Sequence[str]]]] = {
    "A": (("A", scenes.BLOBS),),
    "B": (("B", scenes.BLOBS), ("B", scenes.BLOBS)),
    "D": (("D", scenes.BLOBS), ("D", scenes.BLOBS)),
}
FINE_PX = 5.0  # noise and texture are what is finer than this
RING_PX = (9, 41)  # beside a mark, where they are measured
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Seen:
    """A photograph, and the network that looks at it."""

    photograph: Photograph
    network: Path | None


@dataclass(frozen=True, slots=True)
class Photographs:
    """What the engines make of the photographs, by engine; empty where there are none, or no folds."""

    figures: Mapping[str, Figures]  # by cross-validation
    reports: Mapping[str, Mapping[str, int]]  # marks reported in each photograph, by its name
    scopes: Mapping[str, tuple[str, ...]]  # other microscopes
    scopes_crossed: int = 0  # of these by cross-validation, the others by the network that ships


NONE = Photographs({}, {}, {})


def seen_by_none(shared: Path, network: Path) -> Mapping[str, Path]:
    """This network for each labelled photograph, where it has learned from none of them."""
    return {photograph.path.name: network for photograph in labelled(shared, default_config())}


def photograph_figures(bench: Bench, amounts: Amounts, folds: Mapping[str, Path], network: Path | None) -> Photographs:
    """Inspect every photograph by every engine, and let the scorers count; `network` is for other microscopes."""
    if bench.shared is None:
        return NONE
    pictures = [p for p in _some(labelled(bench.shared, default_config()), amounts) if p.path.name in folds]
    others = _some(labelled(bench.shared, default_config(), OTHER_SCOPES), amounts)
    jobs = [
        *(Seen(p, folds[p.path.name]) for p in pictures),
        *(Seen(p, folds.get(p.path.name, network)) for p in others),
    ]
    n, records = len(pictures), bench.run(look_at, jobs)
    crossed, beside = (
        _by_engine(some, records[part]) for some, part in ((pictures, slice(n)), (others, slice(n, None)))
    )
    return Photographs(
        {e: scored(bench.shared, crossed[e]) for e in ENGINES} if pictures else {},
        {e: {p.path.name: len(r.defects) for p, r in crossed[e]} for e in ENGINES},
        {e: scored_scopes(bench.shared, beside[e]) for e in ENGINES},
        sum(p.path.name in folds for p in others),
    )


def _by_engine(
    photographs: Sequence[Photograph], records: Sequence[Mapping[str, Inspection]]
) -> Mapping[str, Sequence[tuple[Photograph, Inspection]]]:
    return {e: [(p, r[e]) for p, r in zip(photographs, records, strict=True)] for e in ENGINES}


def _some(photographs: Sequence[Photograph], amounts: Amounts) -> Sequence[Photograph]:
    every = 1 if amounts.photographs is None else max(len(photographs) // amounts.photographs, 1)
    return photographs[::every]


def look_at(seen: Seen) -> Mapping[str, Inspection]:
    """The records of one photograph, by engine."""
    with shared():
        return {e: inspect_photograph(seen.photograph, config_of(e), network_of(e, seen.network)) for e in ENGINES}


# --- marks put into photographs


@dataclass(frozen=True, slots=True)
class Job:
    """Faint marks in one region of clean photograph number `k`."""

    region: str
    k: int
    shared: Path
    network: Path


def injected_faces(bench: Bench, amounts: Amounts, folds: Mapping[str, Path]) -> list[Face]:
    """Photographs with faint pits and contamination where a person saw nothing; not those without a network."""
    if bench.shared is None:
        return []
    jobs = []
    for region in PLACES:
        clean = [p.path.name for p in clean_photographs(bench.shared, region)]
        drawn = [(k, clean[k % len(clean)]) for k in range(amounts.injected)]
        jobs += [Job(region, k, bench.shared, folds[name]) for k, name in drawn if name in folds]
    return bench.run(injected, jobs)


def injected(job: Job) -> Face:
    """One photograph with marks, by every engine."""
    clean = clean_photographs(job.shared, job.region)
    photograph = clean[job.k % len(clean)]
    rng = np.random.default_rng((HELD_OUT_SEED, 4, list(PLACES).index(job.region), job.k))
    before = inspected(photograph)
    spec = flat_face(before)
    marks, wishes = scenes.put_in(rng, spec, PLACES[job.region], scenes.FAINT_SHARES, reported_um(before, spec))
    drawn = render_face(spec, marks, rng)
    stored = photograph.picture(default_config())
    picture = painted(stored, drawn.image)
    name, request = photograph.path.name, photograph.request
    with shared():
        records = {e: _by_engine_of(picture, name, request, e, job.network) for e in ENGINES}
    scores = {e: compared(record, drawn.truth.blemishes, spec.shape) for e, record in records.items()}
    gray = np.asarray(WHITE * to_gray(stored), np.float32)
    change = np.abs(drawn.image / (FLAT / WHITE * np.iinfo(drawn.image.dtype).max) - 1)
    snrs = [snr_of(gray, change, truth.mask) for truth in drawn.truth.blemishes]
    return face_of(INJECTED, name, scores, wishes, snrs)


def snr_of(gray: Field, change: Field, mask: Mask) -> float:
    """Peak contrast of a mark in grey levels over the noise and texture of a pixel beside it.

    Parameters
    ----------
    gray : (H, W) the photograph without the mark, 0..255
    change : (H, W) relative change of brightness by all marks, without sign
    mask : (H, W) bool, of this mark
    """
    near, far = (cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0 for side in RING_PX)
    fine = (gray - cv2.GaussianBlur(gray, (0, 0), FINE_PX))[far & ~near]
    noise = MAD_TO_SIGMA * float(np.median(np.abs(fine - np.median(fine))))
    return float(change[near].max()) * float(gray[far & ~near].mean()) / max(noise, 1 / np.sqrt(12))


# --- light and focus that drift


@dataclass(frozen=True, slots=True)
class DriftJob:
    """A rendered face by its number, or a photograph, that drifts, and the network that is asked."""

    source: Source
    network: Path | None


def drifted(
    bench: Bench, amounts: Amounts, folds: Mapping[str, Path], network: Path | None
) -> Mapping[str, list[Drifted]]:
    """The verdicts before and after each step of each drift, by engine; `network` is for rendered faces."""
    jobs = [DriftJob(k, network) for k in range(amounts.drifted)]
    if bench.shared is not None:
        known = [p for p in labelled(bench.shared, default_config()) if p.path.name in folds]
        every = max(len(known) // amounts.drifted, 1)
        jobs += [DriftJob(p, folds[p.path.name]) for p in known[::every][: amounts.drifted]]
    found = bench.run(drift_of, jobs)
    return {engine: [each[engine] for each in found] for engine in ENGINES}


def drift_of(job: DriftJob) -> Mapping[str, Drifted]:
    """One picture after every step, by each engine."""
    picture, name, request = opened(job.source, HELD_OUT_SEED)
    background = RENDERED if isinstance(job.source, int) else PHOTOGRAPHS

    def statuses(seen: Picture) -> Mapping[str, Status]:
        with shared():
            return {e: _by_engine_of(seen, name, request, e, job.network).verdict.status for e in ENGINES}

    before = statuses(picture)
    after = {(way, step): statuses(changed(picture, way, step)) for way, steps in STEPS.items() for step in steps}
    return {
        e: Drifted(background, name, before[e], {step: status[e] for step, status in after.items()}) for e in ENGINES
    }


def _by_engine_of(picture: Picture, name: str, request: Request, engine: str, file: Path | None) -> Inspection:
    return inspect_picture(picture, name, request, config_of(engine), network_of(engine, file))
