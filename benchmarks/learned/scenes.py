"""The rendered faces on which the engines are compared: faint pits and contamination, lines and chips, by look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from benchmarks.learned.engines import HELD_OUT_SEED
from benchmarks.rendered import Scene, blemished_scene, clean_scene, ordinary_face
from benchmarks.validation.injection import one_mark
from dscope_blink.records import Points
from dscope_blink.synthetic.faces import Blemish, FaceSpec, Vector, render_face

BLOBS = ("pit_dig", "contamination")
CONTRASTS: tuple[Vector, ...] = ((0.03, 0.05), (0.05, 0.07), (0.07, 0.1), (0.1, 0.2), (0.2, 0.4))
FAINT_SHARES = (0.1, 0.35, 0.35, 0.12, 0.08)  # how often a faint mark is of each range: the question is about 5 to 10 %
EVEN_SHARES = (0.2, 0.2, 0.2, 0.2, 0.2)
BLOB_UM = (1.5, 10.0)
SIZES_UM: Mapping[str, Vector] = MappingProxyType(
    {"scratch": (0.8, 3.0), "crack": (0.8, 3.0), "chip": (4.0, 30.0), **dict.fromkeys(BLOBS, BLOB_UM)}
)
# One or two marks in a region, so that they are not taken for one.
FAINT_PLACES = (("A", BLOBS), ("B", BLOBS), ("B", BLOBS), ("D", BLOBS), ("D", BLOBS))
LINE_PLACES = (
    ("A", ("scratch",)),
    ("B", ("scratch",)),
    ("B", ("crack",)),
    ("D", ("scratch",)),
    ("edge", ("chip",)),
)
APART_UM = 12.0  # beside the 5 um that random marks keep


@dataclass(frozen=True, slots=True)
class Look:
    """How a microscope shows a face: ranges of its blur and noise, and its sharpening."""

    blur_px: Vector
    noise: Vector  # sigma of a pixel, grey levels of 255
    sharpening: float = 0.0


LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "sharp, quiet": Look((0.7, 0.9), (0.8, 1.3)),
        "usual": Look((1.0, 1.3), (1.2, 1.8)),
        "soft": Look((1.5, 2.0), (1.2, 1.8)),
        "sharpened": Look((1.0, 1.3), (1.3, 2.0), 0.6),
        "noisy": Look((0.9, 1.3), (2.0, 3.0)),
    }
)
CORES_UM = (9.0, 50.0, 62.5)  # in a cladding of 125 um


@dataclass(frozen=True, slots=True)
class Wish:
    """What was put in: a mark that the truth of the face follows in order."""

    region: str
    contrast: float
    size_um: float


def look_of(k: int) -> str:
    """The name of the look of face number `k`."""
    return list(LOOKS)[k % len(LOOKS)]


def faint_scene(k: int) -> tuple[Scene, list[Wish]]:
    """Face number `k` with faint pits and contamination."""
    return _scene((HELD_OUT_SEED, 2, k), k, FAINT_PLACES, FAINT_SHARES)


def line_scene(k: int) -> tuple[Scene, list[Wish]]:
    """Face number `k` with scratches, cracks and a chip."""
    return _scene((HELD_OUT_SEED, 3, k), k, LINE_PLACES, EVEN_SHARES)


def varied_scene(k: int) -> Scene:
    """Face number `k` with marks of every kind."""
    return blemished_scene(k, HELD_OUT_SEED + 1)


def unmarked_scene(k: int) -> Scene:
    """Face number `k` without marks."""
    return clean_scene(k, HELD_OUT_SEED)


def _scene(
    seed: tuple[int, ...], k: int, places: Sequence[tuple[str, Sequence[str]]], shares: Sequence[float]
) -> tuple[Scene, list[Wish]]:
    rng = np.random.default_rng(seed)
    spec = looking(rng, k)
    marks, wishes = put_in(rng, spec, places, shares, np.empty((0, 2)))
    return (spec, render_face(spec, marks, rng)), wishes


def looking(rng: np.random.Generator, k: int) -> FaceSpec:
    """Random face number `k`: looks and cores take turns."""
    look, core_um = LOOKS[look_of(k)], CORES_UM[k // len(LOOKS) % len(CORES_UM)]
    return ordinary_face(
        rng,
        core_diameter_um=core_um,
        cladding_diameter_um=125.0,
        blur_px=rng.uniform(*look.blur_px),
        noise=float(np.exp(rng.uniform(*np.log(look.noise)))),
        sharpening=look.sharpening,
    )


def put_in(
    rng: np.random.Generator,
    spec: FaceSpec,
    places: Sequence[tuple[str, Sequence[str]]],
    shares: Sequence[float],
    taken_um: Points,
) -> tuple[tuple[Blemish, ...], list[Wish]]:
    """Marks of random kind, size and contrast, one at each place that has room for it.

    Parameters
    ----------
    rng : numpy.random.Generator
    spec : the face they lie on
    places : the region of each mark, and the kinds that it may be of
    shares : how often a contrast is of each of CONTRASTS; within one it is even over its logarithm, as sizes are
    taken_um : (N, 2) points that they keep clear of, micrometres from the fiber centre

    Returns
    -------
    The marks, and what was asked of each
    """
    marks: list[Blemish] = []
    wishes: list[Wish] = []
    for region, kinds in places:
        kind = kinds[int(rng.integers(len(kinds)))]
        size = float(np.exp(rng.uniform(*np.log(SIZES_UM[kind]))))
        contrast = float(np.exp(rng.uniform(*np.log(CONTRASTS[rng.choice(len(CONTRASTS), p=shares)]))))
        for mark in one_mark(rng, spec, region, kind, size, contrast, taken_um):
            marks.append(mark)
            wishes.append(Wish(region, contrast, size))
            taken_um = np.concatenate([taken_um, _around(mark.outline(spec))])
    return tuple(marks), wishes


def _around(outline_um: Points) -> Points:
    """Points on the outline of a mark and around it, so that others keep APART_UM away."""
    middle = outline_um.mean(axis=0)
    away = outline_um - middle
    far = np.hypot(*away.T)[:, None]
    return np.concatenate([outline_um, outline_um + away / np.maximum(far, 1e-9) * (APART_UM - 5.0)])
