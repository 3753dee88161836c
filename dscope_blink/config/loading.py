"""config.json -> frozen `Config`; every problem of a wrong file at once, each with its place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

from dscope_blink.config.checking import Json, JsonObject, merged, problems_of, shown_place
from dscope_blink.config.settings import Config, ConfigFile
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
    return _checked(_read(path), path, path.parent.absolute())


@lru_cache(maxsize=8)
def _checked(data: bytes, path: Path, folder: Path) -> ConfigFile:
    """The same bytes in the same place are checked once: what is made of them cannot be changed."""
    try:
        document = _parsed(data, path.name)
        problems = problems_of(document)
    except RecursionError:
        raise ConfigError((f"{path.name}: nested too deeply",)) from None
    if problems:
        raise ConfigError(tuple(f"{path.name}: {shown_place(p.place)}: {p.text}" for p in problems))
    sha256 = hashlib.sha256(data).hexdigest()
    source = {"sha256": sha256, "folder": folder}
    profiles = {
        name: _build(Config, {**merged(document, part), **source, "profile": name}, path.parent)
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
        return json.loads(text, object_pairs_hook=JsonObject, parse_int=_number)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise ConfigError((f"{name}: not UTF-8 text: byte {byte:#04x} at offset {error.start}",)) from None
    except json.JSONDecodeError as error:
        raise ConfigError((f"{name}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}",)) from None


def _number(digits: str) -> int | float:
    """Python's integers have no end; a float says `inf` where one cannot be meant."""
    return int(digits) if len(digits) < 19 else float(digits)


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
