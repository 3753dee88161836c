"""The command line of `fit_segmentation`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dscope_blink.records import UserError

BATCH = 12  # crops of one step


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line."""

    output: Path
    work: Path
    photographs: tuple[Path, ...]
    datasets: tuple[Path, ...]
    start: Path | None
    folds: int
    faces: int
    held_out: int
    steps: int
    tuning_steps: int
    seed: int
    workers: int
    threads: int
    resume: bool


def asked_of(words: Sequence[str] | None) -> Asked:
    """What a command line asks; UserError where it asks for what cannot be."""
    parser = argparse.ArgumentParser(description="Train the small network of blemishes.")
    parser.add_argument("--output", type=Path, required=True, help="folder of network, card, curve and figures")
    parser.add_argument("--work", type=Path, help="folder of lessons and checkpoints; default: OUTPUT/work")
    parser.add_argument(
        "--photographs", type=Path, nargs="+", default=[], help="folders of photographs with labels.json", metavar="DIR"
    )
    parser.add_argument("--dataset", type=Path, nargs="+", default=[], help="data sets that were built", metavar="DIR")
    parser.add_argument("--start", type=Path, help="weights (.pt) to go on from, not learned from rendered faces")
    parser.add_argument("--folds", type=int, default=0, help="networks of a cross-validation over the photographs")
    parser.add_argument("--faces", type=int, default=1400, help="rendered, to learn from")
    parser.add_argument("--held-out", type=int, default=100, help="rendered, of each sort, for figures")
    parser.add_argument("--steps", type=int, default=2500, help="of learning from rendered faces")
    parser.add_argument("--tuning-steps", type=int, default=250, help="of learning from photographs or data sets")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=2, help="processes that search pictures")
    parser.add_argument("--threads", type=int, default=1, help="of learning")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoints of an interrupted run")
    asked = parser.parse_args(words)
    for name in ("faces", "held_out", "steps", "tuning_steps", "workers", "threads"):
        if getattr(asked, name) < 1:
            raise UserError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(asked, name)}")
    if asked.folds and not asked.photographs:
        raise UserError("--folds needs --photographs")
    return Asked(
        asked.output,
        asked.work or asked.output / "work",
        tuple(asked.photographs),
        tuple(asked.dataset),
        asked.start,
        asked.folds,
        asked.faces,
        asked.held_out,
        asked.steps,
        asked.tuning_steps,
        asked.seed,
        asked.workers,
        asked.threads,
        asked.resume,
    )
