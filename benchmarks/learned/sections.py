"""The page: what each engine finds and invents, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.learned import scenes
from benchmarks.learned.engines import CLASSICAL, ENGINES
from benchmarks.learned.figures import (
    ASKED_CONTRAST,
    ASKED_SNR,
    MOST_FALSE,
    SNRS,
    WANTED_GAIN,
    Chosen,
    Condition,
    by_contrast,
    contrast_of,
    default_engine,
    difference,
    false_difference,
    false_per_face,
    in_range,
    is_asked,
    lost_words,
    marks_of,
    snr_of,
    times,
)
from benchmarks.learned.held_out import CLEAN, FAINT, LINES, TIMED, VARIED, Face, Mark
from benchmarks.learned.real import Photographs
from benchmarks.rendered import CLEAN_KINDS, SMALLEST_UM, WEAKEST_SNR
from benchmarks.validation import charts
from benchmarks.validation.bench import PHOTOGRAPHS, RENDERED
from benchmarks.validation.drift import STEPS, Drifted, changes
from benchmarks.validation.page import ABSENT, Section, Table, prose
from benchmarks.validation.photographs import REGIONS
from benchmarks.validation.statistics import share
from benchmarks.validation.truth import MISSED
from dscope_blink.records import CLASSIFICATIONS
from dscope_blink.reporting.look import CLASS_TITLES
from dscope_blink.synthetic.faces import Vector

OTHERS = tuple(engine for engine in ENGINES if engine != CLASSICAL)
FEWEST_FACES = 8  # of fewer the draws are too much alike to say how far chance goes


def of_sort(faces: Sequence[Face], sort: str) -> list[Face]:
    """The faces of one sort."""
    return [face for face in faces if face.sort == sort]


# --- the rule


def of_default(found: Sequence[Condition]) -> Section:
    """The rule, and what it says."""
    text = prose("""
        `both` is the default engine only if every condition holds; what could not be measured does not hold. The rule
        was written before any figure below was known, but for its last two conditions, which were added when the
        others were known to hold: the time had been asked of the network from the first, and that a clean face passes
        on any microscope is asked of the whole program.
    """)
    words = {True: "holds", False: "does not hold", None: "not measured"}
    rows = tuple((c.words, c.found, words[c.holds]) for c in found)
    outcome = f"By this rule the default is **`{default_engine(found)}`**."
    return Section("Which engine is the default", (text, Table("Rule", ("condition", "found", ""), rows), outcome))


# --- faint marks


def of_faint(faces: Sequence[Face], injected: Sequence[Face]) -> Section:
    """Pits and contamination by contrast, noise, place and look."""
    rendered = of_sort(faces, FAINT)
    text = prose(f"""
        {len(rendered)} rendered faces of {len(scenes.LOOKS)} looks of microscope, cores of
        {", ".join(f"{core:g}" for core in scenes.CORES_UM)} um in claddings of 125 um; on each at most one pit or blot
        in A, two in B, two in D, of {scenes.BLOB_UM[0]:g} to {scenes.BLOB_UM[1]:g} um (even over the logarithm),
        {scenes.APART_UM:g} um apart. Contrast is relative to the surroundings, before blur; SNR is the peak of the
        contrast in grey levels, after blur, over the noise and texture of a pixel there. Injected: the same into
        photographs, one region at a time, where a person saw nothing and the program reports nothing, each inspected
        by the network that has not seen its end face. Found: a reported mark lies on it or within 2 px.
    """)
    blocks: list[str | Table] = [text, _asked(rendered, injected)]
    for name, some in (("Rendered", rendered), (f"Injected into {PHOTOGRAPHS}", injected)):
        blocks += _bin_tables(name, some) if some else []
    blocks += [_asked_by_look(rendered), _asked_by_place(rendered)]
    plots = {"faint": charts.found_by_engine(_curves(rendered))} if rendered else {}
    return Section("Faint pits and contamination", tuple(blocks), plots)


def _asked(rendered: Sequence[Face], injected: Sequence[Face]) -> Table:
    rows = []
    for name, some in ((RENDERED, rendered), (f"injected into {PHOTOGRAPHS}", injected)):
        marks = marks_of(some, is_asked)
        rows += [(name, engine, _found(marks, engine), _gain(some, engine, is_asked)) for engine in ENGINES if marks]
    title = f"The question: {_percent(ASKED_CONTRAST)} contrast, SNR {_range(ASKED_SNR)}"
    header = ("on", "engine", "found", f"more than {CLASSICAL}: points (95 % interval)")
    return Table(f"{title}; to gain at least {100 * WANTED_GAIN:.0f} points", header, tuple(rows))


def _gain(faces: Sequence[Face], engine: str, chosen: Chosen) -> str:
    found = None if engine == CLASSICAL else difference(faces, engine, chosen)
    if found is None:
        return ""
    interval = f" ({100 * found.low:+.1f} to {100 * found.high:+.1f})" if found.faces >= FEWEST_FACES else ""
    return f"{100 * found.mean:+.1f}{interval}"


def _found(marks: Sequence[Mark], engine: str) -> str:
    return share(sum(mark.found_by(engine) for mark in marks), len(marks))


def _bin_tables(name: str, faces: Sequence[Face]) -> list[Table]:
    title = f"{name}: {sum(len(face.marks) for face in faces)} faint marks"
    return [
        Table(f"{title} by contrast", _header("contrast"), _rows(faces, scenes.CONTRASTS, contrast_of, _percent)),
        Table(f"{title} by SNR", _header("SNR"), _rows(faces, SNRS, snr_of, _range)),
    ]


def _header(first: str) -> tuple[str, ...]:
    return first, *ENGINES, *(f"{engine} less {CLASSICAL}, points" for engine in OTHERS)


def _rows(
    faces: Sequence[Face], edges: Sequence[Vector], of: Callable[[Mark], float], named: Callable[[Vector], str]
) -> tuple[tuple[str, ...], ...]:
    """One for each range of a value that has marks."""
    return tuple(
        _side_by_side(named(edge), faces, chosen)
        for edge in edges
        for chosen in (in_range(of, edge),)
        if marks_of(faces, chosen)
    )


def _side_by_side(name: str, faces: Sequence[Face], chosen: Chosen) -> tuple[str, ...]:
    marks = marks_of(faces, chosen)
    return name, *(_found(marks, e) for e in ENGINES), *(_gain(faces, e, chosen) for e in OTHERS)


def _asked_by_look(faces: Sequence[Face]) -> Table:
    groups = {look: [face for face in faces if face.look == look] for look in scenes.LOOKS}
    rows = (_side_by_side(look, some, is_asked) for look, some in groups.items() if marks_of(some, is_asked))
    return Table("The marks of the question by look", _header("look"), tuple(rows))


def _asked_by_place(faces: Sequence[Face]) -> Table:
    regions = dict.fromkeys(region for region, _ in scenes.FAINT_PLACES)
    chosen = {r: partial(_is_asked_of, r) for r in regions}
    rows = (_side_by_side(region, faces, some) for region, some in chosen.items() if marks_of(faces, some))
    return Table("The marks of the question by place", _header("place"), tuple(rows))


def _is_asked_of(region: str, mark: Mark) -> bool:
    return mark.region == region and is_asked(mark)


def _percent(low_high: Vector) -> str:
    return f"{100 * low_high[0]:g} to {100 * low_high[1]:g} %"


def _range(low_high: Vector) -> str:
    return f"from {low_high[0]:g}" if np.isinf(low_high[1]) else f"{low_high[0]:g} to {low_high[1]:g}"


def _curves(faces: Sequence[Face]) -> Mapping[str, Mapping[str, Sequence[tuple[str, int, int]]]]:
    """Found of all, by bin and engine, for the two panels of the plot."""
    return {
        "contrast": _curves_over(faces, scenes.CONTRASTS, contrast_of, _percent),
        "SNR": _curves_over(faces, SNRS, snr_of, _range),
    }


def _curves_over(
    faces: Sequence[Face], edges: Sequence[Vector], of: Callable[[Mark], float], named: Callable[[Vector], str]
) -> Mapping[str, Sequence[tuple[str, int, int]]]:
    binned = [(named(edge), marks_of(faces, in_range(of, edge))) for edge in edges]
    return {e: [(name, sum(m.found_by(e) for m in some), len(some)) for name, some in binned if some] for e in ENGINES}


# --- all kinds


def of_kinds(faces: Sequence[Face]) -> Section:
    """Probability of detection by contrast for every kind."""
    text = prose(f"""
        The faint faces, and {len(of_sort(faces, LINES))} others of the same looks with scratches, cracks (widths of
        {scenes.SIZES_UM["scratch"][0]:g} to {scenes.SIZES_UM["scratch"][1]:g} um) and chips
        ({scenes.SIZES_UM["chip"][0]:g} to {scenes.SIZES_UM["chip"][1]:g} um long). `c90`: the contrast at which 90 of
        100 are found, by a logistic curve over ln(contrast) as in [validation.md](validation.md); in brackets that at
        which its lower 95 % bound reaches 0.9; `-`: not within 3 to 40 %.
    """)
    both = [*of_sort(faces, FAINT), *of_sort(faces, LINES)]
    rows: list[tuple[str, ...]] = []
    curves: list[tuple[str, ...]] = []
    for kind, title in CLASS_TITLES.items():
        mine = [replace(face, marks=tuple(m for m in face.marks if m.kind == kind)) for face in both]
        rows += [(title, *row) for row in _rows(mine, scenes.CONTRASTS, contrast_of, _percent)]
        marks = [mark for face in mine for mark in face.marks]
        curves.append((title, str(len(marks)), *(_c90(marks, engine) for engine in ENGINES)))
    tables = (
        Table("Found by kind and contrast", ("kind", *_header("contrast")), tuple(rows)),
        Table("Contrast that is found", ("kind", "n", *(f"{e}: c90 (c90/95)" for e in ENGINES)), tuple(curves)),
    )
    return Section("Probability of detection by contrast", (text, *tables))


def _c90(marks: Sequence[Mark], engine: str) -> str:
    curve = by_contrast(marks, engine)
    if curve is None:
        return "-"
    at = ("-" if np.isinf(c) else f"{100 * c:.1f} %" for c in (curve.a90_um, curve.a90_95_um))
    return "{} ({})".format(*at)


def of_classes(faces: Sequence[Face]) -> Section:
    """What marks of every kind are taken for."""
    varied = of_sort(faces, VARIED)
    marks = marks_of(varied, lambda mark: mark.must_be_found)
    text = prose(f"""
        {len(varied)} random rendered faces with up to five marks of every kind; counted are the {len(marks)} of at
        least {SMALLEST_UM:g} um and {WEAKEST_SNR:g} times the noise. Rows are what the mark is, columns what it was
        taken for.
    """)
    header = ("engine", "is \\ taken for", *(CLASS_TITLES[kind] for kind in CLASSIFICATIONS), "missed", "right")
    rows = [
        _class_row(engine, kind, [m for m in marks if m.kind == kind]) for engine in ENGINES for kind in CLASSIFICATIONS
    ]
    shares = tuple(
        (
            engine,
            _found(marks, engine),
            share(sum(m.taken_for[engine] == m.kind for m in marks), sum(m.found_by(engine) for m in marks)),
            f"{false_per_face(varied, engine):.3f}" if varied else "-",
        )
        for engine in ENGINES
    )
    header_of_shares = ("engine", "found", "given their class, of those found", "false marks per face")
    tables = (Table("Class matrix", header, tuple(rows)), Table("Found and named", header_of_shares, shares))
    return Section("Classes", (text, *tables))


def of_own(faces: Sequence[Face]) -> tuple[Table, ...]:
    """The figures of a data set of one's own."""
    marks = [mark for face in faces for mark in face.marks]
    kinds = [kind for kind in CLASSIFICATIONS if any(mark.kind == kind for mark in marks)]
    found = tuple(
        (title, *(_found(some, engine) for engine in ENGINES))
        for title, some in (
            *((CLASS_TITLES[kind], [mark for mark in marks if mark.kind == kind]) for kind in kinds),
            ("all", marks),
        )
    )
    figures = tuple(
        (
            engine,
            _gain(faces, engine, lambda _: True),
            f"{false_per_face(faces, engine):.3f}",
            share(sum(m.taken_for[engine] == m.kind for m in marks), sum(m.found_by(engine) for m in marks)),
            f"{times(faces, engine)[0]:.0f}",
        )
        for engine in ENGINES
    )
    header = ("engine", "found more, points", "false in A and B per picture", "given their class", "ms per picture")
    return (
        Table(f"Found, of {len(marks)} marks on {len(faces)} pictures", ("kind", *ENGINES), found),
        Table("Engines", header, figures),
    )


def _class_row(engine: str, kind: str, marks: Sequence[Mark]) -> tuple[str, ...]:
    taken = Counter(mark.taken_for[engine] for mark in marks)
    right = share(taken[kind], len(marks) - taken[MISSED])
    return engine, CLASS_TITLES[kind], *(str(taken[k]) for k in CLASSIFICATIONS), str(taken[MISSED]), right


# --- false marks


def of_false(faces: Sequence[Face]) -> Section:
    """What is reported where nothing is."""
    clean, faint = of_sort(faces, CLEAN), of_sort(faces, FAINT)
    text = prose(f"""
        {len(clean)} rendered faces without a mark, in four kinds of light and shape, and the faces with faint marks,
        in whose A and B a report far from every mark is false. To stay at or below {MOST_FALSE:g} per clean face.
    """)
    groups = [(f"clean, {kind}", [f for f in clean if f.look == kind]) for kind in CLEAN_KINDS]
    groups += [("clean, all", clean)]
    groups += [(f"faint marks, {look}", [f for f in faint if f.look == look]) for look in scenes.LOOKS]
    rows = [(name, str(len(some)), *(_false_cell(some, e) for e in ENGINES)) for name, some in groups if some]
    header = ("faces", "n", *(f"{engine}: false in A and B per face" for engine in ENGINES))
    sorts = [(name, some) for name, some in ((CLEAN, clean), (FAINT, faint)) if some]
    more = tuple(_more_row(name, some, engine) for name, some in sorts for engine in OTHERS)
    tables = (
        Table("False marks", header, tuple(rows)),
        Table("More than classical, per face", ("faces", "engine", "more in A and B (95 % interval)", "in D"), more),
    )
    return Section("False marks", (text, *tables))


def _false_cell(faces: Sequence[Face], engine: str) -> str:
    kinds = Counter(kind for face in faces for kind in face.false[engine])
    named = ", ".join(f"{n} {CLASS_TITLES[kind]}" for kind, n in kinds.most_common())
    return f"{false_per_face(faces, engine):.3f}" + (f" ({named})" if named else "")


def _more_row(name: str, faces: Sequence[Face], engine: str) -> tuple[str, ...]:
    mean, low, high = false_difference(faces, engine)
    far = sum(face.false_far[engine] - face.false_far[CLASSICAL] for face in faces) / len(faces)
    return name, engine, f"{mean:+.3f} ({low:+.3f} to {high:+.3f})", f"{far:+.3f}" if name == CLEAN else "-"


# --- photographs


def of_photographs(photographs: Photographs, networks: int) -> Section:
    """What a person saw in photographs, and each engine."""
    title = "Photographs"
    if not photographs.figures:
        return Section(title, ("Skipped: the photographs or the networks of the cross-validation are absent.",))
    figures = photographs.figures[CLASSICAL]
    crossed = f"""
        Each was inspected by the one of {networks} networks whose training had no picture of its sequence (the same end
        face, turned), as `folds.json` has it: the network that ships has learned from all of them and is not used here.
    """
    unseen = """
        The network that ships has learned from none of them; where its support begins and ends was chosen with their
        scores in sight.
    """
    text = prose(f"""
        {figures["labelled"]} photographs of real end faces, labelled by eye, counted as in
        [validation.md](validation.md). {crossed if networks else unseen} Brackets of the second table: photographs more
        or less than `{CLASSICAL}`.
    """)
    header = ("region", *(f"{engine}: {what}" for what in ("sensitivity", "specificity") for engine in ENGINES))
    rows = [
        (r, *(share(*photographs.figures[e][f"zone_{r}"][what]) for what in ("sens", "spec") for e in ENGINES))
        for r in REGIONS
    ]
    lost = tuple((engine, lost_words(photographs.figures, engine)) for engine in OTHERS)
    reports = tuple(
        (engine, str(sum(seen.values())), f"{np.mean(list(seen.values())):.1f}")
        for engine, seen in photographs.reports.items()
    )
    tables = (
        Table("Blemishes by region", header, tuple(rows)),
        Table("Specificity kept", ("engine", "clean regions left clean"), lost),
        Table("Otherwise than classical", ("engine", "region", "what", "photographs"), tuple(_changed(photographs))),
        Table("Marks reported", ("engine", "all", "per photograph"), reports),
    )
    return Section(title, (text, *tables))


def _changed(photographs: Photographs) -> list[tuple[str, ...]]:
    words = {"missed": ("missed now", "found now"), "false": ("false now", "no longer false")}
    rows: list[tuple[str, ...]] = []
    for engine in OTHERS:
        for region in REGIONS:
            for key, (worse, better) in words.items():
                before, now = (set(photographs.figures[e]["misses"][region][key]) for e in (CLASSICAL, engine))
                rows += [(engine, region, worse, " ".join(sorted(now - before)))] if now - before else []
                rows += [(engine, region, better, " ".join(sorted(before - now)))] if before - now else []
    return rows


def of_scopes(photographs: Photographs) -> Section:
    """Photographs of other microscopes."""
    title = "Photographs of other microscopes"
    if not photographs.scopes:
        return Section(title, (ABSENT,))
    crossed = photographs.scopes_crossed
    seen = f"""
        {crossed} of them are among what the network that ships has learned from: each of these was inspected by the
        network of the cross-validation that has seen no picture of its end face, the others by the one that ships,
        which has not seen them.
    """
    unseen = "No network has seen any of them; they were inspected by the one that ships."
    text = prose(f"Figures of other vendors' documents. {seen if crossed else unseen}")
    lines = {engine: photographs.scopes[engine][-2:] for engine in ENGINES}
    rows = tuple((engine, *(line.strip() for line in lines[engine])) for engine in ENGINES)
    wrong = {engine: set(photographs.scopes[engine][:-2]) for engine in ENGINES}
    usual = wrong[CLASSICAL]
    changed = tuple(
        (engine, *("; ".join(sorted(lines)) or "-" for lines in (wrong[engine] - usual, usual - wrong[engine])))
        for engine in OTHERS
    )
    tables = (
        Table("By engine", ("engine", "graded", "zones"), rows),
        Table("Otherwise than classical", ("engine", "wrong now", "right now"), changed),
    )
    return Section(title, (text, *tables))


# --- drift and time


def of_drift(drifted: Mapping[str, Sequence[Drifted]]) -> Section:
    """What happens to the verdicts when light and focus drift."""
    text = prose(f"""
        {len(drifted[CLASSICAL])} pictures, rendered faces around the limits and photographs (each by the network that
        has not seen it), inspected again after one change, as in [validation.md](validation.md): of those with a
        verdict before it, how many flip (PASS to FAIL and FAIL to PASS) and how many are no longer graded.
    """)
    rows = tuple(
        (way, f"{step:g}", *(_drift_cell(drifted[engine], way, step) for engine in ENGINES))
        for way, steps in STEPS.items()
        for step in steps
    )
    header = ("drift", "step", *(f"{engine}: to FAIL, to PASS, not graded, of" for engine in ENGINES))
    total = (
        "all",
        "",
        *(
            f"{sum(changes(drifted[e], way, step).flipped for way, steps in STEPS.items() for step in steps)} flips"
            for e in ENGINES
        ),
    )
    return Section("Drift of light and focus", (text, Table("Verdicts that change", header, (*rows, total))))


def _drift_cell(pictures: Sequence[Drifted], way: str, step: float) -> str:
    found = changes(pictures, way, step)
    return f"{found.worse}, {found.better}, {found.not_graded}, of {found.pictures}"


def of_time(faces: Sequence[Face]) -> Section:
    """What an inspection costs."""
    text = prose("""
        Milliseconds of the processor for one rendered picture, from the decoded picture to the verdict, in one thread,
        while no other is inspected; the engines take turns on each picture, and another begins with each.
    """)
    rows = [
        (engine, str(len(some)), *(f"{ms:.0f}" for ms in times(some, engine)))
        for some in (of_sort(faces, TIMED),)
        if some
        for engine in ENGINES
    ]
    header = ("engine", "n", "median, ms", "nine of ten within, ms", f"more than {CLASSICAL}, median, ms")
    return Section("Time", (text, Table("Time of an inspection", header, tuple(rows))))
