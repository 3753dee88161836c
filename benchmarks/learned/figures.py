"""The figures that the engines are compared by: shares by bin, paired differences, and the rule for the default."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.learned.engines import BOTH, CLASSICAL, HELD_OUT_SEED
from benchmarks.learned.held_out import CLEAN, FAINT, Face, Mark
from benchmarks.learned.scenes import BLOBS
from benchmarks.validation.photographs import REGIONS, Figures
from benchmarks.validation.statistics import Pod, paired_bootstrap, pod
from dscope_blink.synthetic.faces import Vector

DRAWS = 10_000
SNRS: tuple[Vector, ...] = ((0.0, 3.0), (3.0, 6.0), (6.0, 12.0), (12.0, np.inf))
ASKED_CONTRAST, ASKED_SNR = (0.05, 0.1), (3.0, 6.0)  # where the classical engine is weak
WANTED_GAIN = 0.15
MOST_FALSE = 0.05  # per clean rendered face, in A and B
MOST_MORE_MS = 60.0
SPARE = {"A": 1}  # photographs by which the specificity of a region may fall; of the others none

Chosen = Callable[[Mark], bool]


def within(value: float, low_high: Vector) -> bool:
    """Whether a value lies in low <= value < high."""
    return low_high[0] <= value < low_high[1]


def in_range(of: Callable[[Mark], float], low_high: Vector) -> Chosen:
    """The marks of which a value lies in low <= value < high."""
    return lambda mark: within(of(mark), low_high)


def contrast_of(mark: Mark) -> float:
    """Its contrast."""
    return mark.contrast


def snr_of(mark: Mark) -> float:
    """Its contrast over the noise."""
    return mark.snr


def is_asked(mark: Mark) -> bool:
    """Whether the main question is about this mark."""
    return mark.kind in BLOBS and within(mark.contrast, ASKED_CONTRAST) and within(mark.snr, ASKED_SNR)


def marks_of(faces: Sequence[Face], chosen: Chosen) -> list[Mark]:
    """The marks of the faces that are chosen."""
    return [mark for face in faces for mark in face.marks if chosen(mark)]


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more often one engine finds marks than the classical one, on the same marks."""

    marks: int
    faces: int  # with such marks
    mean: float
    low: float  # of its 95 % interval
    high: float


def difference(faces: Sequence[Face], engine: str, chosen: Chosen) -> Difference | None:
    """The paired difference, faces resampled with all their marks; None without a mark."""
    of = [[mark for mark in face.marks if chosen(mark)] for face in faces]
    of = [marks for marks in of if marks]
    if not of:
        return None
    gained = [sum(m.found_by(engine) - m.found_by(CLASSICAL) for m in marks) for marks in of]
    counts = np.array([len(marks) for marks in of], np.float64)
    mean, low, high = paired_bootstrap(np.array(gained, np.float64), HELD_OUT_SEED, counts, DRAWS)
    return Difference(int(counts.sum()), len(of), mean, low, high)


def false_difference(faces: Sequence[Face], engine: str) -> tuple[float, float, float]:
    """How many more marks an engine reports in A and B where nothing is, per face: mean and 95 % interval."""
    more = np.array([len(face.false[engine]) - len(face.false[CLASSICAL]) for face in faces], np.float64)
    return paired_bootstrap(more, HELD_OUT_SEED, resamples=DRAWS)


def false_per_face(faces: Sequence[Face], engine: str) -> float:
    """Marks reported in A and B where nothing is, per face."""
    return sum(len(face.false[engine]) for face in faces) / len(faces)


def by_contrast(marks: Sequence[Mark], engine: str) -> Pod | None:
    """Probability of detection over the contrast; None of fewer than two marks."""
    if len({mark.contrast for mark in marks}) < 2:
        return None
    return pod(np.array([m.contrast for m in marks]), np.array([m.found_by(engine) for m in marks]))


# --- which engine is the default


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the rule; None: could not be measured."""

    words: str
    found: str
    holds: bool | None


def conditions(
    faces: Sequence[Face], photographs: Mapping[str, Figures], scopes: Mapping[str, Sequence[str]]
) -> tuple[Condition, ...]:
    """The conditions under which `both` is the default, with what was found; `scopes` are the scorer's lines."""
    gain = difference([f for f in faces if f.sort == FAINT], BOTH, is_asked)
    clean = [face for face in faces if face.sort == CLEAN]
    false = false_per_face(clean, BOTH) if clean else None
    return (
        Condition(
            "`both` finds more of the faint marks: lower bound of the 95 % interval above 0",
            "-" if gain is None else f"{gain.mean:+.1%} ({gain.low:+.1%} to {gain.high:+.1%})",
            None if gain is None else gain.low > 0,
        ),
        Condition(
            "no specificity lost on photographs by cross-validation: A one picture at most, B, edge and D none",
            lost_words(photographs, BOTH) if photographs else "-",
            not too_much_lost(photographs, BOTH) if photographs else None,
        ),
        Condition(
            f"at most {MOST_FALSE:g} false marks per clean rendered face",
            "-" if false is None else f"{false:.3f}",
            None if false is None else false <= MOST_FALSE,
        ),
        _of_time(faces),
        _of_scopes(scopes),
    )


def _of_time(faces: Sequence[Face]) -> Condition:
    timed = [face for face in faces if face.ms]
    more = times(timed, BOTH)[2] if timed else None
    return Condition(
        f"at most {MOST_MORE_MS:g} ms of the processor more for a picture, in the median",
        "-" if more is None else f"{more:+.0f} ms",
        None if more is None else more <= MOST_MORE_MS,
    )


def _of_scopes(scopes: Mapping[str, Sequence[str]]) -> Condition:
    more = newly_false(scopes, BOTH) if scopes else ()
    return Condition(
        "on photographs of other microscopes no clean region is marked that `classical` leaves clean",
        (", ".join(more) or "none") if scopes else "-",
        not more if scopes else None,
    )


def newly_false(scopes: Mapping[str, Sequence[str]], engine: str) -> tuple[str, ...]:
    """Clean regions of other microscopes that an engine marks and the classical one does not."""
    of = {e: {line.strip() for line in scopes[e] if line.startswith("false ")} for e in (engine, CLASSICAL)}
    return tuple(sorted(of[engine] - of[CLASSICAL]))


def lost(photographs: Mapping[str, Figures], engine: str) -> dict[str, int]:
    """By how many photographs less than the classical engine an engine is specific, by region."""
    return {
        region: photographs[CLASSICAL][f"zone_{region}"]["spec"][0] - photographs[engine][f"zone_{region}"]["spec"][0]
        for region in REGIONS
    }


def too_much_lost(photographs: Mapping[str, Figures], engine: str) -> bool:
    """Whether an engine is less specific on the photographs than the rule allows."""
    return any(by > SPARE.get(region, 0) for region, by in lost(photographs, engine).items())


def lost_words(photographs: Mapping[str, Figures], engine: str) -> str:
    """Specificity by region, in photographs."""
    of = ((region, *photographs[engine][f"zone_{region}"]["spec"]) for region in REGIONS)
    before = lost(photographs, engine)
    return ", ".join(f"{region} {hits}/{n} ({-before[region]:+d})" for region, hits, n in of)


def default_engine(found: Sequence[Condition]) -> str:
    """`both` where every condition holds, else the classical engine."""
    return BOTH if all(condition.holds for condition in found) else CLASSICAL


# --- time


def times(faces: Sequence[Face], engine: str) -> tuple[float, float, float]:
    """Median and 90th percentile of the milliseconds, and the median of what they are more than the classical ones."""
    spent = np.array([face.ms[engine] for face in faces])
    more = spent - [face.ms[CLASSICAL] for face in faces]
    return float(np.median(spent)), float(np.percentile(spent, 90)), float(np.median(more))
