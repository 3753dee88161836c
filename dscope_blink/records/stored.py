"""NAME_result.json <-> `Inspection`: one typed shape, both ways. result.schema.json describes it in full.

The file says a few things twice, for programs that only look: the hashes by name, whether a limit is broken and how
near it is, whether the verdict is marginal. Of these nothing is read back, since it follows from the rest.

A field that a noun gains is missing in the records of before: `_bring_up_to_date` and `_complete` say what they are
read as. What
changes the meaning of a key, or has no such value, needs another schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeAlias, get_args, get_type_hints

import msgspec
import numpy as np

from dscope_blink.records.checks import Place
from dscope_blink.records.defects import Defect
from dscope_blink.records.errors import UserError
from dscope_blink.records.inspection import INPUTS, RECORD_SCHEMA, Inspection
from dscope_blink.records.kinds import CLASSIFICATIONS
from dscope_blink.records.notices import kind_of
from dscope_blink.records.reading import read_file
from dscope_blink.records.rounding import rounded
from dscope_blink.records.verdict import Check, Verdict

Record: TypeAlias = dict[str, Any]  # one inspection in plain JSON types

FIRST_SCHEMA = "dscope-blink/inspection/1"
ELLIPSE = ("center_px", "axes_px", "angle_deg")
ORDER = (
    *("schema", "image", "provenance", "request", "criteria", "scale", "quality", "geometry", "zones", "defects"),
    *("reference", "verdict", "timings_s", "lane"),
)
MOST_ELLIPTICAL = 0.5  # an angled face is longer than its diameter; what was typed wrong is off by more


class BadRecord(UserError):
    """A file that is no record of this program, or was changed since; the message says where it is wrong."""


# --- to the file ------------------------------------------------------------------------------------------------------


def to_json(inspection: Inspection) -> Record:
    """The inspection as NAME_result.json has it, keys always in the same order; lists are tuples until it is written.

    Its numbers are to be those of `recorded`: what is not finite has no place in a file.
    """
    record = _builtins(replace(inspection, cells=(), confidence=None))
    record["schema"] = RECORD_SCHEMA
    inputs = inspection.provenance.inputs
    record["provenance"] |= {f"{name}_sha256": inputs.get(name) for name in INPUTS}
    _split(record["quality"], "warnings", "warning_kinds")
    record["verdict"] = _verdict_json(inspection, record["verdict"])
    if record["geometry"] is not None:
        record["geometry"] = _geometry_json(record)
    for zone, outline in zip(record["zones"], inspection.zones, strict=True):
        zone |= {"zone": outline.name, **zone.pop("outer")}
    return {name: record[name] for name in ORDER if name != "lane" or record[name] is not None}


def _builtins(value: Any) -> Record:
    return msgspec.to_builtins(value, enc_hook=_plain)


def _plain(value: Any) -> Any:
    """What msgspec does not know: mappings that cannot be changed, arrays and numbers of NumPy."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise NotImplementedError(type(value).__name__)


def _split(part: Record, texts: str, kinds: str) -> None:
    """Notices to their texts, and their kinds beside them."""
    notices = part[texts]
    part[texts], part[kinds] = ([notice[key] for notice in notices] for key in ("text", "kind"))


def _verdict_json(inspection: Inspection, record: Record) -> Record:
    verdict = inspection.verdict
    _split(record, "reasons", "reason_kinds")
    record["checks"] = [check | _follows(held) for check, held in zip(record["checks"], verdict.checks, strict=True)]
    return record | {"marginal": verdict.marginal, "closest_limit": inspection.closest_limit}


def _follows(check: Check) -> Record:
    nearness = rounded("nearness", check.nearness)
    return {"broken": check.broken, "margin_um": check.margin_um, "nearness": nearness}


def _geometry_json(record: Record) -> Record:
    """The edges, their ellipses lying flat in them, and what the fiber measures."""
    geometry, dimensions = record["geometry"], record["measurements"]
    values = {name: measured["value"] for name, measured in dimensions.items()}
    unsure = {name: measured["uncertainty"] for name, measured in dimensions.items()}
    known = {name: value for name, value in unsure.items() if value is not None}
    return {"cladding": _flat(geometry["cladding"]), "core": _flat(geometry["core"]), **values, "uncertainty": known}


def _flat(edge: Record | None) -> Record | None:
    return edge and {**edge.pop("ellipse"), **edge}


# --- from the file ----------------------------------------------------------------------------------------------------


def load_record(path: Path) -> Inspection:
    """Read one NAME_result.json.

    Raises
    ------
    BadRecord : the file cannot be read, something in it is missing, of the wrong kind, or cannot be
    """
    try:
        return read_record(read_file(path))
    except OSError as error:
        raise BadRecord(f"cannot be read, {error.strerror}") from None


def read_record(data: bytes) -> Inspection:
    """The same from the bytes of the file."""
    try:
        return from_json(msgspec.json.decode(data))
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        raise BadRecord(f"no record: {_shortened(str(error))}") from None


def _shortened(text: str) -> str:
    """A wrong value is repeated in it, however long that is; the place stands at the end."""
    return text if len(text) <= 1000 else f"{text[:700]} ... {text[-200:]}"


def from_json(record: Any) -> Inspection:
    """The inspection that `to_json` was given; ValueError where it is none, and says where. `record` is used up."""
    if not isinstance(record, dict) or record.get("schema") not in (RECORD_SCHEMA, FIRST_SCHEMA):
        raise ValueError(f"its schema must be {RECORD_SCHEMA} or {FIRST_SCHEMA}")
    if record["schema"] == FIRST_SCHEMA:
        _bring_up_to_date(record)
    _complete(record)
    _shape(record)
    _check_complete(record, Inspection, "$")
    inspection = msgspec.convert(record, Inspection, dec_hook=_array)
    _check_together(inspection)
    return inspection


def read_carried(path: Path) -> tuple[str, ...]:
    """Only the names of the columns that the manifest carried into a record; none where it cannot be read."""
    try:
        return tuple(msgspec.json.decode(read_file(path), type=_Carrier).request.manifest)
    except (OSError, ValueError, RecursionError):
        return ()


@dataclass(frozen=True, slots=True)
class RecordHead:
    """What tells of which face and picture a record is."""

    image: HeadImage
    request: HeadRequest
    provenance: HeadProvenance

    @property
    def size_px(self) -> tuple[int, int] | None:
        """Width and height of its picture; None: it could not be decoded."""
        width, height = self.image.width, self.image.height
        return None if width is None or height is None else (width, height)

    @property
    def taken(self) -> str:
        """When its picture was taken; empty: nobody knows."""
        return self.image.camera.taken if self.image.camera else ""


@dataclass(frozen=True, slots=True)
class HeadCamera:
    """When a picture was taken."""

    taken: str = ""


@dataclass(frozen=True, slots=True)
class HeadImage:
    """Which picture."""

    file: str
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    camera: HeadCamera | None = None


@dataclass(frozen=True, slots=True)
class HeadRequest:
    """What the manifest says of it."""

    manifest: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeadProvenance:
    """What it was made by and from."""

    profile: str
    inputs: Mapping[str, str | None] = field(default_factory=dict)


def read_head(data: bytes) -> RecordHead:
    """Only what tells of which face and picture a record is, in a hundredth of the time.

    Raises
    ------
    BadRecord : it is no record; that the rest of it is one too is not looked at
    """
    try:
        schema = msgspec.json.decode(data, type=_Named).schema
        if schema not in (RECORD_SCHEMA, FIRST_SCHEMA):
            raise ValueError(f"its schema must be {RECORD_SCHEMA} or {FIRST_SCHEMA}")
        return msgspec.json.decode(data, type=RecordHead)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"no record: {_shortened(str(error))}") from None


class _Named(msgspec.Struct):
    schema: str = ""


class _CarrierRequest(msgspec.Struct):
    manifest: dict[str, str]


class _Carrier(msgspec.Struct):
    request: _CarrierRequest


def _array(kind: Any, value: Any) -> Any:
    """An outline, the only array of a record."""
    try:
        points = msgspec.convert(value, list[tuple[Place, Place]])
    except msgspec.ValidationError as error:
        raise ValueError(f"{error} of the outline") from None  # msgspec adds whose
    return np.array(points, np.float64).reshape(-1, 2)


def _object(value: Any) -> Record:
    """`value` if it is an object, else an empty one: what is missing or of the wrong kind is named afterwards."""
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: Any) -> Iterator[Record]:
    return map(_object, _items(value))


def _complete(record: Record) -> None:
    """What was not asked or measured when the record was made: fields that came later."""
    record.setdefault("lane", None)
    record.setdefault("reference", None)
    _object(record.get("provenance")).setdefault("engine", "classical")
    _object(record.get("request")).setdefault("fiber", "only")
    _object(record.get("request")).setdefault("fiber_structure", None)
    _object(record.get("image")).setdefault("bits", None)
    _object(record.get("quality")).setdefault("field_shift_px", None)
    _object(_object(record.get("geometry")).get("cladding")).setdefault("sector_blur_px", [])
    _object(record.get("criteria")).setdefault("unresolved_by", "best")
    for mark in _objects(record.get("defects")):
        mark.setdefault("at_most", {})
    for zone in _objects(_object(record.get("criteria")).get("zones")):
        zone.setdefault("min_seen", None)
    for zone in _objects(record.get("zones")):
        zone.setdefault("seen", None)
    for mark in _objects(record.get("defects")):
        mark.setdefault("class_probabilities", {})
        mark.setdefault("holes_px", [])


def _shape(record: Record) -> None:
    """What lies flat in the file, as the nouns have it."""
    _join(_object(record.get("quality")), "warnings", "warning_kinds")
    _join(_object(record.get("verdict")), "reasons", "reason_kinds")
    for zone in _objects(record.get("zones")):
        zone["outer"] = _ellipse(zone)
    geometry = _object(record.get("geometry"))
    for edge in (_object(geometry.get(name)) for name in ("cladding", "core")):
        edge["ellipse"] = _ellipse(edge)
    unsure = _needed(geometry, "uncertainty", dict) if geometry else {}
    dimensions = (name for name in geometry if name not in ("cladding", "core", "uncertainty"))
    record["measurements"] = {n: {"value": geometry[n], "uncertainty": unsure.get(n)} for n in dimensions}
    geometry["warnings"] = ()


def _needed(part: Record, name: str, kind: type) -> Any:
    """What stands only in the file, and not in the noun that is checked afterwards."""
    if name not in part:
        raise ValueError(f"Object missing required field `{name}`")
    if not isinstance(part[name], kind):
        raise ValueError(f"Expected `{kind.__name__}` for `{name}`, got `{type(part[name]).__name__}`")
    return part[name]


def _ellipse(part: Record) -> Record:
    return {name: part[name] for name in ELLIPSE if name in part}


def _join(part: Record, texts: str, kinds: str) -> None:
    """Texts and their kinds to notices."""
    if isinstance(part.get(texts), list):
        pairs = zip_longest(part[texts], _needed(part, kinds, list))
        part[texts] = [{"text": text, "kind": kind} for text, kind in pairs]


def _bring_up_to_date(record: Record) -> None:
    """What a record of the first schema does not say, as far as it follows from what it says."""
    made, criteria = _object(record.get("provenance")), _object(record.get("criteria"))
    _object(record.get("image")).setdefault("camera", None)
    made["inputs"] = {name: made[f"{name}_sha256"] for name in INPUTS if made.get(f"{name}_sha256") is not None}
    asked = _object(record.get("request"))
    asked |= {name: criteria[name] for name in ("edition", "fiber_class") if name in criteria}
    if record.get("scale") is not None:
        record["scale"] = {"uncertainty": None, "square_assumed": False, **_object(record["scale"])}
    _find_kinds(_object(record.get("quality")), "warnings", "warning_kinds")
    _find_kinds(_object(record.get("verdict")), "reasons", "reason_kinds")
    for check in _objects(_object(record.get("verdict")).get("checks")):
        check["kind"] = str(check.get("rule")).partition(" ")[0]
    limited = [zone.get("zone") for zone in _objects(criteria.get("zones")) if _goes_by_core(zone)]
    for zone in _objects(record.get("zones")):
        seen_core = record.get("scale") is None and zone.get("letter") == "A"
        zone["around"] = "core" if seen_core or zone.get("letter") in limited else "cladding"


def _goes_by_core(zone: Record) -> bool:
    return bool(_object(zone.get("outer")).get("of") == "core")


def _find_kinds(part: Record, texts: str, kinds: str) -> None:
    part[kinds] = [kind_of(str(text)) for text in _items(part.get(texts))]


# --- what cannot be ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _parts(kind: type) -> tuple[tuple[str, Any], ...]:
    """Each field of a noun that a record holds, and the noun that it holds or None."""
    hints = get_type_hints(kind)
    names = (field.name for field in fields(kind) if field.name not in ("cells", "confidence"))
    return tuple((name, _noun(hints[name])) for name in names)


def _noun(hint: Any) -> Any:
    if is_dataclass(hint):
        return hint
    return next((noun for noun in map(_noun, get_args(hint)) if noun is not None), None)


def _check_complete(value: Any, kind: Any, place: str) -> None:
    """ValueError where a field is missing: what a noun may leave out where it is made, a record says."""
    if isinstance(value, Mapping):
        for name, noun in _parts(kind):
            if name not in value:
                raise ValueError(f"Object missing required field `{name}` - at `{place}`")
            if noun is not None and name != "measurements":
                _check_complete(value[name], noun, f"{place}.{name}")
    elif isinstance(value, list):
        for item in value:
            _check_complete(item, kind, f"{place}[...]")


def _check_together(inspection: Inspection) -> None:
    """ValueError where values are right one by one and cannot stand together."""
    quality, marks, clipping = inspection.quality, inspection.defects, inspection.quality.clipping
    seen = (inspection.geometry, clipping, quality.search_pixel_px, inspection.image.width, inspection.image.height)
    verdict, named = inspection.verdict, inspection.criteria
    judged, checks = verdict.status != "NOT_GRADED", verdict.checks
    core = inspection.geometry and inspection.geometry.core
    zones, scale, request = inspection.zones, inspection.scale, inspection.request
    of_zones = {mark.zone for mark in marks} | {check.zone for check in checks}
    rules = {
        "zones without geometry, clipping, search_pixel_px or size of the picture": zones and None in seen,
        "a verdict without zones and scale": judged and not (zones and scale),
        "a scale, and defects without sizes in um and their uncertainty": scale and not all(map(_is_sized, marks)),
        "defects of the same id": len(_ids(marks)) < len(marks),
        "zones named twice": len(set(request.zones)) < len(request.zones),
        "marks or limits of a zone that was not asked for": not of_zones <= set(request.zones),
        "clipping: rings without count": clipping and len(clipping.pixels) != len(clipping.clipped),
        "r_core_px without a core, or none with one": any((mark.r_core_px is None) != (core is None) for mark in marks),
        "probabilities of other kinds": any(mark.class_probabilities.keys() - set(CLASSIFICATIONS) for mark in marks),
        "r_min_px above r_max_px": any(mark.r_min_px > mark.r_max_px for mark in marks),
        "a scale that does not fit the cladding": not _scale_fits(inspection),
        "a verdict that its checks contradict": any(c.broken for c in checks) != (verdict.status == "FAIL"),
        "checks that count other marks than they name": any(c.count != len(c.defects) for c in checks),
        "a verdict about marks that are not there": not _named_by(verdict) <= _ids(marks),
        "a request for other criteria": (named.edition, named.fiber_class) != (request.edition, request.fiber_class),
    }
    for contradiction, holds in rules.items():
        if holds:
            raise ValueError(contradiction)


def _ids(marks: Iterable[Defect]) -> set[str]:
    return {mark.id for mark in marks}


def _named_by(verdict: Verdict) -> set[str]:
    counted = (name for check in verdict.checks for name in check.defects)
    return {*counted, *(name for violation in verdict.violations for name in violation.defects)}


def _is_sized(mark: Defect) -> bool:
    named = {"length_um", "width_um", "diameter_um", "r_min_px"} <= mark.uncertainty.keys()
    return named and None not in (mark.length_um, mark.width_um, mark.diameter_um)


def _scale_fits(inspection: Inspection) -> bool:
    """Whether the known diameter, where it gave the scale, is what the located cladding measures by it."""
    known, scale, geometry = inspection.request.cladding_diameter_um, inspection.scale, inspection.geometry
    if known is None or scale is None or geometry is None or scale.source != "user_cladding":
        return True
    measured_um = sum(geometry.cladding.ellipse.axes_px) / 2 * scale.um_per_px
    return abs(measured_um / known - 1) < MOST_ELLIPTICAL
