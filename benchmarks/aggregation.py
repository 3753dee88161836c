"""How well marks of several sources are brought together, on faces whose marks are known exactly.

python benchmarks/aggregation.py [--faces 40] [--seed 5] [--profile NAME] [--real 0] [--marks 10000]

Six detectors that are no more than simulated see each face: each has an offset of 0 to 3 px, draws outlines its own
way, misses marks, breaks scratches into pieces, calls some by another name and sees some that are not there. Prints
how far pairs are right (F1), marks left double, and precision and recall of each source against what is merged.
`--real N` does the same with the detectors of this program, one enabled at a time, on N rendered pictures. Last comes
how long clustering so many marks of six sources takes; `--marks 0` leaves it out.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.rendered import NEAR_PX, WEAKEST_SNR, inspect_face, ordinary_face
from dscope_blink.analysis.aggregation.clustering import closeness_of, cluster
from dscope_blink.analysis.aggregation.own_marks import detection_of
from dscope_blink.analysis.aggregation.votes import votes_of
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.records import Inspection, Mask, Points, Scale, Source, SourceMark
from dscope_blink.synthetic.faces import Blemish, FaceSpec, render_face
from dscope_blink.synthetic.scenes import random_blemishes

ROOT = Path(__file__).resolve().parents[1]
DETECTORS = ("do2mr", "lei", "black_hat", "gradient", "skeleton", "edge_chip")
PIXEL_UM = 0.435
LARGEST_OFFSET_PX = 3.0
SPLIT, MISNAMED = 0.25, 0.1  # shares of the marks of a detector
OTHER_NAME = {"pit_dig": "contamination", "contamination": "pit_dig", "scratch": "crack", "crack": "scratch"}


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark as it is."""

    kind: str
    outline_px: Points
    line_px: Points | None = None  # its middle, where it is a line
    width_px: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What all sources see of one face, and which mark each of theirs is; false ones have a number of their own."""

    marks: tuple[SourceMark, ...]
    truth: tuple[int, ...]
    count: int  # of true marks


# --- faces ------------------------------------------------------------------------------------------------------------


def random_marks(rng: np.random.Generator, n: int = 20) -> list[Mark]:
    """Marks of every kind as random faces have them."""
    spec = ordinary_face(rng, um_per_px_x=PIXEL_UM, um_per_px_y=PIXEL_UM)
    return [_mark(spec, blemish) for blemish in random_blemishes(rng, spec, n, size_um=(3.0, 15.0))]


def _mark(spec: FaceSpec, blemish: Blemish) -> Mark:
    to_px = np.array(spec.centre_px)
    outline = blemish.outline(spec) / (spec.um_per_px_x, spec.um_per_px_y) + to_px
    if hasattr(blemish, "width_um"):
        return _line(blemish.kind, outline, blemish.width_um / spec.um_per_px)
    if blemish.kind == "contamination":
        outline = cv2.convexHull(outline.astype(np.float32)).reshape(-1, 2).astype(np.float64)
    return Mark(blemish.kind, outline)


def _line(kind: str, line_px: Points, width_px: float) -> Mark:
    return Mark(kind, _ribbon(line_px, max(width_px, 2.0)), line_px, max(width_px, 2.0))


def _ribbon(line: Points, width_px: float) -> Points:
    ahead = np.gradient(line, axis=0)
    across = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) / np.hypot(*ahead.T)[:, None] * width_px / 2
    return np.concatenate([line + across, (line - across)[::-1]])


def _disc(at: Points, diameter_px: float) -> Points:
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return at + diameter_px / 2 * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def crossing_marks(rng: np.random.Generator, n: int = 6, least_deg: float = 15.0) -> list[Mark]:
    """`n` pairs of scratches that cross, far from each other."""
    marks = []
    for k in range(n):
        at, turn = np.array([200.0 * k + 100, 300]), rng.uniform(0, np.pi)
        for angle in (turn, turn + np.radians(rng.uniform(least_deg, 90.0))):
            length, along = rng.uniform(40, 150), np.array([np.cos(angle), np.sin(angle)])
            share = np.linspace(-0.5, 0.5, 25)[:, None] + rng.uniform(-0.25, 0.25)
            marks.append(_line("scratch", at + share * length * along, rng.uniform(2, 6)))
    return marks


def row_marks(rng: np.random.Generator, n: int) -> list[Mark]:
    """`n` pits in a row, as far from border to border as half of a pit to two."""
    size, turn = rng.uniform(6, 12), rng.uniform(0, np.pi)
    step = size * rng.uniform(1.5, 3.0)
    at = 500 + np.arange(n)[:, None] * step * np.array([np.cos(turn), np.sin(turn)]) + rng.normal(0, 0.5, (n, 2))
    return [Mark("pit_dig", _disc(place, size * rng.uniform(0.85, 1.15))) for place in at]


def dense_marks(rng: np.random.Generator, n: int) -> list[Mark]:
    """`n` pits close together, no two nearer than half of a pit."""
    places: list[Points] = []
    while len(places) < n:
        place = rng.uniform(0, 16.0 * np.sqrt(n), 2)
        if all(np.hypot(*(place - other)) >= 13.0 for other in places):
            places.append(place)
    return [Mark("pit_dig", _disc(place + 300, rng.uniform(6, 9))) for place in places]


# --- simulated detectors ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Simulated:
    """How one detector errs."""

    name: str
    offset_px: Points
    wider_px: float
    missed: float
    false: float  # marks on a face


def simulated(rng: np.random.Generator, *, perfect: bool = False) -> list[Simulated]:
    """Six of them; the perfect ones miss nothing and see nothing that is not there, wherever they see it."""
    detectors = []
    for name in DETECTORS:
        turn, far = rng.uniform(0, 2 * np.pi), rng.uniform(0, LARGEST_OFFSET_PX)
        offset = far * np.array([np.cos(turn), np.sin(turn)])
        missed, false = (0.0, 0.0) if perfect else (rng.uniform(0.05, 0.25), rng.uniform(1, 4))
        detectors.append(Simulated(name, offset, rng.uniform(-1, 2), missed, false))
    return detectors


def seen_by(detectors: Sequence[Simulated], marks: Sequence[Mark], rng: np.random.Generator, split: float) -> Seen:
    """What the detectors see of the marks."""
    found: list[tuple[SourceMark, int]] = []
    for detector in detectors:
        outlines = list(_outlines(detector, marks, rng, split))
        for k in range(int(rng.poisson(detector.false))):
            place = np.concatenate([mark.outline_px for mark in marks])
            at = rng.uniform(place.min(axis=0) - 50, place.max(axis=0) + 50)
            outlines.append((-1 - len(found) - k, "pit_dig", _disc(at, rng.uniform(4, 10))))
        for number, (truth, kind, outline) in enumerate(outlines):
            confidence = rng.uniform(0.4, 0.95)
            name = detector.name
            found.append((SourceMark(name, f"{number}", kind, kind, outline, confidence, (name,)), truth))
    return Seen(tuple(mark for mark, _ in found), tuple(truth for _, truth in found), len(marks))


def _outlines(
    detector: Simulated, marks: Sequence[Mark], rng: np.random.Generator, split: float
) -> Iterable[tuple[int, str, Points]]:
    for k, mark in enumerate(marks):
        if rng.random() < detector.missed:
            continue
        shift = detector.offset_px + rng.normal(0, 0.4, 2)
        kind = OTHER_NAME.get(mark.kind, mark.kind) if rng.random() < MISNAMED else mark.kind
        for outline in _drawn(mark, detector.wider_px, rng, split):
            yield k, kind, outline + shift


def _drawn(mark: Mark, wider_px: float, rng: np.random.Generator, split: float) -> list[Points]:
    """Its outline, or those of its pieces."""
    if mark.line_px is None:
        middle = mark.outline_px.mean(axis=0)
        away = mark.outline_px - middle
        far = np.hypot(*away.T)[:, None]
        return [middle + away * np.maximum(1 + wider_px / 2 / far, 0.4)]
    width = max(mark.width_px + wider_px, 1.5)
    steps = len(mark.line_px)
    if rng.random() >= split or steps < 12:
        return [_ribbon(mark.line_px, width)]
    cuts = np.sort(rng.uniform(0.15, 0.85, rng.integers(1, 3)))
    ends = [0.0, *[edge for cut in cuts for edge in (cut - 0.03, cut + 0.03)], 1.0]
    spans = [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if b - a > 0.1]
    return [_ribbon(_part(mark.line_px, a, b), width) for a, b in spans]


def _part(line: Points, start: float, stop: float) -> Points:
    at = np.linspace(start, stop, 15) * (len(line) - 1)
    return np.stack([np.interp(at, np.arange(len(line)), column) for column in line.T], axis=1)


# --- figures ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts over many faces, which add up."""

    counts: Counter[str]

    def rate(self, part: str, *whole: str) -> float:
        """A share of what some counts are together."""
        total = sum(self.counts[name] for name in whole)
        return self.counts[part] / total if total else float("nan")


SCALE = Scale(PIXEL_UM, PIXEL_UM, "user_cladding")


def clustered(seen: Seen, config: Config, scale: Scale | None = SCALE) -> list[list[int]]:
    """Clusters of the marks of a face, as the program makes them."""
    closeness = closeness_of(seen.marks, scale, config.aggregation)
    return [list(one) for one in cluster(seen.marks, closeness, scale, config.aggregation)]


def counted(seen: Seen, clusters: Sequence[Sequence[int]]) -> Counter[str]:
    """Pairs, duplicates, and what is found by each source, by all and by two votes."""
    counts: Counter[str] = Counter()
    right = sum(sum(comb(n, 2) for n in Counter(seen.truth[k] for k in one).values()) for one in clusters)
    counts["pairs right"] = right
    counts["pairs made"] = sum(comb(len(one), 2) for one in clusters)
    counts["pairs true"] = sum(comb(n, 2) for n in Counter(seen.truth).values())
    meant = [Counter(seen.truth[k] for k in one).most_common(1)[0][0] for one in clusters]
    strong = [truth for truth, one in zip(meant, clusters, strict=True) if votes_of([seen.marks[k] for k in one]) >= 2]
    _count(counts, "merged", meant, seen.count)
    _count(counts, "two votes", strong, seen.count)
    for name in {mark.source for mark in seen.marks}:
        own = [truth for mark, truth in zip(seen.marks, seen.truth, strict=True) if mark.source == name]
        _count(counts, name, own, seen.count)
    return counts


def _count(counts: Counter[str], name: str, meant: Sequence[int], count: int) -> None:
    """Marks, and how many mean a true one; a second that means the same is double, and right only by itself."""
    true = [truth for truth in meant if truth >= 0]
    counts[f"{name} marks"] += len(meant)
    counts[f"{name} true"] += len(true)
    counts[f"{name} found"] += len(set(true))
    counts[f"{name} of"] += count


def _print_figures(title: str, counts: Counter[str]) -> None:
    figures = Figures(counts)
    f1 = 2 * counts["pairs right"] / max(counts["pairs made"] + counts["pairs true"], 1)
    double = 1 - counts["merged found"] / max(counts["merged true"], 1)
    print(f"\n{title}: pair F1 {f1:.4f}, marks left double {100 * double:.2f} %")
    names = [name.removesuffix(" of") for name in counts if name.endswith(" of")]
    for name in sorted(names, key=lambda name: (name in ("merged", "two votes"), name)):
        found, marks = counts[f"{name} found"], counts[f"{name} marks"]
        precision = (found if name in ("merged", "two votes") else counts[f"{name} true"]) / max(marks, 1)
        print(f"  {name:<12} precision {precision:.3f}  recall {figures.rate(f'{name} found', f'{name} of'):.3f}")


def random_figures(faces: int, seed: int, config: Config) -> Counter[str]:
    """Random faces with marks of every kind, crossing scratches, rows and dense groups in turn."""
    kinds: Sequence[Callable[[np.random.Generator], list[Mark]]] = (
        random_marks,
        crossing_marks,
        lambda rng: row_marks(rng, 12),
        lambda rng: dense_marks(rng, 40),
    )
    total: Counter[str] = Counter()
    for k in range(faces):
        rng = np.random.default_rng((seed, k))
        marks = kinds[k % len(kinds)](rng)
        seen = seen_by(simulated(rng), marks, rng, SPLIT)
        total += counted(seen, clustered(seen, config))
    return total


def crossing_apart(faces: int, seed: int, config: Config) -> Mapping[str, float]:
    """Share of the pairs of crossing scratches of which no cluster has both, by the angle that they cross at."""
    shares = {}
    for least, most in ((10.0, 20.0), (20.0, 45.0), (45.0, 90.0)):
        apart = pairs = 0
        for k in range(faces):
            rng = np.random.default_rng((seed, k, int(least)))
            marks = _crossing_at(rng, least, most)
            seen = seen_by(simulated(rng), marks, rng, SPLIT)
            clusters = [{seen.truth[place] for place in one} for one in clustered(seen, config)]
            pairs += len(marks) // 2
            apart += sum(not any({2 * n, 2 * n + 1} <= one for one in clusters) for n in range(len(marks) // 2))
        shares[f"{least:g}-{most:g} degrees"] = apart / pairs
    return shares


def _crossing_at(rng: np.random.Generator, least: float, most: float) -> list[Mark]:
    marks = []
    for k in range(6):
        at, turn = np.array([400.0 * k + 100, 300]), rng.uniform(0, np.pi)
        for angle in (turn, turn + np.radians(rng.uniform(least, most))):
            share = np.linspace(-0.5, 0.5, 25)[:, None] + rng.uniform(-0.25, 0.25)
            line = at + share * rng.uniform(40, 150) * np.array([np.cos(angle), np.sin(angle)])
            marks.append(_line("scratch", line, rng.uniform(2, 6)))
    return marks


def counts_kept(seed: int, config: Config) -> Iterable[str]:
    """Whether 10, 20 and 40 separate marks stay as many."""
    for name, make in (("row", row_marks), ("group", dense_marks)):
        for n in (10, 20, 40):
            found = []
            for k in range(5):
                rng = np.random.default_rng((seed, k, n))
                seen = seen_by(simulated(rng, perfect=True), make(rng, n), rng, 0.0)
                found.append(len(clustered(seen, config)))
            yield f"{n} in a {name}: {found}"


# --- the detectors of this program ------------------------------------------------------------------------------------


def real_figures(faces: int, seed: int, config: Config) -> Counter[str]:
    """Rendered faces as each detector sees them by itself."""
    total: Counter[str] = Counter()
    for k in range(faces):
        rng = np.random.default_rng((seed, k, 2))
        spec = ordinary_face(rng)
        face = render_face(spec, random_blemishes(rng, spec, 8, size_um=(4.0, 15.0)), rng)
        found = [(name, inspect_face(spec, face, _only(config, name))) for name in DETECTORS]
        seen = _seen_really(found, [truth.mask for truth in face.truth.blemishes if truth.snr >= WEAKEST_SNR])
        total += counted(seen, clustered(seen, config, found[0][1].scale))
    return total


def _only(config: Config, name: str) -> Config:
    detectors = {one: replace(how, enabled=one == name, weight=1.0) for one, how in config.detectors.items()}
    return replace(config, detectors=detectors)


def _seen_really(found: Sequence[tuple[str, Inspection]], masks: Sequence[Mask]) -> Seen:
    """The marks in core and cladding, each with the true mark that it covers most of."""
    marks: list[SourceMark] = []
    truth: list[int] = []
    for name, inspection in found:
        source = Source(name, "record", name, "", name, "", "rendered.png", None)
        for mark in detection_of(inspection, source).marks:
            meant = _meant(mark, masks)
            if meant >= 0 or (mark.defect is not None and mark.defect.zone in ("core", "cladding")):
                truth.append(meant if meant >= 0 else -1 - len(marks))
                marks.append(replace(mark, detectors=(name,)))
    return Seen(tuple(marks), tuple(truth), len(masks))


def _meant(mark: SourceMark, masks: Sequence[Mask]) -> int:
    """Which true mark it covers most of; -1: none."""
    if not masks:
        return -1
    drawn = np.zeros(masks[0].shape, np.uint8)
    cv2.fillPoly(drawn, [np.rint(mark.outline_px).astype(np.int32)], 1)
    near = cv2.dilate(drawn, np.ones((2 * NEAR_PX + 1, 2 * NEAR_PX + 1), np.uint8)) > 0
    shared = [np.count_nonzero(mask & near) for mask in masks]
    return int(np.argmax(shared)) if max(shared) > 0 else -1


# --- time -------------------------------------------------------------------------------------------------------------


def seconds_for(marks: int, seed: int, config: Config) -> tuple[int, float]:
    """Clusters of so many marks of six sources, and the processor time that they take."""
    rng = np.random.default_rng(seed)
    true = [Mark("pit_dig", _disc(rng.uniform(0, 4000, 2), rng.uniform(4, 16))) for _ in range(marks // 6)]
    seen = seen_by(simulated(rng, perfect=True), true, rng, 0.0)
    clustered(replace(seen, marks=seen.marks[:100]), config)  # what is imported when it is used
    start = time.process_time()
    return len(clustered(seen, config)), time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=40)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--profile", default="deep_inspection")
    parser.add_argument("--real", type=int, default=0)
    parser.add_argument("--marks", type=int, default=10000)
    options = parser.parse_args()
    config = load_config(ROOT / "config.json").profile(options.profile)
    _print_figures("simulated detectors", random_figures(options.faces, options.seed, config))
    for angles, share in crossing_apart(options.faces // 4, options.seed, config).items():
        print(f"crossing scratches apart at {angles}: {100 * share:.1f} %")
    for line in counts_kept(options.seed, config):
        print(line)
    if options.real:
        _print_figures("detectors of this program", real_figures(options.real, options.seed, config))
    if options.marks:
        found, seconds = seconds_for(options.marks, options.seed, config)
        print(f"\n{options.marks} marks of six sources: {found} clusters in {seconds:.2f} s of processor time")


if __name__ == "__main__":
    main()
