"""A standard output that may end before the program does: no closed pipe and no full disk behind it ends a batch."""

from __future__ import annotations

import io
import os
from typing import TextIO


class PatientOutput(io.TextIOBase):
    """Passes on what is written until that fails once, and drops the rest.

    Parameters
    ----------
    stream : with a file descriptor, which is turned to nowhere when writing fails: what is still buffered has to go
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.problem: OSError | None = None

    def write(self, text: str) -> int:
        """All of the text, for the writer."""
        if self.problem is None:
            try:
                self._stream.write(text)
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """As far as the stream goes."""
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def isatty(self) -> bool:
        """As the stream."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """As the stream."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As the stream."""
        return self._stream.encoding

    def _give_up(self, error: OSError) -> None:
        self.problem = error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
