"""Which lane each fiber of a picture is, and what the lanes make of a connector. What is not sure is not numbered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dscope_blink.gates.lattice import Index
from dscope_blink.records import ConnectorLayout, LaneOutcome, Notice, notice


@dataclass(frozen=True, slots=True)
class Numbering:
    """How the places that were found lie in the layout: what is added to their row and place."""

    rows: int
    places: int

    def of(self, index: Index) -> Index:
        """Row and place in the layout."""
        return index[0] + self.rows, index[1] + self.places

    def back(self, index: Index) -> Index:
        """Row and place as they were found, of those in the layout."""
        return index[0] - self.rows, index[1] - self.places


def number_places(
    layout: ConnectorLayout, whole: Collection[Index], cut: Collection[Index], first_lane: int | None
) -> Numbering | Notice:
    """Number the fibers of a picture, or say why that cannot be done.

    Parameters
    ----------
    layout : of the connector
    whole, cut : row and place of the fibers that lie in the picture wholly and in part
    first_lane : lane of the first of those that lie wholly in it; None: only a picture of all rows can be numbered
    """
    seen = [*whole, *cut]
    if not whole:
        return notice("not_numbered", "no fiber lies wholly in the picture")
    numbering = _by_first(layout, whole, first_lane) if first_lane is not None else _by_extent(layout, seen)
    if isinstance(numbering, Notice):
        return numbering
    strange = sorted(index for index in seen if layout.lane_at(*numbering.of(index)) is None)
    if strange:
        where = ", ".join(f"row {row + 1} place {place + 1}" for row, place in map(numbering.of, strange))
        return notice("extra_fiber", f"the layout has no lane at {where}, and a fiber shows there")
    return numbering


def _by_first(layout: ConnectorLayout, whole: Collection[Index], first_lane: int) -> Numbering:
    row, place = layout.lanes[first_lane - 1]
    first = min(whole)
    return Numbering(row - first[0], place - first[1])


def _by_extent(layout: ConnectorLayout, seen: Collection[Index]) -> Numbering | Notice:
    """By both ends of all rows: where one is missing, which end it is cannot be said."""
    rows, places = ({index[k] for index in seen} for k in (0, 1))
    wanted = {place for _, place in layout.lanes}
    span, whole_span = max(places) - min(places) + 1, max(wanted) - min(wanted) + 1
    row_span, all_rows = max(rows) - min(rows) + 1, len(layout.rows)
    if span != whole_span or row_span != all_rows:
        seen_text = f"{row_span} x {span} places from the first fiber seen to the last"
        text = f"the layout has {all_rows} x {whole_span} places, the picture shows {seen_text}"
        return notice("not_numbered", f"{text}; --first-lane or the manifest column lane says which they are")
    return Numbering(-min(rows), min(wanted) - min(places))


# --- the lanes of several pictures


def joined(layout: ConnectorLayout, outcomes: Iterable[LaneOutcome]) -> tuple[LaneOutcome, ...]:
    """One outcome for each lane of a connector, from those of all its pictures.

    A lane that several pictures show is what the worst of them says, but for pictures in which it is cut off or out of
    sight. A lane that none shows is not graded.
    """
    by_lane: dict[int, list[LaneOutcome]] = {}
    for outcome in outcomes:
        by_lane.setdefault(outcome.number, []).append(outcome)
    return tuple(_worst(number, by_lane.get(number, [])) for number in range(1, len(layout.lanes) + 1))


OUT_OF_SIGHT = frozenset({"lane_cut"})


def _worst(number: int, outcomes: Sequence[LaneOutcome]) -> LaneOutcome:
    if not outcomes:
        return LaneOutcome(number, "NOT_GRADED", (notice("lane_not_seen", "no picture shows it"),))
    in_sight = [one for one in outcomes if not OUT_OF_SIGHT.intersection(reason.kind for reason in one.reasons)]
    return min(in_sight or outcomes, key=lambda one: RANK[one.status])


RANK: Mapping[str, int] = {"FAIL": 0, "NOT_GRADED": 1, "PASS": 2}
