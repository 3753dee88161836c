"""CSV files, as programs read them everywhere or as Excel opens them where the comma is the decimal sign."""

from __future__ import annotations

import codecs
import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from dscope_blink.reporting.tables import FORMULA_STARTS, SUMMARY_COLUMNS, Column, Row, Table, one_line, types_of


@dataclass(frozen=True, slots=True)
class CsvStyle:
    """What stands between cells and in numbers, and what the file begins with."""

    separator: str
    decimal: str
    start: bytes


# Excel takes a file without byte order mark for text of the system's code page; the line `sep=;`, which some write
# instead of a region's own separator, would hide the mark from it and be a row to every other reader.
CSV_STYLES: Mapping[str, CsvStyle] = MappingProxyType(
    {
        "international": CsvStyle(",", ".", b""),
        "continental": CsvStyle(";", ",", codecs.BOM_UTF8),
    }
)


def csv_bytes(table: Table, style: str) -> bytes:
    """A table as the CSV files have it: UTF-8, one line per row, no cell that a spreadsheet takes for a formula.

    The same as `to_csv` of pandas writes, without a DataFrame, which takes ten times as long as the text.

    Parameters
    ----------
    table : its cells text, numbers, True, False or nothing
    style : key of CSV_STYLES
    """
    signs = CSV_STYLES[style]
    types = tuple(table.types.values())
    rows = (map(_as_typed, row, types) for row in table.rows)
    return signs.start + b"".join(_line(row, signs) + b"\n" for row in (table.types, *rows))


class SummaryTable:
    """summary_report.csv as it grows: of each row only its line is kept, so that a million of them fit into memory.

    The columns that the manifest carried follow those that are declared, in the order in which they are first seen.

    Parameters
    ----------
    style : key of CSV_STYLES
    columns : of a table of another kind
    """

    def __init__(self, style: str, columns: Sequence[Column] = SUMMARY_COLUMNS) -> None:
        self._signs = CSV_STYLES[style]
        self._types = types_of(columns)
        self._names = list(self._types)
        self._lines: dict[int, tuple[bytes, int]] = {}  # by the place in the batch: the line, and of how many cells

    def add(self, place: int, row: Row) -> None:
        """Add a row of `summary_row`, or put it in the place of an earlier one."""
        self._names += [name for name in row if name not in self._names]
        cells = [_as_typed(row.get(name), self._types.get(name, "object")) for name in self._names]
        self._lines[place] = _line(cells, self._signs), len(cells)

    def parts(self) -> Iterator[bytes]:
        """The header and the lines of the file, in the order of their places."""
        yield self._signs.start + _line(self._names, self._signs) + b"\n"
        for place in sorted(self._lines):
            line, cells = self._lines[place]
            yield line + self._signs.separator.encode() * (len(self._names) - cells) + b"\n"


def _as_typed(value: Any, dtype: str) -> Any:
    """The value as pandas would write it in a column of this type."""
    if value is None or (isinstance(value, float) and math.isnan(value)):  # what is no number is empty
        return None
    return float(value) if dtype == "float64" else value


def _line(cells: Iterable[Any], signs: CsvStyle) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=signs.separator, lineterminator="").writerow(_cell(one, signs.decimal) for one in cells)
    return text.getvalue().encode("utf-8", "backslashreplace")  # a file name may hold bytes that are no text


def _cell(cell: Any, decimal: str) -> Any:
    """Text becomes one line that no spreadsheet takes for a formula, a number gets the decimal sign."""
    if isinstance(cell, float):
        return repr(cell).replace(".", decimal)
    if not isinstance(cell, str):
        return cell
    line = one_line(cell)
    is_formula = line.lstrip()[:1] in FORMULA_STARTS or cell[:1] in ("\t", "\r")
    return f"'{line}" if is_formula else line
