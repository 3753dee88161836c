"""The errors a user sees."""

from __future__ import annotations


class UserError(Exception):
    """A mistake of the user's that one line explains; the program ends with exit code 2 and no traceback."""


class ConfigError(UserError):
    """Everything that is wrong with a configuration, each problem a line of its own with its JSON path."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UnreadableImage(UserError):
    """A picture file that cannot be decoded; the message says why."""
