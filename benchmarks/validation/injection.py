"""Probability of detection: blemishes of known size and contrast on clean faces, rendered ones and photographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from types import MappingProxyType

import numpy as np

from benchmarks.rendered import FaceScore, compared, ordinary_face, score
from benchmarks.validation.bench import PHOTOGRAPHS, RENDERED, SEED, Bench, default_config
from benchmarks.validation.photographs import Photograph, inspect_photograph, inspect_picture, labelled
from benchmarks.validation.statistics import Pod, pod
from dscope_blink.records import Inspection, Points
from dscope_blink.synthetic.faces import (
    Blemish,
    BlemishTruth,
    Chip,
    Contamination,
    Crack,
    FaceSpec,
    Pit,
    Scratch,
    Vector,
    render_face,
)
from dscope_blink.synthetic.injection import flat_face, painted, reported_um
from dscope_blink.synthetic.scenes import random_blemishes

CONTRASTS = (0.05, 0.1, 0.15, 0.2, 0.4)  # relative to the local brightness
_LINE, _BLOB, _CHIP = (0.4, 5.0), (0.8, 14.0), (2.0, 40.0)  # um
# What is injected in each region, and the range of its size.
SIZES_UM: Mapping[str, Mapping[str, Vector]] = MappingProxyType(
    {
        "A": {"scratch": _LINE, "pit_dig": _BLOB, "contamination": _BLOB},
        "B": {"scratch": _LINE, "crack": _LINE, "pit_dig": _BLOB, "contamination": _BLOB},
        "D": {"scratch": _LINE, "pit_dig": _BLOB, "contamination": _BLOB},
        "edge": {"chip": _CHIP},
    }
)
SIZE_OF = MappingProxyType(
    {
        "scratch": "width_um",
        "crack": "width_um",
        "pit_dig": "diameter_um",
        "contamination": "diameter_um",
        "chip": "length_um",
    }
)
LINE_UM = 3.0  # as the size of `random_blemishes`: lines 9 to 24 um long, for which zone A of single mode has room
CHIPS = 2  # on one face; of the other kinds one in each region
SINGLE_MODE_A_UM = 12.5  # radius of zone A around a core of 9 um
CORE_GAP, EDGE_GAP = (0.97, 1.05), (0.95, 1.07)  # left free, as the labels of the photographs leave it
FARTHEST = 2.0  # radius of zone D in cladding radii


@dataclass(frozen=True, slots=True)
class Trial:
    """One injected blemish, and whether it was reported."""

    background: str
    region: str
    kind: str
    contrast: float
    size_um: float
    found: bool


@dataclass(frozen=True, slots=True)
class Face:
    """A job: blemishes of one contrast in one region of face number `k`."""

    region: str
    contrast: float
    k: int
    shared: Path | None  # None: a rendered face

    def rng(self) -> np.random.Generator:
        """Its own source of randomness, the same on every run."""
        place = list(SIZES_UM).index(self.region), CONTRASTS.index(self.contrast), self.shared is None
        return np.random.default_rng((SEED, *place, self.k))


def trials(bench: Bench) -> list[Trial]:
    """Inject and inspect; without photographs the rendered faces are all there is."""
    grounds = (None,) if bench.shared is None else (None, bench.shared)
    order = product(grounds, SIZES_UM, CONTRASTS, range(bench.plan.injected))
    faces = [Face(region, contrast, k, ground) for ground, region, contrast, k in order]
    return [trial for several in bench.run(try_face, faces) for trial in several]


def curves(made: Sequence[Trial]) -> dict[tuple[str, str, float], Pod]:
    """The probability of detection by region, kind and contrast of the trials on one background."""
    groups: dict[tuple[str, str, float], list[Trial]] = {}
    for trial in made:
        groups.setdefault((trial.region, trial.kind, trial.contrast), []).append(trial)
    return {
        key: pod(np.array([t.size_um for t in mine]), np.array([t.found for t in mine]))
        for key, mine in groups.items()
        if len(mine) > 1
    }


def try_face(face: Face) -> list[Trial]:
    """The blemishes of one face, and which of them were reported."""
    result = _on_rendered(face) if face.shared is None else _on_photograph(face, face.shared)
    background = RENDERED if face.shared is None else PHOTOGRAPHS
    return [
        Trial(background, face.region, o.truth.kind, face.contrast, size_um(o.truth), o.found is not None)
        for o in result.outcomes
    ]


def size_um(truth: BlemishTruth) -> float:
    """The size that the curves run over: the width of a line, the arc of a chip, else the diameter."""
    size: float = getattr(truth, SIZE_OF[truth.kind])
    return size


def _on_rendered(face: Face) -> FaceScore:
    rng = face.rng()
    spec = ordinary_face(rng)
    marks = injected(rng, spec, face.region, face.contrast, np.empty((0, 2)))
    return score(render_face(spec, marks, rng), spec, default_config())


def _on_photograph(face: Face, shared: Path) -> FaceScore:
    rng, clean = face.rng(), clean_photographs(shared, face.region)
    photograph = clean[face.k % len(clean)]
    inspection = inspected(photograph)
    spec = flat_face(inspection)
    marks = injected(rng, spec, face.region, face.contrast, reported_um(inspection, spec))
    drawn = render_face(spec, marks, rng)
    picture = painted(photograph.picture(default_config()), drawn.image)
    again = inspect_picture(picture, photograph.path.name, photograph.request, default_config())
    return compared(again, drawn.truth.blemishes, spec.shape)


@cache
def clean_photographs(shared: Path, region: str) -> tuple[Photograph, ...]:
    """Those in which a person saw nothing in this region."""
    return tuple(p for p in labelled(shared, default_config()) if p.is_clean(region))


_inspections: dict[Path, Inspection] = {}


def inspected(photograph: Photograph) -> Inspection:
    """The record of the untouched photograph, made once in each process."""
    if photograph.path not in _inspections:
        _inspections[photograph.path] = inspect_photograph(photograph, default_config())
    return _inspections[photograph.path]


# --- what is injected


def injected(
    rng: np.random.Generator, spec: FaceSpec, region: str, contrast: float, taken_um: Points
) -> tuple[Blemish, ...]:
    """One blemish of each kind that belongs into a region, as far as they find room.

    Parameters
    ----------
    rng : numpy.random.Generator
    spec : the face they lie on
    region : A, B, D or edge
    contrast : magnitude of each, relative to the local brightness
    taken_um : (N, 2) points that they keep clear of, micrometres from the fiber centre

    Returns
    -------
    tuple of Blemish; sizes are even over the logarithm, dark and bright as the kind is
    """
    kinds = [kind for kind in SIZES_UM[region] for _ in range(CHIPS if kind == "chip" else 1)]
    marks: list[Blemish] = []
    for kind in kinds:
        size = float(np.exp(rng.uniform(*np.log(SIZES_UM[region][kind]))))
        shape = one_mark(rng, spec, region, kind, size, contrast, taken_um)
        marks += shape
        taken_um = np.concatenate([taken_um, *(mark.outline(spec) for mark in shape)])
    return tuple(marks)


def one_mark(
    rng: np.random.Generator, spec: FaceSpec, region: str, kind: str, size_um: float, contrast: float, taken_um: Points
) -> tuple[Blemish, ...]:
    """A blemish of this kind, size (that of SIZE_OF) and contrast at a random free place of a region; none, if none."""
    drawn = LINE_UM if SIZE_OF[kind] == "width_um" else size_um
    band = None if region == "edge" else band_um(spec, region)
    shape = random_blemishes(rng, spec, 1, kinds=(kind,), size_um=(drawn, drawn), radius_um=band, clear_of=taken_um)
    return tuple(_exactly(mark, size_um, contrast) for mark in shape)


def _exactly(mark: Blemish, size: float, contrast: float) -> Blemish:
    """The blemish with the contrast asked for all over, and lines with their width; its sign stays."""
    signed = float(np.copysign(contrast, mark.contrast))
    match mark:
        case Scratch():
            return replace(mark, width_um=size, contrast=signed, pair_contrast=None, strength=(1.0,))
        case Crack():
            return replace(mark, width_um=size, contrast=signed)
        case Pit():
            return replace(mark, contrast=signed, ring_contrast=0.0)
        case Contamination():
            return replace(mark, contrast=signed, fringe_contrast=0.0)
        case Chip():
            return replace(mark, contrast=signed)


def band_um(spec: FaceSpec, region: str) -> Vector:
    """Distances from the fiber centre between which a region lies."""
    core, cladding = spec.core_diameter_um / 2, spec.cladding_diameter_um / 2
    bands = {
        "A": (0.0, max(CORE_GAP[0] * core, SINGLE_MODE_A_UM)),
        "B": (max(CORE_GAP[1] * core, SINGLE_MODE_A_UM), EDGE_GAP[0] * cladding),
        "D": (EDGE_GAP[1] * cladding, FARTHEST * cladding),
    }
    return bands[region]
