"""Rendered faces that no training has seen, each inspected by every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.learned import scenes
from benchmarks.learned.engines import ENGINES, Amounts, timed
from benchmarks.learned.scenes import Wish
from benchmarks.learned.shared_stages import shared
from benchmarks.rendered import SMALLEST_UM, WEAKEST_SNR, FaceScore, Scene, clean_kind, compared, inspect_face
from benchmarks.validation.bench import Bench
from benchmarks.validation.injection import size_um
from benchmarks.validation.truth import MISSED
from dscope_blink.records import Status

FAINT, LINES, VARIED, CLEAN = SORTS = ("faint", "lines", "varied", "clean")
TIMED = "timed"  # varied ones again, each inspection by itself


@dataclass(frozen=True, slots=True)
class Mark:
    """One blemish, and what each engine took it for."""

    kind: str
    region: str  # A, B, D or edge; empty: anywhere in the fiber
    contrast: float  # relative to the local brightness, before blur; nan: of several
    size_um: float  # width of a line, arc of a chip, else diameter
    snr: float  # peak contrast in grey levels after blur, over the noise of a pixel there
    must_be_found: bool  # large and strong enough
    taken_for: Mapping[str, str]  # by engine: MISSED, or one of records.CLASSIFICATIONS

    def found_by(self, engine: str) -> bool:
        """Whether an engine reported it, as whatever."""
        return self.taken_for[engine] != MISSED


@dataclass(frozen=True, slots=True)
class Face:
    """What the engines made of one picture; mappings are by engine."""

    sort: str  # one of SORTS, or of the photographs
    look: str
    marks: tuple[Mark, ...]
    false: Mapping[str, tuple[str, ...]]  # classes of the reports in A and B where nothing is
    false_far: Mapping[str, int]  # reports elsewhere where nothing is
    status: Mapping[str, Status]
    ms: Mapping[str, float]  # of the processor; empty: not taken


@dataclass(frozen=True, slots=True)
class Job:
    """Rendered face number `k` of one sort."""

    sort: str
    k: int
    network: Path | None  # None: the one that ships


def inspected_faces(bench: Bench, amounts: Amounts, network: Path | None) -> list[Face]:
    """All rendered faces, by every engine; while one is timed no other is inspected."""
    counts = {FAINT: amounts.faint, LINES: amounts.lines, VARIED: amounts.varied, CLEAN: amounts.clean}
    jobs = [Job(sort, k, network) for sort, n in counts.items() for k in range(n)]
    timed_jobs = [Job(TIMED, k, network) for k in range(amounts.timed)]
    return [*bench.run(inspected, jobs), *replace(bench, workers=1).run(inspected, timed_jobs)]


def inspected(job: Job) -> Face:
    """One rendered face."""
    (spec, face), wishes, look = _drawn(job)
    ms: dict[str, float] = {}
    scores: dict[str, FaceScore] = {}
    with nullcontext() if job.sort == TIMED else shared():
        for engine in in_turn(job.k):
            inspection, ms[engine] = timed(partial(inspect_face, spec, face), engine, job.network)
            scores[engine] = compared(inspection, face.truth.blemishes, face.image.shape)
    snrs = [truth.snr for truth in face.truth.blemishes]
    return face_of(job.sort, look, scores, wishes, snrs, ms if job.sort == TIMED else None)


def _drawn(job: Job) -> tuple[Scene, Sequence[Wish | None], str]:
    """The scene, what was asked of each of its marks if anything was, and what the face is like."""
    if job.sort in (FAINT, LINES):
        scene, wishes = (scenes.faint_scene if job.sort == FAINT else scenes.line_scene)(job.k)
        return scene, wishes, scenes.look_of(job.k)
    if job.sort in (VARIED, TIMED):
        scene = scenes.varied_scene(job.k)
        return scene, [None] * len(scene[1].truth.blemishes), ""
    return scenes.unmarked_scene(job.k), [], clean_kind(job.k)


def in_turn(k: int) -> tuple[str, ...]:
    """The engines in an order that turns with the number of the picture, so that none always comes first."""
    first = k % len(ENGINES)
    return ENGINES[first:] + ENGINES[:first]


def face_of(
    sort: str,
    look: str,
    scores: Mapping[str, FaceScore],
    wishes: Sequence[Wish | None],
    snrs: Sequence[float],
    ms: Mapping[str, float] | None = None,
) -> Face:
    """What the engines made of one picture.

    Parameters
    ----------
    sort, look : of the picture
    scores : by engine; all have the same blemishes
    wishes, snrs : of each blemish
    ms : by engine, where taken
    """
    truths = [outcome.truth for outcome in scores[ENGINES[0]].outcomes]
    marks = tuple(
        Mark(
            truth.kind,
            wish.region if wish else "",
            wish.contrast if wish else float("nan"),
            size_um(truth),
            snr,
            truth.diameter_um >= SMALLEST_UM and snr >= WEAKEST_SNR,
            {engine: _taken_for(score, n) for engine, score in scores.items()},
        )
        for n, (truth, wish, snr) in enumerate(zip(truths, wishes, snrs, strict=True))
    )
    false = {engine: tuple(d.classification for d in score.false) for engine, score in scores.items()}
    status = {engine: score.inspection.verdict.status for engine, score in scores.items()}
    far = {engine: _elsewhere(score) for engine, score in scores.items()}
    return Face(sort, look, marks, false, far, status, ms or {})


def _taken_for(score: FaceScore, n: int) -> str:
    found = score.outcomes[n].found
    return MISSED if found is None else found.classification


def _elsewhere(score: FaceScore) -> int:
    """Reports outside of A and B, on a face without marks: all that there are."""
    return 0 if score.outcomes else sum(d.zone not in ("core", "cladding") for d in score.inspection.defects)
