"""One picture of a sheet: its markers are found, its layout is chosen, and it is OK only if all gates are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import GateSettings
from dscope_blink.gates.counting import count_gate, expected_near
from dscope_blink.gates.crops import gray_of, measured
from dscope_blink.gates.density import density_gate
from dscope_blink.gates.finding import find_markers
from dscope_blink.gates.layouts import Layout
from dscope_blink.gates.placement import Fit, fit_layout, layout_gate
from dscope_blink.gates.searching import MarkerFinder
from dscope_blink.gates.visibility import visibility_gate
from dscope_blink.records import Gate, GateOutcome, Marker, SheetResult

READABLE = GateOutcome("readable", True, ())
NOT_JUDGED: tuple[Gate, ...] = ("visibility", "density", "layout")


@dataclass(frozen=True, slots=True)
class PictureFile:
    """What is known of the file of a picture."""

    file: str
    sha256: str | None


def judge_sheet(
    picture: NDArray[np.uint8],
    file: str,
    sha256: str | None,
    finder: MarkerFinder,
    layouts: Sequence[Layout],
    settings: GateSettings,
) -> SheetResult:
    """Find the markers of a sheet and hold them against its layout.

    Parameters
    ----------
    picture : (H, W) or (H, W, 3) uint8, blue green red
    file, sha256 : what the result calls it
    finder : of markers
    layouts : of which it may be
    settings : the section `gates`

    Returns
    -------
    SheetResult; NG with the reason where it is of no layout, or of several
    """
    markers = find_markers(picture, finder, layouts, settings)
    return judge_markers(picture, markers, PictureFile(file, sha256), finder, layouts, settings)


def judge_markers(
    picture: NDArray[np.uint8],
    markers: tuple[Marker, ...],
    known: PictureFile,
    finder: MarkerFinder,
    layouts: Sequence[Layout],
    settings: GateSettings,
) -> SheetResult:
    """The same of markers that are found already."""
    height, width = picture.shape[:2]
    chosen = choose_layout(markers, layouts, width, settings)
    inputs = (*finder.inputs, *((f"layout {one.name}", one.sha256) for one in layouts))
    start = SheetResult(
        known.file, known.sha256, width, height, None, (READABLE,), markers, finder.name, inputs
    )
    if isinstance(chosen, str):
        count = count_gate(markers, None, settings.count_rules)
        return replace(start, gates=(READABLE, count, *(GateOutcome(gate, False, (), (chosen,)) for gate in NOT_JUDGED)))
    layout, rules = chosen.layout, settings
    gray = gray_of(picture)
    inked = tuple(measured(one, gray, layout.ink_level, rules.density.paper_margin) for one in markers)
    judged = replace(chosen.judged, markers=inked)
    key = str(layout.count_of(rules.count_rules.big_kind))
    gates = (
        READABLE,
        count_gate(inked, layout.count_of(rules.count_rules.big_kind), rules.count_rules),
        visibility_gate(judged, width, height, rules.visibility.exceptions.get(key, 0)),
        density_gate(judged, rules.density.exceptions.get(key, 0)),
        layout_gate(replace(chosen, judged=judged), width, height, rules.count_rules.big_kind, rules.layout),
    )
    return replace(start, layout=layout.name, gates=gates, markers=inked)


def unreadable(file: str, sha256: str | None, reason: str, finder: MarkerFinder) -> SheetResult:
    """A picture that could not be read, or judged at all: NG for the reason."""
    gate = GateOutcome("readable", False, (), (reason,))
    return SheetResult(file, sha256, 0, 0, None, (gate,), (), finder.name, finder.inputs)


# --- of which layout it is


def choose_layout(
    markers: tuple[Marker, ...], layouts: Sequence[Layout], width_px: int, settings: GateSettings
) -> Fit | str:
    """The layout that a sheet is of, or why it is of none.

    The one on which most markers agree is taken. Two on which all places have their markers are one too many: nobody
    could say which of them is meant.
    """
    if not markers:
        return "no marker was found"
    fits = [fit_layout(markers, layout, width_px, settings.layout) for layout in layouts]
    whole = [fit for fit in fits if _is_whole(fit)]
    if len(whole) > 1:
        return f"it may be of several layouts: {', '.join(fit.layout.name for fit in whole)}"
    if whole:
        return whole[0]
    best = max(fits, key=_likeness)
    if best.laid is None:
        return _of_count(fits, markers, settings)
    return best


def _is_whole(fit: Fit) -> bool:
    return fit.laid is not None and not fit.missing and not fit.extra and bool(fit.laid.agreeing.all())


def _likeness(fit: Fit) -> float:
    """Markers that agree less those that are missing or too many, as a share of the places."""
    if fit.laid is None:
        return -float("inf")
    return (int(fit.laid.agreeing.sum()) - len(fit.missing) - len(fit.extra)) / len(fit.layout.places)


def _of_count(fits: Sequence[Fit], markers: tuple[Marker, ...], settings: GateSettings) -> Fit | str:
    """Where no sheet can be laid, the one layout that has such a count is named, so that its reason can be told."""
    rules = settings.count_rules
    count = sum(one.found.kind == rules.big_kind for one in markers)
    expected = expected_near(count, rules)
    fitting = [fit for fit in fits if fit.layout.count_of(rules.big_kind) == expected]
    if len(fitting) == 1:
        return fitting[0]
    return f"its markers fit no layout: {', '.join(fit.layout.name for fit in fits)}"
