"""What is asked of each image: the command line's request, overridden row by row by a manifest."""

from __future__ import annotations

import csv
import difflib
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
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
    """The requests of a manifest, keyed by file."""

    requests: Mapping[str, Request] = field(default_factory=dict)


def positive_number(name: str, text: str) -> float:
    """The number that `text` holds, whose decimal sign may be a comma; UserError unless it is finite and above zero.

    1,250 may be a thousand and more or little more than one: it is refused.
    """
    if re.fullmatch(r"\s*\+?[1-9]\d{0,2}(,\d{3})+(\.\d*)?\s*", text):
        raise UserError(f"{name} must be a number without separators of thousands, got {text!r}")
    try:
        value = float(text.replace(",", ".", 1))
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
    defaults: Request,
    given: Mapping[str, Any],
    criteria: CriteriaBook,
    structures: Collection[str] = (),
    *,
    class_is_asked: bool = False,
) -> Request:
    """`defaults` with the fields of `given` in their place.

    The class follows from the core diameter where nobody asks for one and the default is not for such a core.

    Parameters
    ----------
    defaults : what is asked unless something is given
    given : fields of a request
    criteria : the editions and classes that may be asked for
    structures : names of the structures that are described
    class_is_asked : whether the class of `defaults` was asked for

    Raises
    ------
    UserError : there is no such class or structure, none is for such a core, or the diameters do not fit
    """
    problems = Problems()
    asked = {"edition": defaults.edition, "fiber_class": defaults.fiber_class, **given}
    core_um = given.get("core_diameter_um") or defaults.core_diameter_um
    free = "fiber_class" not in given and not class_is_asked
    if free and core_um is not None and not criteria.fits(asked["fiber_class"], core_um):
        fiber_class = problems.attempt(defaults.fiber_class, criteria.class_for, asked["edition"], core_um)
        given = {**given, "fiber_class": fiber_class}
    else:
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


def read_manifest(
    path: Path,
    criteria: CriteriaBook,
    defaults: Request,
    structures: Collection[str] = (),
    *,
    class_is_asked: bool = False,
) -> Manifest:
    """Read what a manifest asks of each image.

    Parameters
    ----------
    path : CSV in UTF-8 with the column `file`, relative to the input folder, and any of COLUMNS; others are carried.
        Between the cells stand commas, semicolons or tabs
    criteria : the editions and classes that may be asked for
    defaults : what the command line asks; a cell that is not empty overrides it
    structures : names of the structures that are described
    class_is_asked : whether the command line asks for the class of `defaults`

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
                request = row.attempt(defaults, _row_request, named, criteria, defaults, structures, class_is_asked)
                requests[file_key(named["file"])] = request
        problems.lines += row.lines
    problems.raise_if_any()
    return Manifest(requests)


def _read_rows(path: Path) -> list[list[str]]:
    try:
        text = read_file(path).decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        return [[cell.strip() for cell in row] for row in reader]
    except OSError as error:
        raise UserError(f"manifest {path}: cannot be read, {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name}: not UTF-8 text, byte {error.start} cannot be decoded") from None
    except csv.Error as error:
        raise UserError(f"{path.name}: not a CSV table, {error}") from None


def _delimiter(text: str) -> str:
    """What stands between the names of the header: a comma, or what spreadsheets write where that is a decimal sign."""
    header = text.partition("\n")[0]
    return next((sign for sign in ";\t" if sign in header and "," not in header), ",")


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
    near = {name: difflib.get_close_matches(name.lower(), COLUMNS, 1, NEAR) for name in columns if name not in COLUMNS}
    text = '{}: column {!r} would be carried along unread; did you mean "{}"? Else give it another name'
    problems.lines += [text.format(path.name, name, match[0]) for name, match in near.items() if match]
    problems.raise_if_any()
    return columns


NEAR = 0.8  # difflib's ratio, from which a name is taken for a slip


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
    named: Mapping[str, str],
    criteria: CriteriaBook,
    defaults: Request,
    structures: Collection[str],
    class_is_asked: bool,
) -> Request:
    problems = Problems()
    given: dict[str, Any] = {name: named[name] for name in NAMES if named.get(name)}
    for name in NUMBERS:
        if named.get(name):
            given[name] = problems.attempt(None, positive_number, name, named[name])
    if named.get(ANGLED):
        given[ANGLED] = problems.attempt(None, yes_or_no, ANGLED, named[ANGLED])
    given["manifest"] = {name: cell for name, cell in named.items() if name not in COLUMNS}
    request = problems.attempt(
        defaults, make_request, defaults, given, criteria, structures, class_is_asked=class_is_asked
    )
    problems.raise_if_any()
    return request


def file_key(file: str) -> str:
    """Equal for the ways in which one file may be named: either slash, composed or decomposed letters."""
    return unicodedata.normalize("NFC", file.replace("\\", "/")).removeprefix("./")
