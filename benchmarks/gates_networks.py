"""The network of markers that ships beside the finder of blocks: python benchmarks/gates_networks.py [--sheets 100]

Both look once at the same rendered sheets, which the network did not learn from, at the least confidence of the first
look (`gates.primary`) and at higher ones. Times are those of the processor, one thread, median over the sheets.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.rendered import ROOT
from dscope_blink.config.loading import load_config
from dscope_blink.gates.blocks import DarkBlocks
from dscope_blink.gates.networks import network_finder
from dscope_blink.gates.searching import MarkerFinder, Picture, Search
from dscope_blink.records import FoundObject
from dscope_blink.synthetic.sheets import RenderedSheet
from dscope_blink.training.fit_marker_detector import HELD_OUT_SEED, NAME
from dscope_blink.training.marker_pictures import drawn_sheets
from dscope_blink.training.marker_scores import MarkerScores, marker_scores

SEED = 2024 + HELD_OUT_SEED  # neither those of the training nor those of its card
CONFIDENCES = (0.25, 0.5)  # beside that of the first look

Timed = tuple[MarkerScores, float]  # and ms for each sheet


HEAD = """| finder | confidence | found | false | mean overlap | sheets without a mistake | ms |
|---|---|---|---|---|---|---|"""


def scored(finder: MarkerFinder, wanted: Search, sheets: Sequence[RenderedSheet]) -> Timed:
    """What one finder finds at one confidence."""
    times: list[float] = []

    def find(picture: Picture) -> tuple[FoundObject, ...]:
        start = process_time()
        found = finder(picture, wanted)
        times.append(1000 * (process_time() - start))
        return found

    return marker_scores(find, sheets), statistics.median(times)


def row(name: str, confidence: float, timed: Timed) -> str:
    """One line of the table."""
    scores, ms = timed
    return (
        f"| {name} | {confidence:g} | {scores.recall:.2%} ({scores.found} of {scores.markers}) | {scores.false} "
        f"| {scores.mean_overlap:.3f} | {scores.whole_sheets} of {scores.sheets} | {ms:.0f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sheets", type=int, default=100)
    sheets = drawn_sheets(parser.parse_args().sheets, SEED)
    cv2.setNumThreads(1)
    config = load_config(ROOT / "config.json").profile("fast_scan")
    first = config.gates.primary
    finders = (DarkBlocks(config.gates.blocks), network_finder(NAME, config.gates, config.folder))
    print(HEAD)
    for finder in finders:
        for confidence in (first.confidence, *CONFIDENCES):
            print(
                row(finder.name, confidence, scored(finder, Search(first.side_px, confidence, first.overlap), sheets))
            )


if __name__ == "__main__":
    main()
