"""A data set on disk: where its files lie, and its labels read one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dscope_blink.files.whole_files import write_file
from dscope_blink.records import UserError, read_file
from dscope_blink.records.json_reading import decode_json
from dscope_blink.training.json_text import json_bytes
from dscope_blink.training.labels import LabelFile, Row, read_label

INDEX, LABELS, PROBLEMS = "dataset.json", "labels", "problems.csv"
DATASET_SCHEMA = "dscope-blink/dataset/1"


def label_path(folder: Path, name: str) -> Path:
    """labels/NAME.json."""
    return folder / LABELS / f"{name}.json"


class LeftOut(UserError):
    """Why a picture is no part of the data set: a row of problems.csv, never a stop."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A picture that is no part of the data set, or not all of it."""

    file: str
    problem: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A finished data set.

    Parameters
    ----------
    folder : of the data set
    names : of its pictures, in order
    problems : of pictures that were left out, or are there in part
    """

    folder: Path
    names: tuple[str, ...]
    problems: tuple[Problem, ...] = ()

    def labels(self) -> Iterator[LabelFile]:
        """Of each picture in order, read one by one."""
        return (read_label(label_path(self.folder, name)) for name in self.names)

    def rows(self, table: str) -> Iterator[Row]:
        """What its pictures give to a table, in their order, read one by one."""
        return (row for labelled in self.labels() for row in labelled.rows.get(table, ()))

    def write_index(self) -> None:
        """Write dataset.json, by which the folder is known as a data set; it is written last."""
        index = {"schema": DATASET_SCHEMA, "pictures": list(self.names), "problems": msgspec.to_builtins(self.problems)}
        write_file(self.folder / INDEX, json_bytes(index))


def open_dataset(folder: Path) -> Dataset:
    """A data set that was built; UserError if the folder is none."""
    path = folder / INDEX
    try:
        data = decode_json(read_file(path))
        found = data.get("schema") if isinstance(data, dict) else None
        if found != DATASET_SCHEMA:
            raise UserError(f"{path}: the schema of a data set must be {DATASET_SCHEMA}, got {found!r}")
        parts = (data.get("pictures"), data.get("problems", []))
        names, problems = msgspec.convert(parts, tuple[tuple[str, ...], tuple[Problem, ...]])
    except OSError:
        raise UserError(f"{folder}: no data set, it has no {INDEX}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: no index of a data set: {error}") from None
    return Dataset(folder, names, problems)
