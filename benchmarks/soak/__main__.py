"""Kill, cut off, fill up and lie to real runs of the program, and say what was lost.

python -m benchmarks.soak [--seed 1] [--kills 100] [--power-cuts 20] [--mutations 10000] [--hostile 600]
                          [--full-disks 10] [--output FILE]

Exit code 1 where something was lost. Power cuts and full disks need a system that lets this user mount.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.soak.full_disks import soak_full_disks
from benchmarks.soak.hostile import soak_hostile
from benchmarks.soak.kills import soak_kills
from benchmarks.soak.mutations import soak_mutations
from benchmarks.soak.part import Asked, Part, Soaking, table
from benchmarks.soak.power_cuts import soak_power_cuts

PARTS: dict[str, tuple[Soaking, int]] = {
    "kills": (soak_kills, 100),
    "power_cuts": (soak_power_cuts, 20),
    "full_disks": (soak_full_disks, 10),
    "mutations": (soak_mutations, 10_000),
    "hostile": (soak_hostile, 600),
}


def soak(seed: int, counts: dict[str, int], scratch: Path) -> list[Part]:
    """Run each part so many times as asked, each with random numbers of its own; 0: not at all."""
    parts = []
    for number, (name, (run, _)) in enumerate(PARTS.items()):
        if counts[name]:
            folder = scratch / name
            folder.mkdir()
            parts.append(run(Asked(counts[name], np.random.default_rng((seed, number)), folder)))
            print(table(parts[-1:], seed), flush=True)
    return parts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all parts, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    for name, (_, count) in PARTS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=count, metavar="N")
    parser.add_argument("--output", type=Path, help="file of the table")
    given = parser.parse_args(arguments)
    logging.getLogger("dscope").addHandler(logging.NullHandler())  # what readers warn of thousands of damaged records
    with TemporaryDirectory(prefix="dscope-soak-") as scratch:
        parts = soak(given.seed, {name: getattr(given, name) for name in PARTS}, Path(scratch))
    text = table(parts, given.seed)
    print(text)
    if given.output:
        given.output.write_text(text, encoding="utf-8")
    return 1 if any(part.lost for part in parts) else 0


if __name__ == "__main__":
    sys.exit(main())
