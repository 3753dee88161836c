"""The log file of the day, beside the results."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

from dscope_blink.files.syncing import make_folder, sync_files, sync_folders
from dscope_blink.records import UserError


class _LogFile(logging.FileHandler):
    """The log file of the day; a watch may run for days."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._day = folder, date.today()
        super().__init__(self._file(), encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        if (today := date.today()) != self._day:
            self.close()
            self._day = today
            self.baseFilename = str(self._file().absolute())
        try:
            super().emit(record)  # opens the file where it is closed
        except OSError:
            self.handleError(record)

    def _file(self) -> Path:
        return self._folder / f"inspection_{self._day}.log"

    def close(self) -> None:
        """What it says of a run is on the disk, too, once the run has ended."""
        was_open = self.stream is not None
        super().close()
        if was_open:
            with suppress(OSError):
                sync_files([Path(self.baseFilename)])
                sync_folders([self._folder])

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing: a disk without room for the log has none for the next result, which ends the batch."""


def _is_ours_or_a_warning(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == "dscope" or record.levelno >= logging.WARNING


@contextmanager
def log_file(folder: Path) -> Iterator[None]:
    """Everything the program logs goes to the log file of the day, after what is there already.

    So do the warnings of Python and of libraries, which are not for the terminal.
    """
    try:
        make_folder(folder)
        handler = _LogFile(folder)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be written: {error.strerror}") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(_is_ours_or_a_warning)
    logging.getLogger("dscope").setLevel(logging.INFO)
    top = logging.getLogger()
    top.addHandler(handler)
    try:
        yield
    finally:
        top.removeHandler(handler)
        with suppress(OSError):
            handler.close()
