"""What every run into a folder shares: its lock, the summary as it grows, the reports of all that is finished."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TypeAlias, TypeVar

from dscope_blink.analysis.rejudging import load_row
from dscope_blink.batch.run_manifest import RunManifest, manifest_of
from dscope_blink.batch.same_pictures import MetPictures, warn_in_record
from dscope_blink.config.settings import BatchSettings, Config
from dscope_blink.files.generations import begin, belonging_to, end
from dscope_blink.files.locking import locked
from dscope_blink.files.names import PICTURE_FOLDERS, RESULT, RUN, SUMMARY
from dscope_blink.files.syncing import syncing
from dscope_blink.files.whole_files import TEMPORARY, writing
from dscope_blink.records import Inspection, printable
from dscope_blink.reporting.batch_reports import (
    Cleared,
    ReportsNotWritten,
    clear_reports,
    reports_of,
    write_batch_reports,
)
from dscope_blink.reporting.batch_totals import Totals
from dscope_blink.reporting.csv_files import SummaryTable
from dscope_blink.reporting.picture_files import write_summary
from dscope_blink.reporting.stored_results import StoredResults
from dscope_blink.reporting.tables import Row, summary_row

SUMMARY_SHARE = 0.05  # of the time may go into rewriting a summary that grows

logger = logging.getLogger("dscope.batch")


@dataclass(frozen=True, slots=True)
class Done:
    """One image or face whose results are on disk."""

    inspection: Inspection
    row: Row  # of the summary
    log: tuple[logging.LogRecord, ...] = ()  # what another process logged about it
    resumed: bool = False
    name: str = ""  # start of the names of its results, relative to the output folder
    beside: tuple[str, ...] = ()  # of those of other results that are written with it, as a connector is with its lanes


OneDone = TypeVar("OneDone", bound=Done)
Renew: TypeAlias = Callable[[], None]  # the reports, while nothing comes


@dataclass(frozen=True, slots=True)
class Own:
    """What a kind of run is called, and what it writes beside the files of pictures, the summary and the reports."""

    command: str
    tables: tuple[str, ...] = ()  # names of them
    ends: tuple[str, ...] = ()  # of names of files of each picture


INSPECT = Own("inspect")


def run_into(
    folder: Path,
    config: Config,
    finish: Callable[[Renew], Generator[tuple[int, OneDone]]],
    warnings: Iterable[str] = (),
    reports_when_interrupted: bool = True,
    own: Own = INSPECT,
) -> Generator[OneDone]:
    """Do all of a run under the lock of its folder, and write the summary, the reports and the manifest.

    The summary is complete for all that is finished however the run ends, in the order of the numbers. The reports are
    written once all are finished, or KeyboardInterrupt ends it; the manifest of all that is there comes last.

    Parameters
    ----------
    folder : of the results, made if need be
    config : its section `reporting` says which reports
    finish : gives each that is done, with its number; it is closed before the lock is let go
    warnings : logged before the first
    reports_when_interrupted : whether Ctrl-C is to be followed by the reports of what is finished; a watch ends by it
    own : what this kind of run is called and writes

    Raises
    ------
    UserError : another run writes to the output folder, its file system has no locks, or the key cannot sign
    WriteFailed : a result cannot be written (disk full, no permission)
    ReportsNotWritten : all is done but these reports of the whole batch
    """
    tables = (SUMMARY, PICTURE_FOLDERS, *own.tables, *(path.name for path in reports_of(folder, config.reporting)))
    listing = manifest_of(folder, config, own.command, tables, own.ends, is_endless=not reports_when_interrupted)
    with running_in(folder, config.batch) as check, listing as manifest:
        clear_unfinished(folder)
        cleared = clear_reports(folder, config.reporting)
        for path in cleared.left:
            logger.warning("%s is of an earlier run, and could not be moved aside", path)
        for warning in warnings:
            logger.warning(warning)
        taken = _Taken(folder, config, manifest)
        reports = _Reports(folder, config, taken.names, cleared, manifest)
        try:
            with closing(finish(reports.renew_after(check))) as finished:
                for number, done in finished:
                    yield taken.take(number, done)
        except KeyboardInterrupt:
            if reports_when_interrupted:
                reports.write()  # of what is finished
            raise
        finally:
            taken.summary.write()
        reports.write()
        logger.info("Batch finished: %s", taken.totals.in_words)


class _Taken:
    """All that is done, as it is put into the summary and the manifest; pictures that are met twice are told."""

    def __init__(self, folder: Path, config: Config, manifest: RunManifest) -> None:
        self._folder, self._config, self._manifest, self._met = folder, config, manifest, MetPictures()
        self.summary = GrowingTable(folder / SUMMARY, SummaryTable(config.reporting.csv_style))
        self.names, self.totals = dict[int, str](), Totals()

    def take(self, number: int, done: OneDone) -> OneDone:
        """Note one; returned as its record is now."""
        for record in done.log:
            logging.getLogger(record.name).handle(record)
        self.names[number] = done.name
        self.summary.add(number, done.row)  # at once: what is finished has its row, whatever ends the run
        image = done.inspection.image
        for other, warning in self._met.add(number, image.file, image.sha256, image.pixels_sha256):
            warned = warn_in_record(str(self._folder / self.names[other]), warning, self._config)
            if warned is not None and other == number:
                done = replace(done, inspection=warned, row=summary_row(warned))
                self.summary.add(number, done.row)
            elif warned is not None:
                self.summary.add(other, summary_row(warned))
                self._manifest.results(self.names[other])
        self._manifest.picture(done.name + RESULT, done.inspection.image, done.inspection.provenance.inputs)
        for start in (done.name, *done.beside):
            self._manifest.results(start)
        self.totals.add(done.inspection, done.resumed)
        return done


@contextmanager
def running_in(folder: Path, settings: BatchSettings) -> Iterator[Callable[[], None]]:
    """Hold a folder for a run: what its jobs write there is of this run alone, and synced as the settings have it.

    Parameters
    ----------
    folder : made if need be
    settings : whether files are synced

    Yields
    ------
    What raises WriteFailed once the folder or its lock was removed

    Raises
    ------
    UserError : another run writes to the folder, or its file system has no locks
    WriteFailed : the folder cannot be written to
    """
    with locked(folder), syncing(settings.sync):
        with writing(folder / RUN):
            generation = begin(folder)

        def check() -> None:
            with writing(folder / RUN):
                generation.check()

        try:
            with belonging_to(generation):
                yield check
        finally:
            end(generation)


def clear_unfinished(folder: Path) -> None:
    """Remove what a run that was killed has left half written."""
    for path in folder.rglob(TEMPORARY):
        path.unlink(missing_ok=True)


class GrowingTable:
    """The table of the run. Rewritten as it grows, seldom enough that a long run does not slow down.

    Parameters
    ----------
    path : of its file
    table : the rows, of which there are none yet
    """

    def __init__(self, path: Path, table: SummaryTable) -> None:
        self._path, self._due = path, 0.0
        self._table = table

    def add(self, number: int, row: Row) -> None:
        """Add a row, or put it in the place of that number."""
        self._table.add(number, row)
        if perf_counter() >= self._due:
            self.write()

    def write(self) -> None:
        """Write the file anew."""
        started = perf_counter()
        with writing(self._path):
            write_summary(self._path, self._table)
        ended = perf_counter()
        self._due = ended + (ended - started) / SUMMARY_SHARE


class _Reports:
    """The reports of the run: of a watch renewed whenever the folder rests, as seldom as the summary."""

    def __init__(
        self, folder: Path, config: Config, names: Mapping[int, str], cleared: Cleared, manifest: RunManifest
    ) -> None:
        self._folder, self._config, self._names, self._cleared, self._manifest = (
            folder,
            config,
            names,
            cleared,
            manifest,
        )
        self._told, self._due = 0, 0.0

    def renew_after(self, check: Callable[[], None]) -> Renew:
        def renew() -> None:
            check()
            self.renew()

        return renew

    def renew(self) -> None:
        if self._told < len(self._names) and perf_counter() >= self._due:
            try:
                self.write()
            except ReportsNotWritten as error:  # of which the end of the watch tells again
                logger.error("%s", printable(str(error)))
            self._manifest.write("watching")

    def write(self) -> None:
        started = perf_counter()
        self._told = len(self._names)
        results = [Path(str(self._folder / self._names[number]) + RESULT) for number in sorted(self._names)]
        load = partial(load_row, settings=self._config)
        try:
            write_batch_reports(self._folder, StoredResults(results, load), self._config)
            self._cleared.drop()
        finally:
            ended = perf_counter()
            self._due = ended + (ended - started) / SUMMARY_SHARE
