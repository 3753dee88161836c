"""What is asked of each image: the command line's request, overridden row by row by a manifest."""

from __future__ import annotations

import csv
import difflib
import io
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dscope_blink.config.checking import must_be_one_of
from dscope_blink.config.problems import Problems
from dscope_blink.config.settings import CriteriaBook
from dscope_blink.records import Request, UserError, read_file

NUMBERS = ("core_diameter_um", "cladding_diameter_um", "pixel_aspect_ratio")
ANGLED = "fiber_is_angled"
COLUMNS = ("file", "fiber_class", "edition", *NUMBERS, ANGLED, "fiber", "fiber_structure")
NAMES = ("fiber_class", "edition", "fiber", "fiber_structure")
ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Manifest:
    """The requests of a manifest, keyed by file, and what looks odd in it."""

    requests: Mapping[str, Request] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def positive_number(name: str, text: str) -> float:
    """The number that `text` holds; UserError unless it is finite and above zero."""
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{name} must be a number, got {text!r}") from None
    if not 0 < value < float("inf"):
        raise UserError(f"{name} must be a positive number, got {text}")
    return value


def yes_or_no(name: str, text: str) -> bool:
    """What `text` answers; UserError unless it is one of ANSWERS."""
    if text.lower() not in ANSWERS:
        raise UserError(f"{name} must be one of {', '.join(ANSWERS)}, got {text!r}")
    return ANSWERS[text.lower()]


def make_request(
    defaults: Request, given: Mapping[str, Any], criteria: CriteriaBook, structures: Collection[str] = ()
) -> Request:
    """`defaults` with the fields of `given` in their place.

    UserError unless the class exists, the diameters fit, and the structure is one of those that are described.
    """
    problems = Problems()
    asked = {"edition": defaults.edition, "fiber_class": defaults.fiber_class, **given}
    problems.attempt(None, criteria.find, asked["edition"], asked["fiber_class"])
    structure = given.get("fiber_structure")
    if structure is not None and structure not in structures:
        problems.lines.append(f"fiber_structure: {must_be_one_of(structures, structure)}")
    try:
        request = replace(defaults, **given)
    except ValueError as error:
        problems.lines.append(str(error))
    problems.raise_if_any()
    return request


def read_manifest(path: Path, criteria: CriteriaBook, defaults: Request, structures: Collection[str] = ()) -> Manifest:
    """Read what a manifest asks of each image.

    Parameters
    ----------
    path : CSV in UTF-8 with the column `file`, relative to the input folder, and any of COLUMNS; others are carried
    criteria : the editions and classes that may be asked for
    defaults : what the command line asks; a cell that is not empty overrides it
    structures : names of the structures that are described

    Returns
    -------
    Manifest with one request for each row

    Raises
    ------
    UserError : one line for every problem of the file, with the row as a spreadsheet counts it
    """
    rows = _read_rows(path)
    columns = _columns(path, rows[0] if rows else [])
    problems = Problems()
    requests: dict[str, Request] = {}
    for number, cells in enumerate(rows[1:], 2):
        row = Problems(f"{path.name}: row {number}: ")
        if any(cells):
            named = row.attempt(None, _named_cells, columns, cells, requests)
            if named is not None:
                requests[file_key(named["file"])] = row.attempt(
                    defaults, _row_request, named, criteria, defaults, structures
                )
        problems.lines += row.lines
    problems.raise_if_any()
    return Manifest(requests, _odd_columns(path, columns))


def _read_rows(path: Path) -> list[list[str]]:
    try:
        text = read_file(path).decode("utf-8-sig")
        return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), strict=True)]
    except OSError as error:
        raise UserError(f"manifest {path}: cannot be read, {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name}: not UTF-8 text, byte {error.start} cannot be decoded") from None
    except csv.Error as error:
        raise UserError(f"{path.name}: not a CSV table, {error}") from None


def _columns(path: Path, header: Sequence[str]) -> list[str]:
    """The names in the header, those the program knows in small letters."""
    columns = [name.lower() if name.lower() in COLUMNS else name for name in header]
    problems = Problems(f"{path.name}: ")
    if "file" not in columns:
        problems.lines.append(
            f'{path.name}: no column "file", its columns are {", ".join(map(repr, columns)) or "none"}'
        )
    twice = [name for name, times in Counter(filter(None, columns)).items() if times > 1]
    problems.lines += [f"{path.name}: column {name!r} appears twice" for name in twice]
    problems.raise_if_any()
    return columns


def _odd_columns(path: Path, columns: Iterable[str]) -> tuple[str, ...]:
    near = {name: difflib.get_close_matches(name.lower(), COLUMNS, 1, 0.8) for name in columns if name not in COLUMNS}
    text = '{}: column {!r} is carried along unread; did you mean "{}"?'
    return tuple(text.format(path.name, name, match[0]) for name, match in near.items() if match)


def _named_cells(columns: Sequence[str], cells: Sequence[str], before: Collection[str]) -> dict[str, str]:
    if any(cells[len(columns) :]):
        raise UserError(f"{len(cells)} cells under {len(columns)} columns")
    named = {name: cell for name, cell in zip_longest(columns, cells[: len(columns)], fillvalue="") if name}
    if not named["file"]:
        raise UserError("no file is named")
    if file_key(named["file"]) in before:
        raise UserError(f"{named['file']!r} is named twice")
    return named


def _row_request(
    named: Mapping[str, str], criteria: CriteriaBook, defaults: Request, structures: Collection[str]
) -> Request:
    problems = Problems()
    given: dict[str, Any] = {name: named[name] for name in NAMES if named.get(name)}
    for name in NUMBERS:
        if named.get(name):
            given[name] = problems.attempt(None, positive_number, name, named[name])
    if named.get(ANGLED):
        given[ANGLED] = problems.attempt(None, yes_or_no, ANGLED, named[ANGLED])
    given["manifest"] = {name: cell for name, cell in named.items() if name not in COLUMNS}
    request = problems.attempt(defaults, make_request, defaults, given, criteria, structures)
    problems.raise_if_any()
    return request


def file_key(file: str) -> str:
    """Equal for the ways in which one file may be named: either slash, composed or decomposed letters."""
    return unicodedata.normalize("NFC", file.replace("\\", "/")).removeprefix("./")
