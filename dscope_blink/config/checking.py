"""What is wrong with a configuration document: every problem at once, each with its place."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise, product
from typing import Any, NamedTuple, TypeAlias

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from dscope_blink.config.installed_detectors import (
    installed_detector,
    installed_detectors,
    packages_of,
    settings_asked,
)
from dscope_blink.config.shipped import shipped
from dscope_blink.records import SEVERITIES, Severity, UserError

SCHEMA_FILE = shipped("config.schema.json")
SHOWN_LENGTH = 40  # characters of a wrong value that a message repeats
MISSING = "missing: "  # how the text of a problem begins where a key is not there
SIMILAR = 0.7  # difflib's own 0.6 takes `editions` for `default_edition`

Json: TypeAlias = Any
Place: TypeAlias = tuple[str | int, ...]


class JsonObject(dict[str, Json]):
    """A JSON object that remembers which keys were given twice."""

    def __init__(self, pairs: Iterable[tuple[str, Json]]) -> None:
        pairs = list(pairs)
        super().__init__(pairs)
        self.twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]


class Problem(NamedTuple):
    """What is wrong at one place."""

    place: Place
    text: str


def problems_of(document: Json) -> list[Problem]:
    """Everything that is wrong with a document, by place."""
    found = {*slips_of(document), *_schema_problems(document), *_named_twice()}
    profiles = _inside(document, "profiles")
    for name, part in profiles.items() if isinstance(profiles, dict) else ():
        if part and not any(place[:2] == ("profiles", name) for place, _ in found):
            caused = set(_schema_problems(_affected(document, part), missing=False)) - found
            found |= {_blamed(name, part, problem) for problem in caused}
    return sorted(found, key=lambda problem: (shown_place(problem.place), problem.text))


def _affected(document: Json, part: Json) -> Json:
    """The sections that a profile changes, and those that the schema compares with them: it can make no other wrong."""
    whole = merged(document, part)
    return {name: whole[name] for name in whole.keys() & {*part, *_schema()["x-reachable"]}}


def _blamed(profile: str, part: Json, problem: Problem) -> Problem:
    """A value that is right in the sections but wrong together with what the profile overrides."""
    place, text = problem
    if _inside(part, *place) is not None:
        return Problem(("profiles", profile, *place), text)
    return Problem(("profiles", profile), f"makes {shown_place(place)} wrong: {text}")


def slips_of(value: Json, place: Place = ()) -> Iterator[Problem]:
    """What neither Python's reader nor the schema sees: keys given twice, characters that break a line of a report."""
    if isinstance(value, JsonObject):
        yield from (Problem((*place, key), "given twice") for key in value.twice)
    elif isinstance(value, str) and re.search("[\x00-\x1f\x7f\ud800-\udfff]", value):
        yield Problem(place, f"must hold no control characters, got {_shown(value)}")
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from slips_of(child, (*place, key))


def _schema_problems(document: Json, *, missing: bool = True) -> Iterator[Problem]:
    for error in _Validator(_schema()).iter_errors(document):
        place: Place = tuple(error.absolute_path)
        in_a_profile = place[:1] == ("profiles",) and len(place) > 2
        if error.validator != "properties" or (missing and not in_a_profile):
            yield Problem(place, _text(error))


_RULES = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "greater than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "a text that is not empty",
    "maxLength": "a text of at most {} characters",
    "minItems": "a list that is not empty",
    "maxItems": "a list of at most {}",
    "minProperties": "an object that is not empty",
    "maxProperties": "an object of at most {} keys",
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
        return must_be_one_of(limit, error.instance)
    if error.validator == "type":
        rule = " or ".join(_TYPES[name] for name in ([limit] if isinstance(limit, str) else limit))
    elif error.validator == "minItems" and limit > 1:
        rule = f"a list of at least {limit}"
    elif error.validator in _RULES:
        rule = _RULES[error.validator].format(limit)
    else:  # one of the keywords below, which word their messages themselves
        return str(error.message)
    return f"must be {rule}, got {_shown(error.instance)}"


# --- what the schema's own words do not cover: functions of (validator, value of the keyword, instance, schema)


def _ref(validator: Any, name: str, instance: Json, schema: Json) -> Iterator[ValidationError]:
    """Every `$ref` names a definition of the one schema; to look each up as an address takes half of the time."""
    yield from validator.descend(instance, _definition(name))


def _properties(validator: Any, known: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
    """The schema names every key once, for sections and for profiles; so none is `required` there, and all without
    `default` are here.
    """
    if isinstance(instance, dict):
        for key in (key for key in known.keys() - instance.keys() - {"$schema"} if "default" not in known[key]):
            yield ValidationError(f"{MISSING}{_resolved(known[key])['description']}", path=[key])
        yield from Draft202012Validator.VALIDATORS["properties"](validator, known, instance, schema)


def _additional(validator: Any, allowed: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
    if allowed is not False:
        yield from Draft202012Validator.VALIDATORS["additionalProperties"](validator, allowed, instance, schema)
    elif isinstance(instance, dict):
        known = schema["properties"]
        for key in instance.keys() - known.keys():
            yield ValidationError(f"unknown key{_did_you_mean(key, known)}", path=[key])
        yield from _crossed_limits(validator, instance)


def _installed(validator: Any, on: Json, detectors: Json, schema: Json) -> Iterator[ValidationError]:
    """What the schema does not name is a detector of an installed package: its keys are what that asks for."""
    for name in detectors.keys() - _shipped_detectors().keys() if isinstance(detectors, dict) else ():
        try:
            asked = settings_asked(installed_detector(name))
        except UserError as error:
            yield ValidationError(f"{error}{_detector_meant(name)}", path=[name])
        else:
            common = _schema()["$defs"]["installed_detector"]["properties"]
            own = {key: {"description": "A setting that the detector asks for."} for key in asked}
            entry = {"properties": common | own, "additionalProperties": False}
            yield from validator.descend(detectors[name], entry, path=name)


def _detector(_: Any, on: Json, name: Json, schema: Json) -> Iterator[ValidationError]:
    if isinstance(name, str) and name not in _shipped_detectors() and name not in installed_detectors():
        yield ValidationError(must_be_one_of([*_shipped_detectors(), *installed_detectors()], name))


def _shipped_detectors() -> Json:
    return _schema()["$defs"]["detectors"]["properties"]


def _detector_meant(name: str) -> str:
    """Which one may be meant by a name that no detector has."""
    installed = installed_detectors()
    return "" if name in installed else _did_you_mean(name, [*_shipped_detectors(), *installed])


def _named_twice() -> Iterator[Problem]:
    """Nothing says which of two detectors of one name is meant."""
    for name, entries in installed_detectors().items():
        if name in _shipped_detectors():
            text = f"a detector of this name ships with the program, and the package {packages_of(entries)} has another"
            yield Problem(("detectors", name), text)


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
            yield ValidationError(must_be_one_of(table, value), path=[name])


def _reachable(_: Any, on: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
    if not all(_is_shaped(_inside(instance, section), {"$ref": f"#/$defs/{section}"}) for section in on):
        return
    total = math.fsum(one["weight"] for one in instance["detectors"].values() if one["enabled"])
    threshold = instance["fusion"]["threshold"]
    if total < threshold - 1e-9:  # 0.7 + 0.2 is less than 0.9 in binary
        text = f"must be at most {total:g}, the sum of the weights of the enabled detectors, got {threshold:g}"
        yield ValidationError(text, path=["fusion", "threshold"])


def _rising(_: Any, on: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
    if on and _is_shaped(instance, schema) and instance[0] > instance[1]:
        yield ValidationError(f"must be the least and then the most, got {_shown(instance)}")


def _zones(_: Any, on: Json, zones: Json, schema: Json) -> Iterator[ValidationError]:
    if not _is_shaped(zones, schema):
        return
    letters, known = [zone["zone"] for zone in zones], _resolved(schema["items"])["properties"]["zone"]["enum"]
    if letters != known[: len(zones)]:
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


def _severities(_: Any, on: Json, rows: Json, schema: Json) -> Iterator[ValidationError]:
    """Larger marks are never less severe than smaller ones, and every row is for some marks."""
    if not _is_shaped(rows, schema):
        return
    wrong: dict[Place, str] = {}
    idle = set(range(len(rows)))
    for kind, zone in dict.fromkeys(pair for row in rows for pair in product(row["types"], row["zones"])):
        here = {i: row for i, row in enumerate(rows) if kind in row["types"] and zone in row["zones"]}
        used = _in_use(here)
        idle -= used.keys()
        wrong = _falling(used, f"{kind} in {zone}") | wrong  # a row is blamed once, for the first type and zone
    wrong |= {(i,): "is for no mark: rows above it hold them all" for i in sorted(idle)}
    for place, text in wrong.items():
        yield ValidationError(text, path=place)


def _in_use(rows: dict[int, Json]) -> dict[int, Json]:
    """Those that hold sizes which none above them holds."""
    used, reached = {}, 0.0
    for i, row in rows.items():
        end = math.inf if row["below_um"] is None else row["below_um"]
        if end > reached:
            used[i], reached = row, end
    return used


def _falling(rows: dict[int, Json], marks: str) -> dict[Place, str]:
    """What makes larger ones of these marks less severe than smaller ones."""
    wrong: dict[Place, str] = {}
    for (_, smaller), (i, larger) in pairwise(rows.items()):
        least, severity = smaller["severity"], larger["severity"]
        if _rank(severity) < _rank(least):
            wrong[i, "severity"] = f"must be at least {least}, as smaller marks are ({marks}), got {severity}"
    i, last = [*rows.items()][-1]
    if last["below_um"] is not None and _rank(last["severity"]) > _rank("LOW"):
        text = f"must be null in the last row of {marks}, or larger marks are LOW, got {last['below_um']:g}"
        wrong[i, "below_um"] = text
    return wrong


def _rank(severity: Severity) -> int:
    return -SEVERITIES.index(severity)


def _is_integer(_: object, value: object) -> bool:
    """JSON Schema takes 5.0 for an integer; a kernel size written so would reach its detector as a float."""
    return type(value) is int


def _is_number(_: object, value: object) -> bool:
    """Python's reader takes NaN, Infinity and 1e999 for numbers."""
    return type(value) is int or (type(value) is float and math.isfinite(value))


_Shape = extend(
    Draft202012Validator,
    {"$ref": _ref, "properties": _properties, "additionalProperties": _additional},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number}),
)
_Validator = extend(
    _Shape,
    {
        **{"x-installed": _installed, "x-detector": _detector},
        **{"x-keyOf": _key_of, "x-reachable": _reachable, "x-zones": _zones, "x-bands": _bands},
        "x-rising": _rising,
        "x-severities": _severities,
    },
)


def _is_shaped(value: Json, schema: Json) -> bool:
    """Whether every value is there and right by itself, so that it can be compared with others."""
    return bool(_Shape(schema).is_valid(value))


@cache
def _schema() -> Json:
    return json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


def _resolved(schema: Json) -> Json:
    """The schema with what its `$ref` names; its own words win over those of the definition."""
    while "$ref" in schema:
        own = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**_definition(schema["$ref"]), **own}
    return schema


def _definition(name: str) -> Json:
    return _schema()["$defs"][name.removeprefix("#/$defs/")]


def _inside(value: Json, *keys: Json) -> Json:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) and isinstance(key, str) else None
    return value


def merged(base: Json, part: Json) -> Json:
    """`base` with what `part` says; objects are merged, everything else is replaced."""
    if not (isinstance(base, dict) and isinstance(part, dict)):
        return part
    return {**base, **{key: merged(base.get(key), value) for key, value in part.items()}}


# --- how a message names things


def shown_place(place: Place) -> str:
    """The JSON path of a place."""
    return "$" + "".join(_shown_step(step) for step in place)


def _shown_step(step: str | int) -> str:
    plain = isinstance(step, str) and re.fullmatch(r"[\w$-]+", step, re.ASCII)
    return f".{step}" if plain else f"[{_shown(step)}]"


def _shown(value: Json) -> str:
    text = json.dumps(value)
    return text if len(text) <= SHOWN_LENGTH else text[:SHOWN_LENGTH] + "..."


def must_be_one_of(known: Iterable[Json], word: Json) -> str:
    """The rule that a word breaks, and what it may have meant."""
    choices = list(known)
    near = nearest(word, [name for name in choices if isinstance(name, str)]) if isinstance(word, str) else None
    hint = "" if near is None else f", did you mean {_shown(near)}?"
    return f"must be one of {', '.join(map(_shown, choices))}, got {_shown(word)}{hint}"


def _did_you_mean(word: Json, known: Iterable[Json]) -> str:
    names = [name for name in known if isinstance(name, str)]  # the choices of a setting may be numbers
    close = difflib.get_close_matches(word, names, 1, SIMILAR) if isinstance(word, str) else ()
    return f", did you mean {_shown(close[0])}?" if close else ""


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name that a word may stand for: one that is spelt nearly so, alone begins or ends with it, or is cut to it.

    `mm` stands for multimode, 2015 for iec_61300_3_35_2015.
    """
    names, low = list(names), word.casefold()
    close = difflib.get_close_matches(low, names, 1, SIMILAR)
    if close or len(low) < 2:
        return close[0] if close else None
    likely = [name for name in names if name.startswith(low) or name.endswith(low)]
    if likely:
        return likely[0] if len(likely) == 1 else None
    return next((name for name in names if _is_cut_to(name, low)), None)


def _is_cut_to(name: str, word: str) -> bool:
    """Whether the letters of a short word stand in a name, in their order and from its first."""
    letters = iter(name)
    return len(word) <= MOST_INITIALS and name[0] == word[0] and all(letter in letters for letter in word)


MOST_INITIALS = 4
