"""A command line is parsed: complaints are one line, that of the command they are about, with what may be meant."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import NoReturn

from dscope_blink.config.checking import nearest
from dscope_blink.terminal.starting import USER_ERROR


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line.

    `epilog_of`, where it is set, gives the end of its help, which is made only when it is printed.
    """

    epilog_of: Callable[[], str] | None = None

    def error(self, message: str) -> NoReturn:
        """One line instead of the whole usage."""
        self.exit(USER_ERROR, f"{self.prog}: {self._with_hint(message)}; see {self.prog} --help\n")

    def parse_args(self, args: Sequence[str] | None = None, namespace: None = None) -> argparse.Namespace:  # type: ignore[override]
        """As ever; what is left over is told by the command that it was given to."""
        parsed, left = self.parse_known_args(args, namespace)
        if left:
            self._told_by(parsed).error(f"unrecognized arguments: {' '.join(left)}")
        return parsed

    def format_help(self) -> str:
        """With its epilog."""
        if self.epilog_of is not None:
            self.epilog, self.formatter_class = self.epilog_of(), argparse.RawDescriptionHelpFormatter
        return super().format_help()

    def _told_by(self, parsed: argparse.Namespace) -> argparse.ArgumentParser:
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                chosen = action.choices.get(str(getattr(parsed, action.dest, "")))
                if isinstance(chosen, Parser):
                    return chosen._told_by(parsed)
        return self

    def _with_hint(self, message: str) -> str:
        """With the command or option that may be meant."""
        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        option = re.search(r"unrecognized arguments: (--[a-z-]+)", message)
        near = None
        if choice:
            near = nearest(choice[1], re.findall(r"[\w-]+", choice[2]))
        elif option:
            near = nearest(option[1], [name for name in self._option_string_actions if name.startswith("--")])
        return message if near is None else f"{message}, did you mean {near}?"
