"""What a data set says of one picture: its zones, its marks, and who says so of each; labels/NAME.json, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec
import numpy as np

from dscope_blink.files.whole_files import write_file
from dscope_blink.records import CLASSIFICATIONS, Ellipse, Points, UserError, ZoneOutline, read_file, require
from dscope_blink.records.arrays import read_only
from dscope_blink.records.sealing import sealed, unbroken

OTHER = "other"  # what people call a mark that is of no kind of the program's
KINDS = (*CLASSIFICATIONS, OTHER)
LABEL_SCHEMA = "dscope-blink/label/1"

Read = TypeVar("Read")
Row: TypeAlias = Mapping[str, Any]  # of a table; plain JSON values by the names of its columns


@dataclass(frozen=True, slots=True)
class Source:
    """Who says so: the program, its painter who knows the truth, or a person."""

    by: Literal["program", "rendered", "injected", "person"]
    name: str  # program and version, or the person
    date: str = ""  # ISO 8601, of what a person said; a build of the same input is the same on another day


@dataclass(frozen=True, slots=True)
class Mark:
    """One labelled mark, in pixels of the stored picture; pixel centres are at integers."""

    id: str  # S1, P2 ...; unique within the picture
    kind: str  # one of KINDS
    zone: str  # that holds it; empty: none
    outline_px: Points = field(compare=False)  # (N, 2) float64, x and y of the outer outline
    source: Source
    holes_px: tuple[Points, ...] = field(default=(), compare=False)  # of what lies within and is no part of the mark
    severity: str = ""  # as the record has it; empty: nobody says
    counted: bool = False  # by the criteria
    confidence: float | None = None  # None: certain
    class_probabilities: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        require(self.kind in KINDS, f"the kind of a mark must be one of {', '.join(KINDS)}, got {self.kind!r}")
        object.__setattr__(self, "outline_px", read_only(self.outline_px))
        object.__setattr__(self, "holes_px", tuple(read_only(hole) for hole in self.holes_px))


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of a picture that a crop shows, in whole pixels of the picture: nothing is rescaled."""

    picture: str  # name of the picture in the data set that the crop was cut from
    x: int  # that its upper left pixel has in the picture; less than 0 where it is padded there
    y: int
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)  # rows and columns that are no picture: left, top, right, bottom


@dataclass(frozen=True, slots=True)
class Label:
    """Everything that is said of one picture."""

    name: str  # start of the names of its files in the data set, with forward slashes
    file: str  # as it was found
    image: str  # its copy, relative to the data set
    sha256: str  # of its bytes
    width: int
    height: int
    status: str  # PASS, FAIL or NOT_GRADED
    source: Source  # of the picture as it is labelled
    zones: tuple[ZoneOutline, ...] = ()  # as the criteria have them; empty: the fiber was not located
    cladding: Ellipse | None = None
    core: Ellipse | None = None
    um_per_px: tuple[float, float] | None = None  # x and y; None: no scale
    marks: tuple[Mark, ...] = ()
    face: str = ""  # the physical face, as a column of the manifest names it; empty: nobody says
    background: str = ""  # `file` of the picture that its marks were painted into
    reasons: tuple[str, ...] = ()  # why it failed or was not graded
    cut: Cut | None = None  # None: it is a whole picture
    unscaled: bool = False  # no scale was known, and nothing else kept it from being graded: all its marks are there
    made_of: str = ""  # sha256 of record and settings: whether it is still the one to be built

    @property
    def marks_are_known(self) -> bool:
        """False where the program could not grade it: it may have missed marks, and no mark is no answer."""
        return self.status != "NOT_GRADED" or self.unscaled or self.source.by != "program"

    @property
    def mark_ids(self) -> tuple[str, ...]:
        """Names of the marks that are unique within the data set."""
        return tuple(f"{self.name}_{mark.id}" for mark in self.marks)


@dataclass(frozen=True, slots=True)
class LabelFile:
    """labels/NAME.json: the label, and the rows that its picture gives to each table."""

    label: Label
    rows: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)  # by name of the table


def write_label(path: Path, labelled: LabelFile) -> None:
    """Write labels/NAME.json, whole or not at all; UserError where the system refuses."""
    write_file(path, encode_plain({"schema": LABEL_SCHEMA}, labelled, seal=True))


def read_label(path: Path) -> LabelFile:
    """Read labels/NAME.json; UserError if it is none."""
    try:
        return decode_plain(path, read_file(path), LABEL_SCHEMA, LabelFile)
    except OSError as error:
        raise UserError(f"{path}: cannot be read, {error.strerror}") from None


def encode_plain(head: Mapping[str, str], value: Any, *, seal: bool = False) -> bytes:
    """A record with marks in it as JSON, after its schema; what no person is to change has a seal."""
    data = {**head, **msgspec.to_builtins(value, enc_hook=_plain)}
    return msgspec.json.format(msgspec.json.encode(sealed(data) if seal else data), indent=1)


def decode_plain(path: Path, encoded: bytes, schema: str, kind: type[Read]) -> Read:
    """The record in a file that `encode_plain` made; UserError, naming the file, if it is none."""
    try:
        data = unbroken(encoded)
        found = data.pop("schema", None) if isinstance(data, dict) else None
        if found != schema:
            raise UserError(f"{path}: its schema must be {schema}, got {found!r}")
        return msgspec.convert(data, kind, dec_hook=_points)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: no file of this program: {error}") from None


def with_rows(labelled: LabelFile, table: str, rows: tuple[Row, ...]) -> LabelFile:
    """With the rows that its picture gives to one more table."""
    return replace(labelled, rows={**labelled.rows, table: rows})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.ndarray):
        return np.round(value, 3).tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(type(value).__name__)


def _points(kind: Any, value: Any) -> Any:
    return np.array(msgspec.convert(value, list[tuple[float, float]]), np.float64).reshape(-1, 2)
