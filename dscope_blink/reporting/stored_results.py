"""The stored records that a report is made of, read one by one: as they are, or as something makes them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from dscope_blink.records import Inspection, printable
from dscope_blink.records.stored import BadRecord, load_record

logger = logging.getLogger("dscope.reports")


@dataclass(frozen=True, slots=True)
class StoredResults:
    """Records in the order of the batch.

    Parameters
    ----------
    paths : NAME_result.json
    load : what reads one; BadRecord where it cannot be read or is none
    judged_again : whether `load` gives other verdicts than those that the files beside the record show
    """

    paths: Sequence[Path]
    load: Callable[[Path], Inspection] = load_record
    judged_again: bool = False

    def read(self) -> Iterator[tuple[Path, Inspection | BadRecord]]:
        """Each record; what is no longer there or no record with a warning."""
        for path in self.paths:
            try:
                yield path, self.load(path)
            except BadRecord as error:
                logger.warning("%s: not in the reports, %s", printable(str(path)), error)
                yield path, error

    def inspections(self) -> Iterator[tuple[Path, Inspection]]:
        """Those that can be read."""
        for path, stored in self.read():
            if isinstance(stored, Inspection):
                yield path, stored


def kept_apart(folder: Path, paths: Sequence[Path], read: Callable[[Path], Inspection]) -> StoredResults:
    """The records of one or of several batches in the subfolders of a folder, each picture named with its batch.

    Parameters
    ----------
    folder : that of the reports
    paths : the records in it
    read : what reads one, as `load` of StoredResults
    """

    def load(path: Path) -> Inspection:
        stored = read(path)
        batch = _batch_of(path.parent.relative_to(folder).as_posix(), stored.image.file)
        return replace(stored, image=replace(stored.image, file=f"{batch}/{stored.image.file}")) if batch else stored

    return StoredResults(paths, load)


def _batch_of(place: str, file: str) -> str:
    """The folder of a batch, of which the results lie in subfolders as the pictures do; empty: that of the reports."""
    within = PurePosixPath(file).parent.as_posix()
    if place in (".", within):
        return ""
    return place.removesuffix(f"/{within}")
