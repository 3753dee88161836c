"""What a record checks where it is made."""

from __future__ import annotations


def require(condition: bool, message: str) -> None:
    """ValueError with this message unless the condition holds."""
    if not condition:
        raise ValueError(message)
