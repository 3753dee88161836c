"""A configuration file that holds only what differs: what it extends, and what both come to.

    {"extends": "shipped", "default_profile": "fast_scan", "fusion": {"threshold": 0.8}}

What is extended is the file that ships with the program, whatever its version, or a file named relative to the one that
names it, which may extend another in turn. Objects are merged, everything else is replaced.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from dscope_blink.config.checking import SHOWN_LENGTH, Json, JsonObject, Place, merged, shown_place
from dscope_blink.config.shipped import shipped
from dscope_blink.records import ConfigError

EXTENDS, SHIPPED = "extends", "shipped"
# Where a key of an earlier version stands today, with the same meaning and unit.
MOVED: MappingProxyType[Place, Place] = MappingProxyType(
    {
        ("fusion", "smooth_px"): ("residual", "smooth_px"),
        ("scale", "max_calibration_age_days"): ("calibration", "valid_days"),
    }
)
ANY = "*"  # each key of an object
# Files that a setting names are sought beside the file that names them.
PATHS: tuple[Place, ...] = (
    ("camera", "play_files"),
    ("preprocessing", "flat_field_image"),
    ("reference", "model"),
    ("learned", "network"),
    ("gates", "networks", ANY, "file"),
    ("gates", "layout", "files"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a configuration, as it was read."""

    path: Path
    data: bytes

    @property
    def document(self) -> Json:
        """What the file says; ConfigError where it is no JSON. Not to be changed."""
        return _parsed(self.data, self.path.name)


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a configuration, its keys where they stand today, its paths absolute."""

    source: Source
    document: Json
    notes: tuple[str, ...] = ()  # one for each key that moved


def read_sources(path: Path) -> tuple[Source, ...]:
    """A configuration file and those that it extends, the last of them first.

    Parameters
    ----------
    path : a JSON file, UTF-8

    Raises
    ------
    ConfigError : one of them cannot be read or is no JSON, or they extend each other in a circle
    """
    sources: list[Source] = []
    place: Path | None = path
    while place is not None:
        if any(place.resolve() == source.path.resolve() for source in sources):
            raise ConfigError((f"{sources[-1].path.name}: $.{EXTENDS}: {place} extends this file in turn",))
        sources.append(Source(place, _read(place)))
        place = _extended(sources[-1])
    return tuple(reversed(sources))


def sha256_of(sources: Sequence[Source]) -> str:
    """Of the bytes of a file that stands alone, else of the digests of all files, the one that all extend first."""
    digests = [hashlib.sha256(source.data).hexdigest() for source in sources]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def parts_of(sources: Sequence[Source], folder: Path | None = None) -> tuple[Part, ...]:
    """What each file says in the keys of today, in the order of `sources`; paths from a folder, or that of the last."""
    seen_from = Path(sources[-1].path).parent if folder is None else folder
    return tuple(_part(source, seen_from) for source in sources)


def whole(parts: Sequence[Part]) -> Json:
    """What all of them say together; the document of the last where it stands alone."""
    document = parts[0].document
    for part in parts[1:]:
        document = merged(document, part.document)
    return document


def origin(parts: Sequence[Part], place: Place) -> Path:
    """The file that says what stands at a place; the last where none does."""
    says = (part.source.path for part in reversed(parts) if _holds(part.document, place))
    return next(says, parts[-1].source.path)


def leaves(document: Json, place: Place = ()) -> Iterator[tuple[Place, Json]]:
    """Every value of a document that is no object, with its place; an empty object is a value."""
    if isinstance(document, dict) and document:
        for key, value in document.items():
            yield from leaves(value, (*place, key))
    else:
        yield place, document


def without_same(document: Json, base: Json) -> Json:
    """What of a document a file needs that extends `base`; keys that only the base has stay as they are there."""
    if not (isinstance(document, dict) and isinstance(base, dict)):
        return document
    return {
        key: without_same(value, base.get(key))
        for key, value in document.items()
        if key not in base or value != base[key]
    }


def _part(source: Source, folder: Path) -> Part:
    document = source.document
    if not isinstance(document, dict):
        return Part(source, document)
    document, notes = _up_to_date(_without(document, (EXTENDS,)), source.path.name)
    here = source.path.parent.absolute()
    if here != folder.absolute():
        for place in paths_in(document):
            value = _at(document, place)
            if value is not None:
                document = _with(document, place, _from(here, value))
    return Part(source, document, notes)


def _from(folder: Path, value: Json) -> Json:
    """The name of a file, or a list of them, as seen from anywhere; what is neither stays as it is."""
    if isinstance(value, list):
        return [_from(folder, one) for one in value]
    return str(folder / value) if isinstance(value, str) else value


def paths_in(document: Json) -> Iterator[Place]:
    """Where a document may name files: at the top, and in each profile."""
    for section in _sections(document):
        for path in PATHS:
            yield from _spelt_out(document, section, path)


def _spelt_out(document: Json, start: Place, rest: Place) -> Iterator[Place]:
    """The places that a path stands for."""
    if ANY not in rest:
        yield start + rest
        return
    place = rest.index(ANY)
    inner = _at(document, start + rest[:place])
    for key in inner if isinstance(inner, dict) else ():
        yield from _spelt_out(document, (*start, *rest[:place], key), rest[place + 1 :])


def _up_to_date(document: Json, name: str) -> tuple[Json, tuple[str, ...]]:
    """The document with each key that moved in its place of today, and a note for each."""
    notes = []
    for section in _sections(document):
        for old, new in MOVED.items():
            before, now = section + old, section + new
            if not _holds(document, before) or _holds(document, now):
                continue
            value = _at(document, before)
            document = _with(_without(document, before), now, value)
            notes.append(f"{name}: {shown_place(before)} is {shown_place(now)} by now, and was read as that")
    return document, tuple(notes)


def _sections(document: Json) -> list[Place]:
    """Where the sections begin: at the top, and in each profile."""
    profiles = _at(document, ("profiles",))
    return [(), *(("profiles", name) for name in (profiles if isinstance(profiles, dict) else ()))]


def _holds(document: Json, place: Place) -> bool:
    inner = _at(document, place[:-1])
    return isinstance(inner, dict) and place[-1] in inner if place else True


def _at(document: Json, place: Place) -> Json:
    for key in place:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _with(document: Json, place: Place, value: Json) -> Json:
    first, *rest = place
    inner = document.get(first) if isinstance(document, dict) else None
    return {**(document or {}), first: _with(inner, tuple(rest), value) if rest else value}


def _without(document: Json, place: Place) -> Json:
    first, *rest = place
    if rest:
        return {key: _without(value, tuple(rest)) if key == first else value for key, value in document.items()}
    return {key: value for key, value in document.items() if key != first}


def _extended(source: Source) -> Path | None:
    """The file that a file extends; ConfigError where what it says of that is no name."""
    document = source.document
    if not isinstance(document, dict) or EXTENDS not in document:
        return None
    named = document[EXTENDS]
    if not isinstance(named, str) or not named:
        problem = f'must be "{SHIPPED}" or the name of a file, got {json.dumps(named)[:SHOWN_LENGTH]}'
        raise ConfigError((f"{source.path.name}: $.{EXTENDS}: {problem}",))
    return shipped("config.json") if named == SHIPPED else source.path.parent / Path(named).expanduser()


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ConfigError((f"{path}: {'not a file' if path.exists() else 'no such file'}",))
        return path.read_bytes()
    except OSError as error:
        raise ConfigError((f"{path}: cannot be read: {error.strerror}",)) from None


@lru_cache(maxsize=8)
def _parsed(data: bytes, name: str) -> Json:
    try:
        text = data.decode("utf-8-sig")  # Windows editors put a byte order mark first
        if not text.strip():
            raise ConfigError((f"{name}: the file is empty",))
        return json.loads(text, object_pairs_hook=JsonObject, parse_int=_number)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise ConfigError((f"{name}: not UTF-8 text: byte {byte:#04x} at offset {error.start}",)) from None
    except json.JSONDecodeError as error:
        raise ConfigError((f"{name}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}",)) from None
    except RecursionError:
        raise ConfigError((f"{name}: nested too deeply",)) from None


def _number(digits: str) -> int | float:
    """Python's integers have no end; a float says `inf` where one cannot be meant."""
    return int(digits) if len(digits) < 19 else float(digits)
