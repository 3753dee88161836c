"""The files of an aggregate beside its record and the files of any picture: which are asked for, what writes each.

A new one is a row here, and its name a row of `files.names.RESULT_FILES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dscope_blink.batch.picture_reports import written_or_left_out
from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import Picture
from dscope_blink.files.names import AGGREGATE, AGGREGATE_FIGURE, SOURCES
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import Aggregate, Inspection, LogLine, read_file
from dscope_blink.records.json_reading import decode_any_json
from dscope_blink.records.sealing import unbroken
from dscope_blink.reporting.aggregate_figure import write_aggregate_figure
from dscope_blink.reporting.aggregate_json import aggregate_bytes
from dscope_blink.reporting.source_table import write_sources


@dataclass(frozen=True, slots=True)
class AggregateReport:
    """A file of an aggregate."""

    end: Callable[[Config], str]  # of its name; empty: it is not asked for
    write: Callable[[Path, Aggregate, Picture | None, Config], None]


def aggregate_ends(config: Config) -> tuple[str, ...]:
    """The ends of the names of all that are asked for."""
    return tuple(filter(None, (report.end(config) for report in AGGREGATE_REPORTS)))


def write_aggregate_reports(
    start: str, done: Aggregate, picture: Picture | None, inspection: Inspection, config: Config
) -> Inspection:
    """Write them all; one that fails is left out, for the sources were brought together all the same.

    Parameters
    ----------
    start : path of the files up to the end of NAME
    done : what they are of
    picture : (H, W) or (H, W, 3) uint8 or uint16, as stored; None where it is not at hand
    inspection : the record of the aggregate
    config : which are asked for

    Returns
    -------
    The record, with a warning for each that was left out

    Raises
    ------
    UserError, OSError : a file cannot be written (disk full, no permission)
    """
    for report in AGGREGATE_REPORTS:
        end = report.end(config)
        if end:
            write = partial(report.write, Path(start + end), done, picture, config)
            inspection = written_or_left_out(start, (end,), inspection, write)
    return inspection


def _write_json(path: Path, done: Aggregate, picture: Picture | None, config: Config) -> None:
    write_file(path, aggregate_bytes(done))


def _write_figure(path: Path, done: Aggregate, picture: Picture | None, config: Config) -> None:
    write_aggregate_figure(path, done, picture, config.aggregation)


def _write_sources(path: Path, done: Aggregate, picture: Picture | None, config: Config) -> None:
    write_sources(path, done, config.reporting)


AGGREGATE_REPORTS: tuple[AggregateReport, ...] = (
    AggregateReport(lambda config: AGGREGATE_FIGURE.get(config.aggregation.figure_format, ""), _write_figure),
    AggregateReport(lambda config: SOURCES, _write_sources),
    AggregateReport(lambda config: AGGREGATE, _write_json),
)


# --- what a run says of a face


@dataclass(frozen=True, slots=True)
class FaceFacts:
    """What came out of a face, for the end of a run."""

    sources: int = 0
    reported: int = 0  # marks of all sources that the merged ones are
    marks: int = 0
    flips: tuple[str, ...] = ()  # sources without which the verdict would be another
    log: tuple[LogLine, ...] = ()


def facts_of(done: Aggregate) -> FaceFacts:
    """Those of an aggregate."""
    return FaceFacts(
        sources=len(done.sources),
        reported=sum(len(mark.members) for mark in done.marks),
        marks=len(done.marks),
        flips=tuple(score.key for score in done.scores if score.flips),
        log=done.log,
    )


def read_facts(path: Path) -> FaceFacts:
    """Those of NAME_aggregate.json.

    Raises
    ------
    OSError : the file cannot be read
    ValueError, KeyError, TypeError : it is none of this program, or was changed since
    """
    stored: dict[str, Any] = unbroken(read_file(path), decode_any_json)
    return FaceFacts(
        sources=len(stored["sources"]),
        reported=sum(len(mark["members"]) for mark in stored["marks"]),
        marks=len(stored["marks"]),
        flips=tuple(source["key"] for source in stored["who_found_what"] if source["flips"]),
        log=tuple(LogLine(line["file"], line["problem"], line["severity"]) for line in stored["integrity_log"]),
    )
