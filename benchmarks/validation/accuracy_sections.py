"""What the program finds, misses and measures: sections of the page, each with the weaknesses its figures show."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from benchmarks.rendered import CLEAN_KINDS, EDITION, MARKS_PER_FACE, SMALLEST_UM, WEAKEST_SNR, clean_kind
from benchmarks.validation import charts
from benchmarks.validation.bench import PHOTOGRAPHS, RENDERED
from benchmarks.validation.examples import Shown
from benchmarks.validation.injection import CONTRASTS, SIZE_OF, SIZES_UM, Trial, curves
from benchmarks.validation.page import ABSENT, Section, Table, prose
from benchmarks.validation.photographs import REGIONS, Figures
from benchmarks.validation.statistics import Pod, share
from benchmarks.validation.truth import (
    JUDGED_CONTRAST,
    JUDGED_MARKS,
    JUDGED_UM,
    MISSED,
    SIZES,
    Face,
    Judged,
    Mark,
    Named,
)
from dscope_blink.records import CLASSIFICATIONS
from dscope_blink.reporting.look import CLASS_TITLES

# What the project sets itself to reach; worse than this is listed as a weakness.
LEAST_RECALL, LEAST_PRECISION, MOST_FALSE_PER_FACE = 0.98, 0.95, 0.1
LEAST_NAMED, MOST_BIAS = 0.9, 0.15
# Marks of this size must not escape: the largest that zone B of single mode lets pass, and a chip twice as long.
MUST_SEE_UM: Mapping[str, float] = MappingProxyType(
    {"scratch": 3.0, "crack": 3.0, "pit_dig": 5.0, "contamination": 5.0, "chip": 10.0}
)
MUST_SEE_CONTRASTS = (0.2, 0.4)


# --- photographs


def of_photographs(figures: Figures | None) -> Section:
    """What a person saw in the photographs, and the program."""
    title = "The photographs, against what a person saw"
    if figures is None:
        return Section(title, (ABSENT,))
    text = prose(f"""
        {figures["labelled"]} photographs of real end faces, labelled by eye: whether a blemish is clearly visible or
        none is, by region; regions of which that cannot be said are left out. `A` is the core, `B` the cladding,
        `edge` stands for chips on its border, `D` is the ferrule. Sensitivity: share of the regions with a blemish in
        which one is reported. Specificity: share of the regions without in which none is. Counted by the scorer that
        lies beside the photographs.
    """)
    rows = tuple(
        (region, share(*figures[f"zone_{region}"]["sens"]), share(*figures[f"zone_{region}"]["spec"]))
        for region in REGIONS
    )
    regions = Table("Blemishes by region", ("region", "sensitivity", "specificity"), rows)
    return Section(title, (text, _geometry(figures), regions), {}, tuple(_wrong_photographs(figures)))


def _geometry(figures: Figures) -> Table:
    n = figures["labelled"]
    rows = (
        ("cladding located", share(figures["located"], n)),
        ("within the tolerance of its label", share(figures["within_tol"], n)),
        ("core ratio within 0.02 where a core is seen", share(figures["core_ratio_ok"], figures["core_labelled"])),
    )
    return Table("Geometry", ("figure", "photographs"), rows)


def _wrong_photographs(figures: Figures) -> Iterator[str]:
    words = {"missed": "a visible blemish is not reported", "false": "a mark is reported where a person sees none"}
    for region in REGIONS:
        for key, text in words.items():
            names = figures["misses"][region][key]
            if names:
                yield f"Photographs, region {region}: {text} in {', '.join(names)}."
    if figures["outside_tol"]:
        yield f"Photographs: the cladding is outside the tolerance of its label in {', '.join(figures['outside_tol'])}."


# --- probability of detection


ABOUT_DETECTION = (
    """
    Blemishes of known size and contrast are put at random places of faces that are clean there. The rendered faces
    are the random ones of `synthetic/scenes.py`; the photographs are those labelled clean in that region, with the
    blemish multiplied into the stored picture, as blurred as the edge of the cladding, away from marks that the program
    reports anyway. A is the core, in single-mode fibers a disc of 25 um; B is the cladding up to 0.95 of its
    radius; D the ferrule from 1.07 to 2 of it. A blemish is found when a reported mark lies on it or within 2 px
    of it, whatever it is taken for.
    """,
    """
    Size is the width of scratches and cracks (scratches are 9 to 24 um long), the arc of chips, else the diameter
    of the smallest circle around the mark. Sizes are even over their logarithm. Contrast is the change of
    brightness relative to the surroundings, before blur; scratches, contamination and chips are dark or bright,
    pits and cracks dark.
    """,
    """
    `a90` is the size that is found in 90 of 100 cases, by a logistic curve over ln(size) (MIL-HDBK-1823A, 2009,
    hit/miss; with the penalty of Firth, Biometrika 80(1):27-38, 1993, DOI 10.1093/biomet/80.1.27, because a curve
    without overlap of found and missed has no maximum). `a90/95`, in brackets, is the size at which its one-sided
    lower 95 % bound reaches 0.9. `-`: not within the sizes tried; in brackets beside a small a90, that a miss or
    two among 60 trials leave 90 % unproven; `<`: the smallest tried. The curve goes to 1 with the size whatever
    the trials say: where the dots of a plot stay below it, trust the dots.
    """,
)


def of_injection(trials: Sequence[Trial]) -> Section:
    """Probability of detection by region, kind, contrast and size."""
    blocks: list[str | Table] = list(map(prose, ABOUT_DETECTION))
    images: dict[str, bytes] = {}
    weaknesses: list[str] = []
    for background in (RENDERED, PHOTOGRAPHS):
        mine = [t for t in trials if t.background == background]
        if mine:
            fitted = curves(mine)
            blocks.append(_pod_table(background, mine, fitted))
            images[f"detection_{background.replace(' ', '_')}"] = charts.detection(fitted)
            weaknesses += _escaping(background, fitted)
        else:
            blocks.append(f"{background.capitalize()}: {ABSENT.lower()}")
    return Section("Probability of detection", tuple(blocks), images, tuple(weaknesses))


def _pod_table(background: str, trials: Sequence[Trial], fitted: Mapping[tuple[str, str, float], Pod]) -> Table:
    header = ("region", "kind", "size", "n per contrast", *(f"a90 (a90/95) um\nat {c:.0%}" for c in CONTRASTS))
    rows = []
    for region, sizes in SIZES_UM.items():
        for kind in sizes:
            made = [fitted.get((region, kind, contrast)) for contrast in CONTRASTS]
            counts = [len(p.found) for p in made if p]
            many = f"{min(counts)}-{max(counts)}" if counts else "0"
            name = SIZE_OF[kind].removesuffix("_um").replace("length", "arc")
            rows.append((region, CLASS_TITLES[kind], name, many, *(_a90(p) for p in made)))
    return Table(f"On {background}: {len(trials)} blemishes", header, tuple(rows))


def _a90(curve: Pod | None) -> str:
    return "-" if curve is None else f"{_um(curve, curve.a90_um)} ({_um(curve, curve.a90_95_um)})"


def _um(curve: Pod, size: float) -> str:
    if math.isinf(size):
        return "-"
    return f"{'<' if size <= curve.sizes_um.min() else ''}{size:.1f}"


def _escaping(background: str, fitted: Mapping[tuple[str, str, float], Pod]) -> Iterator[str]:
    for contrast in MUST_SEE_CONTRASTS:
        names = [
            f"{CLASS_TITLES[kind]} in {region} ({_um(curve, curve.a90_95_um)})"
            for (region, kind, c), curve in fitted.items()
            if c == contrast and curve.a90_95_um > MUST_SEE_UM[kind]
        ]
        if names:
            limits = "3 um width, 5 um diameter, 10 um arc"
            yield f"On {background}, {contrast:.0%} contrast, a90/95 in um lies above {limits}: {', '.join(names)}."


# --- rendered truth


def of_clean(faces: Sequence[Face]) -> Section:
    """False marks on faces without a blemish."""
    text = prose(f"""
        {len(faces)} rendered faces without any blemish, in four kinds of light and shape; a mark reported in A or B is
        false. The specificity on the photographs, above, is the same figure on real faces.
    """)
    groups = {kind: [face for k, face in enumerate(faces) if clean_kind(k) == kind] for kind in CLEAN_KINDS}
    rows = [_clean_row(kind, mine) for kind, mine in groups.items() if mine]
    header = ("face", "without a false mark", "false marks per face", "verdict other than PASS")
    per_face = sum(len(face.false) for face in faces) / len(faces)
    weak = (f"Clean rendered faces: {per_face:.2f} false marks per face.",) if per_face > MOST_FALSE_PER_FACE else ()
    return Section("False marks", (text, Table("Clean faces", header, (*rows, _clean_row("all", faces)))), {}, weak)


def _clean_row(name: str, faces: Sequence[Face]) -> tuple[str, ...]:
    marks = sum(len(face.false) for face in faces)
    wrong = sum(face.status != "PASS" for face in faces)
    return name, share(sum(not face.false for face in faces), len(faces)), f"{marks / len(faces):.3f}", str(wrong)


def of_classes(faces: Sequence[Face], shown: Sequence[Shown] = ()) -> Section:
    """The confusion matrix, recall and precision, and one of each kind."""
    marks = [mark for face in faces for mark in face.marks]
    found = [mark for mark in marks if mark.taken_for != MISSED]
    right = sum(mark.taken_for == mark.kind for mark in found)
    false = Counter(kind for face in faces for kind in face.false)
    reports = sum(face.reports for face in faces)
    text = prose(f"""
        {len(faces)} random rendered faces with up to {MARKS_PER_FACE} blemishes each; counted are the {len(marks)}
        blemishes of at least {SMALLEST_UM:g} um and {WEAKEST_SNR:g} times the noise. Rows are what the blemish is,
        columns what it was taken for; the last row holds marks reported in A or B where nothing is.
    """)
    header = ("is \\ taken for", *(CLASS_TITLES[kind] for kind in CLASSIFICATIONS), "missed", "n", "found")
    rows = [_confusion_row(kind, [m for m in marks if m.kind == kind]) for kind in CLASSIFICATIONS]
    nothing = ("nothing", *(str(false[kind]) for kind in CLASSIFICATIONS), "", str(false.total()), "")
    shares = Table(
        "Recall and precision",
        ("figure", "value"),
        (
            ("recall: blemishes that are reported", share(len(found), len(marks))),
            ("precision: reports in A and B that are blemishes", share(reports - false.total(), reports)),
            ("given their class, of those reported", share(right, len(found))),
        ),
    )
    blocks = (text, Table("Confusion matrix", header, (*rows, nothing)), shares)
    weak = _weak_classes(marks, reports - false.total(), reports)
    plots = charts.sheet("example_classes", shown)
    return Section("Classes: confusion on rendered truth", blocks, plots, tuple(weak))


def _confusion_row(kind: str, marks: Sequence[Mark]) -> tuple[str, ...]:
    taken = Counter(mark.taken_for for mark in marks)
    found = share(len(marks) - taken[MISSED], len(marks))
    return CLASS_TITLES[kind], *(str(taken[k]) for k in CLASSIFICATIONS), str(taken[MISSED]), str(len(marks)), found


def _weak_classes(marks: Sequence[Mark], true_reports: int, reports: int) -> Iterator[str]:
    found = [mark for mark in marks if mark.taken_for != MISSED]
    if len(found) < LEAST_RECALL * len(marks):
        yield f"Recall on rendered blemishes {share(len(found), len(marks))}, to reach {LEAST_RECALL:.0%}."
    if true_reports < LEAST_PRECISION * reports:
        yield f"Precision on rendered blemishes {share(true_reports, reports)}, to reach {LEAST_PRECISION:.0%}."
    for kind in CLASSIFICATIONS:
        mine = [mark for mark in found if mark.kind == kind]
        right = sum(mark.taken_for == kind for mark in mine)
        if right < LEAST_NAMED * len(mine):
            wrong, n = Counter(m.taken_for for m in mine if m.taken_for != kind).most_common(1)[0]
            often = f"most often taken for {CLASS_TITLES[wrong]} ({n})"
            yield f"{CLASS_TITLES[kind]}: given its class in {share(right, len(mine))}, {often}."


def of_verdicts(faces: Sequence[Judged]) -> Section:
    """The verdicts beside those on the exact marks."""
    graded = [face for face in faces if face.given != "NOT_GRADED"]
    text = prose(f"""
        {len(faces)} rendered faces with 0 to {JUDGED_MARKS} blemishes of {JUDGED_UM[0]:g} to {JUDGED_UM[1]:g} um
        (scratches and cracks are longer) and contrast {JUDGED_CONTRAST[0]:g} to {JUDGED_CONTRAST[1]:g}: around the
        limits on purpose, so the shares are those of hard cases and not of a production line. `True` is what the same
        criteria (`{EDITION}`) say of the exact sizes, classes and places. A wrong verdict
        with nothing missed and nothing false comes from sizes, classes or zones. NOT_GRADED, and left out:
        {len(faces) - len(graded)}.
    """)
    counts = Counter((face.true, face.given) for face in graded)
    rows = tuple(
        (f"true {true}", *(str(counts[true, given]) for given in ("PASS", "FAIL"))) for true in ("PASS", "FAIL")
    )
    wrong = _wrong_verdicts(graded)
    verdicts = Table("Verdicts", ("", "PASS", "FAIL"), rows)
    decides = prose("""
        The last table: reported marks by what they are and what they were taken for. In brackets those whose true
        class, and nothing else, would give another verdict, and how many of these verdicts are MARGINAL.
    """)
    blocks = (text, verdicts, Table("Wrong verdicts", ("figure", "share"), wrong), decides, _deciding_classes(graded))
    weak = [f"Verdicts around the limits, {name}: {value}." for name, value in wrong[:2] if value[:2] != "0/"]
    return Section("Verdicts on rendered truth", blocks, {}, tuple(weak))


def _deciding_classes(graded: Sequence[Judged]) -> Table:
    """Reported marks by true class and class given, with those in which the class decides."""
    named = [(face.marginal, mark) for face in graded for mark in face.named]
    rows = []
    for kind in CLASSIFICATIONS:
        mine = [(marginal, mark) for marginal, mark in named if mark.kind == kind]
        cells = (_deciding([(m, mark) for m, mark in mine if mark.taken_for == taken]) for taken in CLASSIFICATIONS)
        rows.append((CLASS_TITLES[kind], *cells))
    return Table(
        "What a class decides", ("is \\ taken for", *map(CLASS_TITLES.__getitem__, CLASSIFICATIONS)), tuple(rows)
    )


def _deciding(marks: Sequence[tuple[bool, Named]]) -> str:
    deciding = [marginal for marginal, mark in marks if mark.decides]
    return f"{len(marks)} ({len(deciding)}, {sum(deciding)})" if deciding else str(len(marks))


def _wrong_verdicts(graded: Sequence[Judged]) -> tuple[tuple[str, str], ...]:
    bad, good = ([face for face in graded if face.true == status] for status in ("FAIL", "PASS"))
    accepted, rejected = ([face for face in faces if face.given != face.true] for faces in (bad, good))
    return (
        ("wrongly accepted, of those to fail", share(len(accepted), len(bad))),
        ("wrongly rejected, of those to pass", share(len(rejected), len(good))),
        ("of the wrongly accepted, with a blemish missed", share(sum(f.missed > 0 for f in accepted), len(accepted))),
        ("of the wrongly rejected, with a false mark", share(sum(f.false > 0 for f in rejected), len(rejected))),
        ("MARGINAL, of the wrong verdicts", _marginal([*accepted, *rejected])),
        ("MARGINAL, of the right verdicts", _marginal([face for face in graded if face.given == face.true])),
    )


def _marginal(faces: Sequence[Judged]) -> str:
    return share(sum(face.marginal for face in faces), len(faces))


SIZED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "scratch": ("width_um", "length_um"),
        "crack": ("width_um", "length_um"),
        "pit_dig": ("diameter_um",),
        "contamination": ("diameter_um",),
        "chip": ("diameter_um",),
    }
)


def of_sizes(faces: Sequence[Face]) -> Section:
    """Measured against true sizes."""
    found = [mark for face in faces for mark in face.marks if mark.measured_um]
    text = prose(f"""
        The same faces: the {len(found)} blemishes that were found, measured beside the exact size, whatever they were
        taken for. Ratio is measured over true: its median and the range that holds 90 of 100. Error is measured less
        true: its mean (bias) and standard deviation. Two blemishes reported as one mark give it the size of both.
        Within U are those whose error is at most the expanded uncertainty (k = 2) that their record states.
    """)
    rows, weak = [], []
    for kind, sizes in SIZED.items():
        for size in sizes:
            mine = [m for m in found if m.kind == kind]
            true, measured = sizes_of(mine, size)
            if true.size:
                unsure = np.array([m.unsure_um[SIZES.index(size)] for m in mine])
                within = share(int(np.count_nonzero(np.abs(measured - true) <= unsure)), true.size)
                rows.append((CLASS_TITLES[kind], size.removesuffix("_um"), *_errors(true, measured), within))
                median = float(np.median(measured / true))
                if abs(median - 1) > MOST_BIAS:
                    what = f"{CLASS_TITLES[kind]}, {size.removesuffix('_um')}"
                    weak.append(f"{what}: measured at {median:.2f} times its true size (median of {true.size}).")
    header = ("kind", "size", "n", "ratio, median", "ratio, 5 % to 95 %", "bias, um", "deviation, um", "within U")
    table = Table("Measured against true size", header, tuple(rows))
    return Section("Sizing", (text, table), {"sizing": charts.sizing(sized(found))}, tuple(weak))


def sizes_of(marks: Sequence[Mark], size: str) -> tuple[np.ndarray, np.ndarray]:
    """True and measured sizes of marks that were found, (n,) each."""
    k = SIZES.index(size)
    return np.array([m.true_um[k] for m in marks]), np.array([m.measured_um[k] for m in marks])


def sized(found: Sequence[Mark]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """True and measured sizes by kind, each in its first measure, under its title."""
    return {
        f"{CLASS_TITLES[kind]}: {sizes[0].removesuffix('_um')}": sizes_of(
            [m for m in found if m.kind == kind], sizes[0]
        )
        for kind, sizes in SIZED.items()
    }


def _errors(true: np.ndarray, measured: np.ndarray) -> tuple[str, ...]:
    ratio, error = measured / true, measured - true
    low, high = np.percentile(ratio, (5, 95))
    return (
        str(true.size),
        f"{np.median(ratio):.2f}",
        f"{low:.2f} to {high:.2f}",
        f"{error.mean():+.2f}",
        f"{error.std():.2f}",
    )
