"""What the reports of one picture cost: python benchmarks/reporting.py [--repeats 9]

Rendered faces of 1152 x 864 with few and with many marks, one thread of OpenCV, files on disk included. The faces take
turns, so that whatever else the machine does falls on both. Beside the median time a clock shows stand the least, and
the median of the processor, which others lengthen far less.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.rendered import ROOT, inspect_face, ordinary_face
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config, Reporting
from dscope_blink.records import Inspection
from dscope_blink.reporting.page_pictures import write_views
from dscope_blink.reporting.picture_files import write_annotated, write_defect_table, write_histogram, write_result
from dscope_blink.synthetic.faces import render_face
from dscope_blink.synthetic.scenes import random_blemishes

SHAPE = (864, 1152)
UM_PER_PX = 0.4
SEED = 31
KINDS = ("pit_dig", "contamination")  # small enough to find room
FACES = {"few marks": 5, "many marks": 120}
SUMS = {
    "all files without plots": ("annotated", "views", "table", "record"),
    "all files": ("annotated", "views", "table", "record", "histogram"),
}
ASKED_MS = 50.0  # of the processor, for all files

Spent = tuple[float, float]  # milliseconds of the clock and of the processor
Times = Mapping[str, list[Spent]]  # of every run by writer


@dataclass(frozen=True, slots=True)
class Face:
    """A picture and what was found in it."""

    picture: NDArray[Any]
    inspection: Inspection


def rendered_face(blemishes: int, config: Config) -> Face:
    """One face with so many blemishes all over zones A to D, as far as they find room."""
    rng = np.random.default_rng((SEED, blemishes))
    scale = {"um_per_px_x": UM_PER_PX, "um_per_px_y": UM_PER_PX, "centre_px": ((SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2)}
    spec = ordinary_face(rng, shape=SHAPE, cladding_diameter_um=125.0, **scale)
    marks = random_blemishes(rng, spec, blemishes, kinds=KINDS, size_um=(3.0, 7.0), radius_um=(0.0, 120.0))
    rendered = render_face(spec, marks, rng)
    return Face(rendered.image, inspect_face(spec, rendered, config))


def writers(face: Face, settings: Reporting, folder: Path) -> Mapping[str, Callable[[], None]]:
    """What is written for every image, then the plots; view, thumbnail and confidence map are one."""
    return {
        "annotated": lambda: write_annotated(folder / "a_annotated.png", face.picture, face.inspection, settings),
        "views": lambda: write_views(str(folder / "a"), face.picture, face.inspection, settings),
        "table": lambda: write_defect_table(folder / "a_report.csv", face.inspection, settings),
        "record": lambda: write_result(folder / "a_result.json", face.inspection),
        "histogram": lambda: write_histogram(folder / "a_histogram.png", face.inspection, settings),
    }


def measure(faces: Mapping[str, Face], settings: Reporting, repeats: int) -> Mapping[str, Times]:
    """Milliseconds of every run by face and writer; the first turn is the warm-up."""
    times: dict[str, dict[str, list[Spent]]] = {name: defaultdict(list) for name in faces}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(repeats + 1):
            for name, face in faces.items():
                for what, write in writers(face, settings, Path(folder)).items():
                    _clear(Path(folder))
                    spent = _timed(write)
                    times[name][what] += [spent] if turn else []
    return times


def _clear(folder: Path) -> None:
    """As a batch does: to write over a file takes longer."""
    for path in folder.iterdir():
        path.unlink()


def _timed(run: Callable[[], None]) -> Spent:
    clock, processor = perf_counter(), process_time()
    run()
    return 1000 * (perf_counter() - clock), 1000 * (process_time() - processor)


def report(name: str, face: Face, times: Times) -> None:
    """One row for every writer, and one for each group that has a bound."""
    print(f"\n{name}: {len(face.inspection.defects)} marks, {face.inspection.verdict.status}")
    print(f"  {'ms':<28}{'median':>8}{'least':>8}{'processor':>11}")
    rows = {**{what: (what,) for what in times}, **SUMS}
    for title, parts in rows.items():
        runs = np.sum([times[part] for part in parts], axis=0)  # (n_run, 2)
        clock, processor = np.median(runs, axis=0)
        print(f"  {title:<28}{clock:>8.1f}{runs[:, 0].min():>8.1f}{processor:>11.1f}")
    print(f"  (asked of the processor: {ASKED_MS:.0f} for all files)")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    config = load_config(ROOT / "config.json").profile("deep_inspection")
    faces = {name: rendered_face(marks, config) for name, marks in FACES.items()}
    times = measure(faces, config.reporting, args.repeats)
    for name, face in faces.items():
        report(name, face, times[name])


if __name__ == "__main__":
    main()
