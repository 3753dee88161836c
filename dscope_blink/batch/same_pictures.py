"""One picture under two names: the same bytes, or the same pixels. Both records warn of it, for one face is not two."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dscope_blink.analysis.rejudging import load_trusted
from dscope_blink.batch.whole_results import sha256_of
from dscope_blink.config.settings import Config
from dscope_blink.files.names import CERTIFICATE, RESULT
from dscope_blink.files.whole_files import writing
from dscope_blink.records import Inspection, Notice, notice, printable
from dscope_blink.records.stored import BadRecord
from dscope_blink.reporting.batch_reports import write_certificates
from dscope_blink.reporting.picture_files import write_result
from dscope_blink.reporting.stored_results import StoredResults

SAME = "same_picture"
# Which one it is, and whether it is so byte by byte, depends on which is finished first: that is for the log.
IN_RECORD = notice(SAME, "another picture of the run has the same pixels; the log of the run names it")

logger = logging.getLogger("dscope.batch")


class MetPictures:
    """The pictures of a run so far, by what they hold."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], dict[int, str]] = {}  # what and its hash -> number and file of each
        self._of: dict[int, list[tuple[str, str]]] = {}
        self._told: set[int] = set()

    def add(
        self, number: int, file: str, sha256: str | None, pixels_sha256: str | None = None
    ) -> Iterator[tuple[int, Notice]]:
        """What is to be said of this picture and of those that it is the same as; of each only once.

        Parameters
        ----------
        number : of the picture in the run; one that comes again was replaced
        file : its name
        sha256, pixels_sha256 : of its bytes and of its pixels; None: not known
        """
        for key in self._of.pop(number, ()):
            self._places[key].pop(number, None)
        self._told.discard(number)
        keys = [(what, known) for what, known in (("bytes", sha256), ("pixels", pixels_sha256)) if known]
        self._of[number] = keys
        for key in keys:
            yield from self._same(key, number, file)
            self._places.setdefault(key, {})[number] = file

    def _same(self, key: tuple[str, str], number: int, file: str) -> Iterator[tuple[int, Notice]]:
        others = {n: name for n, name in self._places.get(key, {}).items() if name != file}
        for other, name in list(others.items()):
            for one, of in ((number, name), (other, file)):
                if one not in self._told:
                    self._told.add(one)
                    yield one, notice(SAME, f"it has the same {key[0]} as {of}")


def warn_in_record(start: str, warning: Notice, config: Config) -> Inspection | None:
    """Log that a picture is met twice, and add that it is to its record, which is written, and to its certificate.

    Parameters
    ----------
    start : path of the results up to the end of NAME
    warning : what to log
    config : of the run; a record that somebody has altered since it was written is left as it is

    Returns
    -------
    The inspection as it is stored now; None where its record says so already, or cannot be read

    Raises
    ------
    WriteFailed : it cannot be written
    """
    path = Path(start + RESULT)
    try:
        stored = load_trusted(path, config)
    except BadRecord as error:
        logger.warning("%s: %s", printable(str(path)), error)
        return None
    logger.warning("%s: %s", printable(stored.image.file), printable(warning.text))
    if not stored.is_verified or any(known.kind == SAME for known in stored.quality.warnings):
        return None
    warned = replace(stored, quality=replace(stored.quality, warnings=(*stored.quality.warnings, IN_RECORD)))
    with writing(path):
        certificate = Path(start + CERTIFICATE)
        if certificate.exists():
            write_certificates(StoredResults([path], lambda _: warned))
            if warned.outputs is not None:
                warned = replace(warned, outputs={**warned.outputs, certificate.name: sha256_of(certificate)})
        write_result(path, warned)
    return warned
