"""What gets past the gates: rendered sheets of 14 and 21 markers, each fault singly and several together.

python benchmarks/gates.py [--pictures 2000] [--learn 120] [--seed 21] [--finder blocks]

A layout is learned from good sheets of seeds of its own; half of the pictures are other good sheets, half have faults.
Prints how many faulty sheets are OK (escapes) and whether the marker is named, by fault; how many good ones are NG; and
of single markers that are moved by 5, 10 and 20 px, at 1280 px to the width of the picture, which share the template
catches, beside the median distance of two markers with the orientation of their longest axis alone.
`--finder truth` takes the true boxes with 0.3 px of noise instead of those that are found.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dscope_blink.config.gate_settings import GateSettings
from dscope_blink.config.loading import load_config
from dscope_blink.gates.calibrating import Naming, SeenSheet, learn_layout, rate_at_most, see_markers
from dscope_blink.gates.crops import gray_of
from dscope_blink.gates.perspective import fit_map
from dscope_blink.gates.searching import MarkerFinder, Picture, Search
from dscope_blink.gates.sheets import find_good, judge_sheet
from dscope_blink.records import Box, Fault, FoundObject, Layout, SheetResult
from dscope_blink.synthetic.sheets import (
    BLEED,
    RenderedSheet,
    SheetFault,
    SheetPlan,
    render_sheet,
    sheet_of_14,
    sheet_of_21,
    varied_look,
)

ROOT = Path(__file__).resolve().parents[1]
AMOUNTS: dict[Fault, tuple[float, float]] = {
    "missing": (0, 0),
    "extra": (0, 0),
    "moved": (8, 60),  # px of the plan
    "pale": (0.2, 0.7),  # of the ink of the others
    "fat": (1.25, 1.6),  # of each side
    "thin": (0.5, 0.8),
    "ghost": (0.05, 0.25),
}
SHOWN_AS: dict[
    Fault, tuple[Fault, ...]
] = {  # what a fault may be called: a ghost is found as a pale one, or not at all
    "pale": ("pale", "missing", "thin", "unsure"),
    "ghost": ("ghost", "pale", "missing", "thin", "fat", "unsure"),
    "fat": ("fat", "missing", "moved"),
    "thin": ("thin", "missing", "pale"),
    "moved": ("moved", "missing"),
}
MOVED_PX = (5.0, 10.0, 20.0)
AT_WIDTH_PX = 1280
NAMED_WITHIN_PX = 30.0
JITTER_PX = 0.3
SHOWN_EVERY = 50  # pictures


@dataclass
class TrueBoxes:
    """A finder that knows where the markers are, but for a little noise."""

    sheet: RenderedSheet
    seed: int
    name: str = "truth"
    inputs: tuple[tuple[str, str], ...] = ()

    def __call__(self, picture: Picture, wanted: Search) -> tuple[FoundObject, ...]:
        """All of them, as if it were sure."""
        rng = np.random.default_rng(self.seed)
        return tuple(FoundObject(one.kind, _shaken(one.box, rng), 0.95) for one in self.sheet.markers)


def _shaken(box: Box, rng: np.random.Generator) -> Box:
    left, top, right, bottom = rng.normal((box.left_px, box.top_px, box.right_px, box.bottom_px), JITTER_PX)
    return Box(float(left), float(top), float(right), float(bottom))


@dataclass(frozen=True)
class Bench:
    """What all pictures are judged with."""

    settings: GateSettings
    finder: str

    def finder_of(self, sheet: RenderedSheet, seed: int) -> MarkerFinder:
        """For one sheet."""
        if self.finder == "truth":
            return TrueBoxes(sheet, seed)
        from dscope_blink.gates.blocks import DarkBlocks

        return DarkBlocks(self.settings.blocks)


def rendered(plan: SheetPlan, seed: int, faults: Sequence[SheetFault] = ()) -> RenderedSheet:
    """A sheet as it may come."""
    rng = np.random.default_rng(seed)
    look = varied_look(rng)
    return render_sheet(plan, rng, faults, look)


def learned(plan: SheetPlan, bench: Bench, seed: int, count: int) -> Layout:
    """The layout of good sheets."""
    seen = []
    for number in range(seed, seed + count):
        sheet = rendered(plan, number)
        gray = gray_of(sheet.picture)
        markers = find_good(sheet.picture, bench.finder_of(sheet, number), bench.settings)
        inked = see_markers(markers, gray, bench.settings.density.paper_margin)
        seen.append(SeenSheet(f"{number}", f"{number:064x}", gray.shape[1], gray.shape[0], inked))
    layout = learn_layout(seen, Naming(plan.name, "", "", bench.finder), bench.settings)
    stated = layout.stated
    print(
        f"{plan.name}: learned from {stated.learned_from} of {count}, {stated.checked_ng} of {stated.checked_on} held "
        f"back NG; tolerance {layout.tolerance_px:.2f} px of {layout.width_px}, surely caught "
        f"{stated.surely_caught_px:.2f} px"
    )
    for source in layout.sources:
        if source.why:
            print(f"  {source.file}: {source.use}: {source.why}")
    return layout


def fault_of(plan: SheetPlan, kind: Fault, rng: np.random.Generator, taken: set[str]) -> SheetFault:
    """One fault at a place that has none yet."""
    low, high = AMOUNTS[kind]
    if kind == "extra":
        return SheetFault("extra")
    free = [place.id for place in plan.places if place.id not in taken]
    place = free[int(rng.integers(len(free)))]
    taken.add(place)
    return SheetFault(kind, place, float(rng.uniform(low, high)))


def cases(plan: SheetPlan, count: int, seed: int) -> Iterator[tuple[str, tuple[SheetFault, ...]]]:
    """Every other one good; of the others each fault as often, and mixtures of two to four."""
    kinds: list[Fault] = list(AMOUNTS)
    for number in range(count):
        rng, taken = np.random.default_rng((seed, number)), set[str]()
        if number % 2 == 0:
            yield "good", ()
            continue
        turn = number // 2 % (len(kinds) + 1)
        if turn < len(kinds):
            yield kinds[turn], (fault_of(plan, kinds[turn], rng, taken),)
            continue
        some = [kinds[int(k)] for k in rng.integers(0, len(kinds), rng.integers(2, 5))]
        yield "mixed", tuple(fault_of(plan, kind, rng, taken) for kind in some)


def is_named(result: SheetResult, sheet: RenderedSheet, plan: SheetPlan) -> bool:
    """Whether each fault is named where it is."""
    culprits = [(one.fault, one.center_px) for gate in result.gates for one in gate.culprits]
    return all(
        any(
            fault in SHOWN_AS.get(one.fault, (one.fault,)) and np.hypot(x - at[0], y - at[1]) <= NAMED_WITHIN_PX
            for fault, (x, y) in culprits
            for at in _places_of(one, sheet, plan)
        )
        for one in sheet.faults
    )


def _places_of(fault: SheetFault, sheet: RenderedSheet, plan: SheetPlan) -> list[tuple[float, float]]:
    """Where it may be said to be: at the marker, or at its place."""
    if fault.place is None:
        return [one.box.center_px for one in sheet.markers if one.fault == "extra"]
    own = [one.box.center_px for one in (*sheet.markers, *sheet.ghosts) if one.place == fault.place]
    sound = [one for one in sheet.markers if one.fault is None]
    spots = {place.id: (place.x_px, place.y_px) for place in plan.places}
    seen = np.array([spots[one.place or ""] for one in sound])
    found = fit_map(seen, np.array([one.box.center_px for one in sound])).apply(np.array([spots[fault.place]]))[0]
    return [*own, (float(found[0]), float(found[1]))]


def judged(sheet: RenderedSheet, seed: int, layouts: Sequence[Layout], bench: Bench) -> SheetResult:
    """The verdict on one sheet."""
    return judge_sheet(sheet.picture, f"{seed}", None, bench.finder_of(sheet, seed), layouts, bench.settings)


def faults_table(plans: Sequence[SheetPlan], layouts: Sequence[Layout], bench: Bench, args: argparse.Namespace) -> None:
    """Escapes and false NG by fault."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    took_s, pictures = 0.0, 0
    every = [enumerate(cases(plan, args.pictures // len(plans), args.seed)) for plan in plans]
    for both in zip(*every, strict=True):
        for plan, (number, (kind, faults)) in zip(plans, both, strict=True):
            seed = args.seed * 10**6 + 10**5 * plans.index(plan) + 10**4 + number
            sheet = rendered(plan, seed, faults)
            started = perf_counter()
            result = judged(sheet, seed, layouts, bench)
            took_s, pictures = took_s + perf_counter() - started, pictures + 1
            seen[kind]["pictures"] += 1
            seen[kind][result.status] += 1
            seen[kind]["named"] += kind != "good" and is_named(result, sheet, plan)
            for gate in result.failed:
                seen[kind][gate] += 1
            if pictures % SHOWN_EVERY == 0:
                escaped = sum(row["OK"] for name, row in seen.items() if name != "good")
                print(
                    f"  after {pictures}: {escaped} escapes, {seen['good']['NG']} of {seen['good']['pictures']} good NG"
                )
            if (kind == "good") == (result.status == "NG"):
                why = [text for gate in result.gates for text in gate.reasons]
                print(f"  {plan.name} {seed} {kind} {result.status}: {list(faults)} {why[:3]}")
    gates = ("count", "visibility", "density", "layout")
    print(
        f"{'':10}{'pictures':>9}{'OK':>7}{'NG':>7}{'named':>7}  caught by " + " ".join(f"{name:>10}" for name in gates)
    )
    for kind in ("good", *AMOUNTS, "mixed"):
        row = seen[kind]
        shares = " ".join(f"{row[name] / max(row['pictures'], 1):>10.1%}" for name in gates)
        print(f"{kind:10}{row['pictures']:>9}{row['OK']:>7}{row['NG']:>7}{row['named']:>7}            {shares}")
    bad = sum(row["pictures"] for kind, row in seen.items() if kind != "good")
    escapes = sum(row["OK"] for kind, row in seen.items() if kind != "good")
    good = seen["good"]
    print(f"escapes {escapes} of {bad}: at most {rate_at_most(escapes, bad, 0.95):.2%} (95 %)")
    print(
        f"false NG {good['NG']} of {good['pictures']}: at most {rate_at_most(good['NG'], good['pictures'], 0.95):.2%}"
    )
    print(f"{took_s / pictures * 1000:.0f} ms a picture, finding included")


def moves_table(plans: Sequence[SheetPlan], layouts: Sequence[Layout], bench: Bench, args: argparse.Namespace) -> None:
    """Single markers that are moved, by the template and by the two rules on all markers together."""
    print(f"single markers moved, {args.moved} sheets each: caught by the template, by spread and orientation, named")
    for plan in plans:
        for moved_px in MOVED_PX:
            caught = Counter[str]()
            for number in range(args.moved):
                seed = args.seed * 10**6 + 10**5 * plans.index(plan) + 5 * 10**4 + number
                rng = np.random.default_rng((args.seed, number))
                on_plan = moved_px * plan.width_px * (1 + 2 * BLEED) / AT_WIDTH_PX
                place = plan.places[int(rng.integers(len(plan.places)))].id
                sheet = rendered(plan, seed, [SheetFault("moved", place, on_plan)])
                result = judged(sheet, seed, layouts, bench)
                gate = next(one for one in result.gates if one.gate == "layout")
                beyond = {one.name for one in gate.figures if one.allowed and not one.allowed.holds(one.value)}
                caught["template"] += bool(beyond - {"spread", "orientation_deg"}) or not gate.figures
                caught["two rules"] += bool(beyond & {"spread", "orientation_deg"})
                caught["named"] += is_named(result, sheet, plan)
            shares = "  ".join(f"{name} {caught[name] / args.moved:.1%}" for name in ("template", "two rules", "named"))
            print(f"  {plan.name} {moved_px:4.0f} px: {shares}")


def main() -> None:
    """Learn, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--learn", type=int, default=120)
    parser.add_argument("--moved", type=int, default=100)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--finder", choices=("blocks", "truth"), default="blocks")
    args = parser.parse_args()
    settings = load_config(ROOT / "config.json")
    bench = Bench(settings.profile(settings.default_profile).gates, args.finder)
    plans = (sheet_of_14(), sheet_of_21())
    layouts = [learned(plan, bench, args.seed * 10**6 + 10**5 * k, args.learn) for k, plan in enumerate(plans)]
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    moves_table(plans, layouts, bench, args)
    faults_table(plans, layouts, bench, args)


if __name__ == "__main__":
    main()
