"""config.json -> frozen `Config`; every problem of a wrong file at once, each with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

from dscope_blink.config.checking import MISSING, Json, Problem, merged, problems_of, shown_place, slips_of
from dscope_blink.config.settings import Config, ConfigFile
from dscope_blink.config.site_files import (
    EXTENDS,
    SHIPPED,
    Part,
    Source,
    origin,
    parts_of,
    read_sources,
    sha256_of,
    whole,
)
from dscope_blink.records import ConfigError


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
    return _checked(read_sources(path), path, path.parent.absolute())


@lru_cache(maxsize=8)
def _checked(sources: tuple[Source, ...], path: Path, folder: Path) -> ConfigFile:
    """The same bytes in the same place are checked once: what is made of them cannot be changed."""
    try:
        parts = parts_of(sources)
        document = whole(parts)
        problems = _problems(parts, document)
    except RecursionError:
        raise ConfigError((f"{path.name}: nested too deeply",)) from None
    if problems:
        raise ConfigError(tuple(problems))
    sha256 = sha256_of(sources)
    source = {"sha256": sha256, "folder": folder}
    profiles = {
        name: _build(Config, {**merged(document, part), **source, "profile": name}, path.parent)
        for name, part in document["profiles"].items()
    }
    notes = (*(note for part in parts for note in part.notes), *_claimed(parts, document, profiles))
    return ConfigFile(path, sha256, document["default_profile"], MappingProxyType(profiles), notes)


def _claimed(parts: Sequence[Part], document: Json, profiles: Mapping[str, Config]) -> tuple[str, ...]:
    """A line for the limits of each class that are said to be confirmed, and are not those that ship as confirmed."""
    found = {}
    for name, part in document["profiles"].items():
        for edition, entry in merged(document, part)["criteria"]["editions"].items():
            for key, limits in entry["classes"].items():
                if limits["confirmed"] and not profiles[name].criteria.table[edition][key].confirmed:
                    place = ("criteria", "editions", edition, "classes", key, "confirmed")
                    found[place] = f"{origin(parts, place).name}: {shown_place(place)}: {NOT_AS_SHIPPED}"
    return tuple(found.values())


NOT_AS_SHIPPED = "these limits are not those that ship as confirmed, and are taken as not confirmed"


def _problems(parts: Sequence[Part], document: Json) -> list[str]:
    """A line for each problem, which begins with the file that holds it."""
    slips = [(part.source.path, problem) for part in parts for problem in slips_of(part.source.document)]
    wrong = [(origin(parts, problem.place), problem) for problem in problems_of(document)]
    found = list(dict.fromkeys(slips + wrong))
    missing = [problem for _, problem in found if problem.text.startswith(MISSING)]
    if len(missing) > MOST_MISSING:
        text = f'{len(missing)} keys are missing; a file that holds only what differs says so: "{EXTENDS}": "{SHIPPED}"'
        found = [(path, problem) for path, problem in found if problem not in missing]
        found.append((parts[-1].source.path, Problem((), text)))
    return [f"{path.name}: {shown_place(place)}: {text}" for path, (place, text) in found]


MOST_MISSING = 5  # keys that are named one by one


# --- from a checked document to records

_kinds_of = cache(get_type_hints)  # annotations are texts: to evaluate them takes longer than to build a section


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
        kinds = _kinds_of(kind)
        return kind(**{field.name: _build(kinds[field.name], value[field.name], folder) for field in fields(kind)})
    return folder / value if kind is Path else float(value) if kind is float else value
