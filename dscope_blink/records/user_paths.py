"""Paths as users write them."""

from __future__ import annotations

from pathlib import Path

from dscope_blink.records.errors import UserError


def user_path(text: str | Path) -> Path:
    """The path of a text in which `~` or `~name` at the start stands for the home of a user.

    Raises
    ------
    UserError : there is no such user
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        name = Path(text).parts[0]
        raise UserError(f"{text}: there is no user {name[1:]!r}; a folder of this name is ./{name}") from None
