"""What people changed of what was said of a picture: corrections/NAME.json, and how often the program was right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from dscope_blink.files.whole_files import write_file, writing
from dscope_blink.records import UserError, read_file
from dscope_blink.training.labels import KINDS, Label, Mark, Row, Source, decode_plain, encode_plain
from dscope_blink.training.tables import Column

CORRECTIONS = "corrections"
CORRECTION_SCHEMA = "dscope-blink/correction/1"


@dataclass(frozen=True, slots=True)
class Changed:
    """A mark of the program's that a person did not leave as it was."""

    was: Mark
    what: Literal["deleted", "redrawn", "class"]
    now: str = ""  # id of the mark that is there instead; empty: none
    now_kind: str = ""
    iou: float = 0.0  # of both


@dataclass(frozen=True, slots=True)
class Correction:
    """A picture as a person left it."""

    name: str  # of the picture in the data set
    sha256: str  # of its bytes: it is the same picture
    width: int
    height: int
    source: Source  # the person, and when
    tool: str
    marks: tuple[Mark, ...]  # all of the picture; those that were left as they were keep their source
    changed: tuple[Changed, ...] = ()
    added: tuple[str, ...] = field(default=())  # ids of marks that the program did not have


def correction_path(folder: Path, name: str) -> Path:
    """NAME.json in a folder of corrections."""
    return folder / f"{name}.json"


def write_correction(folder: Path, correction: Correction) -> None:
    """Write NAME.json into a folder of corrections, whole or not at all."""
    path = correction_path(folder, correction.name)
    with writing(path):
        write_file(path, encode_plain({"schema": CORRECTION_SCHEMA}, correction))


def read_correction(path: Path) -> Correction | None:
    """Read NAME.json; None where there is none, UserError where it is no correction."""
    try:
        data = read_file(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path}: cannot be read, {error.strerror}") from None
    return decode_plain(path, data, CORRECTION_SCHEMA, Correction)


def read_corrections(folder: Path) -> Iterator[Correction]:
    """All of a folder, in order."""
    for path in sorted(folder.rglob("*.json")):
        correction = read_correction(path)
        if correction is not None:
            yield correction


def corrected(label: Label, correction: Correction | None) -> Label:
    """A label as a person left it; as it is where nobody saw it, UserError where it is of another picture."""
    if correction is None:
        return label
    if (correction.width, correction.height) != (label.width, label.height) or correction.sha256 != label.sha256:
        raise UserError(f"{label.name}: its correction by {correction.source.name} is of another picture")
    return replace(label, marks=correction.marks, source=correction.source)


# --- how often the program was right

COLUMNS = (
    Column("kind", "text", "of the marks; all: of any kind"),
    Column("said", "whole", "marks of the program in the pictures that people saw"),
    Column("kept", "whole", "of these left as they were"),
    Column("redrawn", "whole", "of these with another outline"),
    Column("class_changed", "whole", "of these called by another kind"),
    Column("deleted", "whole", "of these deleted"),
    Column("added", "whole", "marks that people added"),
    Column("precision", "number", "share of the marks of the program that are right: same kind, outlines half alike"),
    Column("recall", "number", "share of the marks of people that the program had right"),
)
SAME = 0.5  # intersection over union, from which a redrawn mark is the same one: COCO's AP50
ALL = "all"


def precision_rows(corrections: Iterable[Correction]) -> list[Row]:
    """A row for each kind that there is, and one for all of them."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in (*KINDS, ALL)}
    for correction in corrections:
        for kind, what in _events(correction):
            counts[kind][what] += 1
            counts[ALL][what] += 1
    return [_row(kind, count) for kind, count in counts.items() if count or kind == ALL]


def _events(correction: Correction) -> Iterator[tuple[str, str]]:
    """Kind and what happened to it, for each mark."""
    for mark in correction.marks:
        if mark.source.by == "program":
            yield from ((mark.kind, what) for what in ("said", "kept", "right", "wanted"))
        elif mark.id in correction.added:
            yield from ((mark.kind, what) for what in ("added", "wanted"))
    for changed in correction.changed:
        kind = changed.was.kind
        if changed.was.source.by != "program":
            continue
        yield kind, "said"
        yield kind, changed.what
        if changed.now:
            yield changed.now_kind, "wanted"
        if changed.what == "redrawn" and changed.iou >= SAME:
            yield kind, "right"


def _row(kind: str, count: Mapping[str, int]) -> Row:
    said, wanted, right = count["said"], count["wanted"], count["right"]
    return {
        "kind": kind,
        "said": said,
        "kept": count["kept"],
        "redrawn": count["redrawn"],
        "class_changed": count["class"],
        "deleted": count["deleted"],
        "added": count["added"],
        "precision": right / said if said else None,
        "recall": right / wanted if wanted else None,
    }
