"""Claddings of few pixels, searched as they are and doubled: what is found, taken apart and measured.

python benchmarks/small_claddings.py [--faces 25] [--seed 7] [--markdown FILE]

Rendered end faces of 125 um in random light and by random cameras, each with six blemishes of 3 to 9 um, and others
with six pairs of pits of 3 to 5 um. `found` is the share of the blemishes that were reported and `small` that of those
below 6 um; `pits`, mean absolute error of their diameters in um; `apart`, for gaps of 1.5 and 2, 2.5 and 3, 3.5 and 4
um, the share of the pairs reported as two marks. `false` are the marks in A and B that are none, of these faces and
as many clean ones. `ms`, of the processor for one picture, median. docs/sizes.md holds the table of one run.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from time import process_time

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.geometry import Table, as_markdown, as_text
from benchmarks.large_fibers import Fiber, face_of, inspect_as_user
from benchmarks.rendered import ROOT, FaceScore, Outcome, compared
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.synthetic.faces import Blemish, FaceSpec, Pit, render_face
from dscope_blink.synthetic.scenes import random_blemishes

CLADDING_UM, CORE_UM = 125.0, 62.5
CLADDINGS_PX = (100, 125, 150, 175, 199)
VIEW = 2.3  # side of the picture in cladding diameters
KINDS = ("pit_dig", "contamination", "scratch")
GAPS_UM = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0)


@dataclass(slots=True)
class Figures:
    """What one way of searching made of the faces of one size."""

    outcomes: list[Outcome] = field(default_factory=list)
    apart: dict[float, list[bool]] = field(default_factory=lambda: {gap: [] for gap in GAPS_UM})
    false: int = 0
    seconds: list[float] = field(default_factory=list)

    def found(self, below_um: float = math.inf) -> float:
        """Share of the blemishes smaller than this that were reported."""
        counted = [o for o in self.outcomes if o.truth.diameter_um < below_um]
        return sum(o.found is not None for o in counted) / max(len(counted), 1)

    def error_um(self) -> float:
        """Mean absolute error of the diameters of the pits that were found."""
        pits = [o for o in self.outcomes if o.truth.kind == "pit_dig" and o.found is not None]
        errors = [abs((o.found.diameter_um or 0.0) - o.truth.diameter_um) for o in pits if o.found is not None]
        return float(np.mean(errors))

    def share_apart(self, gaps: Sequence[float]) -> float:
        """Share of the pairs with these gaps that were reported as two marks."""
        return float(np.mean([two for gap in gaps for two in self.apart[gap]]))


def ways(config: Config) -> dict[str, Config]:
    """The search as the pictures are, and doubled whatever their size."""
    as_is = replace(config, residual=replace(config.residual, doubled_below_px=0.0))
    doubled = replace(config, residual=replace(config.residual, doubled_from_px=0.0, doubled_below_px=1000.0))
    return {"as it is": as_is, "doubled": doubled}


def spec_of(cladding_px: int, rng: np.random.Generator) -> FaceSpec:
    """A random face of 125 um with so many pixels across its cladding."""
    side = round(VIEW * cladding_px)
    fiber = Fiber(CLADDING_UM, CORE_UM, CLADDING_UM / cladding_px)
    return face_of(fiber, rng, shape=(side, side), centre_px=((side - 1) / 2 + 0.3,) * 2)


def pairs(k: int, rng: np.random.Generator) -> list[tuple[float, Pit, Pit]]:
    """Six pairs of pits around the centre, in core and cladding in turn, with their gaps."""
    made = []
    for place, radius_um in enumerate((46.0, 20.0) * 3):
        turn, gap, size = place * math.pi / 3 + 0.2, GAPS_UM[(place + k) % len(GAPS_UM)], rng.uniform(3, 5)
        middle = radius_um * np.array([math.cos(turn), math.sin(turn)])
        half = (size + gap) / 2 * np.array([math.cos(turn + 1), math.sin(turn + 1)])
        one, other = (Pit((float(x), float(y)), size, -0.5) for x, y in (middle + half, middle - half))
        made.append((gap, one, other))
    return made


def scored(
    spec: FaceSpec, marks: Sequence[Blemish], rng: np.random.Generator, config: Config
) -> tuple[FaceScore, float]:
    """A face with these marks, inspected, and the seconds it took."""
    face = render_face(spec, tuple(marks), rng)
    started = process_time()
    inspection = inspect_as_user(spec, face.image, config)
    return compared(inspection, face.truth.blemishes, face.image.shape), process_time() - started


def measured(cladding_px: int, n: int, seed: int, config: Config) -> Figures:
    """`n` faces with blemishes, as many with pairs of pits, and as many clean ones."""
    figures = Figures()
    for k in range(n):
        rng = np.random.default_rng((seed, cladding_px, k))
        spec = spec_of(cladding_px, rng)
        face, seconds = scored(spec, random_blemishes(rng, spec, 6, kinds=KINDS, size_um=(3.0, 9.0)), rng, config)
        clean, _ = scored(spec_of(cladding_px, rng), (), rng, config)
        drawn = pairs(k, rng)
        paired, _ = scored(spec_of(cladding_px, rng), [pit for _, *two in drawn for pit in two], rng, config)
        figures.outcomes += face.outcomes
        figures.false += len(face.false) + len(clean.false)
        figures.seconds.append(seconds)
        for j, (gap, _, _) in enumerate(drawn):
            one, other = (outcome.found for outcome in paired.outcomes[2 * j : 2 * j + 2])
            figures.apart[gap].append(one is not None and other is not None and one is not other)
    return figures


def _rows(n: int, seed: int, config: Config) -> Iterator[tuple[str, ...]]:
    for cladding_px in CLADDINGS_PX:
        for name, searched in ways(config).items():
            got = measured(cladding_px, n, seed, searched)
            apart = (f"{got.share_apart(GAPS_UM[k : k + 2]):.0%}" for k in (0, 2, 4))
            shares = f"{got.found():.1%}", f"{got.found(6.0):.1%}", f"{got.error_um():.2f}"
            yield f"{cladding_px}", name, *shares, *apart, f"{got.false}", f"{1000 * median(got.seconds):.0f}"


HEADER = ("cladding, px", "search", "found", "small", "pits", "apart 1.5-2", "2.5-3", "3.5-4", "false", "ms")


def main() -> None:
    """Measure every size both ways and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=25, help="faces of each sort and size")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--profile", default="deep_inspection")
    parser.add_argument("--markdown", type=Path, help="file that takes the same table as Markdown")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    config = load_config(ROOT / "config.json").profile(args.profile)
    rows = tuple(_rows(args.faces, args.seed, config))
    table = Table(f"{args.profile}: {args.faces} faces of each sort, seed {args.seed}", HEADER, rows)
    print(as_text(table))
    if args.markdown:
        args.markdown.write_text(as_markdown(table).lstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
