"""Tables of a data set: columns declared once, written as Parquet and CSV from rows that come one by one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import whole_file
from dscope_blink.training.labels import Row

ROWS_AT_ONCE = 5_000  # in memory


@dataclass(frozen=True, slots=True)
class Column:
    """One column, its unit at the end of its name."""

    name: str
    kind: Literal["text", "number", "whole", "truth"]  # a number that was not measured is null
    meaning: str
    tells_label: bool = False  # the label follows from it: a model that is trained on it learns nothing


def write_table(stem: Path, columns: Sequence[Column], rows: Iterable[Row]) -> int:
    """Write STEM.parquet and STEM.csv.

    Parameters
    ----------
    stem : path of the files without their endings; its folder is made if need be
    columns : in the order of the files; an empty table keeps their types
    rows : each with a value for every column

    Returns
    -------
    Number of rows

    Raises
    ------
    KeyError : a row lacks a column
    UserError : a file cannot be written
    """
    import pyarrow as pa
    from pyarrow import csv, parquet

    types = {"text": pa.string(), "number": pa.float64(), "whole": pa.int64(), "truth": pa.bool_()}
    notes = [{"meaning": column.meaning, "tells_label": str(column.tells_label).lower()} for column in columns]
    schema = pa.schema([pa.field(c.name, types[c.kind], metadata=note) for c, note in zip(columns, notes, strict=True)])
    make_folder(stem.parent)
    count = 0
    with (
        whole_file(stem.with_name(f"{stem.name}.parquet")) as first,
        whole_file(stem.with_name(f"{stem.name}.csv")) as second,
        parquet.ParquetWriter(first, schema) as as_parquet,
        csv.CSVWriter(second, schema) as as_csv,
    ):
        for some in _some(rows):
            batch = pa.RecordBatch.from_pydict({c.name: [row[c.name] for row in some] for c in columns}, schema)
            as_parquet.write_batch(batch)
            as_csv.write_batch(batch)
            count += len(some)
    return count


def _some(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while some := list(islice(left, ROWS_AT_ONCE)):
        yield some


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file that `write_table` wrote."""
    from pyarrow import parquet

    rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return rows


def columns_that_tell(folder: Path) -> dict[str, list[str]]:
    """Of each table of a data set the columns from which a label follows, by the table's path in it."""
    from pyarrow import parquet

    found = {}
    for path in sorted(folder.rglob("*.parquet")):
        fields = parquet.read_schema(path)
        told = [field.name for field in fields if (field.metadata or {}).get(b"tells_label") == b"true"]
        if told:
            found[path.relative_to(folder).as_posix()] = told
    return found


def measured(row: Mapping[str, Any]) -> Row:
    """With null for what was not measured, and of other fractions the digits that mean anything."""
    return {name: _told(value) if isinstance(value, float) else value for name, value in row.items()}


def _told(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


DIGITS = 7  # those of float32, in which grey levels are
