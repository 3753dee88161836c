"""Fibers of 125 to 1000 um: what is graded, found and measured on them, in which time and memory.

python benchmarks/large_fibers.py [--faces 6] [--seed 61] [--only UM ...] [--profile NAME] [--markdown FILE]

Rendered end faces in random light and by random cameras, graded as a user would have it: class `custom` of the default
edition, with the diameters of core and cladding given. `search` is the side in um of a pixel of the search.
`clean` counts the faces without a mark that PASS, `false` the marks reported in A and B of all faces that are none.
The other faces have pits of 4 to 12 um and 30 to 70 % contrast in core and cladding: how many were `found`, and `bias`,
`mean` and `largest`, mean error, mean absolute error and largest absolute error of their diameters in um. `seconds` are
those of the processor for one picture, decoded already, on one thread of OpenCV (median), `MB` the most memory that a
fresh process held. docs/sizes.md holds the table of one run.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import process_time

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.geometry import Table, as_markdown, as_text
from benchmarks.rendered import ROOT, FaceScore, compared
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.pipeline import inspect_image
from dscope_blink.records import ImageInfo, Inspection, Provenance, Request
from dscope_blink.synthetic.faces import FaceSpec, Picture, Pit, render_face
from dscope_blink.synthetic.scenes import random_face

PITS_UM = (4.0, 12.0)
CONTRAST = (0.3, 0.7)
CLEAR_UM = 10.0  # of the edges of core and cladding, where other limits hold
APART_UM = 20.0  # more than the largest pit, so that none are taken for one
UM_PER_PIT = 20.0  # of the cladding diameter: on a fiber of 125 um more would fill whole circles around its centre
VIEW = 1.2  # side of the picture in cladding diameters: the field of a camera is full


@dataclass(frozen=True, slots=True)
class Fiber:
    """One kind of fiber under one microscope."""

    cladding_um: float
    core_um: float
    um_per_px: float


FIBERS = (
    Fiber(125.0, 62.5, 0.435),
    Fiber(200.0, 160.0, 0.45),
    Fiber(400.0, 360.0, 0.4),
    Fiber(400.0, 360.0, 0.5),
    Fiber(600.0, 550.0, 0.4),
    Fiber(600.0, 550.0, 0.5),
    Fiber(1000.0, 910.0, 0.5),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the faces of one kind of fiber; clean and marked ones take turns."""

    fiber: Fiber
    clean: tuple[FaceScore, ...]
    marked: tuple[FaceScore, ...]
    seconds: tuple[float, ...]  # of the processor, for each face

    @property
    def found(self) -> float:
        """Share of the pits that were reported."""
        pits = [outcome for face in self.marked for outcome in face.outcomes]
        return sum(outcome.found is not None for outcome in pits) / len(pits)

    @property
    def errors_um(self) -> np.ndarray:
        """Measured less true diameter of each pit that was found."""
        pairs = [(o.found.diameter_um, o.truth.diameter_um) for face in self.marked for o in face.outcomes if o.found]
        return np.array([measured - true for measured, true in pairs if measured is not None])

    @property
    def false(self) -> int:
        """Marks in A and B that are none."""
        return sum(len(face.false) for face in (*self.clean, *self.marked))


def face_of(fiber: Fiber, rng: np.random.Generator, **overrides: object) -> FaceSpec:
    """A random face of this size, whose cladding nearly fills the picture."""
    side = math.ceil(VIEW * fiber.cladding_um / fiber.um_per_px)
    centre = tuple(((side - 1) / 2 + rng.uniform(-0.02, 0.02, 2) * side).tolist())
    size = {
        "shape": (side, side),
        "centre_px": centre,
        "cladding_diameter_um": fiber.cladding_um,
        "core_diameter_um": fiber.core_um,
        "um_per_px_x": fiber.um_per_px,
        "um_per_px_y": fiber.um_per_px,
        "axis_ratio": 1.0,
    }
    return random_face(rng, **{**size, **overrides})


def pits_on(spec: FaceSpec, n: int, rng: np.random.Generator) -> tuple[Pit, ...]:
    """Round pits in core and cladding that keep clear of each other and of both edges; fewer where no place is left."""
    core, cladding = spec.core_diameter_um / 2, spec.cladding_diameter_um / 2
    placed: list[Pit] = []
    for _ in range(60 * n):
        away, turn = (cladding - CLEAR_UM) * math.sqrt(rng.uniform()), rng.uniform(0, 2 * math.pi)
        at = (away * math.cos(turn), away * math.sin(turn))
        free = abs(away - core) > CLEAR_UM and all(math.dist(at, pit.centre_um) > APART_UM for pit in placed)
        if free and len(placed) < n:
            placed.append(Pit(at, rng.uniform(*PITS_UM), -rng.uniform(*CONTRAST)))
    return tuple(placed)


def inspect_as_user(spec: FaceSpec, picture: Picture, config: Config) -> Inspection:
    """The record of a picture with square pixels, of class `custom` and with known diameters."""
    height, width = picture.shape
    book = config.criteria
    request = Request(book.default_edition, "custom", spec.core_diameter_um, spec.cladding_diameter_um, 1.0)
    provenance = Provenance("benchmark", config.profile, "", {"config": config.sha256})
    return inspect_image(picture, ImageInfo("large.png", None, width, height), request, config, None, provenance)


def measured(fiber: Fiber, n: int, seed: int, config: Config) -> Result:
    """Inspect `n` clean faces and as many with pits."""
    scores, seconds = [], []
    for k in range(2 * n):
        rng = np.random.default_rng((seed, round(fiber.cladding_um), k))
        spec = face_of(fiber, rng)
        face = render_face(spec, pits_on(spec, round(fiber.cladding_um / UM_PER_PIT), rng) if k % 2 else (), rng)
        started = process_time()
        inspection = inspect_as_user(spec, face.image, config)
        seconds.append(process_time() - started)
        scores.append(compared(inspection, face.truth.blemishes, face.image.shape))
    return Result(fiber, tuple(scores[::2]), tuple(scores[1::2]), tuple(seconds))


def memory_mb(fiber: Fiber, seed: int, profile: str) -> float:
    """Most memory of a fresh process that inspects one clean face."""
    rng = np.random.default_rng(seed)
    spec = face_of(fiber, rng)
    picture = render_face(spec, (), rng).image
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak_memory_mb, (spec, picture, profile))


def _peak_memory_mb(spec: FaceSpec, picture: Picture, profile: str) -> float:
    cv2.setNumThreads(1)
    inspect_as_user(spec, picture, load_config(ROOT / "config.json").profile(profile))
    status = Path("/proc/self/status")  # not getrusage, which counts what the parent held when it started this one
    held = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(held[1]) / 1024 if held else math.nan


def row_of(result: Result, held_mb: float) -> Mapping[str, str]:
    """The figures of one kind of fiber by column."""
    fiber, errors = result.fiber, result.errors_um
    passed = sum(face.inspection.verdict.status == "PASS" for face in result.clean)
    pixel = median(face.inspection.quality.search_pixel_px or math.nan for face in result.clean)
    height, width = (math.ceil(VIEW * fiber.cladding_um / fiber.um_per_px),) * 2
    return {
        "cladding, um": f"{fiber.cladding_um:g}",
        "um/px": f"{fiber.um_per_px:g}",
        "picture": f"{width} x {height}",
        "search": f"{pixel * fiber.um_per_px:.2f}",
        "clean": f"{passed} of {len(result.clean)}",
        "false": f"{result.false}",
        "pits": f"{sum(len(face.outcomes) for face in result.marked)}",
        "found": f"{result.found:.1%}",
        "bias": f"{errors.mean():+.2f}",
        "mean": f"{np.abs(errors).mean():.2f}",
        "largest": f"{np.abs(errors).max():.2f}",
        "seconds": f"{median(result.seconds):.2f}",
        "MB": f"{held_mb:.0f}",
    }


def _rows(fibers: Sequence[Fiber], args: argparse.Namespace, config: Config) -> Iterator[Mapping[str, str]]:
    for fiber in fibers:
        yield row_of(measured(fiber, args.faces, args.seed, config), memory_mb(fiber, args.seed, args.profile))


def main() -> None:
    """Measure every kind of fiber and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=6, help="clean faces of each kind, and as many with pits")
    parser.add_argument("--seed", type=int, default=61)
    parser.add_argument("--only", type=float, nargs="+", metavar="UM", help="claddings to measure")
    parser.add_argument("--profile", default="deep_inspection")
    parser.add_argument("--markdown", type=Path, help="file that takes the same table as Markdown")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    config = load_config(ROOT / "config.json").profile(args.profile)
    rows = list(_rows([f for f in FIBERS if not args.only or f.cladding_um in args.only], args, config))
    title = f"{args.profile}: {args.faces} clean and {args.faces} marked faces of each kind, seed {args.seed}"
    table = Table(title, tuple(rows[0]), tuple(tuple(row.values()) for row in rows))
    print(as_text(table))
    if args.markdown:
        args.markdown.write_text(as_markdown(table).lstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
