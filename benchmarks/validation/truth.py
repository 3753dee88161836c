"""Rendered faces, whose marks are known exactly: false marks, classes, sizes, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.rendered import (
    FaceScore,
    Scene,
    blemished_face,
    clean_face,
    fair,
    ordinary_face,
    score,
)
from benchmarks.validation.bench import SEED, Bench, default_config, variants
from dscope_blink.analysis.judging import judge
from dscope_blink.records import ZONE_NAMES, Defect, Inspection, Status, zone_map
from dscope_blink.synthetic.faces import BlemishTruth, render_face
from dscope_blink.synthetic.scenes import random_blemishes
from dscope_blink.training.exact_marks import exact_defect

JUDGED_MARKS = 3  # at most, on a face that is judged
JUDGED_UM, JUDGED_CONTRAST = (1.5, 12.0), (0.1, 0.6)  # around the limits, so that both verdicts come up
MISSED = ""
SIZES = ("diameter_um", "length_um", "width_um")


@dataclass(frozen=True, slots=True)
class Mark:
    """One blemish and what it was taken for."""

    kind: str
    taken_for: str  # MISSED, or one of records.CLASSIFICATIONS
    true_um: tuple[float, ...]  # as SIZES
    measured_um: tuple[float, ...]  # none when it was missed
    unsure_um: tuple[float, ...]  # expanded uncertainties of these


@dataclass(frozen=True, slots=True)
class Face:
    """What became of one rendered face."""

    status: Status
    marks: tuple[Mark, ...]  # those that must be found, at least 4 um and 6 sigma
    reports: int  # in zones A and B
    false: tuple[str, ...]  # classes of the reports in A and B where nothing is


@dataclass(frozen=True, slots=True)
class Named:
    """What a blemish is, what it was taken for, and whether the true class would give another verdict."""

    kind: str
    taken_for: str
    decides: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one rendered face beside that on its true marks."""

    true: Status
    given: Status
    missed: int  # blemishes that are not reported
    false: int  # marks of A and B where nothing is
    marginal: bool
    named: tuple[Named, ...] = ()  # the blemishes that are reported


def clean(bench: Bench) -> list[Face]:
    """Faces without a blemish."""
    return bench.run(clean_of, [(default_config().profile, k) for k in range(bench.plan.clean)])


def blemished(bench: Bench) -> list[Face]:
    """Faces with blemishes that must be found."""
    return bench.run(blemished_of, [(default_config().profile, k) for k in range(bench.plan.blemished)])


def judged(bench: Bench) -> list[Judged]:
    """Faces with few blemishes, around the limits."""
    return bench.run(_judged, range(bench.plan.judged))


def clean_of(job: tuple[str, int]) -> Face:
    """One clean face, by the name of a variant and its number."""
    return _face(clean_face(job[1], SEED, variants()[job[0]]))


def blemished_of(job: tuple[str, int]) -> Face:
    """One face with blemishes, by the name of a variant and its number."""
    return _face(blemished_face(job[1], SEED, variants()[job[0]]))


def _face(result: FaceScore) -> Face:
    inspection = result.inspection
    marks = tuple(
        Mark(
            o.truth.kind,
            o.found.classification if o.found else MISSED,
            tuple(getattr(o.truth, size) for size in SIZES),
            tuple(getattr(o.found, size) for size in SIZES) if o.found else (),
            tuple(o.found.uncertainty[size] for size in SIZES) if o.found else (),
        )
        for o in fair([result])
    )
    reports = sum(d.zone in (ZONE_NAMES["A"], ZONE_NAMES["B"]) for d in inspection.defects)
    return Face(inspection.verdict.status, marks, reports, tuple(d.classification for d in result.false))


# --- the verdict on what is truly there


def borderline(k: int, seed: int = SEED) -> Scene:
    """Rendered face number `k` with a few blemishes around the limits."""
    rng = np.random.default_rng((seed, 1, k))
    spec = ordinary_face(rng)
    n = int(rng.integers(JUDGED_MARKS + 1))
    marks = random_blemishes(rng, spec, n, size_um=JUDGED_UM, contrast=JUDGED_CONTRAST) if n else ()
    return spec, render_face(spec, marks, rng)


def _judged(k: int) -> Judged:
    spec, face = borderline(k)
    result = score(face, spec, default_config())
    true = true_status(result.inspection, face.truth.blemishes, face.image.shape)
    missed = sum(outcome.found is None for outcome in result.outcomes)
    verdict = result.inspection.verdict
    return Judged(true, verdict.status, missed, len(result.false), bool(verdict.doubts), named(result))


def named(result: FaceScore) -> tuple[Named, ...]:
    """Each blemish that is reported, with what its class does to the verdict."""
    return tuple(_named(result.inspection, o.truth.kind, o.found) for o in result.outcomes if o.found is not None)


def _named(inspection: Inspection, kind: str, found: Defect) -> Named:
    renamed = [replace(d, classification=kind) if d is found else d for d in inspection.defects]
    given, right = (_status_of(inspection, defects) for defects in (inspection.defects, renamed))
    return Named(kind, found.classification, given != right)


def _status_of(inspection: Inspection, defects: Sequence[Defect]) -> Status:
    return judge(defects, inspection.criteria, inspection.request.zones).verdict.status


def true_status(inspection: Inspection, truths: Sequence[BlemishTruth], shape: tuple[int, ...]) -> Status:
    """The verdict that the exact marks deserve under the criteria and in the zones of this inspection."""
    labels = zone_map(shape, inspection.zones).labels
    defects = [exact_defect(f"T{k}", truth, labels[truth.mask]) for k, truth in enumerate(truths)]
    seen = [d for d in defects if d.zone in inspection.request.zones]
    return _status_of(inspection, seen)
