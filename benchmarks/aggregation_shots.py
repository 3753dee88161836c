"""Shots of one face brought together, and pictures of different faces that must not be.

python benchmarks/aggregation_shots.py --shared SHARED [--results RESULTS_DIR ...] [--draw DIR]

The photographs of SHARED/endfaces that share a `sequence` in labels.json show one face, turned in its holder. Their
stored results in each RESULTS_DIR are aggregated; without any, the photographs are inspected first. Then every two
photographs are forced to be one face, and all of them at once. With --draw, DIR gets a picture of each sequence: the
base and each other shot turned back onto it, with the outlines of the marks of all of them, a colour for each shot.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from time import process_time

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.rendered import ROOT
from dscope_blink.analysis.aggregation.aggregating import aggregate
from dscope_blink.analysis.aggregation.moving import Move, cladding_of
from dscope_blink.analysis.aggregation.shots import Together, bring_together
from dscope_blink.batch.face_sources import Face, SourceFile, read_detections
from dscope_blink.batch.shot_pictures import alike_pictures
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import decode_image
from dscope_blink.files.names import RESULT
from dscope_blink.records import Aggregate, Detection, PictureLikeness, Points
from dscope_blink.terminal.commands import main as program

PROFILES = ("deep_inspection", "fast_scan")
STARTED = "2026-01-01T00:00:00+00:00"
# Of one face too, though in no sequence together: the same scratches beside the fiber, the same bubbles above it.
BY_EYE = {
    "by eye: scratches": ["mm50_001.jpg", "mm50_003.jpg"],
    "by eye: bubbles": ["pal_160.jpg", "pal_164.jpg", "pal_166.jpg"],
}
COLOURS = ((0, 0, 255), (255, 200, 0), (0, 220, 0), (255, 0, 255))  # red, blue, green, violet


@dataclass(frozen=True, slots=True)
class Shots:
    """Everything that has looked at some pictures."""

    face: Face
    detections: tuple[Detection, ...]
    alike: tuple[PictureLikeness, ...]


def main() -> int:
    arguments = parsed()
    config = load_config(ROOT / "config.json").profile(PROFILES[0])
    pictures = arguments.shared / "endfaces"
    labels = {one["name"]: one["sequence"] for one in json.loads((pictures / "labels.json").read_text())}
    with tempfile.TemporaryDirectory() as folder:
        results = arguments.results or inspected(pictures, Path(folder))
        for sequence, named in sequences(labels).items():
            together = one_face(sequence, shots_of(sequence, named, results, pictures, config), config)
            if arguments.draw is not None:
                draw(together, pictures, arguments.draw / f"{sequence}.png")
        for folder_of_results in results:
            print(f"\nforced to be one face, {folder_of_results.name}")
            forced(shots_of("all", tuple(labels), [folder_of_results], pictures, config), labels)
    return 0


def sequences(labels: Mapping[str, str | None]) -> Mapping[str, list[str]]:
    """The pictures of each face that was photographed more than once."""
    named: dict[str, list[str]] = {of: [] for of in labels.values() if of is not None}
    for name, of in labels.items():
        if of is not None:
            named[of].append(name)
    known = {of: names for of, names in named.items() if len(names) > 1}
    return {**known, **BY_EYE}


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--results", type=Path, nargs="*", default=[])
    parser.add_argument("--draw", type=Path)
    return parser.parse_args()


def inspected(pictures: Path, folder: Path) -> list[Path]:
    for profile in PROFILES:
        words = [f"--input-dir={pictures}", f"--output-dir={folder / profile}", f"--profile={profile}"]
        program(["inspect", *words, f"--manifest={pictures / 'manifest.csv'}", "--no-plots", "--quiet"])
    return [folder / profile for profile in PROFILES]


def shots_of(name: str, named: Sequence[str], results: Sequence[Path], pictures: Path, config: Config) -> Shots:
    stored = [folder / f"{Path(picture).stem}{RESULT}" for folder in results for picture in named]
    face = Face(name, tuple(SourceFile(path, f"{path.parent.name}/{path.name}") for path in stored))
    detections, _ = read_detections(face, config)
    return Shots(face, detections, alike_pictures(face, detections, pictures, config.preprocessing.max_pixels))


# --- one face ---------------------------------------------------------------------------------------------------------


def one_face(name: str, shots: Shots, config: Config) -> Together:
    together = bring_together(shots.detections, shots.alike)
    began = process_time()
    done = aggregate(name, shots.detections, config, STARTED, alike=shots.alike)
    joined = f"{len(together.detections)} of {len(shots.detections)} sources in {together.base.image.file}"
    result = f"{done.inspection.verdict.status}, {len(done.marks)} marks, {process_time() - began:.2f} s"
    print(f"\n{name}: {joined}: {result}")
    for line in {line.problem: line for line in together.log}.values():
        print(f"  {line.severity}: {line.problem}")
    tell_marks(done, together)
    for one in together.detections:
        print(f"  {one.source.key:20} {one.source.picture}: {one.source.status}, {len(one.marks)} marks")
    return together


def tell_marks(done: Aggregate, together: Together) -> None:
    """Marks by how many shots saw them, and what each shot adds that no other saw."""
    of = {one.source.key: one.source.picture for one in together.detections}
    seen = [frozenset(of[key] for key in mark.sources) for mark in done.marks]
    counts = Counter(map(len, seen))
    print("  marks by shots that saw them: " + ", ".join(f"{count}: {counts[count]}" for count in sorted(counts)))
    alone = Counter(next(iter(pictures)) for pictures in seen if len(pictures) == 1)
    print("  seen in one shot alone: " + (", ".join(f"{k} {n}" for k, n in sorted(alone.items())) or "none"))


def draw(together: Together, pictures: Path, path: Path) -> None:
    """The base, and beside it each other shot turned back onto it."""
    base = read_picture(pictures / together.base.image.file)
    shown = {together.base.image.file: base}
    for one in together.detections:
        end = cladding_of(together.base)
        if one.cladding is not None and end is not None:
            move = Move(one.cladding, end, one.source.turn.angle_deg or 0.0)
            corners: Points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
            warp = cv2.getAffineTransform(corners.astype(np.float32), move.points(corners).astype(np.float32))
            picture = read_picture(pictures / one.source.picture)
            shown[one.source.picture] = cv2.warpAffine(picture, warp, base.shape[1::-1])
    colours = dict(zip(shown, COLOURS, strict=False))
    for panel in shown.values():
        for one in together.detections:
            outlines = [np.rint(mark.outline_px * 16).astype(np.int32) for mark in one.marks]
            cv2.polylines(panel, outlines, True, colours[one.source.picture], 1, cv2.LINE_AA, 4)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.hstack(list(shown.values())))


def read_picture(path: Path) -> np.ndarray:
    picture = decode_image(path.read_bytes(), 200_000_000)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if picture.ndim == 2 else picture.copy())


# --- different faces --------------------------------------------------------------------------------------------------


def forced(shots: Shots, labels: Mapping[str, str | None]) -> None:
    """Every two pictures as if they were of one face, by marks alone and by likeness too; then all of them."""
    for how, alike in (("by marks", ()), ("by marks and likeness", shots.alike)):
        pairs, joined = list(combinations(shots.detections, 2)), []
        for first, second in pairs:
            together = bring_together((first, second), alike)
            if len(together.detections) == 2:
                joined.append((first.source.picture, second.source.picture))
        told = [pair for pair in joined if is_told(*pair, labels)]
        known = sum(is_told(a.source.picture, b.source.picture, labels) for a, b in pairs)
        others = f"{len(joined) - len(told)} of {len(pairs) - known} others"
        print(f"  {how}: {len(told)} of {known} pairs of one face joined, {others}")
        print("    " + (", ".join(f"{a} and {b}" for a, b in joined if (a, b) not in told) or "none"))
        everything = bring_together(shots.detections, alike)
        print(f"    all at once: {', '.join(one.source.picture for one in everything.detections)} joined")


def is_told(first: str, second: str, labels: Mapping[str, str | None]) -> bool:
    """Whether the labels say that they show one face, or the eye does."""
    return any({first, second} <= set(named) for named in sequences(labels).values())


if __name__ == "__main__":
    sys.exit(main())
