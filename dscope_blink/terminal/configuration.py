"""The configuration at a terminal: checked, shown, and held against what it extends or what ships."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType

from dscope_blink.config.checking import Json, Place, merged, shown_place
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import ConfigFile, CriteriaBook
from dscope_blink.config.shipped import shipped
from dscope_blink.config.site_files import EXTENDS, SHIPPED, leaves, origin, parts_of, read_sources, whole, without_same
from dscope_blink.records import UserError
from dscope_blink.terminal.parsing import Parser
from dscope_blink.terminal.running import told

CONFIG = shipped("config.json")
ALONE = "config_loader.py"  # the program that does nothing else
WHAT = MappingProxyType(
    {
        "check": "say whether it is right, and which profiles, editions and classes it has",
        "show": "print every value",
        "diff": "print what differs from the one that ships",
    }
)


def main(words: Sequence[str] | None = None) -> int:
    """Check a configuration and say what it holds.

    Returns
    -------
    Exit code: 0 it is right, 2 it is not, with one line for every problem
    """
    return told(ALONE, lambda: _check(_parser().parse_args(words)))


def _parser() -> argparse.ArgumentParser:
    text = "Checks a configuration file, and says which profiles, editions and classes it has."
    parser = Parser(prog=ALONE, description=text, allow_abbrev=False)
    _add_file(parser)
    return parser


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """The words of the command `config`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check, show, diff = (actions.add_parser(name, help=text, allow_abbrev=False) for name, text in WHAT.items())
    for action in (check, show, diff):
        _add_file(action)
    show.add_argument("--profile", metavar="NAME", help="with what this profile overrides; default: the sections alone")
    show.add_argument("--part", metavar="KEY.KEY", default="", help="only this part, as detectors.lei")
    show.add_argument("--origin", action="store_true", help="and the file that says so")
    diff.add_argument("--site-file", action="store_true", help="print a file that holds only what differs")


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", default=str(CONFIG), help="default: the one that ships")


def configuration(arguments: argparse.Namespace) -> int:
    """Do what the command `config` asks for; returns the exit code."""
    return _ACTIONS[arguments.action](arguments)


# --- check


def _check(arguments: argparse.Namespace) -> int:
    settings = load_config(_path(arguments))
    print(f"{settings.path}: right")
    print(f"sha256 {settings.sha256}")
    for note in settings.notes:
        print(f"Note: {note}")
    for line in (*_profiles(settings), *_editions(settings.profile(settings.default_profile).criteria)):
        print(line)
    return 0


def _path(arguments: argparse.Namespace) -> Path:
    return Path(arguments.file).expanduser()


def _profiles(settings: ConfigFile) -> Iterator[str]:
    for name, config in settings.profiles.items():
        detectors = (key for key, detector in config.engaged_detectors.items() if detector.enabled)
        yield f"Profile {name}{_default(name, settings.default_profile)}: {_listed(detectors)}"


def _editions(book: CriteriaBook) -> Iterator[str]:
    for edition in book.editions():
        yield f"Edition {edition}{_default(edition, book.default_edition)}: {_listed(_classes(book, edition))}"


def _classes(book: CriteriaBook, edition: str) -> Iterator[str]:
    for key, criteria in book.table[edition].items():
        default = _default(key, book.default_class if edition == book.default_edition else "")
        yield f"{key}{default}{'' if criteria.confirmed else ' (not confirmed)'}"


def _default(name: str, default: str) -> str:
    return " (default)" if name == default else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


# --- show


def _show(arguments: argparse.Namespace) -> int:
    path = _path(arguments)
    settings = load_config(path)
    parts = parts_of(read_sources(path))
    document, overridden = whole(parts), {}
    if arguments.profile is not None:
        settings.profile(arguments.profile)
        overridden = document["profiles"][arguments.profile]
        document = merged({key: value for key, value in document.items() if key != "profiles"}, overridden)
    shown = list(_within(document, tuple(filter(None, arguments.part.split(".")))))
    changed = {place for place, _ in leaves(overridden)}
    for place, value in shown:
        said = ("profiles", arguments.profile, *place) if place in changed else place
        where = f"   ({origin(parts, said)}{f', profile {arguments.profile}' if place in changed else ''})"
        print(f"{shown_place(place)} = {json.dumps(value)}{where if arguments.origin else ''}")
    return 0


def _within(document: Json, part: Place) -> Iterator[tuple[Place, Json]]:
    found = [(place, value) for place, value in leaves(document) if place[: len(part)] == part]
    if not found:
        raise UserError(f"--part: the configuration has no {'.'.join(map(str, part))}")
    yield from found


# --- diff


def _diff(arguments: argparse.Namespace) -> int:
    path = _path(arguments)
    load_config(path)
    own, base = (whole(parts_of(read_sources(file), path.parent)) for file in (path, CONFIG))
    if arguments.site_file:
        print(json.dumps({EXTENDS: SHIPPED, **without_same(own, base)}, indent=2))
        return 0
    ships, has = dict(leaves(base)), dict(leaves(own))
    for place in sorted({*ships, *has}, key=shown_place):
        if ships.get(place, _NONE) != has.get(place, _NONE):
            print(f"{shown_place(place)}: {_value(ships, place)} -> {_value(has, place)}")
    return 0


_NONE = object()


def _value(values: dict[Place, Json], place: Place) -> str:
    return json.dumps(values[place]) if place in values else "nothing"


_ACTIONS: MappingProxyType[str, Callable[[argparse.Namespace], int]] = MappingProxyType(
    {"check": _check, "show": _show, "diff": _diff}
)
