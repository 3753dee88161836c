"""One picture of a sheet: its markers are found, its layout is chosen, and it is OK only if all gates are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.gate_settings import GateSettings
from dscope_blink.gates.counting import big_count, count_gate, expected_near
from dscope_blink.gates.crops import gray_of, measured
from dscope_blink.gates.density import density_gate, median_gray
from dscope_blink.gates.finding import find_markers
from dscope_blink.gates.placement import Fit, fit_alike, fit_layout, layout_gate, way_of
from dscope_blink.gates.searching import MarkerFinder
from dscope_blink.gates.visibility import visibility_gate
from dscope_blink.records import Gate, GateOutcome, Layout, Marker, SheetResult

READABLE = GateOutcome("readable", True, ())
NOT_JUDGED: tuple[Gate, ...] = ("visibility", "density", "layout")


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
    inputs = (*finder.inputs, *((f"layout {one.name}", one.sha256) for one in layouts))
    height, width = picture.shape[:2]
    start = SheetResult(file, sha256, width, height, None, (READABLE,), markers, finder.name, inputs)
    gray, margin = gray_of(picture), settings.density.paper_margin

    def ink(marker: Marker, layout: Layout) -> Marker:
        return measured(marker, gray, layout.ink_level, margin)

    return judge_markers(start, layouts, ink, settings)


def find_good(picture: NDArray[np.uint8], finder: MarkerFinder, settings: GateSettings) -> tuple[Marker, ...]:
    """The markers of a sheet that a layout is to be learned from, by the first look alone.

    The second look adds what a layout expects, and there is none yet.

    Parameters
    ----------
    picture, finder, settings : as `judge_sheet` has them
    """
    first_look = replace(settings, recovery=replace(settings.recovery, accepts="none"))
    return find_markers(picture, finder, (), first_look)


def judge_markers(
    start: SheetResult, layouts: Sequence[Layout], ink: Callable[[Marker, Layout], Marker], settings: GateSettings
) -> SheetResult:
    """The same of markers that are found already.

    Parameters
    ----------
    start : what is known of the picture, with its markers
    layouts : of which it may be
    ink : a marker with the ink in its box, as a layout has it measured
    settings : the section `gates`
    """
    rules = settings.count_rules
    chosen = choose_layout(start, layouts, settings)
    if isinstance(chosen, str):
        others = (GateOutcome(gate, False, (), (chosen,)) for gate in NOT_JUDGED)
        return replace(start, gates=(READABLE, count_gate(start.markers, None, rules), *others))
    layout = chosen.layout
    inked = tuple(ink(one, layout) for one in chosen.judged.markers)
    fit = _counted(replace(chosen, judged=replace(chosen.judged, markers=inked)), settings)
    inked = fit.judged.markers
    big = layout.count_of(rules.big_kind)
    gates = (
        READABLE,
        count_gate(inked, big, rules),
        visibility_gate(fit.judged, fit.picture_px, settings.visibility.exceptions.get(str(big), 0)),
        density_gate(fit.judged, settings.density.exceptions.get(str(big), 0)),
        layout_gate(fit, rules.big_kind, settings.layout),
    )
    return replace(start, layout=layout.name, gates=gates, markers=inked)


def follows_from_markers(result: SheetResult, layouts: Sequence[Layout], settings: GateSettings) -> bool:
    """Whether the gates of a stored result are what its own markers come to; one that was edited may differ.

    Parameters
    ----------
    result : as it was stored
    layouts, settings : as `judge_sheet` had them
    """
    again = judge_markers(result, layouts, lambda marker, layout: marker, settings)
    return again.layout == result.layout and _said(again) == _said(result)


def _said(result: SheetResult) -> list[tuple[Gate, bool, tuple[str, ...]]]:
    return [(one.gate, one.ok, one.reasons) for one in result.gates]


def _counted(fit: Fit, settings: GateSettings) -> Fit:
    """A sheet without what lies beside all places and has neither the size nor the ink of a marker: letters, stains."""
    usual = {kind: median_gray(fit.judged.markers, kind) for kind in fit.layout.kinds}
    others = [one for one in fit.extra if not _may_be_marker(one, fit, usual[one.found.kind])]
    if not others:
        return fit
    kept = tuple(one for one in fit.judged.markers if one not in others)
    return fit_layout(kept, fit.layout, fit.picture_px, settings.layout)


def _may_be_marker(marker: Marker, fit: Fit, usual_gray: float) -> bool:
    """Whether its size is one of good markers, or its ink is: one fault alone does not make it something else."""
    held, (width, height) = fit.layout.ranges_of(marker.found.kind), fit.picture_px
    has_ink = held.gray_apart.holds(marker.median_gray - usual_gray) and held.ink_ratio.holds(marker.ink_ratio)
    return has_ink or held.area_share.holds(marker.found.box.area_px / (width * height))


def unreadable(file: str, sha256: str | None, reason: str, finder: str) -> SheetResult:
    """A picture that could not be read, or judged at all: NG for the reason."""
    gate = GateOutcome("readable", False, (), (reason,))
    return SheetResult(file, sha256, 0, 0, None, (gate,), (), finder, ())


# --- of which layout it is


def choose_layout(start: SheetResult, layouts: Sequence[Layout], settings: GateSettings) -> Fit | str:
    """The layout that a sheet is of, or why it is of none.

    The one on which most markers agree is taken. Two on which all places have their markers are one too many: nobody
    could say which of them is meant.
    """
    if not start.markers:
        return "no marker was found"
    fits = [fit_alike(start.markers, one, (start.width_px, start.height_px), settings.layout) for one in layouts]
    whole = [fit for fit in fits if _is_whole(fit)]
    if len(whole) > 1:
        return f"it may be of several layouts: {', '.join(fit.layout.name for fit in whole)}"
    if whole:
        return whole[0]
    ways = {fit.layout.name: way_of(fit, settings.layout) for fit in fits if len(fit.missing) > 0}
    otherwise = [f"{way} on layout {name}" for name, way in ways.items() if way]
    if otherwise:
        return f"the sheet lies {otherwise[0]}"
    best = max(fits, key=_likeness)
    if best.laid is None:
        return _of_count(fits, start.markers, settings)
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
    expected = expected_near(big_count(markers, rules), rules)
    fitting = [fit for fit in fits if fit.layout.count_of(rules.big_kind) == expected]
    if len(fitting) == 1:
        return fitting[0]
    return f"its markers fit no layout: {', '.join(fit.layout.name for fit in fits)}"
