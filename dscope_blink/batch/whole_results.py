"""The files of one picture beside its record: all or none of them, and known by their hashes when met again."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from dscope_blink.files.generations import RunEnded
from dscope_blink.files.names import RESULT, RESULT_FILES
from dscope_blink.files.whole_files import digest, remove_files
from dscope_blink.records import printable, within
from dscope_blink.records.reading import LIMIT_S

logger = logging.getLogger("dscope.image")


@contextmanager
def all_or_none(start: str, others: Sequence[str] = ()) -> Iterator[None]:
    """Nothing of an earlier run is left beside what is written, and nothing at all where that fails.

    Parameters
    ----------
    start : path of the results of one picture or face up to the end of NAME
    others : ends of the names of files that are written as well, beside RESULT_FILES
    """
    _remove_results(start, others)
    with ExitStack() as undo:
        undo.callback(_remove_what_can_be, start, others)
        yield
        undo.pop_all()


def remove_unfinished(start: str, others: Sequence[str] = ()) -> None:
    """Remove what a process has left that was ended while it wrote the results of an image; whole ones stay.

    Parameters
    ----------
    start : path of the results up to the end of NAME
    others : ends of the names of files that are written as well, beside RESULT_FILES
    """
    if not Path(start + RESULT).exists():
        _remove_what_can_be(start, others)


def _remove_what_can_be(start: str, others: Sequence[str]) -> None:
    with suppress(OSError, RunEnded):  # in another run's folder they stay
        _remove_results(start, others)


def _remove_results(start: str, others: Sequence[str]) -> None:
    ends = [end for file in RESULT_FILES for end in file.ends if end != RESULT]
    remove_files(Path(start + RESULT), [Path(start + end) for end in reversed((*others, *ends))])


def is_whole(start: str, ends: Iterable[str], outputs: Mapping[str, str] | None, what: str) -> bool:
    """Whether what lies beside a record is all that was written with it, and nothing in it was changed.

    Parameters
    ----------
    start : path of the results up to the end of NAME
    ends : of the names of files that are asked for now
    outputs : sha256 by name of all that were written; None, as in records of before: that they are there must do
    what : it is of, in the log
    """
    record = Path(start + RESULT)
    wanted = [Path(start + end) for end in ends]
    if outputs is None:
        return all(path.exists() for path in wanted)
    if not {path.name for path in wanted} <= outputs.keys():
        return False
    changed = [name for name, sha256 in outputs.items() if _sha256_or_none(record.with_name(name)) != sha256]
    if changed:
        logger.warning("%s: done again, for it is not as it was written: %s", printable(what), printable(changed[0]))
    return not changed


def _sha256_or_none(path: Path) -> str | None:
    with suppress(OSError):
        return sha256_of(path)
    return None


def sha256_of(path: Path, limit_s: float = LIMIT_S) -> str:
    """That of a file, read piece by piece: nothing says how large it is; OSError if it cannot be read in that time."""
    return within(limit_s, path, partial(digest, path))
