"""Reports of a whole batch, made from its stored records: one after the other, so that memory does not grow with it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from config_loader import Reporting
from html_report import write_html_report
from image_files import JSON_LINES, REPORT, printable
from whole_files import write_parts, writing

logger = logging.getLogger("dscope.reports")


def write_batch_reports(folder: Path, results: Sequence[Path], wanted: Reporting) -> tuple[Path, ...]:
    """Write the reports that are asked for.

    Parameters
    ----------
    folder : where they are written
    results : the stored records (NAME_result.json), in the order of the batch
    wanted : which reports

    Returns
    -------
    The files, the one to open first before the others

    Raises
    ------
    WriteFailed : a report cannot be written
    """
    written = []
    if wanted.report:
        with writing(folder / REPORT):
            written.append(write_html_report(folder, results, wanted))
    if wanted.json_lines:
        written.append(folder / JSON_LINES)
        with writing(written[-1]):
            write_parts(written[-1], _lines(results))
    return tuple(written)


def _lines(results: Sequence[Path]) -> Iterator[bytes]:
    """Each record in one line; what is no longer there or no record is passed over with a warning."""
    for path in results:
        try:
            record = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            logger.warning("%s: not in the reports, %s", printable(str(path)), error)
            continue
        yield json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
