"""The script with which a shell completes the words of the command; the only home of shtab."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

SHELLS = ("bash", "zsh")


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for one of SHELLS, which completes commands, options, files and folders.

    Parameters
    ----------
    parser : whose `prog` is the command that is completed
    shell : one of SHELLS
    """
    import shtab

    for action in _actions(parser):
        if "DIR" in str(action.metavar):
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif any(word in str(action.metavar) for word in ("FILE", "PICTURE", "RESULT")):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    return shtab.complete(parser, shell)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Those of the parser and of its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
