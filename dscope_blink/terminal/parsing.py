"""A command line is parsed: complaints are one line."""

from __future__ import annotations

import argparse
from typing import NoReturn

from dscope_blink.terminal.starting import USER_ERROR


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """One line instead of the whole usage."""
        self.exit(USER_ERROR, f"{self.prog}: {message}; see {self.prog} --help\n")
