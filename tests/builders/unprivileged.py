"""Tests of permissions that hold for root too, who may read and write everything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

NOBODY = 65534


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root goes on as a user without rights; anyone else stays who it is."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root:
        os.setresuid(NOBODY, NOBODY, 0)  # `os.access` asks for the first, opening a file for the second
    try:
        yield
    finally:
        if is_root:
            os.setresuid(0, 0, 0)
