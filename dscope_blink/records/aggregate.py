"""One face from several detections: the detections, what their marks are merged into, and who found what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from dscope_blink.records.arrays import Points
from dscope_blink.records.defects import Defect, Severity
from dscope_blink.records.ellipse import Ellipse
from dscope_blink.records.face_change import Turn
from dscope_blink.records.inspection import Inspection
from dscope_blink.records.kinds import Kind, Zone

SourceKind = Literal["record", "foreign"]
Gravity = Literal["error", "warning", "info"]
_UNTURNED = Turn(0.0)
AGGREGATE_SCHEMA = "dscope-blink/aggregate/1"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the integrity log: what is wrong with a file, or what was decided about it."""

    file: str
    problem: str
    severity: Gravity


@dataclass(frozen=True, slots=True)
class Source:
    """One detection of a face: a record of this program, or a report of another."""

    key: str  # short, unique among the sources of a face: what tables and pictures call it
    kind: SourceKind
    file: str  # of the record or report, relative to the folder it was found in, that folder's name before it
    sha256: str
    detector: str  # what found the marks: a profile, a detector, the name of another program
    timestamp: str  # ISO 8601; empty: it does not say
    picture: str  # file that it looked at
    picture_sha256: str | None  # None: it does not say
    region: Zone | None = None  # that alone it looked at; None: the whole picture
    offset_px: tuple[float, float] = (0.0, 0.0)  # from its coordinates to those of its picture
    turn: Turn = _UNTURNED  # of its picture against that of the aggregate
    status: str = ""  # its own verdict, where it gives one

    def looked_at(self, zone: Zone) -> bool:
        """Whether it sought marks in a zone: one of the contact zone is of all that lies beyond the cladding."""
        return self.region in (None, zone) or (self.region, zone) == ("contact", "adhesive")


@dataclass(frozen=True, slots=True)
class SourceMark:
    """A mark as one source reports it, in pixels of the picture of the aggregate."""

    source: str  # key
    id: str  # in that source
    kind: Kind
    named: str  # its kind as the source calls it
    outline_px: Points  # (N, 2) float64, x and y
    confidence: float  # 0..1
    detectors: tuple[str, ...]  # that found it; two marks with one in common are no two votes
    severity: Severity | None = None  # that the source gave it; None: it says nothing
    is_box: bool = False  # no outline is known, only the box around it
    is_point: bool = False  # nor a box or an area: how large it is, nobody says
    defect: Defect | None = None  # as measured, where the source is a record of this program

    @property
    def name(self) -> tuple[str, str]:
        """Source and id: what it is called among the marks of all sources."""
        return self.source, self.id


@dataclass(frozen=True, slots=True)
class Detection:
    """A source with its marks, in pixels of one picture."""

    source: Source
    marks: tuple[SourceMark, ...]
    inspection: Inspection | None = None  # the record that it is
    size_px: tuple[int, int] | None = None  # width and height of its picture; None: it does not say
    rejected: tuple[Rejected, ...] = ()
    placeless: tuple[Rejected, ...] = ()  # marks of which nobody knows where they lie: rejected, or moved in
    cladding: Ellipse | None = None  # in its own picture, where its marks were moved from there into another


@dataclass(frozen=True, slots=True)
class PictureLikeness:
    """How alike two pictures are at the turn at which they are most alike."""

    first: str  # sha256
    second: str
    turn_deg: float  # of the face in the second against the first, clockwise on the screen
    share: float  # correlation of what both show, -1..1
    z: float  # that over the spread of the other turns
    seen: float  # share of the rings about the fiber that both show
    tells_the_turn: bool  # whether that is so much as another face does not reach


@dataclass(frozen=True, slots=True)
class Rejected:
    """A mark that is no part of the aggregate, and why."""

    source: str
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class MergedMark:
    """One mark of the face, and the marks of the sources that it is."""

    uid: str  # survives a rerun, with the same and with more sources
    defect: Defect  # as the record has it
    members: tuple[SourceMark, ...]  # by source and id
    severity: Severity  # the worst that the criteria or a source give it
    votes: int  # independent detectors that found it

    @property
    def sources(self) -> tuple[str, ...]:
        """Keys of the sources that saw it."""
        return tuple(dict.fromkeys(member.source for member in self.members))

    @property
    def outline_px(self) -> Points:
        """Its outline, of a mark without one the place where it is: (N, 2), N at least 1."""
        return self.defect.contour_px if len(self.defect.contour_px) else np.array([self.defect.centroid_px])


def bounding_box(outline_px: Points) -> tuple[float, float, float, float]:
    """Left, top, width and height of an outline, (N, 2); of one without points nothing, at the origin."""
    if not len(outline_px):
        return 0.0, 0.0, 0.0, 0.0
    (left, top), (right, bottom) = outline_px.min(axis=0).tolist(), outline_px.max(axis=0).tolist()
    return left, top, right - left, bottom - top


@dataclass(frozen=True, slots=True)
class KnownUids:
    """Which marks the sources of an earlier aggregate of a face were part of."""

    sources: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # by key: sha256 and file
    uids: Mapping[tuple[str, str], str] = field(default_factory=dict)  # by source and id of a member
    boxes: Mapping[tuple[str, str], tuple[float, float, float, float]] = field(default_factory=dict)  # of the same


@dataclass(frozen=True, slots=True)
class Closeness:
    """How near outlines of two sources must lie to be one mark."""

    eps: float
    unit: Literal["um", "px"]
    why: str  # in words: the setting, or what the density made of it


@dataclass(frozen=True, slots=True)
class SourceScore:
    """What one source found of the marks of the face, and what it decides."""

    key: str
    marks: int  # that it reports
    found: int  # merged marks that it saw
    alone: tuple[str, ...]  # ids of the merged marks that no other source saw
    missed: tuple[str, ...]  # ids of those that it looked at the place of, and did not see
    unseen: tuple[str, ...]  # ids of those whose place it did not look at
    sensitivity: float | None  # share of the marks that it finds; estimated; None: too little to estimate it from
    specificity: float | None  # share of the places without a mark at which it reports none; estimated
    status_without: str = ""  # the verdict if it were no source; empty: there is no other
    flips: bool = False  # whether that is another one
    status_alone: str = ""  # the verdict if it were the only source


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """How far two sources agree, over the marks whose places both looked at."""

    first: str
    second: str
    both: int
    only_first: int
    only_second: int
    neither: int  # marks that only other sources saw
    kappa: float | None  # Cohen's, over these marks and `empty`; None where it is not defined
    iou: float | None  # of the areas of their marks; None: neither has any
    empty: int = 0  # places without a mark that both looked at


@dataclass(frozen=True, slots=True)
class Score:
    """The quality score of a face, and what it makes of it; the acceptance criteria know nothing of it."""

    value: float  # 100 less the penalties, at least 0
    passed: bool
    reasons: tuple[str, ...]  # every one that makes it fail; empty: it passes


@dataclass(frozen=True, slots=True)
class Pattern:
    """Marks that lie together as chance does not bring them, and where that points."""

    kind: Literal[
        "ring", "row", "across_zones", "parallel", "concentric", "radial", "one_sided", "stays"
    ]  # stays: at its place of the picture while the face moves
    marks: tuple[str, ...]  # ids of merged marks
    text: str  # what it is, in words
    points_to: str  # polishing, handling, lens ...


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One face from several detections: what is written as NAME_aggregate.json, beside the record."""

    name: str  # of its files
    inspection: Inspection
    sources: tuple[Source, ...]
    marks: tuple[MergedMark, ...]  # in the order of the defects of the record
    closeness: Closeness
    score: Score
    scores: tuple[SourceScore, ...] = ()  # by source
    pairs: tuple[PairAgreement, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    log: tuple[LogLine, ...] = ()

    @property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Marks by type, severity, region and source; a region that is not known is empty."""
        return {
            "type": Counter(mark.defect.classification for mark in self.marks),
            "severity": Counter(mark.severity for mark in self.marks),
            "region": Counter(mark.defect.zone for mark in self.marks),
            "source": Counter(key for mark in self.marks for key in mark.sources),
        }
