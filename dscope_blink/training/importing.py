"""What people did to the marks of a data set elsewhere, compared with what it says, and stored beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from dscope_blink.records import Labels, UserError
from dscope_blink.training.classes import ZONE_CLASSES
from dscope_blink.training.corrections import (
    COLUMNS,
    CORRECTIONS,
    Changed,
    Correction,
    correction_path,
    precision_rows,
    read_correction,
    read_corrections,
    write_correction,
)
from dscope_blink.training.dataset import Dataset, label_path
from dscope_blink.training.export_label_studio import shown_polygon
from dscope_blink.training.exported import MarkMask, marks_of, safe_stems
from dscope_blink.training.foreign_marks import READERS, Drawn, Seen
from dscope_blink.training.labels import Label, Mark, Row, Source, read_label
from dscope_blink.training.masks import box_of, instances_of, zones_of
from dscope_blink.training.outlines import mark_outline, within
from dscope_blink.training.tables import write_table

LEFT_ALONE = 0.98  # intersection over union with what was shown: tools round, and cut what overlaps
SAME_MARK = 0.1  # from which a mark drawn elsewhere is one of the program's, moved


@dataclass(frozen=True, slots=True)
class Imported:
    """What came back."""

    corrections: tuple[Correction, ...]
    rows: tuple[Row, ...]  # precision and recall of the program by kind, over all corrections of the folder


def import_marks(dataset: Dataset, form: str, path: Path, author: str = "", folder: Path | None = None) -> Imported:
    """Take back what people did; nothing is written unless the whole file is right.

    Parameters
    ----------
    dataset : that was exported
    form : one of `foreign_marks.READERS`
    path : the file
    author : who did it; empty: as the file says of each picture
    folder : of the corrections; None: corrections/ of the data set

    Raises
    ------
    UserError : the file is damaged, or says something of a picture that the data set does not have
    """
    names = _names(dataset)
    found: dict[str, Correction] = {}
    for seen in READERS[form](path):
        name = _name_of(seen, names)
        if name is None:
            raise UserError(f"{path}: the data set has no picture {seen.name!r}")
        if name in found:
            raise UserError(f"{path}: the picture {seen.name!r} must be in it once")
        label = read_label(label_path(dataset.folder, name)).label
        found[name] = compare(label, seen, form, author, str(path))
    if not found:
        raise UserError(f"{path}: nobody has finished a picture in it")
    target = dataset.folder / CORRECTIONS if folder is None else folder
    for name, correction in found.items():
        write_correction(target, _with_earlier(correction, read_correction(correction_path(target, name))))
    rows = precision_rows(read_corrections(target))
    write_table(target.with_name(CORRECTIONS) if folder is None else target / "precision", COLUMNS, rows)
    return Imported(tuple(found.values()), tuple(rows))


def _with_earlier(now: Correction, before: Correction | None) -> Correction:
    """With what an earlier correction changed, where the labels were built from it since."""
    if before is None or before.sha256 != now.sha256:
        return now
    known = {mark.id for mark in now.marks} | {changed.was.id for changed in now.changed}
    earlier = tuple(changed for changed in before.changed if changed.was.id not in known)
    there = {mark.id for mark in now.marks}
    added = (*now.added, *(name for name in before.added if name in there and name not in now.added))
    return replace(now, changed=(*earlier, *now.changed), added=added)


def _name_of(seen: Seen, names: Mapping[str, str]) -> str | None:
    """The picture of the data set, by its name there or by that of its file."""
    stem = PurePosixPath(seen.name).stem
    found = (names.get(one) for one in (seen.name, stem, UPLOAD_PREFIX.sub("", stem)))
    return next((name for name in found if name is not None), None)


UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")  # that Label Studio puts before the names of uploaded files


def _names(dataset: Dataset) -> dict[str, str]:
    """Names in the data set by what an export calls them."""
    return {stem: name for name, stem in safe_stems(dataset.names).items()} | {name: name for name in dataset.names}


def compare(label: Label, seen: Seen, tool: str, author: str, place: str) -> Correction:
    """What a person changed of one picture."""
    if seen.drawn and (seen.width, seen.height) != (label.width, label.height):
        size, got = f"{label.width} x {label.height}", f"{seen.width} x {seen.height}"
        raise UserError(f"{place}: the picture {seen.name!r} must have {size} pixels, got {got}")
    who = author or seen.author
    if not who:
        raise UserError(f"{place}: it does not say who drew the marks of {seen.name!r}: name them (--author)")
    source = Source("person", who, seen.date)
    before = list(marks_of(label, instances_of(label)))
    pairs = _pairs(before, seen.drawn)
    ids, zones = {mark.id for mark in label.marks}, zones_of(label)
    marks: list[Mark] = []
    changed: list[Changed] = []
    added: list[str] = []
    for number, drawn in enumerate(seen.drawn):
        if not drawn.mask.any():
            continue
        old = next((before[i] for i, n in pairs if n == number), None)
        if old is not None and old.mark.kind == drawn.kind and _left_alone(old, drawn, zones.shape):
            marks.append(old.mark)
            continue
        name = _new_id("H" if old is None else f"{old.mark.id}-", ids)
        ids.add(name)
        mark = _drawn_mark(name, drawn, zones, source)
        marks.append(mark)
        if old is None:
            added.append(name)
        else:
            same = "redrawn" if old.mark.kind == drawn.kind else "class"
            changed.append(Changed(old.mark, same, name, drawn.kind, round(_overlap(old, drawn), 4)))  # type: ignore[arg-type]
    left = {i for i, _ in pairs}
    changed += [Changed(old.mark, "deleted") for i, old in enumerate(before) if i not in left]
    return Correction(
        label.name, label.sha256, label.width, label.height, source, tool, tuple(marks), tuple(changed), tuple(added)
    )


def _pairs(before: Sequence[MarkMask], drawn: Sequence[Drawn]) -> list[tuple[int, int]]:
    """Which mark became which: those that lie on each other most first, of equal ones the one of the same id."""
    found = []
    for i, old in enumerate(before):
        for n, new in enumerate(drawn):
            overlap = _overlap(old, new)
            if overlap >= SAME_MARK or (overlap > 0 and old.mark.id == new.id):
                found.append((-overlap, old.mark.id != new.id, i, n))
    pairs: list[tuple[int, int]] = []
    for _, _, i, n in sorted(found):
        if all(i != j and n != m for j, m in pairs):
            pairs.append((i, n))
    return pairs


def _overlap(old: MarkMask, new: Drawn) -> float:
    """Intersection over union."""
    (x0, y0), (x1, y1) = old.corner, new.corner
    x, y = max(x0, x1), max(y0, y1)
    one, two = old.mask[y - y0 :, x - x0 :], new.mask[y - y1 :, x - x1 :]
    h, w = min(one.shape[0], two.shape[0]), min(one.shape[1], two.shape[1])
    shared = int(np.count_nonzero(one[:h, :w] & two[:h, :w]))
    return shared / (int(np.count_nonzero(old.mask)) + int(np.count_nonzero(new.mask)) - shared) if shared else 0.0


def _left_alone(old: MarkMask, new: Drawn, shape: tuple[int, int]) -> bool:
    """Whether it is the outline that was shown, exact or with fewer points."""
    if _overlap(old, new) >= LEFT_ALONE:
        return True
    shown = within(shown_polygon(old), shape)
    if not shown.any():
        return False
    x, y, w, h = box_of(shown, (0, 0))
    return _overlap(MarkMask(old.mark, shown[y : y + h, x : x + w], (x, y)), new) >= LEFT_ALONE


def _new_id(start: str, ids: set[str]) -> str:
    return next(f"{start}{n}" for n in range(1, len(ids) + 2) if f"{start}{n}" not in ids)


def _drawn_mark(name: str, drawn: Drawn, zones: Labels, source: Source) -> Mark:
    outline, holes = mark_outline(drawn.mask, drawn.corner)
    (x, y), (h, w) = drawn.corner, drawn.mask.shape
    held = np.bincount(zones[y : y + h, x : x + w][drawn.mask], minlength=len(ZONE_CLASSES))
    zone = ZONE_CLASSES[int(np.argmax(held))]
    return Mark(name, drawn.kind, "" if zone == "outside" else zone, outline, source, holes)
