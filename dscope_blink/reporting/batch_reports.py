"""Reports of a whole batch, made from its stored records: one after the other, so that memory does not grow with it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dscope_blink.config.settings import Config, Reporting
from dscope_blink.files.names import BATCH_CERTIFICATE, CERTIFICATE, JSON_LINES, REPORT, RESULT, WORKBOOK
from dscope_blink.files.results import annotated_picture
from dscope_blink.files.whole_files import is_of_writing, write_file, write_parts, writing
from dscope_blink.records import Inspection, UserError, printable
from dscope_blink.records.stored import BadRecord, load_record, read_carried, to_json
from dscope_blink.reporting.page import write_html_report
from dscope_blink.reporting.tables import carried_names

logger = logging.getLogger("dscope.reports")


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One report of a whole batch: its name, the setting of `Reporting` that asks for it, and what writes it."""

    name: str
    setting: str
    write: Callable[[Path, Sequence[Path], Config], None]  # the file, the stored records, settings


class ReportsNotWritten(UserError):
    """Reports failed while they were made; records, summary and all other reports are whole.

    Parameters
    ----------
    problems : one line for each, by its path
    """

    def __init__(self, problems: Mapping[Path, str]) -> None:
        super().__init__("\n".join(problems.values()))
        self.problems = problems


def reports_of(folder: Path, wanted: Reporting) -> tuple[Path, ...]:
    """The reports that are asked for, the one to open first before the others."""
    return tuple(folder / report.name for report in _asked(wanted))


def _asked(wanted: Reporting) -> Iterator[BatchReport]:
    return (report for report in BATCH_REPORTS if getattr(wanted, report.setting))


def clear_reports(folder: Path, wanted: Reporting) -> tuple[Path, ...]:
    """Remove the reports that will be written anew, so that none of an earlier run lies beside newer results.

    Returns
    -------
    Those of an earlier run that stay: a file of such a name may be somebody's own
    """
    for path in reports_of(folder, wanted):
        with suppress(OSError):
            path.unlink()
    return tuple(path for report in BATCH_REPORTS if (path := folder / report.name).exists())


def write_batch_reports(folder: Path, results: Sequence[Path], config: Config) -> tuple[Path, ...]:
    """Write the reports that are asked for.

    Parameters
    ----------
    folder : where they are written
    results : the stored records (NAME_result.json), in the order of the batch
    config : its section `reporting` says which reports

    Returns
    -------
    The files, as `reports_of` has them

    Raises
    ------
    WriteFailed : a report cannot be written (disk full, no permission)
    ReportsNotWritten : some failed in another way; all others are written
    """
    problems: dict[Path, str] = {}
    for report in _asked(config.reporting):
        with writing(folder / report.name), _kept_going(folder / report.name, problems):
            report.write(folder / report.name, results, config)
    if problems:
        raise ReportsNotWritten(problems)
    return reports_of(folder, config.reporting)


@contextmanager
def _kept_going(path: Path, problems: dict[Path, str]) -> Iterator[None]:
    """What fails in making a report, and not in writing it, becomes one of the problems."""
    try:
        yield
    except Exception as error:
        if is_of_writing(error):
            raise
        logger.exception("%s: not written", printable(str(path)))
        problems[path] = f"{path} was not written, {type(error).__name__}: {' '.join(str(error).split())}"


def write_certificates(results: Sequence[Path]) -> tuple[int, Mapping[Path, str]]:
    """Write the certificate of each record beside it, with the annotated picture that lies there.

    Parameters
    ----------
    results : the stored records (NAME_result.json)

    Returns
    -------
    How many were written, and what kept others from it; records that cannot be read are passed over with a warning

    Raises
    ------
    WriteFailed : a certificate cannot be written
    """
    written, problems = 0, dict[Path, str]()
    for path, stored in _read(results):
        start = str(path).removesuffix(RESULT)
        if isinstance(stored, Inspection):
            with writing(path), _kept_going(Path(start + CERTIFICATE), problems):
                _write_certificate(start, stored)
                written += 1
    return written, problems


def _write_certificate(start: str, inspection: Inspection) -> None:
    from dscope_blink.reporting.certificate import write_certificate

    write_certificate(Path(start + CERTIFICATE), inspection, annotated_picture(start))


def _write_page(path: Path, results: Sequence[Path], config: Config) -> None:
    write_html_report(path.parent, results, config.reporting)


def _write_batch_certificate(path: Path, results: Sequence[Path], config: Config) -> None:
    from dscope_blink.reporting.certificate import BatchCertificate

    made, missing = BatchCertificate(), []
    for result, stored in _read(results):
        if isinstance(stored, Inspection):
            made.add(stored)
        else:
            missing.append(f"{result.relative_to(path.parent).as_posix()}, {stored}")
    write_file(path, made.pdf(path.parent.resolve().name, missing))


def _write_workbook(path: Path, results: Sequence[Path], config: Config) -> None:
    """In two passes: the header of a sheet stands before its rows, and none of them is kept."""
    from dscope_blink.reporting.workbook import write_workbook

    carried = dict.fromkeys(name for result in results for name in carried_names(read_carried(result)))
    inspections = (stored for _, stored in _read(results) if isinstance(stored, Inspection))
    write_workbook(path, inspections, tuple(carried), config)


def _read(results: Sequence[Path]) -> Iterator[tuple[Path, Inspection | BadRecord]]:
    """Each record; what is no longer there or no record with a warning."""
    for path in results:
        try:
            yield path, load_record(path)
        except BadRecord as error:
            logger.warning("%s: not in the reports, %s", printable(str(path)), error)
            yield path, error


def _write_lines(path: Path, results: Sequence[Path], config: Config) -> None:
    write_parts(path, _lines(results))


def _lines(results: Sequence[Path]) -> Iterator[bytes]:
    """Each record in one line; what is no longer there or no record is passed over with a warning."""
    for _, stored in _read(results):
        if isinstance(stored, Inspection):
            yield json.dumps(to_json(stored), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


BATCH_REPORTS = (
    BatchReport(REPORT, "report", _write_page),
    BatchReport(BATCH_CERTIFICATE, "pdf", _write_batch_certificate),
    BatchReport(WORKBOOK, "excel", _write_workbook),
    BatchReport(JSON_LINES, "json_lines", _write_lines),
)
