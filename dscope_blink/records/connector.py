"""Connectors of many fibers: their layout, where the fibers of a picture lie on it, and the verdict of each lane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

from dscope_blink.records.checks import Count, Positive, Share, Whole, require
from dscope_blink.records.notices import Notice
from dscope_blink.records.verdict import Status

KeySide = Literal["up", "down", "left", "right"]
CONNECTOR_SCHEMA = "dscope-blink/connector/1"


@dataclass(frozen=True, slots=True)
class FiberRow:
    """One row of a ferrule: which of its places hold a fiber, in the order of their lanes."""

    places: tuple[int, ...]  # 1 is the first of the row
    offset_um: float  # of the row along itself, against the first row


@dataclass(frozen=True, slots=True)
class ConnectorLayout:
    """Where the fibers of one kind of connector lie, and how they are numbered.

    Lanes count through the places of the first row, then of the next. With the key up and the face seen directly, they
    run from left to right and the rows from the top down.
    """

    title: str
    rows: tuple[FiberRow, ...]
    pitch_um: float  # from place to place
    row_pitch_um: float
    cladding_um: float
    key_side: KeySide  # where the key is in the picture
    mirrored: bool  # seen in a mirror, or from behind
    fiber_class: str  # whose limits apply where no other is asked for

    @property
    def lanes(self) -> tuple[tuple[int, int], ...]:
        """Row and place of each lane, both from 0; lane 1 first."""
        return tuple((number, place - 1) for number, row in enumerate(self.rows) for place in row.places)

    @property
    def columns(self) -> int:
        """Places from the first of any row to the last of any."""
        return max(place for row in self.rows for place in row.places)

    def lane_at(self, row: int, place: int) -> int | None:
        """The lane at a row and place, both from 0; None: there is none."""
        return next((n for n, here in enumerate(self.lanes, 1) if here == (row, place)), None)


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a picture that one lane is inspected in, in whole pixels of the stored picture."""

    left_px: Whole
    top_px: Whole
    width_px: Count
    height_px: Count

    def __post_init__(self) -> None:
        low = min(self.left_px, self.top_px)
        require(low >= 0, f"a window must begin in the picture, got {self.left_px}, {self.top_px}")

    def of(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The part of a picture (H, W) or (H, W, 3) that it is."""
        rows = slice(self.top_px, self.top_px + self.height_px)
        return picture[rows, self.left_px : self.left_px + self.width_px]


@dataclass(frozen=True, slots=True)
class Lane:
    """Which fiber of which connector a record is of; None of a number where the fibers could not be numbered."""

    connector: str  # name of the connector
    layout: str  # key of its layout
    number: Count | None
    window: Window | None = None  # what all pixels of the record count from; None: the whole picture


@dataclass(frozen=True, slots=True)
class LaneOutcome:
    """What one lane of a connector came to."""

    number: Count
    status: Status
    reasons: tuple[Notice, ...] = ()
    record: str | None = None  # name of its record; None: no picture shows it
    file: str | None = None  # of the picture that decides
    center_px: tuple[float, float] | None = None  # in that picture, where it is or should be
    diameter_px: float | None = None

    def __post_init__(self) -> None:
        require(self.status == "PASS" or bool(self.reasons), f"lane {self.number}: {self.status} must give a reason")


@dataclass(frozen=True, slots=True)
class FittedLattice:
    """The places of a ferrule in a picture, fitted to the fibers that were found."""

    first_px: tuple[float, float]  # where the first place of the first row lies, by the fibers that are seen
    along_px: tuple[float, float]  # from place to place
    across_px: tuple[float, float]  # from row to row
    fibers: Count  # it was fitted to
    rms_px: float  # how far they lie from it
    um_per_px: Positive | None  # by the pitch; None: a single fiber has none
    cladding_um_per_px: Positive | None  # by the diameter of the claddings


@dataclass(frozen=True, slots=True)
class ResidueMark:
    """Something on the ferrule between the fibers; no limit is held against it."""

    center_px: tuple[float, float]
    area_px: float
    area_um2: float | None
    diameter_um: float | None  # of the smallest circle around it
    dark: bool  # darker than the ferrule, else brighter


@dataclass(frozen=True, slots=True)
class Residue:
    """What lies on the ferrule within the contact rectangle, outside of the fibers. Shown, without a limit."""

    corners_px: tuple[tuple[float, float], ...]  # of the contact rectangle
    seen: Share  # of the rectangle, how much lies in the picture
    area_share: Share  # of the ferrule in it that is covered
    marks: tuple[ResidueMark, ...]  # the largest first


@dataclass(frozen=True, slots=True)
class RowPicture:
    """One picture of a connector: which lanes it shows and how sure their places are."""

    file: str
    sha256: str | None
    first_lane: Count | None  # that was given; None: none was
    problems: tuple[Notice, ...]  # why its fibers could not be numbered or located
    lattice: FittedLattice | None
    residue: Residue | None
    seconds: float = 0.0  # from the decoded picture to the last verdict


@dataclass(frozen=True, slots=True)
class ConnectorResult:
    """A connector judged: PASS only if every lane is."""

    name: str
    layout_key: str
    layout: ConnectorLayout
    pictures: tuple[RowPicture, ...]
    lanes: tuple[LaneOutcome, ...]
    inputs: Mapping[str, str] = field(default_factory=dict, hash=False)  # sha256 by name, as in the records
    program: str = ""
    # sha256 of every other file that was written for it, by path from the folder of its record; None: of before
    outputs: Mapping[str, str] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        numbers = [lane.number for lane in self.lanes]
        wanted = list(range(1, len(self.layout.lanes) + 1))
        require(numbers == wanted, f"a connector must answer for lanes 1 to {len(wanted)}, got {numbers}")

    @property
    def problems(self) -> tuple[Notice, ...]:
        """What is wrong with its pictures."""
        return tuple(problem for picture in self.pictures for problem in picture.problems)

    @property
    def status(self) -> Status:
        """FAIL with any lane that FAILs, PASS with all lanes that PASS and nothing doubtful, else NOT_GRADED."""
        statuses = {lane.status for lane in self.lanes}
        if "FAIL" in statuses:
            return "FAIL"
        return "PASS" if statuses == {"PASS"} and not self.problems else "NOT_GRADED"

    @property
    def reasons(self) -> tuple[str, ...]:
        """One line for each lane that does not pass, those that fail first, and for each doubt."""
        order = sorted((lane for lane in self.lanes if lane.status != "PASS"), key=lambda lane: lane.status)
        told = [f"lane {lane.number}: {'; '.join(r.text for r in lane.reasons)}" for lane in order]
        return (*(problem.text for problem in self.problems), *told)
