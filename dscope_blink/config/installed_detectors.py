"""The detectors that installed packages add by an entry point, and the settings that each asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from dscope_blink.records import UserError

GROUP = "dscope_blink.detectors"
COMMON = ("enabled", "weight")  # keys that the entry of every detector has
CONFIG_DIR = "config_dir"  # not a setting: a detector that asks for it gets the folder of its configuration


def installed_detectors() -> Mapping[str, tuple[EntryPoint, ...]]:
    """The entry points of the group by name; more than one where packages disagree. Nothing is imported."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=GROUP):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def packages_of(entries: tuple[EntryPoint, ...]) -> str:
    """Names of the packages that give these entry points."""
    return " and ".join(sorted(entry.dist.name if entry.dist else entry.module for entry in entries))


@cache
def installed_detector(name: str) -> Callable[..., Any]:
    """Import the detector of an installed package.

    Parameters
    ----------
    name : of its entry point

    Returns
    -------
    The function: its first argument is the residual, all others are by keyword

    Raises
    ------
    UserError : no or more than one package gives it, it cannot be imported, or it is no such function
    """
    entries = installed_detectors().get(name, ())
    if not entries:
        raise UserError("unknown detector, neither shipped nor of an installed package")
    if len(entries) > 1:
        raise UserError(f"more than one package has a detector of this name: {packages_of(entries)}")
    where = f"{entries[0].value} of the package {packages_of(entries)}"
    try:
        function = entries[0].load()
    except Exception as error:  # an import runs whatever another's module says
        raise UserError(f"{where} cannot be imported: {_in_one_line(error)}") from error
    wrong = _why_no_detector(function)
    if wrong:
        raise UserError(f"{where} {wrong}")
    return function


def _in_one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def by_keyword(function: Callable[..., Any]) -> frozenset[str]:
    """Names of the keyword-only arguments of a detector."""
    arguments = inspect.signature(function).parameters.values()
    return frozenset(one.name for one in arguments if one.kind is one.KEYWORD_ONLY)


def settings_asked(function: Callable[..., Any]) -> frozenset[str]:
    """Names of the settings of a detector: whatever it takes by keyword, with a default or without, but the folder."""
    return by_keyword(function) - {CONFIG_DIR}


def _why_no_detector(function: Any) -> str:
    """The rule that a function breaks which is to be a detector; empty if none."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # nothing to call; something to call that does not tell its arguments
        return f"must be a function, got {type(function).__name__}"
    kinds = [one.kind for one in signature.parameters.values()]
    first, others = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    if not kinds or kinds[0] > first or set(kinds[1:]) - {others}:
        return f"must take the residual and then its settings by keyword only, (residual, *, ...), got {signature}"
    taken = sorted(by_keyword(function) & set(COMMON))
    return f"must not ask for {taken[0]}, which the fusion reads" if taken else ""
