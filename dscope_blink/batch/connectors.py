"""Connectors of many fibers and their results on disk: a record of each lane, and one of each connector."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dscope_blink.batch.connector_pictures import LaneRecord, Seen, View, inspect_view, refused
from dscope_blink.batch.crew import Workers, crew_of, do_all, job_at
from dscope_blink.batch.job import Job, Loaded, provenance_of, write_results
from dscope_blink.batch.whole_results import sha256_of
from dscope_blink.batch.whole_run import Done, Own, run_into
from dscope_blink.files.names import CONNECTOR, CONNECTORS, LANES, RESULT
from dscope_blink.files.picture_folders import remember_folders
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import remove_files, together, write_file, writing
from dscope_blink.gates.lanes import joined
from dscope_blink.records import UNCONFIRMED, ConnectorResult, ImageInfo, Notice, RowPicture, notice, printable
from dscope_blink.records.connector_file import connector_json
from dscope_blink.reporting.connector_picture import write_lanes
from dscope_blink.reporting.connectors import connector_rows
from dscope_blink.reporting.csv_files import csv_bytes
from dscope_blink.reporting.tables import summary_row

MODULES = ("dscope_blink.batch.connectors",)  # what a process imports once
CONNECTED = Own("inspect --connector", (CONNECTORS,))
MOST_RECORDS = 1000  # of one connector: its numbers in the order of the batch

logger = logging.getLogger("dscope.connector")


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of a connector, and the lane of its first whole fiber where that is given."""

    image: ImageFile
    first_lane: int | None


@dataclass(frozen=True, slots=True)
class Connector:
    """One connector and its pictures."""

    name: str  # start of the name of its record, relative to the output folder
    pictures: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class ConnectorBatch:
    """Connectors to inspect; all checked."""

    job: Job
    layout_key: str
    connectors: tuple[Connector, ...]
    warnings: tuple[str, ...] = ()
    unconfirmed: tuple[str, ...] = ()
    workers: int = 0


@dataclass(frozen=True, slots=True)
class _Finished:
    """A connector whose results are on disk."""

    result: ConnectorResult
    done: tuple[Done, ...]
    log: tuple[logging.LogRecord, ...] = ()


def run_connectors(batch: ConnectorBatch, told: Callable[[ConnectorResult], None]) -> Generator[Done]:
    """Inspect connectors and write the results of each lane and connector.

    Parameters
    ----------
    batch : what to do
    told : takes each connector that is finished, its results on disk

    Yields
    ------
    Done of each record, those of a connector together

    Raises
    ------
    UserError, WriteFailed, ReportsNotWritten : as `run_batch`
    """
    yield from run_into(
        batch.job.output_dir,
        batch.job.config,
        lambda renew: _numbered(batch, told),
        (*batch.warnings, *map(UNCONFIRMED.format, batch.unconfirmed)),
        own=CONNECTED,
    )


def _numbered(batch: ConnectorBatch, told: Callable[[ConnectorResult], None]) -> Generator[tuple[int, Done]]:
    workers = Workers(batch.job.config.batch, batch.workers, None, MODULES)
    remember_folders(batch.job.output_dir, (shown.image for one in batch.connectors for shown in one.pictures))
    job = job_at(workers, partial(_inspect, batch.job, batch.layout_key), batch.job.output_dir)
    items: Mapping[int, Connector] = dict(enumerate(batch.connectors))
    results: dict[int, ConnectorResult] = {}
    with crew_of(workers, len(items)) as crew:
        for number, connector, outcome in do_all(crew, job, items, {}, workers.settings, lambda one: one.name):
            finished = _given_up(batch, connector, outcome) if isinstance(outcome, Notice) else outcome
            results[number] = finished.result
            told(finished.result)
            for record in finished.log:
                logging.getLogger(record.name).handle(record)
            yield from ((number * MOST_RECORDS + k, done) for k, done in enumerate(finished.done))
    _write_table(batch, [results[number] for number in sorted(results)])


def _write_table(batch: ConnectorBatch, results: list[ConnectorResult]) -> None:
    path = batch.job.output_dir / CONNECTORS
    with writing(path):
        write_file(path, csv_bytes(connector_rows(results), batch.job.config.reporting.csv_style))


def _inspect(job: Job, layout_key: str, item: tuple[int, Connector]) -> _Finished:
    views = [View(job, item[1].name, layout_key, shown.image, shown.first_lane) for shown in item[1].pictures]
    return _written(job, layout_key, item[1], [inspect_view(view) for view in views])


def _given_up(batch: ConnectorBatch, connector: Connector, reason: Notice) -> _Finished:
    job, key = batch.job, batch.layout_key
    views = [View(job, connector.name, key, shown.image, shown.first_lane) for shown in connector.pictures]
    seen = [refused(view, Loaded(ImageInfo(view.image.file)), reason) for view in views]
    return _written(job, key, connector, seen)


def _written(job: Job, layout_key: str, connector: Connector, seen: list[Seen]) -> _Finished:
    """Write the records of all lanes, then that of the connector: where it lies, the others are complete."""
    path = Path(str(job.output_dir / connector.name) + CONNECTOR)
    images = {shown.image.file: shown.image for shown in connector.pictures}
    with writing(path):
        remove_files(path, ())
        done = tuple(_done(job, images, record) for one in seen for record in one.records)
        result = _result(job, layout_key, connector, seen)
        with together() as files:
            for one in seen:
                _draw(job, result, one)
        make_folder(path.parent)
        write_file(path, connector_json(replace(result, outputs=files.outputs | _hashes_of_records(path, job, done))))
    logger.info("%s", printable(f"{connector.name}: {result.status}; {'; '.join(result.reasons)}"))
    return _Finished(result, (*done[:-1], replace(done[-1], beside=(connector.name, *(one.name for one in seen)))))


def _hashes_of_records(path: Path, job: Job, done: Sequence[Done]) -> dict[str, str]:
    """Those of its lanes, by path from the folder of the record of the connector."""
    records = [Path(str(job.output_dir / one.name) + RESULT) for one in done]
    return {Path(os.path.relpath(record, path.parent)).as_posix(): sha256_of(record) for record in records}


def _draw(job: Job, result: ConnectorResult, seen: Seen) -> None:
    if seen.loaded.picture is None:
        return
    passed = sum(lane.status == "PASS" for lane in result.lanes)
    title = f"{result.name}: {result.status}, {passed} of {len(result.lanes)} lanes PASS"
    lanes = [record.outcome for record in seen.records if record.outcome is not None]
    path = Path(str(job.output_dir / seen.name) + LANES)
    write_lanes(path, seen.loaded.picture, seen.picture, lanes, title)


def _done(job: Job, images: Mapping[str, ImageFile], record: LaneRecord) -> Done:
    image = replace(images[record.inspection.image.file], name=record.name)
    inspection = write_results(job, image, record.loaded, record.inspection)
    return Done(inspection, summary_row(inspection), name=record.name)


def _result(job: Job, layout_key: str, connector: Connector, seen: list[Seen]) -> ConnectorResult:
    layout, made = job.config.connectors[layout_key], provenance_of(job)
    outcomes = (record.outcome for one in seen for record in one.records)
    return ConnectorResult(
        connector.name,
        layout_key,
        layout,
        _once([one.picture for one in seen]),
        joined(layout, filter(None, outcomes)),
        made.inputs,
        made.program,
    )


def _once(pictures: Sequence[RowPicture]) -> tuple[RowPicture, ...]:
    """The pictures; in doubt is one that is asked to show other lanes than the same picture does under another name."""
    first: dict[str, RowPicture] = {}
    for one in pictures:
        first.setdefault(one.sha256 or one.file, one)
    return tuple(_compared(one, first[one.sha256 or one.file]) for one in pictures)


def _compared(one: RowPicture, same: RowPicture) -> RowPicture:
    if one.first_lane == same.first_lane:
        return one
    doubt = notice("not_numbered", f"{one.file} is the same picture as {same.file}, and is to show other lanes")
    return replace(one, problems=(*one.problems, doubt))
