"""A data set in the formats that other programs load: a row of EXPORTS for each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from dscope_blink.config.checking import must_be_one_of
from dscope_blink.files.syncing import make_folder, sync_folders
from dscope_blink.files.whole_files import writing
from dscope_blink.records import UserError
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.export_coco import write_coco, write_coco_polygons, write_fiftyone
from dscope_blink.training.export_cvat import write_cvat
from dscope_blink.training.export_label_studio import write_label_studio
from dscope_blink.training.export_parquet import write_parquet
from dscope_blink.training.export_pascal import write_pascal
from dscope_blink.training.export_yolo import write_yolo, write_yolo_boxes
from dscope_blink.training.exported import ExportSet

EXPORTS_FOLDER = "exports"

# By the name that --to takes and the folder has: what writes it into an empty folder.
EXPORTS: Mapping[str, Callable[[ExportSet, Path], None]] = MappingProxyType(
    {
        "coco": write_coco,
        "coco_polygons": write_coco_polygons,
        "yolo": write_yolo,
        "yolo_boxes": write_yolo_boxes,
        "label_studio": write_label_studio,
        "cvat": write_cvat,
        "pascal": write_pascal,
        "parquet": write_parquet,
        "fiftyone": write_fiftyone,
    }
)


def check_formats(names: Sequence[str]) -> tuple[str, ...]:
    """The formats by their names; UserError names the one there is none of."""
    for name in names:
        if name not in EXPORTS:
            raise UserError(f"a format {must_be_one_of(EXPORTS, name)}")
    if not names:
        raise UserError(f"a format must be named: {', '.join(EXPORTS)}")
    return tuple(dict.fromkeys(names))


def export(dataset: Dataset, name: str) -> Path:
    """Write a data set in one format.

    Parameters
    ----------
    dataset : that is built
    name : one of EXPORTS

    Returns
    -------
    exports/NAME; what an earlier export has written there is replaced once this one is whole

    Raises
    ------
    UserError : a file cannot be read
    WriteFailed : a file cannot be written
    """
    folder = dataset.folder / EXPORTS_FOLDER / name
    unfinished = folder.with_name(f".{name}.dscope-tmp")
    with writing(folder):
        shutil.rmtree(unfinished, ignore_errors=True)
        make_folder(unfinished)
        try:
            EXPORTS[name](ExportSet(dataset), unfinished)
            if folder.exists():
                shutil.rmtree(folder)
            unfinished.rename(folder)
            sync_folders([folder.parent])
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder
