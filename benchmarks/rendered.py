"""What the program makes of rendered end faces, whose marks are known exactly.

python benchmarks/rendered.py [--faces 60] [--seed 11] [--profile NAME]

Prints the marks reported on clean faces, and for the others what became of each kind of blemish: how many were found,
what they were taken for, and their measured over their true size.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.models.segmentation import SegmentationNetwork
from dscope_blink.pipeline import inspect_image
from dscope_blink.records import CLASSIFICATIONS, Defect, ImageInfo, Inspection, Mask, Provenance, Request
from dscope_blink.synthetic.faces import BlemishTruth, FaceSpec, Illumination, RenderedFace, render_face
from dscope_blink.synthetic.scenes import random_blemishes, random_face

Scene: TypeAlias = tuple[FaceSpec, RenderedFace]

ROOT = Path(__file__).resolve().parents[1]
EDITION = "iec_61300_3_35_2015"
SCALES_UM_PER_PX = (0.3, 0.9)  # of the microscopes in use; random faces also come from far away
SMALLEST_UM = 4.0  # what is counted: at least so large ...
WEAKEST_SNR = 6.0  # ... and at least so far above the noise
MARKS_PER_FACE = 5
NEAR_PX = 2  # a report so close to a blemish means that blemish
CLEAN_KINDS: Mapping[str, Mapping[str, object]] = {
    "lit": {"ferrule": 185.0, "cladding": 78.0, "core": 150.0, "core_slope": 12.0},
    "unlit": {"ferrule": 185.0, "cladding": 92.0, "core": 90.0, "core_slope": 0.0, "core_dip": 0.0},
    "shaded": {"illumination": Illumination((0.14, -0.1), -0.25, 0.2, 15.0, 40.0)},
    "elliptical": {"axis_ratio": 1.04, "axis_angle_deg": 35.0},
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one blemish: the report that covers most of it, None when it was missed."""

    truth: BlemishTruth
    found: Defect | None


@dataclass(frozen=True, slots=True)
class FaceScore:
    """One inspected face: what became of its blemishes, and what was reported in zones A and B without any."""

    inspection: Inspection
    outcomes: tuple[Outcome, ...]
    false: tuple[Defect, ...]


def ordinary_face(rng: np.random.Generator, **overrides: object) -> FaceSpec:
    """A random face as one of the microscopes in use shows it."""
    while True:
        spec = random_face(rng, **overrides)
        if SCALES_UM_PER_PX[0] <= spec.um_per_px <= SCALES_UM_PER_PX[1]:
            return spec


def request_for(spec: FaceSpec) -> Request:
    """All that a user knows of a fiber: its class, its diameters and the shape of the pixels."""
    core, cladding = spec.core_diameter_um, spec.cladding_diameter_um
    fiber_class = {9.0: "single_mode_upc", 50.0: "multimode", 62.5: "multimode"}.get(core, "custom")
    return Request(EDITION, fiber_class, core, cladding, spec.um_per_px_x / spec.um_per_px_y)


def inspect_face(
    spec: FaceSpec, face: RenderedFace, config: Config, network: SegmentationNetwork | None = None
) -> Inspection:
    """The record of one rendered picture; the network where the engine of the settings asks one."""
    height, width = face.image.shape
    info = ImageInfo("rendered.png", None, width, height)
    provenance = Provenance("benchmark", config.profile, "", {"config": config.sha256})
    return inspect_image(face.image, info, request_for(spec), config, None, provenance, network=network)


def clean_faces(n: int, seed: int, config: Config, **overrides: object) -> Iterator[tuple[str, FaceScore]]:
    """Inspect `n` faces without a blemish: lit, unlit, shaded and elliptical in turn, each with its name."""
    for k in range(n):
        yield clean_kind(k), clean_face(k, seed, config, **overrides)


def clean_kind(k: int) -> str:
    """What clean face number `k` is like: one of CLEAN_KINDS."""
    return list(CLEAN_KINDS)[k % len(CLEAN_KINDS)]


def clean_face(k: int, seed: int, config: Config, **overrides: object) -> FaceScore:
    """Inspect clean face number `k`."""
    spec, face = clean_scene(k, seed, **overrides)
    return score(face, spec, config)


def clean_scene(k: int, seed: int, **overrides: object) -> Scene:
    """Clean face number `k`."""
    rng = np.random.default_rng((seed, k))
    spec = ordinary_face(rng, **{**CLEAN_KINDS[clean_kind(k)], **overrides})
    return spec, render_face(spec, (), rng)


def blemished_faces(n: int, seed: int, config: Config, **overrides: object) -> Iterator[FaceScore]:
    """Inspect `n` random faces with MARKS_PER_FACE blemishes each, as far as they find room."""
    for k in range(n):
        yield blemished_face(k, seed, config, **overrides)


def blemished_face(k: int, seed: int, config: Config, **overrides: object) -> FaceScore:
    """Inspect face number `k` with blemishes."""
    spec, face = blemished_scene(k, seed, **overrides)
    return score(face, spec, config)


def blemished_scene(k: int, seed: int, **overrides: object) -> Scene:
    """Face number `k` with blemishes."""
    rng = np.random.default_rng((seed, k))
    spec = ordinary_face(rng, **overrides)
    marks = random_blemishes(rng, spec, MARKS_PER_FACE, size_um=(SMALLEST_UM, 15.0))
    return spec, render_face(spec, marks, rng)


def score(face: RenderedFace, spec: FaceSpec, config: Config) -> FaceScore:
    """Inspect a rendered face and compare the record with the truth."""
    return compared(inspect_face(spec, face, config), face.truth.blemishes, face.image.shape)


def compared(inspection: Inspection, truths: Sequence[BlemishTruth], shape: tuple[int, ...]) -> FaceScore:
    """What became of the blemishes of a picture of this shape, H and W first."""
    labels = _drawn(inspection.defects, shape[:2])
    hits = [_pixels_near(truth.mask, labels, len(inspection.defects)) for truth in truths]
    outcomes = tuple(
        Outcome(truth, inspection.defects[int(hit.argmax())] if hit.any() else None)
        for truth, hit in zip(truths, hits, strict=True)
    )
    meant = np.any(hits, axis=0) if hits else np.zeros(len(inspection.defects), bool)
    false = [d for d, known in zip(inspection.defects, meant, strict=True) if not known]
    return FaceScore(inspection, outcomes, tuple(d for d in false if d.zone in ("core", "cladding")))


def _drawn(defects: Sequence[Defect], shape: tuple[int, ...]) -> np.ndarray:
    """Reported outlines filled with 1 + index, (H, W) int32."""
    labels = np.zeros(shape, np.int32)
    for k, defect in enumerate(defects, 1):
        cv2.fillPoly(labels, [np.rint(defect.contour_px).astype(np.int32)], k)
    return labels


def _pixels_near(mask: Mask, labels: np.ndarray, n: int) -> np.ndarray:
    """How many pixels of each of the `n` reports lie on a blemish or right beside it, (n,)."""
    side = 2 * NEAR_PX + 1
    near = cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    return np.bincount(labels[near], minlength=n + 1)[1:]


def fair(scores: Sequence[FaceScore]) -> list[Outcome]:
    """The blemishes large and strong enough to be counted."""
    every = (outcome for face in scores for outcome in face.outcomes)
    return [o for o in every if o.truth.diameter_um >= SMALLEST_UM and o.truth.snr >= WEAKEST_SNR]


def share_found(outcomes: Sequence[Outcome]) -> float:
    """Share of the blemishes that were reported."""
    return sum(o.found is not None for o in outcomes) / len(outcomes)


def share_right(outcomes: Sequence[Outcome]) -> float:
    """Share of the reported blemishes that were given their class."""
    found = [o for o in outcomes if o.found is not None]
    return sum(_is_right(o) for o in found) / len(found)


def _is_right(outcome: Outcome) -> bool:
    return outcome.found is not None and outcome.found.classification == outcome.truth.kind


def size_ratio(outcomes: Sequence[Outcome], size: str) -> float:
    """Median of measured over true size among the blemishes found; `size` is length, width or diameter."""
    name = f"{size}_um"
    ratios = [getattr(o.found, name) / getattr(o.truth, name) for o in outcomes if o.found is not None]
    return float(np.median(ratios)) if ratios else float("nan")


# --- what is printed


def _print_clean(faces: Sequence[tuple[str, FaceScore]]) -> None:
    print(f"\nclean faces: {len(faces)}, not located {sum(f.inspection.geometry is None for _, f in faces)}")
    for name in CLEAN_KINDS:
        mine = [face for kind, face in faces if kind == name]
        marked = sum(bool(face.false) for face in mine)
        print(
            f"  {name:<11} {len(mine):3d} faces, {marked} with marks in A or B, {sum(len(f.false) for f in mine)} marks"
        )


def _print_blemished(faces: Sequence[FaceScore]) -> None:
    counted = fair(faces)
    lost = sum(face.inspection.geometry is None for face in faces)
    print(f"\nfaces with blemishes: {len(faces)}, not located {lost}, false marks in A and B {_false(faces)}")
    print(f"blemishes of at least {SMALLEST_UM:g} um and {WEAKEST_SNR:g} sigma: {len(counted)}")
    print(f"  found {share_found(counted):.3f}, of these given the right class {share_right(counted):.3f}")
    _print_table("kind", CLASSIFICATIONS, counted, lambda o: o.truth.kind)
    _print_table("diameter", tuple(map(_range, SIZES)), counted, _size_class)


def _false(faces: Sequence[FaceScore]) -> int:
    return sum(len(face.false) for face in faces)


SIZES = ((4.0, 6.0), (6.0, 10.0), (10.0, 20.0), (20.0, 1000.0))


def _range(size: tuple[float, float]) -> str:
    return f"{size[0]:g}-{size[1]:g} um"


def _size_class(outcome: Outcome) -> str:
    return next(_range(size) for size in SIZES if size[0] <= outcome.truth.diameter_um < size[1])


def _print_table(
    title: str, rows: Sequence[str], outcomes: Sequence[Outcome], row_of: Callable[[Outcome], str]
) -> None:
    """One row for each group: how many, found, right, taken for what, median ratio of measured to true sizes."""
    taken = "".join(f"{kind:>14}" for kind in CLASSIFICATIONS)
    print(f"\n  {title:<14}    n  found  right |{taken}   missed | diameter  length   width")
    for row in rows:
        mine = [o for o in outcomes if row_of(o) == row]
        if mine:
            as_what = Counter(o.found.classification if o.found else "" for o in mine)
            counts = "".join(f"{as_what[kind]:>14}" for kind in CLASSIFICATIONS)
            sizes = "  ".join(f"{size_ratio(mine, size):6.2f}" for size in ("diameter", "length", "width"))
            shares = f"{share_found(mine):6.2f} {share_right(mine) if as_what.total() > as_what[''] else 0:6.2f}"
            print(f"  {row:<14} {len(mine):4d} {shares} |{counts}   {as_what['']:6d} |   {sizes}")


def main() -> None:
    """Run both parts and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=60, help="faces with blemishes")
    parser.add_argument("--clean", type=int, default=20, help="faces without")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--profile", help="one profile; all of config.json when not given")
    args = parser.parse_args()
    settings = load_config(ROOT / "config.json")
    for name in [args.profile] if args.profile else settings.profiles:
        config = settings.profile(name)
        print(f"\n=== {name}, seed {args.seed}")
        _print_clean(list(clean_faces(args.clean, args.seed, config)))
        _print_blemished(list(blemished_faces(args.faces, args.seed, config)))


if __name__ == "__main__":
    main()
