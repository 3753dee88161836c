"""Measure everything and write the page: python -m benchmarks.validation [--quick]"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from benchmarks.rendered import ROOT
from benchmarks.validation import accuracy_sections as accuracy
from benchmarks.validation import comparison, drift, injection, repeatability, single_marks, truth
from benchmarks.validation import mark_sections as marks
from benchmarks.validation import stability_sections as stability
from benchmarks.validation.bench import FULL, QUICK, Bench, default_config
from benchmarks.validation.page import Section, write

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that the page tells of."""

    variants: Mapping[str, comparison.Variant]
    trials: Sequence[injection.Trial]
    clean: Sequence[truth.Face]
    blemished: Sequence[truth.Face]
    judged: Sequence[truth.Judged]
    pairs: Sequence[repeatability.Pair]
    shots: Sequence[repeatability.Shots]
    drifted: Sequence[drift.Drifted]
    marks: single_marks.SingleMarks


def main() -> None:
    """Read the command line, measure, and write the page."""
    args = _arguments()
    shared = args.shared if args.shared.is_dir() else None
    if shared is None:
        print(f"what needs photographs is skipped: {args.shared} is absent", flush=True)
    bench = Bench(QUICK if args.quick else FULL, shared, args.workers)
    write(args.output, bench, sections(measured(bench)))
    print(f"written: {args.output}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validation", description=__doc__.partition(":")[0])
    parser.add_argument("--quick", action="store_true", help="a few pictures of each sort, to see that it works")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "validation.md", metavar="FILE")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", metavar="DIR", help="the photographs")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes")
    return parser.parse_args()


def measured(bench: Bench) -> Measured:
    """Measure part after part; each says how long it took."""
    return Measured(
        _timed("profiles and single detectors", comparison.compared, bench),
        _timed("probability of detection", injection.trials, bench),
        _timed("clean faces", truth.clean, bench),
        _timed("faces with blemishes", truth.blemished, bench),
        _timed("verdicts", truth.judged, bench),
        _timed("turned photographs", repeatability.pairs, bench),
        _timed("faces taken again", repeatability.shots, bench),
        _timed("drift", drift.drifted, bench),
        _timed("single marks", single_marks.measured, bench),
    )


def _timed(name: str, measure: Callable[[Bench], Found], bench: Bench) -> Found:
    start = perf_counter()
    found = measure(bench)
    print(f"{name}: {perf_counter() - start:.0f} s", flush=True)
    return found


def sections(found: Measured) -> list[Section]:
    """The page, in its order."""
    single = found.marks
    return [
        accuracy.of_photographs(found.variants[default_config().profile].photographs),
        marks.of_eye(single.by_eye),
        accuracy.of_injection(found.trials),
        marks.of_specks(single.specks, single.sheets["example_specks"]),
        marks.of_lines(single.lines, single.sheets["example_lines"]),
        marks.of_neighbours(single.neighbours, single.sheets["example_neighbours"]),
        marks.of_middle(single.middle, single.sheets["example_middle"]),
        accuracy.of_clean(found.clean),
        accuracy.of_classes(found.blemished, single.sheets["example_classes"]),
        marks.of_varied(single.classes),
        accuracy.of_sizes(found.blemished),
        marks.of_sizes(single.sizes, single.sheets["example_sizes"]),
        accuracy.of_verdicts(found.judged),
        stability.of_repeatability(found.pairs, found.shots),
        stability.of_drift(found.drifted),
        stability.of_comparison(found.variants),
    ]


if __name__ == "__main__":
    main()
