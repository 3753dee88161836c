"""What other microscopes do to a picture, kind by kind: python -m benchmarks.kinds [--kind NAME] [--count 20]

Of each kind as many faces are rendered, every other one with a mark that certainly breaks a limit, and inspected. A
PASS is false when the face has such a mark, when the cladding that was found is not the one that is there, or when a
part of that is not in the picture. Exit code 1 when there is a false PASS. KIND/NUMBER names a face: with the same
--seed it is the same face again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2

from benchmarks.kinds.judged import OUTCOMES, Judged, face_of, judged
from benchmarks.kinds.scenes import KINDS
from benchmarks.rendered import ROOT
from dscope_blink.config.loading import load_config

SEED = 83


def main() -> int:
    """Inspect every kind asked for, print its row when it is done, then the faces that went wrong."""
    args = _arguments()
    config = load_config(ROOT / "config.json").profile(args.profile)
    wrong: list[Judged] = []
    print(
        f"{'kind':<21}   n" + "".join(f"{name:>12}" for name in (*OUTCOMES, "misplaced", "unseen")) + "  not graded for"
    )
    with ProcessPoolExecutor(args.workers, multiprocessing.get_context("spawn")) as pool:
        for kind in args.kind or KINDS:
            faces = list(pool.map(partial(judged, kind=kind, seed=args.seed, config=config), range(args.count)))
            print(row(kind, faces), flush=True)
            wrong += [face for face in faces if face.went_wrong]
    for face in wrong:
        print(line(face))
        if args.keep:
            _keep(face, args.seed, args.keep)
    return int(any(face.outcome == "false PASS" for face in wrong))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kinds", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", nargs="+", choices=list(KINDS), metavar="NAME", help=", ".join(KINDS))
    parser.add_argument("--count", type=int, default=20, metavar="N", help="faces of each kind")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N")
    parser.add_argument("--profile", default="deep_inspection", metavar="NAME")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="folder that takes the pictures of what went wrong")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes")
    return parser.parse_args()


def row(kind: str, faces: Sequence[Judged]) -> str:
    """How often each outcome occurred among the faces of a kind, and why the others were not graded."""
    outcomes = Counter(face.outcome for face in faces)
    counts = [*(outcomes[name] for name in OUTCOMES), *_sums(faces)]
    reasons = Counter(face.reason for face in faces if face.outcome == "not graded")
    told = ", ".join(f"{reason} {n}" for reason, n in reasons.most_common())
    return f"{kind:<21} {len(faces):3d}" + "".join(f"{n:12d}" for n in counts) + f"  {told}"


def _sums(faces: Sequence[Judged]) -> tuple[int, int]:
    return sum(face.misplaced for face in faces), sum(face.unseen for face in faces)


def line(face: Judged) -> str:
    """One face in words."""
    told = [face.outcome, "marked" if face.marked else "clean"]
    told += ["misplaced"] * face.misplaced + ["mark unseen"] * face.unseen
    return f"{face.name:<24} {', '.join(told):<42} {face.what}; {face.found}"


def _keep(face: Judged, seed: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    kind, _, number = face.name.partition("/")
    name = f"{kind}_{number}_{face.outcome.replace(' ', '_')}.png"
    cv2.imwrite(str(folder / name), face_of(kind, int(number), seed).picture)


if __name__ == "__main__":
    sys.exit(main())
