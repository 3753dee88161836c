"""The figures of a trained network of blemishes, its card and its curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from dscope_blink.models.segmentation import SegmentationNetwork
from dscope_blink.records import CLASSIFICATIONS, PROGRAM, VERSION
from dscope_blink.training.segmentation_lessons import read_lesson
from dscope_blink.training.segmentation_options import BATCH, Asked
from dscope_blink.training.segmentation_scores import (
    FAINT_CONTRAST,
    FAINT_SNR,
    LessonScore,
    MarkScore,
    calibration_error,
    false_at,
    found_at,
    reliability,
    scores,
)

if TYPE_CHECKING:
    from dscope_blink.training.segmentation_calibration import Calibration
    from dscope_blink.training.segmentation_network import BlemishNetwork

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)  # probabilities of a mark that the card has figures of
SHOWN = 0.5  # of which the tables by kind, contrast and noise are
CONTRASTS = (0.0, 0.05, 0.075, 0.1, 0.15, 0.25, 1.0)
SNRS = (2.0, 3.0, 4.5, 6.0, 10.0, 20.0, 1e9)

Curve: TypeAlias = Sequence[tuple[int, float, float]]
Figures: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """A network, and how it was made."""

    asked: Asked
    network: SegmentationNetwork
    calibration: Calibration
    curves: tuple[Curve, ...]
    torch: str
    date: str
    processor_s: float  # of the process that learned; that of the processes which search pictures is not in it
    rendered: int  # faces that it learned from: of others no fiber was found, or the search takes their core for a mark
    photographs: int
    own: int  # lessons of photographs and data sets


def figures_of(
    made: Made, scored: Sequence[Path], own_scored: Sequence[Path], network: BlemishNetwork
) -> dict[str, Any]:
    """What a network finds on held-out lessons, as plain JSON.

    Parameters
    ----------
    made : network and calibration
    scored : files of the lessons of rendered faces
    own_scored : of pictures of data sets that have taught nothing
    network : that which was exported
    """
    from dscope_blink.training.segmentation_calibration import probabilities_of

    def say(shown: Any) -> Any:
        return probabilities_of(network, made.calibration, shown)

    groups = {"faint": [], "clean": [], "any": []}  # type: dict[str, list[LessonScore]]
    for file in scored:
        groups[file.name.partition("_")[0]] += scores([read_lesson(file)], say)
    rendered = [one for several in groups.values() for one in several]
    figures: dict[str, Any] = {
        "model": made.network.name.rpartition("/")[2],
        "sha256": made.network.sha256,
        "faint": _levels([mark for one in groups["faint"] for mark in one.marks if mark.is_faint]),
        "clean": _false(groups["clean"]),
        "kinds": _by_kind([mark for one in groups["any"] for mark in one.marks]),
        "contrasts": _between(rendered, CONTRASTS, lambda mark: mark.mark.contrast),
        "snrs": _between(rendered, SNRS, lambda mark: mark.mark.snr),
        "calibration_error": calibration_error(rendered),
        "reliability": [list(row) for row in reliability(rendered)],
    }
    if own_scored:
        own = scores((read_lesson(file) for file in own_scored), say)
        figures["data_sets"] = {
            "pictures": len(own),
            "marks": _levels([mark for one in own for mark in one.marks]),
            "false": _false(own),
            "kinds": _by_kind([mark for one in own for mark in one.marks]),
        }
    return figures


def _levels(marks: Sequence[MarkScore]) -> list[dict[str, Any]]:
    return [{"at": level, **_counted(marks, level)} for level in LEVELS]


def _counted(marks: Sequence[MarkScore], level: float = SHOWN) -> dict[str, int]:
    found = found_at(marks, level)
    return {
        "marks": found.marks,
        "network": found.by_network,
        "detectors": found.by_detectors,
        "either": found.by_either,
        "named": found.named,
    }


def _false(lessons: Sequence[LessonScore]) -> dict[str, Any]:
    return {
        "pictures": len(lessons),
        "detectors": sum(one.false_by_detectors for one in lessons),
        "network": [{"at": level, "false": false_at(lessons, level)} for level in LEVELS],
    }


def _by_kind(marks: Sequence[MarkScore]) -> dict[str, dict[str, int]]:
    return {kind: _counted([mark for mark in marks if mark.mark.kind == kind]) for kind in CLASSIFICATIONS}


def _between(lessons: Sequence[LessonScore], borders: Sequence[float], value: Any) -> list[dict[str, Any]]:
    marks = [mark for one in lessons for mark in one.marks]
    return [
        {"from": low, "to": high, **_counted([mark for mark in marks if low <= value(mark) < high])}
        for low, high in pairwise(borders)
    ]


def curve_csv(curves: Sequence[Curve]) -> str:
    """course, step, loss, held_out_loss; of the rendered faces first, then of the photographs and data sets."""
    rows = [
        f"{course},{step},{loss:.5f},{held:.5f}" for course, curve in enumerate(curves, 1) for step, loss, held in curve
    ]
    return "\n".join(["course,step,loss,held_out_loss", *rows, ""])


# --- in words


def _of(found: int, total: int) -> str:
    return f"{found} of {total}" + (f" ({found / total:.1%})" if total else "")


def _found_rows(rows: Sequence[Mapping[str, Any]], first: Sequence[str]) -> str:
    return "\n".join(
        f"| {name} | {_of(row['network'], row['marks'])} | {_of(row['detectors'], row['marks'])} "
        f"| {_of(row['either'], row['marks'])} | {_of(row['named'], row['network'])} |"
        for name, row in zip(first, rows, strict=True)
    )


def _range(row: Mapping[str, Any], unit: float, end: str) -> str:
    low, high = row["from"] * unit, row["to"] * unit
    return f"from {low:g}{end}" if high >= 100 else f"{low:g} to {high:g}{end}"


def card(made: Made, figures: Figures) -> str:
    """Markdown: what it is, what it learned from, how good it is and how it is made again."""
    asked, clean = made.asked, figures["clean"]
    false = "\n".join(
        f"| {row['at']:g} | {row['false']} | {row['false'] / max(clean['pictures'], 1):.3f} |"
        for row in clean["network"]
    )
    sure = "\n".join(
        f"| {chance:.2f} | {findings} | {share:.3f} |" for chance, findings, share in figures["reliability"]
    )
    side = made.network.side_px
    kinds, contrasts, snrs = figures["kinds"], figures["contrasts"], figures["snrs"]
    return CARD.format(
        name=figures["model"].removesuffix(".onnx"),
        size=len(made.network.network.data),
        sha256=figures["sha256"],
        date=made.date,
        program=f"{PROGRAM} {VERSION}",
        torch=made.torch,
        input=f"[1, 2, {side}, {side}]",
        output=f"[1, 6, {side}, {side}]",
        data=_data(made),
        learned_s=made.processor_s,
        temperature=made.calibration.temperature,
        contrast=f"{FAINT_CONTRAST[0]:.0%} to {FAINT_CONTRAST[1]:.0%}",
        snr=f"{FAINT_SNR[0]:g} to {FAINT_SNR[1]:g}",
        faint=_found_rows(figures["faint"], [f"{row['at']:g}" for row in figures["faint"]]),
        clean=clean["pictures"],
        by_detectors=clean["detectors"],
        false=false,
        shown=SHOWN,
        kinds=_found_rows(list(kinds.values()), list(kinds)),
        contrasts=_found_rows(contrasts, [_range(row, 100, " %") for row in contrasts]),
        snrs=_found_rows(snrs, [_range(row, 1, "") for row in snrs]),
        error=figures["calibration_error"],
        sure=sure,
        own=_own(figures.get("data_sets")),
        command=_command(asked),
    )


def _data(made: Made) -> str:
    asked = made.asked
    text = f"what {asked.start and asked.start.name} had learned"
    if asked.start is None:
        text = (
            f"{made.rendered} of {asked.faces} rendered faces (of the others no fiber was located, or the search takes "
            f"their whole core for a mark), {asked.steps} steps of {BATCH} crops"
        )
    if not made.own:
        return f"It learned from {text}. No photograph is among them."
    sources = [f"{made.photographs} photographs"] if made.photographs else []
    sources += [f"{len(asked.datasets)} data set(s)"] if asked.datasets else []
    return (
        f"It learned from {text}; then, {asked.tuning_steps} steps, from {' and '.join(sources)} "
        f"({made.own} lessons: untouched, in other light and focus, and with blemishes painted into photographs) "
        "beside rendered faces. Of a photograph only zones in which a person saw nothing, and painted blemishes, teach."
    )


def _own(found: Figures | None) -> str:
    if found is None:
        return ""
    rows = _found_rows(found["marks"], [f"{row['at']:g}" for row in found["marks"]])
    false = ", ".join(f"{row['false']} at {row['at']:g}" for row in found["false"]["network"])
    head = "| probability at least | found by the network | by the detectors | by either | named right |"
    return (
        f"\nOn {found['pictures']} pictures of the data sets that taught nothing:\n\n{head}\n|---|---|---|---|---|\n"
        f"{rows}\n\n"
        f"Findings on the fiber that mean none of their marks: {false}.\n"
    )


def _command(asked: Asked) -> str:
    words = ["python -m dscope_blink.training.fit_segmentation --output networks"]
    words += [f"--photographs {' '.join(folder.name for folder in asked.photographs)}"] if asked.photographs else []
    words += [f"--dataset {' '.join(folder.name for folder in asked.datasets)}"] if asked.datasets else []
    words += [f"--start {asked.start.name}"] if asked.start else [f"--faces {asked.faces} --steps {asked.steps}"]
    words += [f"--tuning-steps {asked.tuning_steps}"] if asked.photographs or asked.datasets else []
    words += [f"--held-out {asked.held_out} --seed {asked.seed}"]
    return " \\\n        ".join(words)


CARD = """# {name}

A small network that finds blemishes beside the detectors (docs/learned.md): the residual of a picture in, the
probability of each kind at each pixel out.

| | |
|---|---|
| file | `{name}.onnx`, {size} bytes; `{name}.pt` has the same weights, to go on from |
| sha256 | `{sha256}` |
| made | {date}, by {program} with torch {torch} |
| network | U-Net of 4 levels, 8 to 64 channels, four pixels taken as one at first and given back at the end |
| input | {input} float32: residual in sigmas, over 5, clipped at 20; distance from the centre over two cladding radii |
| output | {output} float32: probabilities of none, scratch, pit_dig, contamination, crack, chip |
| calibration | temperature {temperature:.3f} and a bias of each kind, fitted to held-out faces, are in the file |
| learning | {learned_s:.0f} s of one processor in the run that wrote this, beside the search of the pictures |
| licence | that of the program; no picture can be taken out of it |

## Data

{data}

## Figures

On rendered faces that taught nothing, numbers 1,001,003 and on. A mark is found where 6 px on it or right beside it
reach the probability. "Detectors" are the classical ones on the same pictures; "either" is what both find together,
without the thresholds of the fusion; docs/validation.md has what an inspection reports.

Pits and contamination of {contrast} contrast whose peak stands {snr} times above the noise of a pixel:

| probability at least | found by the network | by the detectors | by either | named right |
|---|---|---|---|---|
{faint}

On {clean} clean faces, in core and cladding (the detectors: {by_detectors} findings):

| probability at least | false findings | for each face |
|---|---|---|
{false}

By kind, at {shown}:

| kind | found by the network | by the detectors | by either | named right |
|---|---|---|---|---|
{kinds}

By contrast, at {shown}:

| contrast | found by the network | by the detectors | by either | named right |
|---|---|---|---|---|
{contrasts}

By peak over the noise of a pixel, at {shown}:

| peak over noise | found by the network | by the detectors | by either | named right |
|---|---|---|---|---|
{snrs}
{own}
How far its probabilities can be believed: of the findings on the fiber whose sixth strongest pixel has about the
probability of the first column, the last column is the share that are marks; mean distance {error:.3f}.

| probability | findings | share that are marks |
|---|---|---|
{sure}

## Made again

    {command}
"""
