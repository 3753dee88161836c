"""Reports of a whole batch, made from its stored records: one after the other, so that memory does not grow with it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dscope_blink.config.settings import Config, Reporting
from dscope_blink.files.names import (
    BATCH_CERTIFICATE,
    CERTIFICATE,
    CHANGES_BY,
    COMPARED,
    COMPARED_MARKS,
    COMPARED_PAGE,
    COMPARISON,
    EARLIER,
    JSON_LINES,
    MARKDOWN,
    REPORT,
    RESULT,
    SUMMARY_BY,
    TABLE,
    WORKBOOK,
)
from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import is_of_writing, write_file, write_parts, writing
from dscope_blink.records import Inspection, UserError, printable
from dscope_blink.records.sealing import sealed
from dscope_blink.records.stored import read_carried, to_json
from dscope_blink.reporting.certificate_picture import page_picture
from dscope_blink.reporting.connector_verdicts import ConnectorVerdicts
from dscope_blink.reporting.markdown import MarkdownSummary
from dscope_blink.reporting.page import write_html_report
from dscope_blink.reporting.stored_results import StoredResults
from dscope_blink.reporting.tables import carried_names

logger = logging.getLogger("dscope.reports")


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One report of a whole batch: its name, the setting of `Reporting` that asks for it, and what writes it."""

    name: str
    setting: str
    write: Callable[[Path, StoredResults, Config], None]  # the file, the records, settings

    def under(self, key: str) -> str:
        """Its name for records that were judged again under a key; empty: as they are."""
        stem, dot, suffix = self.name.rpartition(".")
        return f"{stem}_{key}{dot}{suffix}" if key else self.name


class ReportsNotWritten(UserError):
    """Reports failed while they were made; records, summary and all other reports are whole.

    Parameters
    ----------
    problems : one line for each, by its path
    """

    def __init__(self, problems: Mapping[Path, str]) -> None:
        super().__init__("\n".join(problems.values()))
        self.problems = problems


def reports_of(folder: Path, wanted: Reporting, key: str = "") -> tuple[Path, ...]:
    """The reports that are asked for, the one to open first before the others."""
    return tuple(folder / report.under(key) for report in _asked(wanted))


def _asked(wanted: Reporting) -> Iterator[BatchReport]:
    return (report for report in BATCH_REPORTS if getattr(wanted, report.setting))


@dataclass(frozen=True, slots=True)
class Cleared:
    """What became of the reports of an earlier run."""

    left: tuple[Path, ...] = ()  # that could not be moved
    replaced: tuple[Path, ...] = ()  # where those lie that are written anew

    def drop(self) -> None:
        """Remove those that were written anew, now that they were; the folder too where nothing else is in it."""
        with suppress(OSError):
            for path in self.replaced:
                path.unlink(missing_ok=True)
            for folder in {path.parent for path in self.replaced}:
                folder.rmdir()


def clear_reports(folder: Path, wanted: Reporting) -> Cleared:
    """Leave no report of an earlier run beside newer results: all are moved, and none is lost before its like is there.

    They go into a folder EARLIER with the time at which it was made: a file of such a name may be somebody's own.
    """
    found = _reports_in(folder)
    if not found:
        return Cleared()
    aside, anew = folder / EARLIER.format(datetime.now().strftime("%Y%m%d_%H%M%S")), set(reports_of(folder, wanted))
    with suppress(OSError):
        make_folder(aside)
        for path in found:
            path.replace(aside / path.name)
    return Cleared(_reports_in(folder), tuple(aside / path.name for path in found if path in anew))


def _reports_in(folder: Path) -> tuple[Path, ...]:
    """All that a run or a regrading has written of a whole batch, but for the summary; none of one picture."""
    named = [folder / report.name for report in BATCH_REPORTS]
    under_key = [path for report in BATCH_REPORTS for path in folder.glob(report.under("*"))]
    tables = [
        *(folder / name for name in (COMPARISON, COMPARED, COMPARED_MARKS, COMPARED_PAGE)),
        *(path for name in (SUMMARY_BY, CHANGES_BY) for path in folder.glob(name.format("*"))),
    ]
    return tuple(path for path in (*named, *under_key, *tables) if path.is_file() and not _is_of_a_picture(path))


def _is_of_a_picture(path: Path) -> bool:
    """Whether a record of that name lies beside it: a picture `changes` has the table changes_report.csv."""
    ends = (end for end in (TABLE, CERTIFICATE) if path.name.endswith(end))
    return any(path.with_name(path.name.removesuffix(end) + RESULT).exists() for end in ends)


def write_batch_reports(folder: Path, results: StoredResults, config: Config, key: str = "") -> tuple[Path, ...]:
    """Write the reports that are asked for.

    Parameters
    ----------
    folder : where they are written
    results : the stored records, in the order of the batch
    config : its section `reporting` says which reports
    key : what stands in their names, where the records were judged again

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
        path = folder / report.under(key)
        with writing(path), _kept_going(path, problems):
            report.write(path, results, config)
    if problems:
        raise ReportsNotWritten(problems)
    return reports_of(folder, config.reporting, key)


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


def write_certificates(results: StoredResults, key: str = "") -> tuple[int, Mapping[Path, str]]:
    """Write the certificate of each record beside it, with the face drawn for its page where the picture is found.

    Parameters
    ----------
    results : the stored records; where they were judged again, the drawings beside them show another verdict
    key : what stands in the name of the certificate, where the records were judged again

    Returns
    -------
    How many were written, and what kept others from it; records that cannot be read are passed over with a warning

    Raises
    ------
    WriteFailed : a certificate cannot be written
    """
    written, problems = 0, dict[Path, str]()
    for path, inspection in results.inspections():
        start = str(path).removesuffix(RESULT)
        (certificate,) = certificates_of([path], key)
        with writing(path), _kept_going(certificate, problems):
            _write_certificate(certificate, inspection, start, results.judged_again)
            written += 1
    return written, problems


def certificates_of(results: Iterable[Path], key: str = "") -> tuple[Path, ...]:
    """Where the certificate of each record lies, or would lie; `key` as `write_certificates` has it."""
    end = CERTIFICATE.replace(".", f"_{key}." if key else ".")
    return tuple(path.with_name(path.name.removesuffix(RESULT) + end) for path in results)


def _write_certificate(path: Path, inspection: Inspection, start: str, judged_again: bool) -> None:
    from dscope_blink.reporting.certificate import write_certificate

    otherwise = judged_again or not inspection.is_verified
    write_certificate(path, inspection, page_picture(start, inspection, judged_again=otherwise))


def _write_page(path: Path, results: StoredResults, config: Config) -> None:
    write_html_report(path, results, config.reporting)


def _write_batch_certificate(path: Path, results: StoredResults, config: Config) -> None:
    from dscope_blink.reporting.certificate import BatchCertificate

    made, missing = BatchCertificate(), []
    connectors = ConnectorVerdicts(path.parent, results.judged_again)
    for result, stored in results.read():
        if isinstance(stored, Inspection):
            made.add(stored)
            connectors.add(result, stored)
        else:
            missing.append(f"{result.relative_to(path.parent).as_posix()}, {stored}")
    write_file(path, made.pdf(path.parent.resolve().name, missing, connectors))


def _write_workbook(path: Path, results: StoredResults, config: Config) -> None:
    """In two passes: the header of a sheet stands before its rows, and none of them is kept."""
    from dscope_blink.reporting.workbook import write_workbook

    carried = dict.fromkeys(name for result in results.paths for name in carried_names(read_carried(result)))
    write_workbook(path, results, tuple(carried), config)


def _write_lines(path: Path, results: StoredResults, config: Config) -> None:
    write_parts(path, _lines(results))


def _lines(results: StoredResults) -> Iterator[bytes]:
    """Each record in one line; what is no longer there or no record is passed over with a warning."""
    for _, inspection in results.inspections():
        yield json.dumps(sealed(to_json(inspection)), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _write_markdown(path: Path, results: StoredResults, config: Config) -> None:
    made = MarkdownSummary()
    for _, inspection in results.inspections():
        made.add(inspection)
    write_file(path, made.text(path.parent.resolve().name).encode("utf-8", "replace"))


BATCH_REPORTS = (
    BatchReport(REPORT, "report", _write_page),
    BatchReport(BATCH_CERTIFICATE, "pdf", _write_batch_certificate),
    BatchReport(WORKBOOK, "excel", _write_workbook),
    BatchReport(JSON_LINES, "json_lines", _write_lines),
    BatchReport(MARKDOWN, "markdown", _write_markdown),
)
