"""Whether the classical finder of dark blocks finds every marker and nothing else: real sheets, and rendered ones.

python benchmarks/gates_finding.py [--shared ../shared/markers] [--sheets 200] [--seed 7] [--draw DIR]

The markers of the two real sheets were counted by eye: SIDES says how many stand on each side. What the finder finds
on a sheet as it is must be exactly these; where they then lie in a picture that is turned, scaled or otherwise spoiled
follows from the map that did it. Their sizes are given to the finder within 30 %, as a user would state them. Rendered
sheets are looked at with the sizes as shipped. A marker counts as found by a box of its kind that covers at least half
of it and is as large; everything else that is found is false. Times are of one core. About three minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dscope_blink.config.gate_settings import BlockKind, GateSettings
from dscope_blink.config.loading import load_config
from dscope_blink.gates.blocks import DarkBlocks
from dscope_blink.gates.searching import MarkerFinder, Picture, Search
from dscope_blink.records import Box, Fault, FoundObject
from dscope_blink.synthetic.faults import as_jpeg
from dscope_blink.synthetic.scans import (
    Gray8,
    Matrix,
    Streak,
    blurred,
    low_toner,
    mapped,
    scale_of,
    streaked,
    turn_of,
)
from dscope_blink.synthetic.sheets import Look, SheetFault, render_sheet, sheet_of_14, sheet_of_21, varied_look

ROOT = Path(__file__).resolve().parents[1]
SAME_PLACE = 0.5  # intersection over union of a found box and the true one
SIZE_TOLERANCE = 0.3  # of a stated size to either side


@dataclass(frozen=True, slots=True)
class RealSheet:
    """A sheet, how many markers a person counts on its sides, and how large they are."""

    file: str
    sides: tuple[tuple[str, int], ...]
    marker_px: tuple[float, float]

    @property
    def count(self) -> int:
        """All of them."""
        return sum(n for _, n in self.sides)


SHEETS = (
    RealSheet("ballot_streak.png", (("top", 34), ("left", 39), ("right", 39), ("bottom", 34)), (37, 12)),
    RealSheet("answer_sheet_columns.jpg", (("left", 42), ("right", 42)), (17, 7)),
)


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A picture of a sheet, and the map from its places to those of the sheet as it is."""

    name: str
    picture: Gray8
    matrix: Matrix


@dataclass(frozen=True, slots=True)
class Score:
    """What was found of what is there."""

    true: int
    found: int
    false: int
    off_px: NDArray[np.float64]  # of the middles of those found
    least_confidence: float


def score(found: Sequence[FoundObject], true: Sequence[FoundObject]) -> Score:
    """Hold what was found against what is there; each true marker takes one found box at most."""
    left = list(found)
    off = []
    for one in true:
        best = max(left, key=lambda other: other.box.overlap(one.box), default=None)
        if best is not None and best.kind == one.kind and best.box.overlap(one.box) >= SAME_PLACE:
            left.remove(best)
            off.append(float(np.hypot(*np.subtract(best.box.center_px, one.box.center_px))))
    sure = [one.confidence for one in found if one not in left]
    return Score(len(true), len(off), len(left), np.array(off), min(sure, default=float("nan")))


# --- real sheets


def settings_for(sheet: RealSheet, shape: tuple[int, int], shipped: GateSettings) -> GateSettings:
    """The settings as shipped, with the stated size of the sheet's markers."""
    diagonal_px = float(np.hypot(*shape))
    low, high = 1 - SIZE_TOLERANCE, 1 + SIZE_TOLERANCE
    long, short = (side / diagonal_px for side in sheet.marker_px)
    aspect = long / short
    kind = BlockKind((low * long, high * long), (low * short, high * short), (low * aspect, high * aspect))
    return replace(shipped, blocks=replace(shipped.blocks, kinds={"big": kind}))


def spoiled(picture: Gray8, rng: np.random.Generator) -> Iterator[Spoiled]:
    """A sheet as it is, with each thing that befalls sheets, and with all of them at once."""
    same = np.eye(3)
    yield Spoiled("as it is", picture, same)
    width = picture.shape[1]
    yield Spoiled("streaks, dark", streaked(picture, _streaks(rng, width, (0.3, 0.9))), same)
    yield Spoiled("streaks, light", streaked(picture, _streaks(rng, width, (-0.9, -0.3))), same)
    for angle in (-5.0, -3.0, -1.0, 0.5, 1.5, 5.0):
        yield _laid(f"turned by {angle:g} degrees", picture, angle, 1.0)
    for factor in (0.7, 1.4):
        yield _laid(f"scaled by {factor:g}", picture, 0.0, factor)
    yield Spoiled("JPEG 40", as_jpeg(picture, 40), same)
    for sigma in (1.0, 1.5):
        yield Spoiled(f"blurred by {sigma:g} px", blurred(picture, sigma), same)
    for share in (0.6, 0.3):
        yield Spoiled(f"toner at {share:.0%}", low_toner(picture, share), same)
    for number in range(5):
        yield _all_at_once(picture, number, rng)


def _laid(name: str, picture: Gray8, angle_deg: float, factor: float) -> Spoiled:
    """A sheet turned and scaled, on a picture that is large enough for all of it."""
    turn = scale_of(factor) @ turn_of(picture, angle_deg)
    height, width = picture.shape
    corners = (turn @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]]))[:2]
    low, high = np.floor(corners.min(axis=1)), np.ceil(corners.max(axis=1))
    matrix = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]]) @ turn
    return Spoiled(name, mapped(picture, matrix, (int(high[0] - low[0]), int(high[1] - low[1]))), matrix)


def _streaks(rng: np.random.Generator, width: int, depths: tuple[float, float]) -> list[Streak]:
    """Some through the columns of markers at either side, some anywhere, up to 1 in 600 of the width."""
    places = [rng.uniform(0.03, 0.06), rng.uniform(0.94, 0.97), *rng.uniform(0.1, 0.9, 3)]
    return [Streak(float(x), max(1.0, width / 600 * rng.uniform(0.4, 1)), rng.uniform(*depths)) for x in places]


def _all_at_once(picture: Gray8, number: int, rng: np.random.Generator) -> Spoiled:
    factor = rng.uniform(0.7, 1.4)
    seen = low_toner(picture, rng.uniform(0.5, 1))
    seen = streaked(seen, _streaks(rng, picture.shape[1], (-0.6, 0.6)))
    laid = _laid(f"all at once, {number + 1}", seen, rng.uniform(-5, 5), factor)
    soft = blurred(laid.picture, rng.uniform(0.3, 0.9) * factor)
    return replace(laid, picture=as_jpeg(soft, int(rng.integers(40, 90))))


def moved(true: Sequence[FoundObject], matrix: Matrix) -> list[FoundObject]:
    """Markers where a map takes them, of the size that it gives them."""
    factor = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    return [replace(one, box=_moved(one.box, matrix, factor)) for one in true]


def _moved(box: Box, matrix: Matrix, factor: float) -> Box:
    x, y, w = matrix @ (*box.center_px, 1)
    wide, high = factor * box.width_px / 2, factor * box.height_px / 2
    return Box(float(x / w - wide), float(y / w - high), float(x / w + wide), float(y / w + high))


def by_side(found: Sequence[FoundObject], shape: tuple[int, int], names: Sequence[str]) -> Counter[str]:
    """How many lie on each side of a sheet: those of the outermost rows first, where it has such."""
    middles = np.array([one.box.center_px for one in found]).reshape(-1, 2)
    top, below = middles[:, 1].min(initial=shape[0]), middles[:, 1].max(initial=0)
    counts: Counter[str] = Counter()
    for x, y in middles:
        if "top" in names and y - top < 0.01 * shape[0]:
            counts["top"] += 1
        elif "bottom" in names and below - y < 0.01 * shape[0]:
            counts["bottom"] += 1
        else:
            counts["left" if x < shape[1] / 2 else "right"] += 1
    return counts


def real_sheets(folder: Path, shipped: GateSettings, seed: int, draw: Path | None) -> bool:
    """The table of the real sheets; whether the counts are those of a person."""
    counted = True
    for sheet in SHEETS:
        picture = np.asarray(cv2.imread(str(folder / sheet.file), cv2.IMREAD_GRAYSCALE), np.uint8)
        finder = DarkBlocks(settings_for(sheet, picture.shape, shipped).blocks)
        wanted = _primary(shipped)
        true = finder(picture, wanted)
        counts = by_side(true, picture.shape, [name for name, _ in sheet.sides])
        counted &= counts == Counter(dict(sheet.sides))
        said = ", ".join(f"{name} {counts[name]} of {n}" for name, n in sheet.sides)
        print(f"\n{sheet.file}: {len(true)} found, {sheet.count} by eye ({said})\n")
        print("| picture | found | false | off, px (rms) | least confidence | ms |")
        print("|---|---|---|---|---|---|")
        for one in spoiled(picture, np.random.default_rng(seed)):
            found, ms = timed(finder, one.picture, wanted)
            _print_row(one.name, [score(found, moved(true, one.matrix))], ms)
            if draw is not None:
                _draw(draw / f"{Path(sheet.file).stem}_{one.name.replace(' ', '_')}.png", one.picture, found)
    return counted


# --- rendered sheets


AMOUNTS: dict[Fault, tuple[float, float]] = {
    "missing": (0, 0),
    "extra": (0, 0),
    "moved": (5, 20),  # px
    "pale": (0.3, 0.6),  # ink
    "fat": (1.2, 1.35),  # of each side
    "thin": (0.7, 0.85),
    "ghost": (0.03, 0.12),  # ink
}


def rendered_sheets(shipped: GateSettings, n: int, seed: int) -> None:
    """The table of the rendered sheets: clean, varied, and varied with one fault."""
    print(f"\nrendered sheets of 14 and 21 big markers with 12 and 18 small ones, {n} of each row\n")
    print("| sheets | found | false | off, px (rms) | least confidence | ms | counts right |")
    print("|---|---|---|---|---|---|---|")
    rng = np.random.default_rng(seed)
    finder = DarkBlocks(shipped.blocks)
    rows: list[tuple[str, Fault | None, Callable[[np.random.Generator], Look]]] = [
        ("clean scans", None, lambda _: Look()),
        ("varied", None, varied_look),
        *((f"varied, one {fault}", fault, varied_look) for fault in AMOUNTS),
    ]
    for name, fault, look in rows:
        outcomes = [_rendered(finder, k, fault, look(rng), _primary(shipped), rng) for k in range(n)]
        exact = sum(one.found == one.true and one.false == 0 for one, _ in outcomes)
        _print_row(
            name, [one for one, _ in outcomes], float(np.median([ms for _, ms in outcomes])), f" {exact} of {n} |"
        )


def _rendered(
    finder: DarkBlocks, number: int, fault: Fault | None, look: Look, wanted: Search, rng: np.random.Generator
) -> tuple[Score, float]:
    plan = (sheet_of_14, sheet_of_21)[number % 2]()
    faults = []
    if fault is not None:
        place = None if fault == "extra" else plan.places[int(rng.integers(len(plan.places)))].id
        faults.append(SheetFault(fault, place, rng.uniform(*AMOUNTS[fault])))
    sheet = render_sheet(plan, rng, faults, look)
    found, ms = timed(finder, sheet.picture, wanted)
    return score(found, [FoundObject(one.kind, one.box, 1.0) for one in sheet.markers]), ms


# --- both


def timed(finder: MarkerFinder, picture: Picture, wanted: Search) -> tuple[tuple[FoundObject, ...], float]:
    """What is found, and the milliseconds of one core that it takes: the best of three."""
    times = []
    for _ in range(3):
        start = process_time()
        found = finder(picture, wanted)
        times.append(process_time() - start)
    return found, 1000 * min(times)


def _primary(shipped: GateSettings) -> Search:
    first = shipped.primary
    return Search(first.side_px, first.confidence, first.overlap)


def _print_row(name: str, scores: Sequence[Score], ms: float, more: str = "") -> None:
    true, found, false = (sum(getattr(one, key) for one in scores) for key in ("true", "found", "false"))
    off = np.concatenate([one.off_px for one in scores])
    rms = float(np.sqrt(np.mean(off**2))) if len(off) else float("nan")
    least = float(np.nanmin([one.least_confidence for one in scores]))
    share = f"{found} of {true} ({found / true:.2%})"
    print(f"| {name} | {share} | {false} | {rms:.2f} | {least:.2f} | {ms:.0f} |{more}", flush=True)


def _draw(path: Path, picture: Gray8, found: Sequence[FoundObject]) -> None:
    drawn = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    for one in found:
        corners = [round(one.box.left_px), round(one.box.top_px)], [round(one.box.right_px), round(one.box.bottom_px)]
        cv2.rectangle(drawn, *corners, (0, 0, 255), 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), drawn)


def main() -> int:
    """Print both tables; 1 where a count by eye is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared" / "markers", help="folder of real sheets")
    parser.add_argument("--sheets", type=int, default=200, help="rendered sheets of each row; 0 for none")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--draw", type=Path, help="folder for pictures of the real sheets with what was found")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    file = load_config(ROOT / "config.json")
    shipped = file.profile(file.default_profile).gates
    counted = True
    if arguments.shared.is_dir():
        counted = real_sheets(arguments.shared, shipped, arguments.seed, arguments.draw)
    else:
        print(f"no real sheets: {arguments.shared} is absent")
    if arguments.sheets:
        rendered_sheets(shipped, arguments.sheets, arguments.seed)
    return 0 if counted else 1


if __name__ == "__main__":
    sys.exit(main())
