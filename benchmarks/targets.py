"""How exactly the scale is measured on rendered targets, and whether the stated uncertainty holds.

python benchmarks/targets.py [--cases 200] [--seed 61]

Random dot grids and rulers of 0.1 to 3 um/px whose pitch fits the picture as a user would choose it, at least ten
features across and six pixels from one to the next: turned by up to 20 degrees, blurred, noisy, shaded, dirty; a fifth
of the dots missing, some merged, pixels of dot grids not square; ticks long and short, numbers and a caption beside
them. The target's own tolerance is taken as zero: the rendered ones have none. A case is covered when on both axes the
true scale lies within the stated uncertainty. Every case that misses is listed, to be drawn again by its number. About
eight minutes.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from time import process_time

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dscope_blink.calibration.target_scale import NotMeasured, ScaleFit, Target, find_scale
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.records import FloatImage
from dscope_blink.synthetic.targets import Shot, dot_grid, ruler

ROOT = Path(__file__).resolve().parents[1]
SHAPES = ((1200, 1600), (960, 1280), (768, 1024), (480, 640))
PITCHES_UM = tuple(step * 10**decade for decade in range(4) for step in (1.0, 2.0, 2.5, 5.0))
UM_PER_PX = (0.1, 3.0)
BANDS = (0.1, 0.3, 1.0, 3.0)  # of um/px, each with its line in the table
MIN_PITCH_PX = 6.0
MIN_ACROSS = 10
MAX_ERROR_PCT = 0.1


@dataclass(frozen=True, slots=True)
class Case:
    """A target, how it is seen, and what was measured."""

    name: str
    shot: Shot
    target: Target
    draw: Callable[[], FloatImage]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case measured: the worse of both axes."""

    case: Case
    fit: ScaleFit | NotMeasured
    seconds: float

    @property
    def errors_pct(self) -> tuple[float, ...]:
        """Relative error in percent along x and y; empty when not measured."""
        if isinstance(self.fit, NotMeasured):
            return ()
        found = (self.fit.um_per_px_x, self.fit.um_per_px_y)
        return tuple(100 * (f / t - 1) for f, t in zip(found, self.case.shot.um_per_px, strict=True))

    @property
    def uncertainties_pct(self) -> tuple[float, ...]:
        """Expanded uncertainties in percent along x and y; empty when not measured."""
        if isinstance(self.fit, NotMeasured):
            return ()
        x = self.fit.uncertainty_um_per_px_x / self.fit.um_per_px_x
        return 100 * x, 100 * self.fit.uncertainty_um_per_px_y / self.fit.um_per_px_y

    @property
    def exact(self) -> bool:
        """Whether both errors are within the bound."""
        return bool(self.errors_pct) and max(map(abs, self.errors_pct)) <= MAX_ERROR_PCT

    @property
    def covered(self) -> bool:
        """Whether both errors are within what is stated."""
        pairs = list(zip(self.errors_pct, self.uncertainties_pct, strict=True))
        return bool(pairs) and all(abs(error) <= uncertainty for error, uncertainty in pairs)


def dots_case(number: int, seed: int, shapes: Sequence[tuple[int, int]] = SHAPES) -> Case:
    """The dot grid of this number; the same for the same seed."""
    rng = np.random.default_rng((seed, number, 0))
    shot, pitch_um = _shot_and_pitch(number, rng, shapes)
    aspect, missing, merged = rng.uniform(0.9, 1.1), 0.2, rng.uniform(0, 0.1)
    shot = replace(shot, um_per_px=(shot.um_per_px[0] * aspect, shot.um_per_px[1]))
    radius = rng.uniform(0.2, 0.3)
    target = Target("dots", pitch_um)
    return Case(f"dots {number}", shot, target, lambda: dot_grid(shot, pitch_um, missing, merged, radius))


def ruler_case(number: int, seed: int, shapes: Sequence[tuple[int, int]] = SHAPES) -> Case:
    """The ruler of this number; the same for the same seed."""
    rng = np.random.default_rng((seed, number, 1))
    shot, pitch_um = _shot_and_pitch(number, rng, shapes)
    width_um = rng.uniform(0.25, 0.5) * pitch_um
    height_um = rng.uniform(0.08, 0.3) * shot.shape[0] * shot.um_per_px[0]
    target = Target("ticks", pitch_um)
    return Case(f"ticks {number}", shot, target, lambda: ruler(shot, pitch_um, width_um, height_um))


def _shot_and_pitch(number: int, rng: np.random.Generator, shapes: Sequence[tuple[int, int]]) -> tuple[Shot, float]:
    um_per_px = float(np.exp(rng.uniform(*np.log(UM_PER_PX))))
    shape = shapes[int(rng.integers(len(shapes)))]
    fitting = [p for p in PITCHES_UM if MIN_PITCH_PX <= p / um_per_px <= min(shape) / MIN_ACROSS]
    pitch_um = fitting[int(rng.integers(len(fitting)))]
    shot = Shot(
        um_per_px=(um_per_px, um_per_px),
        tilt_deg=rng.uniform(-20, 20),
        shape=shape,
        dark=bool(rng.random() < 0.7),
        shading=rng.uniform(0, 0.5),
        noise=rng.uniform(0.002, 0.03),
        dirt=int(rng.integers(0, 31)),
        seed=number,
        blur_px=rng.uniform(0.6, max(0.7, min(1.5, 0.1 * pitch_um / um_per_px))),
        place_px=(rng.uniform(-20, 20), rng.uniform(-20, 20)),
    )
    return shot, pitch_um


def measure(case: Case, config: Config) -> Outcome:
    """Draw the case and measure it."""
    gray, start = case.draw(), process_time()
    return Outcome(case, find_scale(gray, case.target, config), process_time() - start)


def without_tolerance(config: Config) -> Config:
    """The configuration for targets that are exact."""
    return replace(config, scale=replace(config.scale, target_tolerance_pct=0.0))


def table(outcomes: Sequence[Outcome]) -> str:
    """One line per band of scales: cases, exact ones, covered ones, errors and uncertainties in percent, seconds."""
    lines = [f"{'um/px':>10} cases exact covered  error: median     max  U: median     max  slowest"]
    for low, high in [*pairwise(BANDS), (BANDS[0], BANDS[-1])]:
        inside = [outcome for outcome in outcomes if low <= outcome.case.shot.um_per_px[1] < high]
        if inside:
            lines.append(f"{f'{low:g} to {high:g}':>10} {_figures(inside)}")
    return "\n".join(lines)


def _figures(outcomes: Sequence[Outcome]) -> str:
    errors = [abs(error) for outcome in outcomes for error in outcome.errors_pct] or [math.nan]
    unsure = [value for outcome in outcomes for value in outcome.uncertainties_pct] or [math.nan]
    counts = f"{len(outcomes):5} {sum(o.exact for o in outcomes):5} {sum(o.covered for o in outcomes):7}"
    spread = f"{np.median(errors):14.5f} {max(errors):7.5f} {np.median(unsure):10.5f} {max(unsure):7.5f}"
    return f"{counts} {spread} {max(outcome.seconds for outcome in outcomes):6.1f} s"


def missed(outcome: Outcome) -> str:
    """One line that names the case and says by how much, or why not."""
    shot, pitch_px = outcome.case.shot, outcome.case.target.size_um / outcome.case.shot.um_per_px[1]
    size = f"{shot.shape[1]} x {shot.shape[0]} px"
    seen = f"{size}, pitch {pitch_px:.1f} px, {shot.tilt_deg:.1f} deg, noise {shot.noise:.3f}"
    if isinstance(outcome.fit, NotMeasured):
        return f"{outcome.case.name} ({seen}): {outcome.fit.reason}"
    errors, unsure = (" x ".join(f"{v:.5f}" for v in pair) for pair in (outcome.errors_pct, outcome.uncertainties_pct))
    return f"{outcome.case.name} ({seen}): off by {errors} %, U {unsure} %"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables and every case that misses."""
    parser = argparse.ArgumentParser(description="Accuracy of the scale on rendered targets.")
    parser.add_argument("--cases", type=int, default=200, help="of each kind")
    parser.add_argument("--seed", type=int, default=61)
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    settings = load_config(ROOT / "config.json")
    config = without_tolerance(settings.profile(settings.default_profile))
    for kind, case in (("dots", dots_case), ("ticks", ruler_case)):
        outcomes = [measure(case(number, options.seed), config) for number in range(options.cases)]
        print(f"{kind}\n{table(outcomes)}")
        print("\n".join(missed(outcome) for outcome in outcomes if not (outcome.exact and outcome.covered)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
