"""image_level/labels.csv: one row for each picture; on request the pictures sorted into folders by verdict and kind."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dscope_blink.config.settings import Config, TrainingSettings
from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import whole_file
from dscope_blink.records import texts
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.faces import Face
from dscope_blink.training.labels import KINDS, Label, Row
from dscope_blink.training.severities import worst_severity
from dscope_blink.training.tables import Column, measured, write_table

TABLE = "images"
FOLDER = Path("image_level")
BY_STATUS = {"PASS": "Pass", "FAIL": "Fail", "NOT_GRADED": "NotGraded"}
TYPES, CLEAN = "types", "clean"
IF_GRADED = "null where marks may be missing: not graded"
COLUMNS = (
    Column("image", "text", "name of the picture"),
    Column("file", "text", "its copy, relative to the data set"),
    Column("source_file", "text", "as it was found"),
    Column("face", "text", "the physical face; empty: nobody says"),
    Column("PassFail", "text", f"{', '.join(BY_STATUS.values())}: the label"),
    *(Column(f"has_{kind}", "truth", f"whether it shows {kind}; {IF_GRADED}", tells_label=True) for kind in KINDS),
    *(Column(f"count_{kind}", "whole", f"number of {kind}; {IF_GRADED}", tells_label=True) for kind in KINDS),
    Column("marks", "whole", f"number of all; {IF_GRADED}", tells_label=True),
    Column("marks_counted", "whole", f"of which the criteria count; {IF_GRADED}", tells_label=True),
    Column("worst_severity", "text", "of its marks; null: nobody says, or there are none", tells_label=True),
    Column("marginal", "truth", "whether the verdict would change within the uncertainty", tells_label=True),
    Column("notes", "text", "why it failed or was not graded, and what there is to warn of", tells_label=True),
    Column("width_px", "whole", "of the picture"),
    Column("height_px", "whole", "of the picture"),
    Column("um_per_px_x", "number", "scale along rows; null: none is known"),
    Column("um_per_px_y", "number", "scale along columns; null: none is known"),
    Column("labelled_by", "text", "program, rendered, injected or person"),
    Column("labelled_by_name", "text", "program and version, or the person"),
    Column("sha256", "text", "of the picture's file"),
)


def image_row(face: Face) -> Row:
    """The row of a picture."""
    label, inspection = face.label, face.inspection
    known = label.marks_are_known
    counts = Counter(mark.kind for mark in label.marks)
    x, y = label.um_per_px or (None, None)
    warnings = () if inspection is None else texts(inspection.quality.warnings)
    return measured(
        {
            "image": label.name,
            "file": label.image,
            "source_file": label.file,
            "face": label.face,
            "PassFail": BY_STATUS[label.status],
            **{f"has_{kind}": counts[kind] > 0 if known else None for kind in KINDS},
            **{f"count_{kind}": counts[kind] if known else None for kind in KINDS},
            "marks": len(label.marks) if known else None,
            "marks_counted": sum(mark.counted for mark in label.marks) if known else None,
            "worst_severity": worst_severity(label.marks),
            "marginal": None if inspection is None or not known else inspection.verdict.marginal,
            "notes": "; ".join((*label.reasons, *warnings)),
            "width_px": label.width,
            "height_px": label.height,
            "um_per_px_x": x,
            "um_per_px_y": y,
            "labelled_by": label.source.by,
            "labelled_by_name": label.source.name,
            "sha256": label.sha256,
        }
    )


def write_image_row(face: Face, folder: Path, settings: TrainingSettings) -> dict[str, tuple[Row, ...]]:
    """The row of a picture; it has no files of its own."""
    return {TABLE: (image_row(face),)}


def write_image_table(dataset: Dataset, config: Config) -> None:
    """Write image_level/labels.parquet and labels.csv."""
    write_table(dataset.folder / FOLDER / "labels", COLUMNS, dataset.rows(TABLE))


def write_image_folders(dataset: Dataset, config: Config) -> None:
    """Sort the pictures into folders, as programs read them that know a class by its folder; on request.

    Pass, Fail and NotGraded; and types/KIND, in each of which a picture lies that shows the kind, or types/clean. What
    an earlier build has sorted is removed first.
    """
    base, how = dataset.folder / FOLDER, config.training.image_folders
    for name in (*BY_STATUS.values(), TYPES):
        shutil.rmtree(base / name, ignore_errors=True)
    if how == "none":
        return
    for labelled in dataset.labels():
        picture = dataset.folder / labelled.label.image
        for place in _places(labelled.label):
            _put(picture, base / place / f"{labelled.label.name}{picture.suffix}", how == "links")


def _places(label: Label) -> Iterator[str]:
    yield BY_STATUS[label.status]
    if not label.marks_are_known:
        return
    shown = {mark.kind for mark in label.marks}
    yield from (f"{TYPES}/{kind}" for kind in KINDS if kind in shown)
    if not shown:
        yield f"{TYPES}/{CLEAN}"


def _put(picture: Path, path: Path, link: bool) -> None:
    """A link is relative: it holds when the data set is moved as a whole."""
    make_folder(path.parent)
    with whole_file(path) as temporary:
        if link:
            temporary.symlink_to(os.path.relpath(picture, path.parent))
        else:
            shutil.copyfile(picture, temporary)
