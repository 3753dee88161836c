"""The constants of `measurement.size_uncertainty`, fitted to the errors of sizes on rendered faces and photographs.

python -m benchmarks.marks.size_uncertainty [--faces 10] [--shared ../shared]

The standard uncertainty of a size is sqrt((blurs x blur)^2 + (faintness x size / peak_snr)^2 + (scale)^2); twice that
is stated. For each class that marks were given and each size, the two constants are those of the smallest median U
that covers 95 % of the errors, on rendered faces and on photographs alike: pits and scratches as in `sizes`, painted
with blurs that are not that of the cladding edge, and marks of every class.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.marks.sizes import ANY, BLURS, Job, Sized, jobs, sized
from benchmarks.validation.bench import PHOTOGRAPHS, QUICK, RENDERED, Bench
from dscope_blink.config.settings import SizeUncertainty
from dscope_blink.records import CLASSIFICATIONS

COVERED = 0.955
FEWEST = 25  # marks of one class, below which nothing is fitted
STEPS = np.arange(0, 61) * 0.05
FAINT = SizeUncertainty(0.0, 1.0)  # with it a record states size / peak_snr, beside the scale


def fitted(found: Sequence[Sized], size: str) -> tuple[float, float, float]:
    """Constants `blurs` and `faintness` of one size of marks of one class, and the median U in um."""
    errors = np.array([abs(s.measured_um[size] - s.true_um[size]) for s in found])
    scale = np.array([s.scale * s.measured_um[size] for s in found])
    faint = np.sqrt(np.maximum(np.array([s.unsure_um[size] for s in found]) ** 2 / 4 - scale**2, 0))
    blur = np.array([s.blur_um for s in found])
    grounds = np.array([s.job.ground for s in found])
    best = math.inf, 0.0, 0.0
    for blurs, faintness in product(STEPS, STEPS):
        unsure = 2 * np.sqrt((blurs * blur) ** 2 + (faintness * faint) ** 2 + scale**2)
        median = float(np.median(unsure))
        covered = errors <= unsure
        shares = [covered[grounds == g].mean() for g in (RENDERED, PHOTOGRAPHS) if (grounds == g).sum() >= FEWEST]
        if median < best[0] and min([covered.mean(), *shares]) >= COVERED:
            best = median, float(blurs), float(faintness)
    return best[1], best[2], best[0]


def main() -> None:
    """Measure, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=10, help="of each kind in each region")
    parser.add_argument("--shared", type=Path, help="folder of the photographs")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    grounds = (None,) if args.shared is None else (None, args.shared)
    wanted = [Job(j.kind, j.region, j.contrast, j.blur, j.k, j.shared, FAINT) for j in jobs(args.faces, args.shared)]
    for ground, k in product(grounds, range(6 * args.faces)):
        wanted.append(Job(ANY, "B", -0.3, 1.0 if ground is None else BLURS[k % len(BLURS)], k, ground, FAINT))
    found = [one for several in Bench(QUICK, args.shared, args.workers).run(sized, wanted) for one in several]
    for kind, size in product(CLASSIFICATIONS, ("diameter", "width", "length")):
        mine = [s for s in found if s.classification == kind]
        if len(mine) >= FEWEST:
            blurs, faintness, median = fitted(mine, size)
            constants = f"blurs {blurs:.2f} faintness {faintness:.2f}"
            print(f"{kind:14} {size:9} n {len(mine):4} {constants} median U {median:.2f}")


if __name__ == "__main__":
    main()
