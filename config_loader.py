"""config.json -> frozen `Config`; every problem of a wrong file at once, each with its place.

A new setting is a field of its section below, a property in config.schema.json and a value in config.json.
"""

from __future__ import annotations

import copyreg
import difflib
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias, get_args, get_origin, get_type_hints

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from records import ZONE_LETTERS, CameraSettings, ConfigError, Criteria, SizeBand, UserError, ZoneCriteria

SCHEMA_FILE = Path(__file__).with_name("config.schema.json")
SHOWN_LENGTH = 40  # characters of a wrong value that a message repeats
SIMILAR = 0.7  # difflib's own 0.6 takes `editions` for `default_edition`

Json: TypeAlias = Any
Place: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Grey levels, and what the picture itself is worth."""

    flat_field_image: Path | None
    illumination_tail: float
    illumination_max_share: float
    saturation_level: float
    saturation_max_fraction: float
    clipped_max_zone: float
    clipped_warning_zone: float
    focus_min: float
    sharp_px: float
    max_pixels: int
    settle_s: float
    settle_max_wait_s: float


@dataclass(frozen=True, slots=True)
class Localization:
    """Finding the cladding edge, and when to say that there is no fiber."""

    seed_short_px: int
    clahe_clip_limit: float
    clahe_tiles: int
    hough_dp: float
    hough_edge_threshold: float
    hough_roundness: float
    hough_min_distance_share: float
    min_radius_share: float
    max_radius_share: float
    max_seeds: int
    angles: int
    outer_edge_share: float
    rival_size: float
    rival_score: float
    min_axis_ratio: float
    min_contrast: float
    judging_share: float
    tolerance_share: float
    min_support: float
    max_rms_share: float
    max_rms_px: float
    layer_min_contrast: float
    min_far_share: float
    min_far_support: float
    faint_min_support: float
    faint_max_rms_share: float
    max_size_error: float
    max_rings: int
    ratio_match: float
    border_min_ratio: float
    border_max_ratio: float


@dataclass(frozen=True, slots=True)
class CoreSettings:
    """Finding the core inside the cladding."""

    angles: int
    angular_blur_deg: float
    search_share: float
    min_contrast: float
    min_support: float
    max_rms_share: float
    max_rms_px: float
    max_scatter: float
    max_darkness: float
    shining_min_contrast: float
    shining_min_support: float
    max_offset_share: float
    min_axis_ratio: float
    ratio_tolerance: float


@dataclass(frozen=True, slots=True)
class ScaleSettings:
    """From pixels to micrometres."""

    pixel_aspect_ratio: float | None
    fiber_is_angled: bool | None
    assume_cladding_um: float | None
    max_disagreement_pct: float
    elliptical_warning_pct: float
    cladding_tolerance_um: float
    calibration_uncertainty_pct: float
    edge_uncertainty_blurs: float
    target_tolerance_pct: float
    max_target_blur: float
    outlying_picture_pct: float


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """What becomes of a calibration.json that is not as it should be."""

    valid_days: int | None
    expired: Literal["warn", "refuse"]
    edited: Literal["warn", "refuse"]
    foreign: Literal["warn", "refuse"]


@dataclass(frozen=True, slots=True)
class ResidualSettings:
    """The picture less what the fiber itself explains, and the noise that is left."""

    max_cladding_px: float
    polar_angles: int
    radial_step_px: float
    polar_reach: float
    harmonics: int
    edge_harmonics: int
    edge_px: float
    rounds: int
    clip_sigma: float
    core_darkness: float
    core_dip: float
    core_peak: float
    cladding_dip: float
    cladding_peak: float
    centre_share: float
    centre_dip: float
    dip_share: float
    centre_wave: float
    smooth_px: float
    ferrule_from: float
    trend_reduction: int
    trend_kernel_px: int
    pooled_px: float
    min_noise: float
    contrast_floor: float
    max_texture: float
    darkest_level: float
    edge_jitter_px: float
    cladding_jitter_px: float
    guard_px: float
    frame_level: float
    frame_margin_px: int


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What every detector has, and its own `settings`, which only that detector reads (lists are tuples)."""

    enabled: bool
    weight: float
    settings: Mapping[str, object]

    @classmethod
    def from_json(cls, entry: Mapping[str, Json]) -> DetectorSettings:
        """The entry of one detector in config.json, already checked against the schema."""
        own = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items() if k not in ("enabled", "weight")}
        return cls(entry["enabled"], float(entry["weight"]), MappingProxyType(own))


@dataclass(frozen=True, slots=True)
class Fusion:
    """From the detectors' masks to candidate regions."""

    threshold: float
    grow: bool
    weak_snr: float
    peak_px: int
    outline_level: float
    join_px: int
    dash_min_aspect_ratio: float
    dash_max_gap_px: float
    dash_max_turn_deg: float
    cross_min_arm_px: float
    edge_band_share: float
    edge_min_share: float
    min_area_px: float
    min_mark_snr: float


@dataclass(frozen=True, slots=True)
class SizeUncertainty:
    """Standard uncertainty of one size, beside that of the scale."""

    blurs: float
    faintness: float


@dataclass(frozen=True, slots=True)
class SizeUncertainties:
    """Of each size of one kind of mark."""

    diameter: SizeUncertainty
    width: SizeUncertainty
    length: SizeUncertainty
    r_min: SizeUncertainty


@dataclass(frozen=True, slots=True)
class Measurement:
    """How the size of a mark is measured."""

    join_px: int
    darkest_level: float
    min_pixels_per_limit: float
    min_coverage: float
    min_coverage_outer: float
    size_uncertainty: Mapping[str, SizeUncertainties]


@dataclass(frozen=True, slots=True)
class Classification:
    """What tells the kinds of marks apart."""

    scratch_min_aspect_ratio: float
    crack_min_jaggedness_px: float
    crack_min_jaggedness: float
    pit_min_roundness: float
    pit_max_aspect_ratio: float
    pit_min_contrast: float
    pit_min_flatness: float
    min_agreement: float
    detectors_of: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How the images of a batch are shared out."""

    workers: int | None
    time_limit_s: float
    retries: int


@dataclass(frozen=True, slots=True)
class Reporting:
    """What is written beside the tables."""

    plots: bool
    cells: bool
    zone_images: bool
    agreement: bool


@dataclass(frozen=True, slots=True)
class FlatFieldSettings:
    """What is a picture of a blank surface, and how many are averaged."""

    frames: int
    min_level: float
    max_saturated_share: float
    max_structure: float
    max_structure_share: float


@dataclass(frozen=True, slots=True)
class CriteriaBook:
    """The acceptance criteria of every edition and connector class, and which of them are the default."""

    default_edition: str
    default_class: str
    table: Mapping[str, Mapping[str, Criteria]]

    @classmethod
    def from_json(cls, entry: Mapping[str, Json]) -> CriteriaBook:
        """The section `criteria` of config.json, already checked against the schema."""
        table = {key: _classes(key, edition) for key, edition in entry["editions"].items()}
        return cls(entry["default_edition"], entry["default_class"], MappingProxyType(table))

    def editions(self) -> tuple[str, ...]:
        """Keys of the editions, in the order of the file."""
        return tuple(self.table)

    def classes(self, edition: str) -> tuple[str, ...]:
        """Keys of the connector classes of one edition, in the order of the file; UserError if it is absent."""
        if edition not in self.table:
            raise UserError(f"edition: {_must_be_one_of(self.table, edition)}")
        return tuple(self.table[edition])

    def find(self, edition: str, fiber_class: str) -> Criteria:
        """The limits of one connector class in one edition; UserError if the edition, or the class in it, is absent."""
        if fiber_class not in self.classes(edition):
            raise UserError(f"fiber class in edition {edition}: {_must_be_one_of(self.table[edition], fiber_class)}")
        return self.table[edition][fiber_class]


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one profile. Fields are the sections of config.json, their fields its keys."""

    profile: str
    sha256: str
    preprocessing: Preprocessing
    localization: Localization
    core: CoreSettings
    scale: ScaleSettings
    calibration: CalibrationSettings
    residual: ResidualSettings
    detectors: Mapping[str, DetectorSettings]
    fusion: Fusion
    measurement: Measurement
    classification: Classification
    criteria: CriteriaBook
    reporting: Reporting
    batch: BatchSettings
    camera: CameraSettings
    flat_field: FlatFieldSettings


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A checked configuration file: every profile, and the sha256 of the bytes it was read from."""

    path: Path
    sha256: str
    default_profile: str
    profiles: Mapping[str, Config]

    def profile(self, name: str) -> Config:
        """The settings of one profile; UserError if there is none of that name."""
        if name not in self.profiles:
            raise UserError(f"profile in {self.path.name}: {_must_be_one_of(self.profiles, name)}")
        return self.profiles[name]


def load_config(path: Path) -> ConfigFile:
    """Read and check a configuration file.

    Parameters
    ----------
    path : a JSON file as config.schema.json describes it, UTF-8

    Returns
    -------
    ConfigFile with every profile built

    Raises
    ------
    ConfigError : the file cannot be read or is wrong; one line for every problem, with its JSON path
    """
    data = _read(path)
    try:
        document = _parsed(data, path.name)
        problems = _problems(document)
    except RecursionError:
        raise ConfigError((f"{path.name}: nested too deeply",)) from None
    if problems:
        raise ConfigError(tuple(f"{path.name}: {_shown_place(p.place)}: {p.text}" for p in problems))
    sha256 = hashlib.sha256(data).hexdigest()
    profiles = {
        name: _build(Config, {**_merged(document, part), "profile": name, "sha256": sha256}, path.parent)
        for name, part in document["profiles"].items()
    }
    return ConfigFile(path, sha256, document["default_profile"], MappingProxyType(profiles))


# --- from the file to a document


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ConfigError((f"{path}: {'not a file' if path.exists() else 'no such file'}",))
        return path.read_bytes()
    except OSError as error:
        raise ConfigError((f"{path}: cannot be read: {error.strerror}",)) from None


def _parsed(data: bytes, name: str) -> Json:
    try:
        text = data.decode("utf-8-sig")  # Windows editors put a byte order mark first
        if not text.strip():
            raise ConfigError((f"{name}: the file is empty",))
        return json.loads(text, object_pairs_hook=_Object, parse_int=_number)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise ConfigError((f"{name}: not UTF-8 text: byte {byte:#04x} at offset {error.start}",)) from None
    except json.JSONDecodeError as error:
        raise ConfigError((f"{name}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}",)) from None


def _number(digits: str) -> int | float:
    """Python's integers have no end; a float says `inf` where one cannot be meant."""
    return int(digits) if len(digits) < 19 else float(digits)


class _Object(dict[str, Json]):
    """A JSON object that remembers which keys were given twice."""

    def __init__(self, pairs: Iterable[tuple[str, Json]]) -> None:
        pairs = list(pairs)
        super().__init__(pairs)
        self.twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]


# --- what is wrong with a document


class _Problem(NamedTuple):
    place: Place
    text: str


def _problems(document: Json) -> list[_Problem]:
    found = {*_slips(document, ()), *_schema_problems(document)}
    profiles = _inside(document, "profiles")
    for name, part in profiles.items() if isinstance(profiles, dict) else ():
        if part and not any(place[:2] == ("profiles", name) for place, _ in found):
            caused = set(_schema_problems(_merged(document, part), missing=False)) - found
            found |= {_blamed(name, part, problem) for problem in caused}
    return sorted(found, key=lambda problem: (_shown_place(problem.place), problem.text))


def _blamed(profile: str, part: Json, problem: _Problem) -> _Problem:
    """A value that is right in the sections but wrong together with what the profile overrides."""
    place, text = problem
    if _inside(part, *place) is not None:
        return _Problem(("profiles", profile, *place), text)
    return _Problem(("profiles", profile), f"makes {_shown_place(place)} wrong: {text}")


def _slips(value: Json, place: Place) -> Iterator[_Problem]:
    """What neither Python's reader nor the schema sees: keys given twice, characters that break a line of a report."""
    if isinstance(value, _Object):
        yield from (_Problem((*place, key), "given twice") for key in value.twice)
    elif isinstance(value, str) and re.search("[\x00-\x1f\x7f\ud800-\udfff]", value):
        yield _Problem(place, f"must hold no control characters, got {_shown(value)}")
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from _slips(child, (*place, key))


def _schema_problems(document: Json, *, missing: bool = True) -> Iterator[_Problem]:
    for error in _Validator(_schema()).iter_errors(document):
        place: Place = tuple(error.absolute_path)
        in_a_profile = place[:1] == ("profiles",) and len(place) > 2
        if error.validator != "properties" or (missing and not in_a_profile):
            yield _Problem(place, _text(error))


_RULES = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "greater than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "a text that is not empty",
    "minItems": "a list that is not empty",
    "maxItems": "a list of at most {}",
    "minProperties": "an object that is not empty",
    "uniqueItems": "a list without repetition",
    "pattern": 'letters, digits, ".", "_" and "-", the first a letter or digit',  # only names have a pattern
    "not": "odd",  # multiples of 2 are all that the schema forbids
}
_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


def _text(error: ValidationError) -> str:
    limit: Json = error.validator_value
    if error.validator == "enum":
        return _must_be_one_of(limit, error.instance)
    if error.validator == "type":
        rule = " or ".join(_TYPES[name] for name in ([limit] if isinstance(limit, str) else limit))
    elif error.validator in _RULES:
        rule = _RULES[error.validator].format(limit)
    else:  # one of the keywords below, which word their messages themselves
        return str(error.message)
    return f"must be {rule}, got {_shown(error.instance)}"


# --- what the schema's own words do not cover: functions of (validator, value of the keyword, instance, schema)


def _properties(validator: Any, known: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
    """The schema names every key once, for sections and for profiles; so none is `required` there, and all are here."""
    if isinstance(instance, dict):
        for key in known.keys() - instance.keys() - {"$schema"}:
            yield ValidationError(f"missing: {_resolved(known[key])['description']}", path=[key])
        yield from Draft202012Validator.VALIDATORS["properties"](validator, known, instance, schema)


def _additional(validator: Any, allowed: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
    if allowed is not False:
        yield from Draft202012Validator.VALIDATORS["additionalProperties"](validator, allowed, instance, schema)
    elif isinstance(instance, dict):
        known = schema["properties"]
        for key in instance.keys() - known.keys():
            yield ValidationError(f"unknown key{_did_you_mean(key, known)}", path=[key])
        yield from _crossed_limits(validator, instance)


def _crossed_limits(validator: Any, section: Json) -> Iterator[ValidationError]:
    """Wherever a section has both a `min_` and a `max_` of something."""
    for low, high in ((key, key.replace("min_", "max_")) for key in section):
        a, b = section[low], section.get(high)
        if validator.is_type(a, "number") and validator.is_type(b, "number") and a > b:
            yield ValidationError(f"must be at most {high} ({b:g}), got {a:g}", path=[low])


def _key_of(_: Any, tables: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
    """{"name": ["a", "$b", "c"]}: `name` must be a key of the object a -> (value of b) -> c."""
    for name, steps in tables.items():
        value = _inside(instance, name)
        table = _inside(instance, *(_inside(instance, step[1:]) if step[0] == "$" else step for step in steps))
        if isinstance(value, str) and isinstance(table, dict) and table and value not in table:
            yield ValidationError(_must_be_one_of(table, value), path=[name])


def _reachable(_: Any, on: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
    if not all(_is_shaped(_inside(instance, section), {"$ref": f"#/$defs/{section}"}) for section in on):
        return
    total = math.fsum(one["weight"] for one in instance["detectors"].values() if one["enabled"])
    threshold = instance["fusion"]["threshold"]
    if total < threshold - 1e-9:  # 0.7 + 0.2 is less than 0.9 in binary
        text = f"must be at most {total:g}, the sum of the weights of the enabled detectors, got {threshold:g}"
        yield ValidationError(text, path=["fusion", "threshold"])


def _zones(_: Any, on: Json, zones: Json, schema: Json) -> Iterator[ValidationError]:
    if not _is_shaped(zones, schema):
        return
    letters = [zone["zone"] for zone in zones]
    if letters != list(ZONE_LETTERS[: len(zones)]):
        yield ValidationError(f"must be the zones A, B, C, D in this order without gaps, got {', '.join(letters)}")
    largest = {"fixed": (0.0, 0.0)}  # times and plus_um, by what they refer to: only those can be compared
    for i, outer in enumerate(zone["outer"] for zone in zones):
        of, plus_um = outer["of"], outer["plus_um"]
        times = 0.0 if of == "fixed" else outer["times"]
        before = largest.get(of, (-1.0, 0.0))
        if times <= before[0] and plus_um <= before[1]:
            yield ValidationError(f"must be larger than what lies inside it, got {_shown(outer)}", path=[i, "outer"])
        largest[of] = times, plus_um


def _bands(_: Any, on: Json, bands: Json, schema: Json) -> Iterator[ValidationError]:
    """Every size from 0 up must lie in one band and in one only, and larger marks are never allowed more often.

    An empty list means no limit.
    """
    if not bands or not _is_shaped(bands, schema):
        return
    for i, (smaller, larger) in enumerate(pairwise(bands), 1):
        most, allowed = smaller["max_count"], larger["max_count"]
        if most is not None and (allowed is None or allowed > most):
            text = f"must be at most {most}, as for smaller marks, got {_shown(allowed)}"
            yield ValidationError(text, path=[i, "max_count"])
    reached = (0.0, False)  # a size, and whether that size itself is behind us
    for i, band in enumerate(bands):
        start = (band["min_um"], not band["min_inclusive"])
        end = (math.inf, True) if band["max_um"] is None else (band["max_um"], band["max_inclusive"])
        if end <= start:
            yield ValidationError(f"holds no size: it runs from {start[0]:g} to {end[0]:g} um", path=[i])
        elif start != reached:
            wrong = "no band holds" if start > reached else "overlaps the band before it: both hold"
            low, high = sorted((start[0], reached[0]))
            yield ValidationError(f"{wrong} {low:g} um" + (f" to {high:g} um" if high > low else ""), path=[i])
        reached = end
    if reached[0] < math.inf:
        yield ValidationError(f"must be null in the last band, got {reached[0]:g}", path=[len(bands) - 1, "max_um"])


def _is_integer(_: object, value: object) -> bool:
    """JSON Schema takes 5.0 for an integer; a kernel size written so would reach its detector as a float."""
    return type(value) is int


def _is_number(_: object, value: object) -> bool:
    """Python's reader takes NaN, Infinity and 1e999 for numbers."""
    return type(value) is int or (type(value) is float and math.isfinite(value))


_Shape = extend(
    Draft202012Validator,
    {"properties": _properties, "additionalProperties": _additional},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number}),
)
_Validator = extend(_Shape, {"x-keyOf": _key_of, "x-reachable": _reachable, "x-zones": _zones, "x-bands": _bands})


def _is_shaped(value: Json, schema: Json) -> bool:
    """Whether every value is there and right by itself, so that it can be compared with others."""
    return bool(_Shape({**schema, "$defs": _schema()["$defs"]}).is_valid(value))


@cache
def _schema() -> Json:
    return json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


def _resolved(schema: Json) -> Json:
    """The schema with what its `$ref` names; its own words win over those of the definition."""
    while "$ref" in schema:
        own = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**_schema()["$defs"][schema["$ref"].removeprefix("#/$defs/")], **own}
    return schema


def _inside(value: Json, *keys: Json) -> Json:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) and isinstance(key, str) else None
    return value


# --- from a checked document to records


def _merged(base: Json, part: Json) -> Json:
    """`base` with what `part` says; objects are merged, everything else is replaced."""
    if not (isinstance(base, dict) and isinstance(part, dict)):
        return part
    return {**base, **{key: _merged(base.get(key), value) for key, value in part.items()}}


def _build(kind: Any, value: Json, folder: Path) -> Any:
    """The value as the annotation of its field wants it: records for objects, tuples for lists, paths from `folder`."""
    if value is None:
        return None
    if type(None) in get_args(kind):
        kind = get_args(kind)[0]
    if hasattr(kind, "from_json"):
        return kind.from_json(value)
    if get_origin(kind) is Mapping:
        return MappingProxyType({key: _build(get_args(kind)[1], item, folder) for key, item in value.items()})
    if get_origin(kind) is tuple:
        return tuple(_build(get_args(kind)[0], item, folder) for item in value)
    if isinstance(kind, type) and is_dataclass(kind):
        kinds = get_type_hints(kind)
        return kind(**{field.name: _build(kinds[field.name], value[field.name], folder) for field in fields(kind)})
    return folder / value if kind is Path else float(value) if kind is float else value


def _classes(edition: str, entry: Json) -> Mapping[str, Criteria]:
    classes = entry["classes"].items()
    return MappingProxyType(
        {key: criteria_from(edition, key, f"{entry['title']}: {c['title']}", c) for key, c in classes}
    )


def criteria_from(edition: str, fiber_class: str, title: str, entry: Json) -> Criteria:
    """The limits of one class, from an entry as config.json and the records have it, already checked."""
    return Criteria(
        edition=edition,
        fiber_class=fiber_class,
        title=title,
        source=entry["source"],
        confirmed=entry["confirmed"],
        scratch_classes=tuple(entry["scratch_classes"]),
        scratch_size_by=entry["size_by"]["scratches"],
        defect_size_by=entry["size_by"]["defects"],
        zone_rule=entry["zone_rule"],
        zones=tuple(_zone(zone) for zone in entry["zones"]),
    )


def _zone(entry: Json) -> ZoneCriteria:
    outer = entry["outer"]
    scratches, defects = (tuple(SizeBand(**band) for band in entry[kind]) for kind in ("scratches", "defects"))
    return ZoneCriteria(entry["zone"], outer["of"], outer["times"], outer["plus_um"], scratches, defects)


def _frozen(items: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(items)


# Settings travel to worker processes, and Python pickles no mapping proxy by itself.
copyreg.pickle(MappingProxyType, lambda proxy: (_frozen, (dict(proxy),)))


# --- how a message names things


def _shown_place(place: Place) -> str:
    return "$" + "".join(_shown_step(step) for step in place)


def _shown_step(step: str | int) -> str:
    plain = isinstance(step, str) and re.fullmatch(r"[\w$-]+", step, re.ASCII)
    return f".{step}" if plain else f"[{_shown(step)}]"


def _shown(value: Json) -> str:
    text = json.dumps(value)
    return text if len(text) <= SHOWN_LENGTH else text[:SHOWN_LENGTH] + "..."


def _must_be_one_of(known: Iterable[Json], word: Json) -> str:
    choices = list(known)
    return f"must be one of {', '.join(map(_shown, choices))}, got {_shown(word)}{_did_you_mean(word, choices)}"


def _did_you_mean(word: Json, known: Iterable[Json]) -> str:
    names = [name for name in known if isinstance(name, str)]  # the choices of a setting may be numbers
    close = difflib.get_close_matches(word, names, 1, SIMILAR) if isinstance(word, str) else ()
    return f", did you mean {_shown(close[0])}?" if close else ""
