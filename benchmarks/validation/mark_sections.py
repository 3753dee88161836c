"""What becomes of single marks: sections of the page, each with its examples and the weaknesses its figures show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.marks import by_eye, centre, class_scenes, classes, lines, neighbours, sizes, specks
from benchmarks.validation import charts
from benchmarks.validation.bench import PHOTOGRAPHS, RENDERED, default_config
from benchmarks.validation.examples import Shown
from benchmarks.validation.page import ABSENT, Section, Table, prose
from benchmarks.validation.single_marks import PAIRS_UM
from benchmarks.validation.statistics import share
from dscope_blink.records import CLASSIFICATIONS
from dscope_blink.reporting.look import CLASS_TITLES

GROUNDS = (RENDERED, PHOTOGRAPHS)

# What the project sets itself to reach; worse than this is listed as a weakness.
SURE_SIGMAS, LEAST_LINES = 8.0, 0.95
LEAST_APART, APART_UM = 0.95, 2.0
SPECK_UM, SPECK_CONTRAST, LEAST_SPECKS = 2.0, 0.1, 0.8
LEAST_SIZED_UM, MOST_BIAS_UM, LEAST_COVERED = 3.0, 0.2, 0.93
LEAST_SEEN = {">= 2 um": 0.98, "1-2 um": 0.85}  # by the eye's size
MOST_JOINED, MOST_FALSE = 0.02, 1.0
LEAST_CLASSED, LEAST_IN_MIDDLE = 0.97, 0.95


def of_lines(trials: Sequence[lines.Trial], shown: Sequence[Shown] = ()) -> Section:
    """Faint lines by contrast, length and ideal sum."""
    text = prose(f"""
        Straight and slightly curved lines {lines.WIDTH_UM:g} um wide, dark and bright, put at random places of core,
        cladding and ferrule where nothing lies. `Sigma` is the ideal sum: the mean along the true course, over the
        spread of the same mean on courses beside it. A line is found when a reported mark covers a third of it. The
        photographs by microscope.
    """)
    grounds = sorted({t.ground for t in trials}, key=lambda ground: (ground != lines.RENDERED, ground))
    by_contrast = [
        (
            ground,
            f"{length:g}",
            *(_cell([t.found for t in trials if _is(t, ground, length, c)]) for c in lines.CONTRASTS),
        )
        for ground in grounds
        for length in lines.LENGTHS_UM
    ]
    classes = list(zip(lines.CLASSES, lines.CLASSES[1:], strict=False))
    by_sigma = [
        (
            ground,
            *(
                _cell([t.found for t in trials if t.ground == ground and low <= t.ideal < high])
                for low, high in classes
            ),
        )
        for ground in grounds
    ]
    blocks = (
        text,
        Table("Found by contrast", ("on", "length, um", *(f"{c:.0%}" for c in lines.CONTRASTS)), tuple(by_contrast)),
        Table("Found by ideal sum", ("on", *(_range(low, high) for low, high in classes)), tuple(by_sigma)),
    )
    sure = [t.found for t in trials if t.ideal >= SURE_SIGMAS]
    weak = _below("Lines of an ideal sum of 8 sigma and more: found", sum(sure), len(sure), LEAST_LINES)
    return Section("Faint lines", blocks, charts.sheet("example_lines", shown), weak)


def _is(trial: lines.Trial, ground: str, length_um: float, contrast: float) -> bool:
    return (trial.ground, trial.length_um, trial.contrast) == (ground, length_um, contrast)


def _range(low: float, high: float) -> str:
    return f"from {low:g}" if np.isinf(high) else f"{low:g} to {high:g}"


def _cell(hits: Sequence[bool]) -> str:
    return f"{sum(hits)}/{len(hits)}" if hits else "-"


def _below(words: str, hits: int, n: int, least: float) -> tuple[str, ...]:
    return (f"{words} {share(hits, n)}, to reach {least:.0%}.",) if n and hits < least * n else ()


def of_neighbours(results: Sequence[neighbours.Result], shown: Sequence[Shown] = ()) -> Section:
    """What is one mark and what is two."""
    text = prose("""
        Things that are so many marks, put into core, cladding and ferrule where nothing lies. `Seen`: each part of it
        is reported. `Right`, of those seen: as so many marks as it is, none over two of them and none in two pieces.
        `95 %`: the reported diameter less that of one speck is no more than this in 95 of 100.
    """)
    names = sorted({r.name for r in results})
    rows = tuple(_thing(name, ground, results) for name in names for ground in GROUNDS)
    table = Table("As many marks as they are", ("what", "on", "seen", "right", "95 %, um"), tuple(filter(None, rows)))
    wide = [r for r in results if r.seen and r.name in _apart()]
    words = f"Two of {PAIRS_UM:g} um, {APART_UM:g} um apart and more: two marks in"
    weak = _below(words, sum(r.right for r in wide), len(wide), LEAST_APART)
    return Section("Neighbours", (text, table), charts.sheet("example_neighbours", shown), weak)


def _apart() -> list[str]:
    return [f"pair {PAIRS_UM:g} um, gap {gap:g} um" for gap in neighbours.GAPS_UM if gap >= APART_UM]


def _thing(name: str, ground: str, results: Sequence[neighbours.Result]) -> tuple[str, ...]:
    mine = [r for r in results if r.name == name and (r.background == "rendered") == (ground == RENDERED)]
    seen = [r for r in mine if r.seen]
    errors = np.array([error for r in mine for error in r.errors_um])
    large = f"{np.nanquantile(errors, 0.95):+.1f}" if np.isfinite(errors).any() else ""
    right = share(sum(r.right for r in seen), len(seen))
    return (name, ground, share(len(seen), len(mine)), right, large) if mine else ()


def of_specks(trials: Sequence[specks.Trial], shown: Sequence[Shown] = ()) -> Section:
    """Small round pits by size and contrast."""
    text = prose(f"""
        Round dark pits, put where nothing lies: in core (A), cladding (B) and ferrule (D), and within
        {specks.RIM_UM[1]:g} um of the edge of the core (rim). Contrast is before blur. A pit is found when an outline
        reaches to within {specks.NEAR_PX:g} px of it.
    """)
    rows = []
    for ground in ("rendered", "photographs"):
        for region in specks.PITS:
            for size in specks.SIZES_UM:
                mine = [t for t in trials if (t.background, t.region, t.diameter_um) == (ground, region, size)]
                cells = (_cell([t.found for t in mine if t.contrast == c]) for c in specks.CONTRASTS)
                rows += [(ground, region, f"{size:g}", *cells)] if mine else []
    header = ("on", "where", "diameter, um", *(f"{contrast:.0%}" for contrast in specks.CONTRASTS))
    small = [t.found for t in trials if (t.region, t.diameter_um, t.contrast) == ("B", SPECK_UM, SPECK_CONTRAST)]
    weak = _below("Specks of 2 um and 10 % contrast in B: found", sum(small), len(small), LEAST_SPECKS)
    table = Table("Found by size and contrast", header, tuple(rows))
    return Section("Specks", (text, table), charts.sheet("example_specks", shown), weak)


def of_sizes(found: Sequence[sizes.Sized], shown: Sequence[Shown] = ()) -> Section:
    """Measured against true size, by contrast and blur."""
    text = prose(f"""
        Pits that are round, elliptical or irregular, and scratches, each alone, painted with the blur of the cladding
        edge times 0.7, 1 or 1.4 (photographs). `Bias`: mean error, um; `mean`: mean absolute error; `covered`: errors
        within the stated expanded uncertainty U (k = 2); `U`: its median; `at most`: how many are given as an upper
        bound. Contrast with its sign. The second table: pits from {sizes.LEAST_UM:g} um on, and scratches.
    """)
    tables = (
        Table("By kind and size", sizes.COLUMNS, tuple(sizes.rows(found))),
        Table("By contrast, region, blur and the class given", sizes.COLUMNS, tuple(sizes.split(found))),
    )
    weak = tuple(_weak_sizes(found))
    return Section("Sizes by contrast and blur", (text, *tables), charts.sheet("example_sizes", shown), weak)


def _weak_sizes(found: Sequence[sizes.Sized]) -> Iterator[str]:
    for ground in GROUNDS:
        mine = [s for s in found if s.job.ground == ground and s.true_um.get("diameter", 0.0) >= LEAST_SIZED_UM]
        errors = np.array([s.measured_um["diameter"] - s.true_um["diameter"] for s in mine])
        covered = sum(abs(e) <= s.unsure_um["diameter"] for e, s in zip(errors, mine, strict=True))
        if errors.size and abs(errors.mean()) > MOST_BIAS_UM:
            yield f"Diameters of pits of 3 um and more on {ground}: {errors.mean():+.2f} um on average."
        yield from _below(
            f"Diameters of pits of 3 um and more on {ground}: within U", covered, len(mine), LEAST_COVERED
        )


def of_varied(samples: Sequence[class_scenes.Sample]) -> Section:
    """Classes of marks drawn in many ways, the limits they put them under, and whether their probabilities hold."""
    least = default_config().classification.min_probability
    text = prose(f"""
        Marks drawn in many ways, on faces that had no part in the fit of the classes, half of them as JPEG: rendered
        faces of other seeds, and photographs of other fibers. Counted are reports that mean one mark and show enough of
        it. `Right limits`: scratches are held against other limits than all else; what is confused within the rest does
        no harm to a verdict. `Doubted`: of those under wrong limits, how many give the others at least {least:g}.
        Below: how often what was given a probability was true.
    """)
    grounds = {
        ground: [s for s in samples if s.face.startswith("rendered") == (ground == RENDERED)] for ground in GROUNDS
    }
    rows = [
        (ground, CLASS_TITLES[kind], *_classed([s for s in mine if s.kind == kind], least))
        for ground, mine in grounds.items()
        for kind in CLASSIFICATIONS
        if any(s.kind == kind for s in mine)
    ]
    header = (
        "on",
        "is \\ taken for",
        *map(CLASS_TITLES.__getitem__, CLASSIFICATIONS),
        "right",
        "right limits",
        "doubted",
    )
    stated = tuple(
        (f"{low:g} to {min(high, 1):g}", str(n), f"{mean:.3f}", f"{true:.3f}")
        for low, high, n, mean, true in classes.reliability(samples)
    )
    tables = (
        Table("Varied marks", header, tuple(rows)),
        Table("Probabilities", ("stated", "n", "mean", "came true"), stated),
    )
    right = [s.given == s.kind for s in samples]
    weak = _below("Varied marks: given their class", sum(right), len(right), LEAST_CLASSED)
    return Section("Classes of varied marks", (text, *tables), {}, weak)


def _classed(samples: Sequence[class_scenes.Sample], least: float) -> tuple[str, ...]:
    given = Counter(s.given for s in samples)
    swapped = [s for s in samples if classes.has_consequence(s)]
    return (
        *(str(given[kind]) for kind in CLASSIFICATIONS),
        f"{classes.share_right(samples):.1%}",
        f"{1 - len(swapped) / len(samples):.1%}",
        _cell([classes.is_doubted(s, least) for s in swapped]),
    )


def of_middle(trials: Sequence[centre.Trial], shown: Sequence[Shown] = ()) -> Section:
    """The middle of the core, with and without a mark."""
    text = prose(f"""
        Cores that are lit, dim and dark, with dips and peaks of the index, rings and speckle, and the photographs whose
        core a person saw clean: as they are, and with one thing up to {max(centre.OFF_UM):g} um off the middle. Blots
        are sharp, {min(centre.SIZES_UM):g} to {max(centre.SIZES_UM):g} um; flakes have a soft edge,
        {min(centre.FLAKE_UM):g} to {max(centre.FLAKE_UM):g} um, and lie a third of that off. `Clean`: cores with
        nothing in them and no mark reported within 0.6 of their radius. `Whole`: of those found, reported as one.
    """)
    groups = {core or PHOTOGRAPHS: [t for t in trials if t.job.core == core] for core in (*centre.CORES, "")}
    rows = [(name, *_middle(mine)) for name, mine in groups.items() if mine]
    blots = [t for t in trials if t.job.size_um and not t.job.flake]
    by_size = [(f"{size:g}", *_by_light([t for t in blots if t.job.size_um == size])) for size in centre.SIZES_UM]
    tables = (
        Table("By core", ("core", "clean", "blots found", "whole", "flakes found", "whole"), tuple(rows)),
        Table("Blots found by size", ("size, um", *centre.CONTRASTS), tuple(by_size)),
    )
    clean = [t.false == 0 for t in trials if not t.job.size_um]
    whole = [t.found == 1 for t in trials if t.job.size_um]
    weak = (
        *_below("Clean middles of cores: no mark in", sum(clean), len(clean), 1.0),
        *_below("Blots and flakes in the middle of the core: one mark in", sum(whole), len(whole), LEAST_IN_MIDDLE),
    )
    return Section("The middle of the core", (text, *tables), charts.sheet("example_middle", shown), weak)


def _middle(trials: Sequence[centre.Trial]) -> Iterator[str]:
    yield _cell([t.false == 0 for t in trials if not t.job.size_um])
    for flake in (False, True):
        found = [t.found for t in trials if t.job.size_um and t.job.flake == flake]
        yield _cell([n > 0 for n in found])
        yield _cell([n == 1 for n in found if n])


def _by_light(trials: Sequence[centre.Trial]) -> Iterator[str]:
    return (_cell([t.found > 0 for t in trials if t.job.light == light]) for light in centre.CONTRASTS)


def of_eye(compared: by_eye.Compared) -> Section:
    """Marks of photographs, one by one."""
    title = "Mark by mark, against the eye"
    if not compared.pictures:
        return Section(title, (ABSENT,))
    text = prose(f"""
        {compared.pictures} photographs of the three microscopes in which a person labelled each mark at 4x before
        anything that the program makes of them was looked at: `tests/labels/marks_by_eye.json`. Counted are the marks
        of which the eye was sure; a report is false where nothing is labelled, not even with doubt. Joined: reports
        over two sure marks or more. Size error: reported less labelled, of marks that one report means alone; the
        labels themselves are good to 0.4 um.
    """)
    by_size = [(name, *_seen(seen)) for name, seen in by_eye.sure_by_size(compared.labels).items() if seen]
    sure = [s for s in compared.labels if s.label.sure]
    by_region = [(region, *_seen([s for s in sure if s.label.region == region])) for region in by_eye.REGIONS]
    joined, false = sum(r.covers > 1 for r in compared.reports), sum(r.false for r in compared.reports)
    inner = by_eye.false_inside(compared.reports)
    pieces, found = sum(s.pieces > 1 for s in compared.labels), sum(s.found for s in compared.labels)
    reports = (
        ("reports that join sure marks", share(joined, len(compared.reports))),
        ("marks found that are in pieces", share(pieces, found)),
        ("false in A and B, a picture", f"{inner / compared.pictures:.2f}"),
        ("false in D, a picture", f"{(false - inner) / compared.pictures:.2f}"),
        ("labelled only after they had been reported", str(sum(s.label.second_look for s in compared.labels))),
    )
    header = ("", "found", "size error, median, um", "its spread, um")
    blocks = (
        text,
        Table("Sure marks by size", header, tuple(by_size)),
        Table("Sure marks by place", header, tuple(by_region)),
        Table("Reports", ("figure", "value"), reports),
    )
    return Section(title, blocks, {}, tuple(_weak_eye(compared, joined, inner / compared.pictures)))


def _seen(seen: Sequence[by_eye.Seen]) -> tuple[str, str, str]:
    errors = [s.error_um for s in seen if s.error_um is not None]
    sizes_of = (f"{np.median(errors):+.2f}", f"{by_eye.spread(errors):.2f}") if errors else ("-", "-")
    return share(sum(s.found for s in seen), len(seen)), *sizes_of


def _weak_eye(compared: by_eye.Compared, joined: int, inner: float) -> Iterator[str]:
    for name, least in LEAST_SEEN.items():
        seen = by_eye.sure_by_size(compared.labels)[name]
        yield from _below(f"Marks that the eye is sure of, {name}: found", sum(s.found for s in seen), len(seen), least)
    if joined > MOST_JOINED * len(compared.reports):
        yield f"Reports that join marks the eye sees apart: {share(joined, len(compared.reports))}."
    if inner > MOST_FALSE:
        yield f"Reports in A and B where the eye sees nothing: {inner:.2f} a picture."
