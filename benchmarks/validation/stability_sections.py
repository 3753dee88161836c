"""How steady the verdicts are, and what each part adds: sections of the page with the weaknesses they show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.rendered import EDITION
from benchmarks.validation import charts
from benchmarks.validation.accuracy_sections import MOST_BIAS
from benchmarks.validation.bench import PHOTOGRAPHS, RENDERED, SEED, default_config
from benchmarks.validation.comparison import Variant
from benchmarks.validation.drift import BRIGHTER, STEPS, Drifted, changes, flips_at
from benchmarks.validation.page import ABSENT, Section, Table, prose
from benchmarks.validation.photographs import REGIONS, Figures
from benchmarks.validation.repeatability import MARK_CONTRAST, MARK_UM, MARKS, MOVE_PX, NEAR_UM, SHOTS, Pair, Shots
from benchmarks.validation.statistics import paired_bootstrap, share
from benchmarks.validation.truth import MISSED, Face

# --- repeatability


MIN_LIKENESS = 0.1  # the one pair whose turn cannot be told has 0.04, the others 0.16 and more


def of_repeatability(pairs: Sequence[Pair], shots: Sequence[Shots]) -> Section:
    """The same face again."""
    turned = prose(f"""
        Photographs of one end face turned in its holder. The turn is found by correlating rings of the two pictures,
        without the reported marks; `likeness` is that correlation. Where it is below {MIN_LIKENESS:g} the turn cannot
        be told and marks are not compared. A mark of A or B, 2 um or larger, returns when a mark of the other picture
        lies within {NEAR_UM:g} um of it after the turn. The light does not turn with the fiber, so a mark can truly
        fade.
    """)
    again = prose(f"""
        Rendered: {len(shots)} faces with up to {MARKS} blemishes of {MARK_UM[0]:g} to {MARK_UM[1]:g} um and contrast
        {MARK_CONTRAST[0]:g} to {MARK_CONTRAST[1]:g}, each taken {SHOTS} times, moved by up to {MOVE_PX:g} px and with
        new noise.
    """)
    of_pairs = (_pair_table(pairs), _pair_text(pairs)) if pairs else (ABSENT,)
    weak = (*_weak_pairs(pairs), *_weak_shots(shots))
    return Section("Repeatability", (turned, *of_pairs, again, _shot_table(shots)), {}, weak)


def _shot_table(shots: Sequence[Shots]) -> Table:
    marks = [mark for face in shots for mark in face.diameters_um]
    spread = diameter_spread_pct(shots)
    rows = (
        (f"faces with the same verdict in all {SHOTS} pictures", share(_steady(shots), len(shots))),
        (f"marks in all {SHOTS} pictures or in none", share(sum(len(m) in (0, SHOTS) for m in marks), len(marks))),
        ("standard deviation of the diameter of a mark, median", f"{np.median(spread):.1f} %"),
        ("the same, exceeded by 1 mark in 20", f"{np.percentile(spread, 95):.1f} %"),
    )
    return Table("Taken again", ("figure", "value"), rows)


def _steady(shots: Sequence[Shots]) -> int:
    return sum(len(set(face.statuses)) == 1 for face in shots)


def diameter_spread_pct(shots: Sequence[Shots]) -> list[float]:
    """Standard deviation over mean of the diameter of each mark that all pictures show."""
    marks = [mark for face in shots for mark in face.diameters_um if len(mark) == SHOTS]
    return [100 * float(np.std(mark) / np.mean(mark)) for mark in marks]


def _weak_shots(shots: Sequence[Shots]) -> Iterator[str]:
    same, most = _steady(shots), float(np.percentile(diameter_spread_pct(shots), 95))
    if same < len(shots):
        yield f"Rendered faces taken again, moved and with new noise: the same verdict in {share(same, len(shots))}."
    if most > 100 * MOST_BIAS:
        yield f"Rendered faces taken again: the diameter of 1 mark in 20 scatters by {most:.0f} % or more."


def _pair_table(pairs: Sequence[Pair]) -> Table:
    header = ("sequence", "pictures", "turn, deg", "likeness", "verdicts", "marks that return")
    rows = tuple(
        (p.sequence, " ".join(p.names), f"{p.turn_deg:.1f}", f"{p.likeness:.2f}", " ".join(p.statuses), _returning(p))
        for p in pairs
    )
    return Table("Turned in the holder", header, rows)


def _returning(pair: Pair) -> str:
    if pair.likeness < MIN_LIKENESS:
        return f"turn unknown; {pair.marks[0]} and {pair.marks[1]} marks"
    return ", ".join(f"{again} of {n}" for again, n in zip(pair.seen_again, pair.marks, strict=True))


def _agreement(pairs: Sequence[Pair]) -> tuple[int, int, int]:
    """Pairs with one verdict, marks that return, marks that could."""
    known = [p for p in pairs if p.likeness >= MIN_LIKENESS]
    same = sum(len(set(p.statuses)) == 1 for p in pairs)
    return same, sum(sum(p.seen_again) for p in known), sum(sum(p.marks) for p in known)


def _pair_text(pairs: Sequence[Pair]) -> str:
    same, again, marks = _agreement(pairs)
    return f"Same verdict: {share(same, len(pairs))} of the pairs. Marks that return: {share(again, marks)}."


def _weak_pairs(pairs: Sequence[Pair]) -> Iterator[str]:
    same, again, marks = _agreement(pairs)
    if same < len(pairs):
        yield f"Photographs turned in the holder: the same verdict in {share(same, len(pairs))}."
    if again < marks:
        yield f"Photographs turned in the holder: {marks - again} of {marks} marks do not return."


# --- drift


def of_drift(pictures: Sequence[Drifted]) -> Section:
    """What happens to the verdicts when light and focus drift."""
    backgrounds = [b for b in (RENDERED, PHOTOGRAPHS) if any(p.background == b for p in pictures)]
    graded = [p for p in pictures if p.before != "NOT_GRADED"]
    kinds = ", ".join(_verdicts(graded, b) for b in backgrounds)
    text = prose(f"""
        {len(graded)} pictures that have a verdict ({kinds}), inspected again after one change of the stored picture:
        grey levels times a factor, clipped at white; a slope of the light from left to right by so much at either
        border; a Gaussian blur of so many px added to that of the optics. NOT_GRADED is the answer to hope for when a
        picture is no longer good enough; a verdict that flips is not. The rendered faces are some of those around the
        limits, judged by `{EDITION}`; the photographs are judged by the default edition,
        `{default_config().criteria.default_edition}`.
    """)
    header = (
        "drift",
        "step",
        *(f"{b}:\n{what}" for b in backgrounds for what in ("PASS to FAIL", "FAIL to PASS", "NOT_GRADED", "unchanged")),
    )
    rows = [
        (way, f"{step:g}", *(cell for b in backgrounds for cell in _change_cells(graded, b, way, step)))
        for way, steps in STEPS.items()
        for step in steps
    ]
    blocks: list[str | Table] = [text, Table("Verdicts that change", header, tuple(rows))]
    if PHOTOGRAPHS not in backgrounds:
        blocks.append(f"Photographs: {ABSENT.lower()}")
    weak = [line for b in backgrounds for line in _onsets([p for p in graded if p.background == b], b)]
    return Section("Drift of light and focus", tuple(blocks), {"drift": charts.drift(graded)}, tuple(weak))


def _verdicts(pictures: Sequence[Drifted], background: str) -> str:
    counts = Counter(p.before for p in pictures if p.background == background)
    return f"{background}: {counts['PASS']} PASS, {counts['FAIL']} FAIL"


def _change_cells(pictures: Sequence[Drifted], background: str, way: str, step: float) -> tuple[str, ...]:
    found = changes([p for p in pictures if p.background == background], way, step)
    same = found.pictures - found.flipped - found.not_graded
    return str(found.worse), str(found.better), str(found.not_graded), share(same, found.pictures)


def _onsets(pictures: Sequence[Drifted], background: str) -> Iterator[str]:
    """How many verdicts flip at each step of each drift, where that begins and with which pictures."""
    for way, steps in STEPS.items():
        mildest_first = sorted(steps, key=lambda step: abs(step - UNCHANGED.get(way, 0.0)))
        flips = {f"{step:g}": [p.name for p in pictures if flips_at(p, way, step)] for step in mildest_first}
        if any(flips.values()):
            begin, names = next((step, names) for step, names in flips.items() if names)
            counts = ", ".join(f"{step}: {len(flips[step])}" for step in (f"{s:g}" for s in steps))
            first = f"it begins at {begin} with {', '.join(names[:FIRST_NAMES])}"
            yield f"Drift of the {way}, {background}: of {len(pictures)} verdicts flip at {counts}; {first}."


UNCHANGED = {BRIGHTER: 1.0}  # the other drifts start from 0
FIRST_NAMES = 3


# --- comparison


def of_comparison(variants_seen: Mapping[str, Variant]) -> Section:
    """Profiles and single detectors side by side."""
    first = next(iter(variants_seen.values()))
    text = prose(f"""
        The same {len(first.clean)} clean and {len(first.blemished)} blemished rendered faces and the same photographs
        for all. A detector alone is the default profile with the others switched off and the threshold of the fusion
        at its own weight; localisation, background, outlines and measurement are shared, so this compares what the
        detectors add, not whole programs. Only `edge_chip` looks at the edge of the cladding. Found are counted as in
        the confusion matrix; false are marks in A and B on all these rendered faces where nothing is. `published` is
        DO2MR and LEI as their paper has them, on the picture instead of the residual.
    """)
    header = (
        "variant",
        "found",
        "given its class",
        "false marks per face",
        *(f"photographs {r}:\nsens, spec" for r in REGIONS),
    )
    rows = tuple((name, *_variant_row(seen)) for name, seen in variants_seen.items())
    blocks: list[str | Table] = [text, Table("Side by side", header, rows), _ahead(variants_seen)]
    if first.photographs is None:
        blocks.append(f"Photographs: {ABSENT.lower()}")
    points = {name: found_and_false(seen) for name, seen in variants_seen.items()}
    return Section(
        "Profiles and single detectors",
        tuple(blocks),
        {"comparison": charts.comparison(points)},
        tuple(_better_ones(points)),
    )


def _ahead(variants_seen: Mapping[str, Variant]) -> Table:
    """How much better the default profile is than each other, face by face."""
    (_, default), *others = variants_seen.items()
    mine = per_face(default)
    rows = []
    for name, seen in others:
        mean, low, high = paired_bootstrap(mine - per_face(seen), SEED)
        rows.append((name, f"{mean:+.3f}", f"{low:+.3f} to {high:+.3f}"))
    header = ("variant", "F1 per face, default less this", "95 % interval of it (paired bootstrap)")
    return Table("The default profile against each other, on the same faces", header, tuple(rows))


def per_face(seen: Variant) -> NDArray[np.float64]:
    """F1 of the reports in A and B on each face; of a clean face 1 without any, else 0."""
    return np.array([_f1(face) for face in (*seen.clean, *seen.blemished)])


def _f1(face: Face) -> float:
    found = sum(mark.taken_for != MISSED for mark in face.marks)
    wrong = len(face.false) + len(face.marks) - found
    return 1.0 if not wrong else 2 * found / (2 * found + wrong)


def found_and_false(seen: Variant) -> tuple[int, int, float]:
    """Blemishes found, blemishes there, and false marks per face."""
    marks = [mark for face in seen.blemished for mark in face.marks]
    faces = [*seen.clean, *seen.blemished]
    found = sum(mark.taken_for != MISSED for mark in marks)
    return found, len(marks), sum(len(face.false) for face in faces) / len(faces)


def _variant_row(seen: Variant) -> tuple[str, ...]:
    found, marks, false = found_and_false(seen)
    right = sum(mark.taken_for == mark.kind for face in seen.blemished for mark in face.marks)
    regions = (
        ("-",) * len(REGIONS)
        if seen.photographs is None
        else tuple(_both(seen.photographs[f"zone_{region}"]) for region in REGIONS)
    )
    return share(found, marks), share(right, found), f"{false:.3f}", *regions


def _both(figures: Figures) -> str:
    return ", ".join(f"{hits}/{n}" for hits, n in (figures["sens"], figures["spec"]))


def _better_ones(points: Mapping[str, tuple[int, int, float]]) -> Iterator[str]:
    """Variants that find as much as the default profile, which comes first, with no more false marks."""
    (default, (found, _, false)), *others = points.items()
    for name, (also, _, wrong) in others:
        if also >= found and wrong <= false:
            yield f"`{name}` finds as much as `{default}` ({also} and {found} rendered blemishes), no more false marks."
