"""Compare the engines and write the page: python -m benchmarks.learned --shared DIR --folds DIR [--quick]"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import cv2
import numpy as np

from benchmarks.geometry import as_markdown
from benchmarks.learned import engines, held_out, own, real, sections
from benchmarks.learned.figures import DRAWS, conditions
from benchmarks.rendered import ROOT
from benchmarks.validation import bench
from benchmarks.validation.drift import Drifted
from benchmarks.validation.page import Section, prose, write_page
from dscope_blink.records import UserError

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that the page tells of."""

    faces: Sequence[held_out.Face]
    injected: Sequence[held_out.Face]
    photographs: real.Photographs
    drifted: Mapping[str, Sequence[Drifted]]


def main() -> None:
    """Read the command line, measure, and write the page; one line of what is wrong with what was given."""
    try:
        _measure(_arguments())
    except UserError as error:
        raise SystemExit(f"benchmarks.learned: {error}") from None


def _measure(args: argparse.Namespace) -> None:
    shared = args.shared if args.shared is not None and args.shared.is_dir() else None
    folds = {} if args.folds is None else engines.read_folds(args.folds)
    if args.unseen and shared is not None:
        folds = real.seen_by_none(shared, args.network or engines.config_of(engines.BOTH).learned.network)
    amounts = engines.QUICK if args.quick else engines.SHORT if args.short else engines.FULL
    many = bench.Bench(bench.FULL, shared, args.workers)
    network = None if args.network is None else args.network.resolve()
    if args.dataset is not None:
        for table in sections.of_own(own.own_faces(many, args.dataset, network)):
            print(as_markdown(table))
        return
    found = measured(many, amounts, folds, network)
    write_page(
        args.output,
        (head(amounts, network, "--unseen" if args.unseen else "--folds DIR"),),
        page(found, 0 if args.unseen else len(set(folds.values()))),
    )
    print(f"written: {args.output}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learned", description=__doc__.partition(":")[0])
    parser.add_argument("--shared", type=Path, metavar="DIR", help="the photographs")
    parser.add_argument("--folds", type=Path, metavar="DIR", help="the networks of the cross-validation, folds.json")
    parser.add_argument("--unseen", action="store_true", help="the network has learned from no photograph: no folds")
    parser.add_argument("--dataset", type=Path, metavar="DIR", help="print the figures of this data set instead")
    parser.add_argument("--network", type=Path, metavar="FILE", help="instead of the one that ships")
    parser.add_argument("--quick", action="store_true", help="a few pictures of each sort, to see that it works")
    parser.add_argument("--short", action="store_true", help="in full what the rule asks, of the rest a part")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "learned_validation.md", metavar="FILE")
    return parser.parse_args()


def measured(many: bench.Bench, amounts: engines.Amounts, folds: Mapping[str, Path], network: Path | None) -> Measured:
    """Measure part after part; each says how long it took."""
    return Measured(
        _timed("rendered faces", lambda: held_out.inspected_faces(many, amounts, network)),
        _timed("marks in photographs", lambda: real.injected_faces(many, amounts, folds)),
        _timed("photographs", lambda: real.photograph_figures(many, amounts, folds, network)),
        _timed("drift", lambda: real.drifted(many, amounts, folds, network)),
    )


def _timed(name: str, measure: Callable[[], Found]) -> Found:
    start = perf_counter()
    found = measure()
    print(f"{name}: {perf_counter() - start:.0f} s", flush=True)
    return found


def head(amounts: engines.Amounts, file: Path | None, networks: str) -> str:
    """What the page is of, and how its figures are to be read."""
    config, network = engines.config_of(engines.BOTH), engines.network_of(engines.BOTH, file)
    assert network is not None
    less = "" if amounts is engines.FULL else f" --{amounts.title}"
    made = f"""
        Written by `python -m benchmarks.learned --shared DIR {networks}{less}`; do not edit. The engines `classical`,
        `dl` (the learned model alone) and `both` ([learned.md](learned.md)) on the same pictures. Rendered faces are of
        seeds from {engines.HELD_OUT_SEED} on; training draws from seeds below a million. Profile `{config.profile}`,
        network `{Path(network.name).name}` of SHA-256 `{network.sha256[:12]}`, OpenCV {cv2.__version__}, NumPy
        {np.__version__}.
    """
    read = f"""
        Shares stand with their count and 95 % interval (Wilson, 1927). Differences between engines are paired: their
        95 % intervals are percentiles of {DRAWS:,} draws of as many pictures with all their marks, seeded (Efron, 1979,
        DOI 10.1214/aos/1176344552); where fewer than {sections.FEWEST_FACES} pictures have such marks none is given.
    """
    return f"# The learned model beside the classical engine\n\n{prose(made)}\n\n{prose(read)}"


def page(found: Measured, networks: int) -> list[Section]:
    """The page, in its order."""
    return [
        sections.of_default(conditions(found.faces, found.photographs.figures, found.photographs.scopes)),
        sections.of_faint(found.faces, found.injected),
        sections.of_kinds(found.faces),
        sections.of_false(found.faces),
        sections.of_classes(found.faces),
        sections.of_photographs(found.photographs, networks),
        sections.of_scopes(found.photographs),
        sections.of_drift(found.drifted),
        sections.of_time(found.faces),
    ]


if __name__ == "__main__":
    main()
