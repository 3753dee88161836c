"""What is made of all pictures together once each has its files: a row of FINISHERS for each kind, in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dscope_blink.config.settings import Config
from dscope_blink.files.whole_files import write_file
from dscope_blink.training.classes import classes_json
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.exporting import export
from dscope_blink.training.json_text import json_bytes
from dscope_blink.training.tables import Column, write_table


@dataclass(frozen=True, slots=True)
class Finisher:
    """What is made of a whole data set: its name in messages, and what writes it."""

    name: str
    write: Callable[[Dataset, Config], None]


def _write_classes(dataset: Dataset, config: Config) -> None:
    write_file(dataset.folder / "pixel_level" / "classes.json", json_bytes(classes_json()))


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
    Finisher("problems", _write_problems),
    Finisher("exports", _write_exports),
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
