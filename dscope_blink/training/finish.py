"""What is made of all pictures together once each has its files: a row of FINISHERS for each kind, in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dscope_blink.config.settings import Config
from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import write_file
from dscope_blink.training.arrays import write_hdf5, write_shards
from dscope_blink.training.card import write_card
from dscope_blink.training.classes import classes_json
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.defect_library import write_library
from dscope_blink.training.exporting import export
from dscope_blink.training.feature_maps import write_map_meanings
from dscope_blink.training.image_table import write_image_folders, write_image_table
from dscope_blink.training.json_text import json_bytes
from dscope_blink.training.mark_table import write_mark_table
from dscope_blink.training.splits import write_splits
from dscope_blink.training.tables import Column, write_table
from dscope_blink.training.zone_table import write_zone_table


@dataclass(frozen=True, slots=True)
class Finisher:
    """What is made of a whole data set: its name in messages, and what writes it."""

    name: str
    write: Callable[[Dataset, Config], None]


def _write_classes(dataset: Dataset, config: Config) -> None:
    folder = dataset.folder / "pixel_level"
    make_folder(folder)  # of no picture it is there
    write_file(folder / "classes.json", json_bytes(classes_json()))


def _write_problems(dataset: Dataset, config: Config) -> None:
    rows = [{"file": problem.file, "problem": problem.problem} for problem in dataset.problems]
    write_table(dataset.folder / "problems", PROBLEM_COLUMNS, rows)


def _write_exports(dataset: Dataset, config: Config) -> None:
    for name in config.training.exports:
        export(dataset, name)


PROBLEM_COLUMNS = (
    Column("file", "text", "the picture, as its files in the data set are named"),
    Column("problem", "text", "why it is no part of the data set, or not with all"),
)
FINISHERS = (
    Finisher("classes", _write_classes),
    Finisher("splits", write_splits),
    Finisher("problems", _write_problems),
    Finisher("marks", write_mark_table),
    Finisher("zones", write_zone_table),
    Finisher("images", write_image_table),
    Finisher("folders of pictures", write_image_folders),
    Finisher("shards", write_shards),
    Finisher("HDF5", write_hdf5),
    Finisher("meaning of feature maps", write_map_meanings),
    Finisher("library", write_library),  # after the splits, by which its types are fitted
    Finisher("exports", _write_exports),
    Finisher("card", write_card),  # last: it tells of all that is there
)


def finish(dataset: Dataset, config: Config) -> None:
    """Write what is made of all pictures together, and last the index: with it the data set is complete.

    Raises
    ------
    UserError : a file cannot be written
    """
    for finisher in FINISHERS:
        finisher.write(dataset, config)
    dataset.write_index()
