"""How a batch divides: by what its manifest and its requests say of each picture, by zone and by kind of mark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from dscope_blink.records import CLASSIFICATIONS, LIMIT_BROKEN, ZONE_NAMES, Inspection
from dscope_blink.reporting.batch_totals import Totals, Yield, reasons_of
from dscope_blink.reporting.look import CLASS_TITLES
from dscope_blink.reporting.wording import Facts, result_of_zone

MOST_GROUPS = 30  # shown one by one; the others, in which fewest failed, together
MOST_REASONS = 3  # of a group
CONNECTOR = "connector"  # column of the pictures of connectors
NAMED_FIRST = ("lot", "part", "operator")  # columns whose name has one of these head the page before the others
MOST_HEADING = 8
_OF_A_ZONE = {"kept": "PASS", "broken": "FAIL", "not graded": "NOT_GRADED"}  # the others were not to be judged


@dataclass(frozen=True, slots=True)
class Said:
    """What is kept of one picture."""

    status: str
    reasons: tuple[str, ...]  # what kept it from a PASS
    carried: Mapping[str, str]  # columns of the manifest that the program does not read
    columns: Mapping[str, str]  # all that may divide a batch: these, and what was asked for as it was judged
    zones: Mapping[str, str]  # status of each zone that was asked for and has a limit
    kinds: Mapping[str, str]  # status of each kind of mark
    broken: frozenset[tuple[str, str]]  # zone and kind of the marks that break a limit


def said_of(inspection: Inspection) -> Said:
    """What divides a batch, of one inspection."""
    carried, ids = inspection.request.manifest, inspection.broken
    broken = frozenset((mark.zone, mark.classification) for mark in inspection.defects if mark.id in ids)
    return Said(
        status=inspection.verdict.status,
        reasons=reasons_of(inspection.verdict),
        carried=carried,
        columns={**carried, **{name: text for name, text in _asked(inspection).items() if name not in carried}},
        zones=dict(_zones(inspection)),
        kinds=dict(_kinds(inspection, {kind for _, kind in broken})),
        broken=broken if inspection.verdict.status == "FAIL" else frozenset(),
    )


def _asked(inspection: Inspection) -> Mapping[str, str]:
    request, criteria, lane = inspection.request, inspection.criteria, inspection.lane
    folder = PurePosixPath(inspection.image.file).parent.as_posix()
    numbers = {name: getattr(request, name) for name in ("core_diameter_um", "cladding_diameter_um")}
    return {
        **({} if lane is None else {CONNECTOR: lane.connector, "lane": str(lane.number or "not numbered")}),
        "fiber_class": criteria.fiber_class,
        "edition": criteria.edition,
        **{name: f"{value:g}" for name, value in numbers.items() if value is not None},
        **({"fiber_structure": request.fiber_structure} if request.fiber_structure else {}),
        **({"folder": folder} if folder != "." else {}),
    }


def _zones(inspection: Inspection) -> Iterator[tuple[str, str]]:
    bands = {zone.name: (*zone.scratches, *zone.defects) for zone in inspection.criteria.zones}
    limited = {zone for zone, all_bands in bands.items() if any(band.max_count is not None for band in all_bands)}
    limited |= {check.zone for check in inspection.verdict.checks}
    for zone in ZONE_NAMES.values():
        result = result_of_zone(zone, inspection)
        if zone in limited and result in _OF_A_ZONE:
            yield zone, _OF_A_ZONE[result]


def _kinds(inspection: Inspection, broken: set[str]) -> Iterator[tuple[str, str]]:
    """Of a face that FAILed a kind is in order only if nothing but the limits speaks against a PASS."""
    verdict = inspection.verdict
    in_part = verdict.status == "NOT_GRADED" or any(reason.kind != LIMIT_BROKEN for reason in verdict.reasons)
    for kind in CLASSIFICATIONS:
        failed = verdict.status == "FAIL" and kind in broken
        yield kind, "FAIL" if failed else "NOT_GRADED" if in_part else "PASS"


@dataclass(slots=True)
class Group(Yield):
    """The pictures that have one value, and why they did not pass."""

    value: str = ""
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, status: str, reasons: Iterable[str]) -> None:
        """Count one more picture."""
        self.statuses[status] += 1
        self.reasons.update(reasons)

    @property
    def commonest(self) -> list[tuple[str, int]]:
        """Why most of them did not pass."""
        return self.reasons.most_common(MOST_REASONS)


@dataclass(frozen=True, slots=True)
class Grouping:
    """A batch divided in one way, the group in which most pictures failed first."""

    key: str  # `column` and its name, or `zone`, `kind`
    title: str
    of: str  # what pressing a group asks for: `column`, `zone` or `kind`
    groups: tuple[Group, ...]  # at most MOST_GROUPS
    others: Group | None = None  # all further values together
    values: int = 0

    @property
    def tells(self) -> bool:
        """Whether there is something to compare: more than one group, of two pictures in the mean at least."""
        images = sum(group.images for group in (*self.groups, *filter(None, [self.others])))
        return self.of != "column" or 1 < self.values <= images / 2


def groupings(pictures: Sequence[Said]) -> tuple[Grouping, ...]:
    """By each column, in the order in which they appeared, those that the manifest carries first; by zone; by kind."""
    carried = dict.fromkeys(name for said in pictures for name in said.carried)
    columns = dict.fromkeys((*carried, *(name for said in pictures for name in said.columns)))
    return (
        *(_by_column(pictures, name) for name in columns),
        _grouping("zone", "Zone", "zone", _grouped(pictures, _zone_cells)),
        _grouping("kind", "Kind of mark", "kind", _grouped(pictures, _kind_cells)),
    )


Cells = Iterator[tuple[str, str, Iterable[str]]]  # value, status and reasons: one for each group that a picture is in


def _by_column(pictures: Sequence[Said], name: str) -> Grouping:
    """A picture of which the column says nothing is in a group without a name."""

    def cells(said: Said) -> Cells:
        yield said.columns.get(name, ""), said.status, said.reasons

    return _grouping(
        f"column {name}", in_words(name), "column", sorted(_grouped(pictures, cells), key=lambda group: group.value)
    )


def _zone_cells(said: Said) -> Cells:
    for zone, status in said.zones.items():
        yield zone, status, sorted(CLASS_TITLES[kind] for place, kind in said.broken if place == zone)


def _kind_cells(said: Said) -> Cells:
    for kind, status in said.kinds.items():
        yield CLASS_TITLES[kind], status, sorted(f"zone {place}" for place, other in said.broken if other == kind)


def _grouped(pictures: Sequence[Said], cells: Callable[[Said], Cells]) -> list[Group]:
    groups: dict[str, Group] = {}
    for said in pictures:
        for value, status, reasons in cells(said):
            groups.setdefault(value, Group(value=value)).add(status, reasons)
    return list(groups.values())


def _grouping(key: str, title: str, of: str, groups: list[Group]) -> Grouping:
    ordered = sorted(groups, key=_worst_first)
    kept, rest = ordered[:MOST_GROUPS], ordered[MOST_GROUPS:]
    return Grouping(key, title, of, tuple(kept), _together(rest) if rest else None, len(ordered))


def _worst_first(group: Group) -> tuple[int, int]:
    return -group.statuses["FAIL"], -group.statuses["NOT_GRADED"]


def _together(groups: Iterable[Group]) -> Group:
    others = Group()
    for group in groups:
        others.statuses.update(group.statuses)
        others.reasons.update(group.reasons)
    return others


def in_words(column: str) -> str:
    """`part number` of the column part_number."""
    return column.replace("_", " ")


def heading(pictures: Sequence[Said], totals: Totals) -> Facts:
    """What more than half of the pictures share: columns that the manifest carries, and the criteria."""
    carried = dict.fromkeys(name for said in pictures for name in said.carried)
    found = [(in_words(name), _shared([said.carried.get(name, "") for said in pictures])) for name in carried]
    found.sort(key=lambda fact: _rank(fact[0]))  # stable: else as in the manifest
    found = [fact for fact in found if fact[1]][:MOST_HEADING]
    titles = [judged_by.title for judged_by in totals.criteria.elements()]
    return tuple(fact for fact in (*found, ("fiber class", _shared(titles))) if fact[1])


def _rank(title: str) -> int:
    ranks = (rank for rank, name in enumerate(NAMED_FIRST) if name in title.lower())
    return next(ranks, len(NAMED_FIRST))


def _shared(values: Sequence[str]) -> str:
    """The value of more than half, with how many have it unless all do; empty where there is none."""
    value, count = Counter(values).most_common(1)[0] if values else ("", 0)
    if not value or 2 * count <= len(values):
        return ""
    return value if count == len(values) else f"{value} ({count} of {len(values)})"
