"""Records -> the Excel workbook of a batch; the only home of XlsxWriter. Judges nothing.

Every row goes to disk as it comes, so that memory does not grow with the batch. Imported when it is used.
"""

from __future__ import annotations

import io
import math
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias
from urllib.parse import quote

import cv2
import numpy as np
from xlsxwriter import Workbook

from dscope_blink.config.settings import Config
from dscope_blink.files.names import CERTIFICATE, HISTOGRAM, RESULT, TABLE, THUMBNAIL
from dscope_blink.files.results import annotated_picture
from dscope_blink.files.whole_files import whole_file
from dscope_blink.records import INPUTS, PROGRAM, Criteria, Provenance, SizeBand
from dscope_blink.reporting.batch_totals import Run, Totals
from dscope_blink.reporting.look import STATUS_COLOURS, VIOLATING_COLOUR
from dscope_blink.reporting.stored_results import StoredResults
from dscope_blink.reporting.tables import FORMULA_STARTS, SHEETS, Column, Row, Sheet, one_line, summary_row

Format: TypeAlias = Any  # XlsxWriter's own type is not exported

MOST_ROWS = 1_048_576  # of a sheet, its header included
_MOST_LETTERS = 32_767  # of a cell
_NO_LETTERS = re.compile("[\ud800-\udfff\ufffe\uffff]")  # XML has no way to write them
_NUMBER_WIDTH, _TEXT_WIDTH, _NAME_WIDTH, _BUTTON_WIDTH = 12, 24, 40, 4  # letters
_HEADER_HEIGHT = 18  # points
_PICTURE_PX, _AROUND_PX = 72, 2  # of the longer side, half of what the file has: sharp on a fine screen too
_PICTURES_BYTES = 20 * 10**6  # of all pictures in a workbook: what mail takes
_MOST_LINKS, _LONGEST_LINK = 65_000, 250  # of a sheet, and letters: Excel opens no workbook with more
_FILE_NAME = "Image_Filename"
_LINKED = {"Maps": tuple(HISTOGRAM.values()), "Certificate": (CERTIFICATE,), "Marks": (TABLE,)}
_MARGINAL_COLOUR = "#8A5A00"
_LOUD: dict[str, Mapping[Any, str]] = {
    "Pass/Fail_Status": STATUS_COLOURS,
    "Marginal": {True: _MARGINAL_COLOUR},
    "Severity": dict.fromkeys(("CRITICAL", "HIGH"), VIOLATING_COLOUR),
}
_LEFT_OUT = ("criteria.table", "folder")  # limits have a sheet of their own; where the file lay is no setting


def write_workbook(path: Path, results: StoredResults, carried: Sequence[str], config: Config) -> None:
    """Write report.xlsx.

    Parameters
    ----------
    path : the file
    results : the stored records, read one by one; links lead to their files, and pictures of at most 20 MB are held,
        unless they were judged again: their drawings show another verdict then
    carried : columns of the summary that the manifest adds, as `tables.carried_names` has them
    config : its values are listed if some of the records were made by it

    Raises
    ------
    UserError : the file cannot be written
    """
    with whole_file(path) as temporary, tempfile.TemporaryDirectory() as scratch:
        with temporary.open("wb") as file:
            kept = _Kept(file)
            book = Workbook(kept, {"constant_memory": True, "tmpdir": scratch})
            book.set_properties({"author": PROGRAM})
            _fill(_Looks(book), results, _Files(path.parent, not results.judged_again), carried, config)
            book.close()
        kept.raise_problem()


class _Kept(io.RawIOBase):
    """The file of the workbook; what the system refuses is told at the end, for the library complains of it twice."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._problem: OSError | None = None

    def write(self, data: Any) -> int:
        if self._problem is None:
            try:
                self._file.write(data)
                self._file.flush()
            except OSError as error:
                self._problem = error
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.tell() if self._problem else self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def raise_problem(self) -> None:
        if self._problem is not None:
            raise self._problem


def _fill(looks: _Looks, results: StoredResults, files: _Files, carried: Sequence[str], config: Config) -> None:
    summary, defects, criteria, settings = SHEETS
    totals = Totals()
    pictures, marks = _Rows(looks, summary, carried, frozen=2), _Rows(looks, defects)
    for result, inspection in results.inspections():
        totals.add(inspection)
        row = files.linked(result, summary_row(inspection))
        pictures.add(list(_in_order(row, summary, carried)))
        for defect in inspection.defects:
            marks.add([column.value(inspection, defect) for column in defects.columns])
    limits, runs = _Rows(looks, criteria), _Rows(looks, settings)
    for row in (row for judged_by, number in totals.criteria.items() for row in _limit_rows(judged_by, number)):
        limits.add([column.value(row) for column in criteria.columns])
    for row in _setting_rows(totals, config):
        runs.add([column.value(row) for column in settings.columns])
    for rows in (pictures, marks, limits, runs):
        rows.finish()


def _in_order(row: Row, sheet: Sheet, carried: Iterable[str]) -> Iterator[Any]:
    return (row.get(name) for name in (*(column.name for column in sheet.columns), *carried))


# --- files beside the workbook ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Link:
    """A cell that opens a file."""

    address: str
    text: str


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A cell that holds a picture: the bytes of a JPEG file, and by how much it is reduced."""

    data: bytes
    share: float


class _Files:
    """What lies beside the records: pictures for the cells, as many as the workbook has room for, and links."""

    def __init__(self, folder: Path, as_stored: bool) -> None:
        self._folder, self._as_stored, self._left, self._links = folder, as_stored, _PICTURES_BYTES, 0

    def linked(self, result: Path, row: Row) -> Row:
        """The row of the summary with what there is of its files."""
        start = str(result).removesuffix(RESULT)
        annotated = annotated_picture(start) if self._as_stored else None
        beside = {name: self._found(start, ends) for name, ends in _LINKED.items()} if self._as_stored else {}
        paths = {"Annotated": annotated, **beside, "Record": result}
        links = {name: self._link(path, name) for name, path in paths.items()}
        file = row[_FILE_NAME]
        named = {_FILE_NAME: self._link(annotated, file) or file} if _opens_as(file) else {}
        return {**row, **named, **links, "Picture": self._picture(start, annotated)}

    @staticmethod
    def _found(start: str, ends: Iterable[str]) -> Path | None:
        return next((path for end in ends if (path := Path(start + end)).is_file()), None)

    def _link(self, path: Path | None, text: str) -> _Link | None:
        if path is None:
            return None
        relative = os.path.relpath(path, self._folder).replace(os.sep, "/")
        address = quote(os.fsencode(relative), safe="/")
        if len(address) > _LONGEST_LINK or self._links == _MOST_LINKS:
            return None
        self._links += 1
        return _Link(address, text)

    def _picture(self, start: str, annotated: Path | None) -> _Drawn | str | None:
        drawn = _small_picture(start, annotated) if self._as_stored else None
        if drawn is None:
            return None
        if len(drawn.data) > self._left:
            self._left = 0
            return f"left out: {_PICTURES_BYTES // 10**6} MB of pictures are held"
        self._left -= len(drawn.data)
        return drawn


def _opens_as(file: str) -> bool:
    """Whether a cell with a link may have this text."""
    return len(file) <= _LONGEST_LINK and _legal(file) == file and file.lstrip()[:1] not in FORMULA_STARTS


def _small_picture(start: str, annotated: Path | None) -> _Drawn | None:
    """The small picture of the page; where it was not asked for, the annotated one; None where that is damaged."""
    thumbnail = Path(start + THUMBNAIL)
    path = thumbnail if thumbnail.is_file() else annotated
    data = b"" if path is None else path.read_bytes()
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None:
        return None
    share = 2 * _PICTURE_PX / max(picture.shape[:2])
    if share < 1:
        reduced = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        data, share = bytes(cv2.imencode(".jpg", reduced)[1]), 1.0
    return _Drawn(data, share / 2)


# --- sheets -----------------------------------------------------------------------------------------------------------


class _Looks:
    """The book and its formats."""

    def __init__(self, book: Workbook) -> None:
        self.book = book
        self.header: Format = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        top = {"valign": "top"}
        wrapped = {**top, "text_wrap": True}
        self.plain: Format = book.add_format(top)
        self.text: Format = book.add_format(wrapped)
        self.quoted: Format = book.add_format({**wrapped, "quote_prefix": True})
        self.link: Format = book.add_format({**wrapped, "font_color": "#0563C1", "underline": 1})
        colours = {colour for of_column in _LOUD.values() for colour in of_column.values()}
        self.loud: dict[str, Format] = {
            colour: book.add_format({**top, "bg_color": colour, "font_color": "#FFFFFF", "bold": True})
            for colour in colours
        }


class _Rows:
    """The rows of one sheet, continued on further ones where a sheet is full."""

    def __init__(self, looks: _Looks, sheet: Sheet, more: Sequence[str] = (), frozen: int = 1) -> None:
        self._looks, self._sheet, self._more, self._frozen = looks, sheet, more, frozen
        self._names = (*(column.name for column in sheet.columns), *more)
        self._number = 0
        self._open()

    def _open(self) -> None:
        self._number += 1
        name = self._sheet.name if self._number == 1 else f"{self._sheet.name} {self._number}"
        self._page, self._row = self._looks.book.add_worksheet(name), 0
        self._page.freeze_panes(1, self._frozen)
        for place, column in enumerate(self._sheet.columns):
            self._page.set_column(place, place, _width(column))
        if self._more:
            self._page.set_column(len(self._sheet.columns), len(self._names) - 1, _TEXT_WIDTH)
        self._page.set_row(0, _HEADER_HEIGHT)
        self._write(self._names, lambda name, text: self._looks.header)

    def add(self, cells: Sequence[Any]) -> None:
        """Write one row."""
        if self._row == MOST_ROWS:
            self.finish()
            self._open()
        if any(isinstance(cell, _Drawn) for cell in cells):
            self._page.set_row_pixels(self._row, _PICTURE_PX + 2 * _AROUND_PX)
        self._write(cells, self._look)

    def _write(self, cells: Sequence[Any], look: Any) -> None:
        for place, (name, cell) in enumerate(zip(self._names, cells, strict=True)):
            _write_cell(self._page, (self._row, place), cell, look(name, cell))
        self._row += 1

    def _look(self, name: str, cell: Any) -> Format:
        if isinstance(cell, _Link):
            return self._looks.link
        if isinstance(cell, _Drawn):
            return self._looks.plain
        colour = _LOUD.get(name, {}).get(cell)
        if colour is not None:
            return self._looks.loud[colour]
        if not isinstance(cell, str):
            return self._looks.plain
        return self._looks.quoted if cell.lstrip()[:1] in FORMULA_STARTS else self._looks.text

    def finish(self) -> None:
        """Let its rows be filtered."""
        self._page.autofilter(0, 0, self._row - 1, len(self._names) - 1)


def _write_cell(page: Any, place: tuple[int, int], cell: Any, look: Format) -> None:
    """By its type: text is never taken for a formula, a number or a link; what is not known stays empty."""
    if isinstance(cell, _Link):
        page.write_url(*place, f"external:{cell.address}", look, cell.text)
    elif isinstance(cell, _Drawn):
        _draw(page, place, cell)
    elif isinstance(cell, bool):
        page.write_boolean(*place, cell, look)
    elif isinstance(cell, int | float):
        if math.isfinite(cell):
            page.write_number(*place, cell, look)
    elif cell is not None:
        page.write_string(*place, _legal(cell), look)


def _draw(page: Any, place: tuple[int, int], drawn: _Drawn) -> None:
    """A picture within its cell, with which it moves and is filtered."""
    size = {"x_scale": drawn.share, "y_scale": drawn.share, "x_offset": _AROUND_PX, "y_offset": _AROUND_PX}
    page.insert_image(*place, "picture.jpg", {"image_data": io.BytesIO(drawn.data), "object_position": 1, **size})


def _legal(text: str) -> str:
    line = _NO_LETTERS.sub("\N{REPLACEMENT CHARACTER}", one_line(text))
    return line if len(line) <= _MOST_LETTERS else f"{line[: _MOST_LETTERS - 3]}..."


def _width(column: Column) -> int:
    """Room for what stands in a column, and for its name beside the button of the filter."""
    if column.name in (_FILE_NAME, "Failure_Reason(s)", "Closest_Limit", "Setting", "Title", "Source", "Value"):
        return _NAME_WIDTH
    least = _TEXT_WIDTH if column.dtype == "object" and len(column.name) > _NUMBER_WIDTH else _NUMBER_WIDTH
    return max(least, len(column.name) + _BUTTON_WIDTH)


# --- what was judged by -----------------------------------------------------------------------------------------------


def _limit_rows(criteria: Criteria, pictures: int) -> Iterator[Row]:
    """One row for each limit; one without limit for a zone that has none."""
    known = {name: getattr(criteria, name) for name in ("edition", "fiber_class", "title", "source", "confirmed")}
    for zone in criteria.zones:
        place = {"zone": f"{zone.zone} {zone.name}", "border": zone.outer.in_words}
        shared = {**known, "pictures": pictures, **place}
        yield from (shared | _band("scratches", criteria.size_by.scratches, band) for band in zone.scratches)
        yield from (shared | _band("others", criteria.size_by.defects, band) for band in zone.defects)
        if not zone.scratches and not zone.defects:
            yield shared | dict.fromkeys(("marks", "size_by", "sizes", "min_um", "max_um", "max_count"))


def _band(marks: str, size_by: str, band: SizeBand) -> Row:
    sizes = {"min_um": band.min_um, "max_um": band.max_um, "max_count": band.max_count}
    return {"marks": marks, "size_by": size_by, "sizes": band.in_words, **sizes}


def _setting_rows(totals: Totals, config: Config) -> Iterator[Row]:
    for number, (made, run) in enumerate(totals.runs.items(), 1):
        yield from ({"run": number, "setting": key, "value": value} for key, value in _run(made, run))
    if any((made.inputs.get("config"), made.profile) == (config.sha256, config.profile) for made in totals.runs):
        yield from ({"run": None, "setting": path, "value": value} for path, value in _values(config))


def _run(made: Provenance, run: Run) -> tuple[tuple[str, Any], ...]:
    told = (("pictures", run.images), ("first inspected", run.first), ("last inspected", run.last))
    names = (*INPUTS, *["learned"] * (made.engine != "classical"))
    hashes = ((f"{name}_sha256", made.inputs.get(name, "none")) for name in names)
    how = (("program", made.program or "none"), ("profile", made.profile or "none"), ("engine", made.engine))
    return (*how, *hashes, *told)


def _values(setting: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of the configuration with its key path."""
    if is_dataclass(setting):
        setting = {field.name: getattr(setting, field.name) for field in fields(setting)}
    if isinstance(setting, Mapping):
        for key, value in setting.items():
            inner = f"{path}.{key}".lstrip(".")
            if inner not in _LEFT_OUT:
                yield from _values(value, inner)
    elif isinstance(setting, bool | int | float):
        yield path, setting
    else:
        yield (
            path,
            ", ".join(map(str, setting)) if isinstance(setting, tuple) else "" if setting is None else str(setting),
        )
