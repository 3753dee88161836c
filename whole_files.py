"""A file written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

from records import UserError


def write_file(path: Path, data: bytes) -> None:
    """Write to a temporary name beside the file, then rename.

    Parameters
    ----------
    path : the file, replaced where it exists
    data : all of it

    Raises
    ------
    UserError
        Naming the file and the reason; the temporary file is removed then.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")  # unique also among the machines of a cluster
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
