"""What marks are taken for, what that does to the limits they are held against, and whether the probabilities are true.

python -m benchmarks.marks.classes [--faces 150] [--photographs 30] [--workers 2] [--shared ../shared]

On faces that had no part in the fit: rendered ones of another seed, photographs of other fibers with marks in them, and
marks on photographs of other microscopes that were named by eye (named_marks.json).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from benchmarks.marks.class_scenes import Sample, bench_of, collected
from benchmarks.rendered import EDITION, ROOT
from benchmarks.validation.bench import default_config
from benchmarks.validation.photographs import inspect_picture
from dscope_blink.files.decoding import decode_image
from dscope_blink.files.manifest import read_manifest
from dscope_blink.records import CLASSIFICATIONS, Defect, Inspection, Request

BINS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 1.001)
SCRATCH_CLASSES = ("scratch",)  # of every shipped table of limits: all others are defects


def share_right(samples: Sequence[Sample]) -> float:
    """Share of the reports whose class is the true kind."""
    return sum(sample.given == sample.kind for sample in samples) / max(len(samples), 1)


def has_consequence(sample: Sample) -> bool:
    """Whether its class puts it under other limits than its true kind: scratches go by width, all else by diameter."""
    return (sample.given in SCRATCH_CLASSES) != (sample.kind in SCRATCH_CLASSES)


def is_doubted(sample: Sample, min_probability: float) -> bool:
    """Whether the other limits are likely enough for a verdict to name them."""
    own = sample.given in SCRATCH_CLASSES
    others = sum(p for name, p in sample.chances.items() if (name in SCRATCH_CLASSES) != own)
    return others >= min_probability


def reliability(samples: Sequence[Sample]) -> list[tuple[float, float, int, float, float]]:
    """For each bin of stated probability its bounds, how many were stated, their mean, and how often they came true."""
    stated = [(p, sample.kind == name) for sample in samples for name, p in sample.chances.items()]
    rows = []
    for low, high in pairwise(BINS):
        mine = [(p, true) for p, true in stated if low <= p < high]
        if mine:
            n = len(mine)
            rows.append((low, high, n, sum(p for p, _ in mine) / n, sum(true for _, true in mine) / n))
    return rows


def _print(title: str, samples: Sequence[Sample]) -> None:
    least = default_config().classification.min_probability
    swapped = [sample for sample in samples if has_consequence(sample)]
    doubted = [sample for sample in samples if is_doubted(sample, least)]
    print(f"\n=== {title}: {len(samples)} marks, right class {share_right(samples):.3f}")
    print(f"under wrong limits {len(swapped)}, of these doubted {sum(is_doubted(s, least) for s in swapped)}")
    print(f"doubted in all {len(doubted)} ({len(doubted) / max(len(samples), 1):.3f})")
    _print_matrix("kind", CLASSIFICATIONS, samples, lambda sample: sample.kind)
    _print_matrix("drawn as", sorted({s.maker for s in samples}), samples, lambda sample: sample.maker)
    print("\n  stated          n    mean   true")
    for low, high, n, mean, true in reliability(samples):
        print(f"  {low:4.2f} to {min(high, 1.0):4.2f} {n:6d}   {mean:.3f}  {true:.3f}")


def _print_matrix(title: str, rows: Iterable[str], samples: Sequence[Sample], row_of: Callable[[Sample], str]) -> None:
    print(f"\n  {title:<22}    n  right  limits |" + "".join(f"{kind:>14}" for kind in CLASSIFICATIONS))
    for row in rows:
        mine = [sample for sample in samples if row_of(sample) == row]
        if mine:
            given = Counter(sample.given for sample in mine)
            limits = 1 - sum(map(has_consequence, mine)) / len(mine)
            counts = "".join(f"{given[kind]:>14}" for kind in CLASSIFICATIONS)
            print(f"  {row:<22} {len(mine):4d}  {share_right(mine):.3f}   {limits:.3f} |{counts}")


# --- marks of other microscopes, named by eye


def named(shared: Path) -> list[tuple[str, tuple[float, float], str, str]]:
    """Each mark of NAMED: its file, its place, its kind by eye, and what the report nearest to the place is taken for.

    Nothing was fitted to these pictures. The class is empty where no report lies within NEAREST_PX.
    """
    config, folder = default_config(), shared / "other_scopes"
    asked = read_manifest(folder / "manifest.csv", config.criteria, Request(EDITION, "custom")).requests
    found: dict[str, Inspection] = {}
    rows = []
    for mark in json.loads(NAMED.read_text(encoding="utf-8")):
        name, at = mark["file"], (float(mark["at_px"][0]), float(mark["at_px"][1]))
        if name not in found:
            picture = decode_image((folder / name).read_bytes(), config.preprocessing.max_pixels)
            found[name] = inspect_picture(picture, name, asked[name], config)
        rows.append((name, at, mark["kind"], _taken_for(at, found[name].defects)))
    return rows


def _taken_for(at: tuple[float, float], defects: Iterable[Defect]) -> str:
    near = [(_distance_px(at, defect), defect.classification) for defect in defects]
    return min([(distance, kind) for distance, kind in near if distance <= NEAREST_PX], default=(0.0, ""))[1]


def _distance_px(at: tuple[float, float], defect: Defect) -> float:
    """From the outline, 0 inside it."""
    return max(-cv2.pointPolygonTest(defect.contour_px.astype(np.float32), at, True), 0.0)


NAMED = Path(__file__).with_name("named_marks.json")
NEAREST_PX = 6.0


def _print_named(shared: Path) -> None:
    rows = named(shared)
    seen = [row for row in rows if row[3]]
    right = sum(kind == given or {kind, given} == {"pit_dig", "contamination"} for _, _, kind, given in seen)
    print(f"\n=== other microscopes, by eye: {len(rows)} marks, reported {len(seen)}, right (pits as dirt) {right}")
    for name, (x, y), kind, given in seen:
        if kind != given:
            print(f"  {name} at {x:.0f}, {y:.0f}: {kind}, taken for {given}")


def main() -> None:
    """Inspect the faces held out and print what became of their marks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=150, help="rendered faces")
    parser.add_argument("--photographs", type=int, default=30, help="photographs with marks drawn in")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="folder with the photographs")
    args = parser.parse_args()
    samples = collected(bench_of(args.workers, args.shared), True, args.faces, args.photographs)
    rendered = [sample for sample in samples if sample.face.startswith("rendered")]
    _print("rendered faces", rendered)
    if len(rendered) < len(samples):
        _print("photographs", [sample for sample in samples if not sample.face.startswith("rendered")])
    if (args.shared / "other_scopes").is_dir():
        _print_named(args.shared)


if __name__ == "__main__":
    main()
