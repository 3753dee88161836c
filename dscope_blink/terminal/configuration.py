"""Checks a configuration: `python config_loader.py [FILE]`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import ConfigFile, CriteriaBook
from dscope_blink.terminal.arguments import CONFIG
from dscope_blink.terminal.parsing import Parser
from dscope_blink.terminal.running import told

ALONE = "config_loader.py"  # the program that does nothing else


def main(words: Sequence[str] | None = None) -> int:
    """Check a configuration and say what it holds.

    Returns
    -------
    Exit code: 0 it is right, 2 it is not, with one line for every problem
    """
    return told(ALONE, lambda: check(_parser().parse_args(words)))


def _parser() -> argparse.ArgumentParser:
    text = "Checks a configuration file, and says which profiles, editions and classes it has."
    parser = Parser(prog=ALONE, description=text, allow_abbrev=False)
    parser.add_argument("file", metavar="FILE", nargs="?", default=str(CONFIG), help="default: the one that ships")
    return parser


def check(arguments: argparse.Namespace) -> int:
    """Check and print; returns the exit code."""
    settings = load_config(Path(arguments.file).expanduser())
    print(f"{settings.path}: right")
    print(f"sha256 {settings.sha256}")
    for line in (*_profiles(settings), *_editions(settings.profile(settings.default_profile).criteria)):
        print(line)
    return 0


def _profiles(settings: ConfigFile) -> Iterator[str]:
    for name, config in settings.profiles.items():
        detectors = (key for key, detector in config.detectors.items() if detector.enabled)
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
