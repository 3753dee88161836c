"""How long it takes to judge stored results again, and to compare all editions.

python benchmarks/regrading.py [--results 10000] [--from RESULTS_DIR]

The results are copies of those of RESULTS_DIR; without it, of a few rendered faces that are inspected first.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from time import perf_counter

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dscope_blink.files.names import RESULT
from dscope_blink.synthetic.faces import render_face
from dscope_blink.synthetic.scenes import random_blemishes, random_face
from dscope_blink.terminal.commands import main as program

FACES, MOST_MARKS = 12, 30
EDITIONS = ("iec_61300_3_35_2015", "iec_61300_3_35_2022")


def inspected(folder: Path) -> Path:
    """Results of rendered faces with up to MOST_MARKS blemishes each."""
    pictures, results = folder / "pictures", folder / "inspected"
    pictures.mkdir()
    for k in range(FACES):
        rng = np.random.default_rng((5, k))
        spec = random_face(rng)
        marks = random_blemishes(rng, spec, k * MOST_MARKS // FACES + 1)
        cv2.imwrite(str(pictures / f"{k}.png"), render_face(spec, marks, rng).image)
    words = [
        f"--input-dir={pictures}",
        f"--output-dir={results}",
        "--cladding-diameter-um=125",
        "--no-plots",
        "--quiet",
    ]
    program(["inspect", *words])
    return results


def copies(results: Path, folder: Path, count: int) -> Iterator[bytes]:
    """Fill a folder with as many results."""
    stored = [path.read_bytes() for path in sorted(results.glob(f"*{RESULT}"))]
    folder.mkdir()
    for k, data in enumerate(itertools.islice(itertools.cycle(stored), count)):
        (folder / f"{k}{RESULT}").write_bytes(data)
        yield data


def timed(*words: str) -> float:
    """Seconds of one call of the program."""
    start = perf_counter()
    program(["regrade", "--quiet", *words])
    return perf_counter() - start


def main() -> None:
    """Print the seconds for each way to judge again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=int, default=10_000)
    parser.add_argument("--from", dest="source", type=Path, metavar="RESULTS_DIR")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = [len(data) for data in copies(args.source or inspected(folder), folder / "stored", args.results)]
        print(f"{args.results} results of {mean(sizes) / 1024:.0f} kB")
        for edition in EDITIONS:
            print(f"  {edition}: {timed(str(folder / 'stored'), f'--edition={edition}'):.1f} s")
        print(f"  every edition and class: {timed(str(folder / 'stored'), '--compare'):.1f} s")


if __name__ == "__main__":
    main()
