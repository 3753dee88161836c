"""What deep_inspection, fast_scan and the published detectors come to when their results are brought together.

python benchmarks/aggregation_profiles.py [--pictures DIR] [--manifest FILE] [--results DIR] [--profiles NAME ...]

DIR of the results keeps the inspections, which take longest, for the next time. Printed are a table of the sources, one
of every two of them, the verdicts, and how many faces a second are brought together by one and by two processes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.rendered import ROOT
from dscope_blink.batch.aggregating import Aggregating, in_folder, run_aggregation
from dscope_blink.batch.face_results import FaceJob
from dscope_blink.batch.face_sources import find_faces
from dscope_blink.batch.job import Job
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.config.shipped import shipped
from dscope_blink.files.names import RESULT
from dscope_blink.library import aggregate, load_record
from dscope_blink.records import Aggregate, Request
from dscope_blink.terminal.commands import main as program

PHOTOGRAPHS = ROOT.parent / "shared" / "endfaces"
PROFILES = ("deep_inspection", "fast_scan", "published")
TOGETHER = "deep_inspection"  # profile whose settings say how they are brought together


def inspected(pictures: Path, manifest: Path, results: Path, profiles: Sequence[str]) -> list[Path]:
    """A folder of stored results for each profile; those of an earlier time are kept."""
    folders = [results / profile for profile in profiles]
    for folder, profile in zip(folders, profiles, strict=True):
        words = ["inspect", str(pictures), f"--manifest={manifest}", f"--output-dir={folder}", f"--profile={profile}"]
        code = program([*words, "--no-plots", "--no-report", "--resume", "--quiet"])
        if code not in (0, 1):
            raise SystemExit(f"{profile}: exit code {code}")
    return folders


@dataclass(slots=True)
class OfSource:
    """What one source comes to over all faces."""

    marks: int = 0
    alone: int = 0
    missed: int = 0
    passed: int = 0  # faces, by itself
    failed: int = 0
    decides: int = 0  # faces whose verdict would be another without it
    sensitivity: list[float] = field(default_factory=list)
    specificity: list[float] = field(default_factory=list)


@dataclass(slots=True)
class OfPair:
    """How far two sources agree over all faces."""

    both: int = 0
    first: int = 0
    second: int = 0
    ious: list[float] = field(default_factory=list)
    kappas: list[float] = field(default_factory=list)


def table(faces: Sequence[Aggregate], profiles: Sequence[str]) -> None:
    """Print what the sources come to, each and two by two, and the verdicts."""
    sources, pairs = {name: OfSource() for name in profiles}, dict[tuple[str, str], OfPair]()
    for face in faces:
        _add_sources(sources, face)
        _add_pairs(pairs, face)
    numbers = f"{'marks':>7}{'alone':>7}{'missed':>8}{'PASS':>6}{'FAIL':>6}{'decides':>9}{'sens.':>7}{'spec.':>7}"
    print(f"\n{'source':18}{numbers}")
    for name, one in sources.items():
        counts = f"{one.marks:7}{one.alone:7}{one.missed:8}{one.passed:6}{one.failed:6}{one.decides:9}"
        print(f"{name:18}{counts}{_mean(one.sensitivity):>7}{_mean(one.specificity):>7}")
    if pairs:
        print(f"\n{'pair':38}{'both':>6}{'first':>7}{'second':>8}{'kappa':>7}{'IoU':>6}   (means over faces)")
    for (first, second), two in pairs.items():
        counts = f"{two.both:6}{two.first:7}{two.second:8}{_mean(two.kappas):>7}{_mean(two.ious):>6}"
        print(f"{first + ', ' + second:38}{counts}")
    _print_verdicts(faces)


def _print_verdicts(faces: Sequence[Aggregate]) -> None:
    statuses = Counter(face.inspection.verdict.status for face in faces)
    reported = sum(score.marks for face in faces for score in face.scores)
    merged = sum(len(face.marks) for face in faces)
    print(f"\n{len(faces)} faces: {dict(statuses)}; {merged} marks of {reported} that sources report")
    passes, middle = sum(face.score.passed for face in faces), median(face.score.value for face in faces)
    print(f"score passes {passes}; its median {middle:g}")
    kinds = Counter(pattern.kind for face in faces for pattern in face.patterns)
    print(f"patterns: {dict(kinds)}")


def _add_pairs(pairs: dict[tuple[str, str], OfPair], face: Aggregate) -> None:
    for pair in face.pairs:
        two = pairs.setdefault((pair.first, pair.second), OfPair())
        two.both += pair.both
        two.first += pair.only_first
        two.second += pair.only_second
        two.ious += [] if pair.iou is None else [pair.iou]
        two.kappas += [] if pair.kappa is None else [pair.kappa]


def _add_sources(sources: dict[str, OfSource], face: Aggregate) -> None:
    statuses = {source.key: source.status for source in face.sources}
    for score in face.scores:
        one = sources[score.key]
        one.marks += score.marks
        one.alone += len(score.alone)
        one.missed += len(score.missed)
        one.passed += statuses[score.key] == "PASS"
        one.failed += statuses[score.key] == "FAIL"
        one.decides += score.flips
        one.sensitivity += [] if score.sensitivity is None else [score.sensitivity]
        one.specificity += [] if score.specificity is None else [score.specificity]


def _mean(values: Sequence[float]) -> str:
    return f"{mean(values):.2f}" if values else "-"


def rate(folders: Sequence[Path], pictures: Path, config: Config, workers: int) -> float:
    """Faces a second with all their files, from the first that is finished on: whoever starts has started by then."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out"
        faces = in_folder(find_faces(folders, None, config).faces, out)
        request = Request(config.criteria.default_edition, config.criteria.default_class)
        run = Aggregating(FaceJob(Job(out, config), request, pictures), faces, workers=workers)
        with closing(run_aggregation(run)) as running:
            finished = [perf_counter() for _ in running]
    return (len(finished) - 1) / (finished[-1] - finished[0])


def _without_page(config: Config, **changes: Any) -> Config:
    return replace(config, reporting=replace(config.reporting, report=False, **changes))


def main() -> None:
    """Inspect, bring together, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pictures", type=Path, default=PHOTOGRAPHS)
    parser.add_argument("--manifest", type=Path, help="default: manifest.csv among the pictures")
    parser.add_argument("--results", type=Path, help="folder of the inspections; default: one that is removed again")
    parser.add_argument("--profiles", nargs="+", default=list(PROFILES))
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        manifest = asked.manifest or asked.pictures / "manifest.csv"
        folders = inspected(asked.pictures, manifest, asked.results or Path(name), asked.profiles)
        config = load_config(shipped("config.json")).profile(TOGETHER)
        table(brought_together(folders, config), asked.profiles)
        for workers in asked.workers:
            for what, settings in (("without plots", _without_page(config, plots=False)), ("with plots", config)):
                print(f"{rate(folders, asked.pictures, settings, workers):.1f} faces/s, {workers} processes, {what}")


def brought_together(folders: Sequence[Path], config: Config) -> list[Aggregate]:
    """The faces that have a result in each of the folders."""
    names = sorted(path.name for path in folders[0].glob(f"*{RESULT}"))
    return [aggregate([load_record(folder / name) for folder in folders], name=name, config=config) for name in names]


if __name__ == "__main__":
    main()
