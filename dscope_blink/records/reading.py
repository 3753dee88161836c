"""A file of the user's is read whole, if it is one: a pipe or a device may keep the reader for ever."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MOST_BYTES = 2**28  # of a text: a record, a table, a calibration; the largest records have a hundredth of it


def read_file(path: Path, max_bytes: int = MOST_BYTES) -> bytes:
    """The bytes of a file; OSError, `strerror` with the reason, for what is none, is larger, or cannot be read."""
    try:
        found = os.stat(path)
    except ValueError as error:  # a name that no file can have
        raise OSError(errno.EINVAL, str(error), os.fspath(path)) from None
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):  # a folder is told by opening it
        raise OSError(errno.EINVAL, "not a file", os.fspath(path))
    if found.st_size > max_bytes:
        raise OSError(errno.EFBIG, f"it must have at most {max_bytes} bytes, it has {found.st_size}", os.fspath(path))
    return path.read_bytes()
