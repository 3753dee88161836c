"""Everything that is wrong with what a user gave, told at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from dscope_blink.records import UserError

T = TypeVar("T")
P = ParamSpec("P")


class Problems:
    """Everything that is wrong with what the user gave, to be told at once."""

    def __init__(self, prefix: str = "") -> None:
        self.lines: list[str] = []
        self._prefix = prefix

    def attempt(self, otherwise: T, check: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `check` returns; if it refuses, its complaint is kept and `otherwise` returned."""
        try:
            return check(*args, **kwargs)
        except UserError as error:
            self.lines += [self._prefix + line for line in str(error).splitlines()]
            return otherwise

    def raise_if_any(self) -> None:
        """UserError with one line for each problem."""
        if self.lines:
            raise UserError("\n".join(self.lines))
