"""Faults at the faintest that a person rejects, under blur and bare grains, against the look at the places of a layout.

python benchmarks/gates_faint.py [--pictures 400] [--learn 60] [--seed 57]

Each sheet is blurred by 1 to 1.6 px with bare grains on 0.8 to 2.2 % of its ink, and has one fault, or is sound. It is
judged as it is, and once more with a finder that is made blind to the place of the fault, so that the look at the
places alone decides whether a marker is there. A sound sheet is judged so at a place that is drawn. Prints how many are
OK, how many places the look filled, and the milliseconds a judgement takes.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.gates import ROOT, Bench, learned
from dscope_blink.config.loading import load_config
from dscope_blink.gates.calibrating import rate_at_most
from dscope_blink.gates.perspective import fit_map
from dscope_blink.gates.searching import MarkerFinder, Picture, Search
from dscope_blink.gates.sheets import judge_sheet
from dscope_blink.records import FoundObject, LayoutPlace, SheetResult
from dscope_blink.synthetic.sheets import (
    Look,
    RenderedSheet,
    SheetFault,
    SheetPlan,
    render_sheet,
    sheet_of_14,
    sheet_of_21,
    varied_look,
)

BY_RENDERING = {"missing": 0.0, "pale": 0.75, "thin": 0.82, "fat": 1.22, "moved": 5.0, "ghost": 0.5}
CUT_TO = 0.75  # of a side of a marker that is printed in part
PAINTED = ("oval", "letter")  # on the picture, where the marker is missing
KINDS = ("sound", *BY_RENDERING, "part of its width", "part of its height", *PAINTED)
LETTERS = "8BE#"
BLIND_PX = 25.0


@dataclass(frozen=True)
class Blind:
    """A finder that sees nothing near a spot."""

    finder: MarkerFinder
    spot_px: tuple[float, float]
    name: str
    inputs: tuple[tuple[str, str], ...] = ()

    def __call__(self, picture: Picture, wanted: Search) -> tuple[FoundObject, ...]:
        """What the finder sees elsewhere."""
        found = self.finder(picture, wanted)
        return tuple(one for one in found if math.dist(one.box.center_px, self.spot_px) > self.reach(one))

    def reach(self, one: FoundObject) -> float:
        """Half of the way to the next marker beside it."""
        return BLIND_PX * (1.0 if one.kind == "big" else 0.6)


def hard_look(rng: np.random.Generator) -> Look:
    """A sheet as it may come, with blur and bare grains at the upper end."""
    return replace(varied_look(rng), blur_px=rng.uniform(1.0, 1.6), speckle=rng.uniform(0.008, 0.022))


def drawn(plan: SheetPlan, kind: str, seed: int) -> tuple[RenderedSheet, tuple[float, float]]:
    """A sheet with a fault, and where its place lies in the picture."""
    rng = np.random.default_rng((seed, 1))
    look, place = hard_look(rng), plan.places[int(rng.integers(len(plan.places)))]
    faults: list[SheetFault] = []
    if kind in BY_RENDERING:
        faults = [SheetFault(kind, place.id, BY_RENDERING[kind])]  # type: ignore[arg-type]
    if kind in PAINTED:
        faults = [SheetFault("missing", place.id)]
    printed = tuple(_cut(one, kind, rng) if one is place else one for one in plan.places)
    sheet = render_sheet(replace(plan, places=printed), rng, faults, look)
    spots = {one.id: (one.x_px, one.y_px) for one in plan.places}
    sound = [one for one in sheet.markers if one.place and one.place != place.id]
    seen = np.array([spots[one.place or ""] for one in sound])
    x, y = fit_map(seen, np.array([one.box.center_px for one in sound])).apply(np.array([spots[place.id]]))[0]
    if kind in PAINTED:
        _paint(sheet, kind, (float(x), float(y)), place, look, rng)
    return sheet, (float(x), float(y))


def _cut(place: LayoutPlace, kind: str, rng: np.random.Generator) -> LayoutPlace:
    """A marker of which one end is not printed."""
    end = rng.choice([-1, 1]) * (1 - CUT_TO) / 2
    if kind == "part of its width":
        return replace(place, width_px=CUT_TO * place.width_px, x_px=place.x_px + end * place.width_px)
    if kind == "part of its height":
        return replace(place, height_px=CUT_TO * place.height_px, y_px=place.y_px + end * place.height_px)
    return place


def _paint(
    sheet: RenderedSheet,
    kind: str,
    at_px: tuple[float, float],
    place: LayoutPlace,
    look: Look,
    rng: np.random.Generator,
) -> None:
    """An oval or a bold letter of the size of the marker, as dark and as blurred as the rest."""
    ink = np.zeros(sheet.picture.shape[:2], np.float32)
    wide, high = look.scale * place.width_px, look.scale * place.height_px
    middle = round(at_px[0]), round(at_px[1])
    if kind == "oval":
        larger = rng.uniform(1.0, 1.12)
        axes = round(larger * wide * 8), round(larger * high * 8)
        cv2.ellipse(ink, (middle[0] * 16, middle[1] * 16), axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA, 4)
    else:
        letter = LETTERS[int(rng.integers(len(LETTERS)))]
        bold = max(2, round(high / 4))
        (_, tall), _ = cv2.getTextSize(letter, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)
        size = high / tall
        (across, up), _ = cv2.getTextSize(letter, cv2.FONT_HERSHEY_SIMPLEX, size, bold)
        corner = round(at_px[0] - across / 2), round(at_px[1] + up / 2)
        cv2.putText(ink, letter, corner, cv2.FONT_HERSHEY_SIMPLEX, size, 1.0, bold, cv2.LINE_AA)
    left = 1 - look.toner * cv2.GaussianBlur(ink, (0, 0), look.blur_px)[:, :, None]
    sheet.picture[:] = np.clip(np.rint(sheet.picture * left), 0, 255).astype(np.uint8)


def filled(result: SheetResult, spot_px: tuple[float, float]) -> bool:
    """Whether the second look put a marker on a place."""
    added = [one for one in result.markers if one.found_in == "recovery"]
    return any(math.dist(one.found.box.center_px, spot_px) <= BLIND_PX for one in added)


def main() -> None:
    """Learn, attack, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=400, help="of each kind of fault the same number")
    parser.add_argument("--learn", type=int, default=60)
    parser.add_argument("--seed", type=int, default=57)
    args = parser.parse_args()
    settings = load_config(ROOT / "config.json")
    bench = Bench(settings.profile(settings.default_profile).gates, "blocks")
    plans = (sheet_of_14(), sheet_of_21())
    layouts = [learned(plan, bench, args.seed * 10**6 + 10**5 * k, args.learn) for k, plan in enumerate(plans)]
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for number in range(args.pictures):
        kind, plan = KINDS[number % len(KINDS)], plans[number // len(KINDS) % 2]
        seed = args.seed * 10**6 + 5 * 10**4 + number
        sheet, spot_px = drawn(plan, kind, seed)
        finder = bench.finder_of(sheet, seed)
        for way, one in (("", finder), ("blind ", Blind(finder, spot_px, finder.name))):
            started = perf_counter()
            result = judge_sheet(sheet.picture, f"{seed}", None, one, layouts, bench.settings)
            row = seen[kind]
            row[way + "ms"] += round(1000 * (perf_counter() - started))
            row[way + result.status] += 1
            row[way + "filled"] += filled(result, spot_px)
            if (result.status == "OK") != (kind == "sound"):
                why = [text for gate in result.gates for text in gate.reasons]
                print(f"  {plan.name} {seed} {kind} {way}{result.status}: {list(sheet.faults)} {why[:3]}")
    print("| fault | pictures | OK | place filled | ms | blind to the place: OK | place filled | ms |")
    for kind in KINDS:
        row = seen[kind]
        n = row["OK"] + row["NG"]
        ways = (f"{row[w + 'OK']} | {row[w + 'filled']} | {row[w + 'ms'] / max(n, 1):.0f}" for w in ("", "blind "))
        print(f"| {kind} | {n} | " + " | ".join(ways) + " |")
    for way in ("", "blind "):
        wrong = [seen[kind] for kind in KINDS if kind != "sound"]
        escapes, bad = sum(row[way + "OK"] for row in wrong), sum(row["OK"] + row["NG"] for row in wrong)
        print(f"{way}escapes {escapes} of {bad}: at most {rate_at_most(escapes, bad, 0.95):.2%} (95 %)")


if __name__ == "__main__":
    main()
