"""A file written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
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


class WriteFailed(UserError):
    """A result cannot be written: what was finished is kept."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Make the folder of a file to be written; what the system refuses is WriteFailed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except UserError as error:
        raise WriteFailed(str(error)) from error
    except OSError as error:
        raise WriteFailed(f"{error.filename or path} cannot be written: {error.strerror or error}") from error
