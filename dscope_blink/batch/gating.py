"""Many pictures of sheets and their verdicts on disk, wherever they are judged; one failure never stops the rest."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dscope_blink.batch.crew import Workers, job_at
from dscope_blink.batch.finishing import Plan, finish, rounds_of
from dscope_blink.batch.run_manifest import RunManifest, manifest_of
from dscope_blink.batch.same_pictures import MetPictures
from dscope_blink.batch.sheet_files import (
    SheetJob,
    fail_file,
    finished_before,
    judge_file,
    place_picture,
    remove_results,
)
from dscope_blink.batch.whole_run import GrowingTable, clear_unfinished, running_in
from dscope_blink.files.names import GATE, GATE_PAGE, GATE_PICTURE, GATE_TABLE
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.watching import Watched
from dscope_blink.files.whole_files import write_file, writing
from dscope_blink.records import ImageInfo, SheetResult, printable
from dscope_blink.reporting.csv_files import SummaryTable
from dscope_blink.reporting.gate_page import PageRow, gates_page
from dscope_blink.reporting.gate_table import GATE_COLUMNS, gate_row

FEW = 8  # pictures are judged before another process has started
MODULES = ("dscope_blink.batch.sheet_files",)

logger = logging.getLogger("dscope.batch")


@dataclass(frozen=True, slots=True)
class Gating:
    """Everything that a run needs, checked; nothing has been written yet."""

    job: SheetJob
    images: tuple[ImageFile, ...]
    warnings: tuple[str, ...] = ()
    workers: int = 0  # processes of this machine; 0: this one alone
    scheduler: str | None = None  # address of a Dask scheduler, whose workers are used instead
    resume: bool = False  # what an earlier run has finished is kept
    watched: Watched | None = None  # a folder whose pictures are judged as they come, instead of `images`


@dataclass(frozen=True, slots=True)
class SheetDone:
    """One picture whose results are on disk."""

    result: SheetResult
    log: tuple[logging.LogRecord, ...] = ()  # what another process logged about it
    resumed: bool = False


@dataclass(slots=True)
class GateTotals:
    """What a run comes to."""

    ok: int = 0
    ng: int = 0
    unread: int = 0  # of the NG, those that could not be read or judged

    def add(self, result: SheetResult) -> None:
        """Count one more picture."""
        self.ok += result.status == "OK"
        self.ng += result.status == "NG"
        self.unread += "readable" in result.failed

    @property
    def pictures(self) -> int:
        """All of them."""
        return self.ok + self.ng


NONE_JUDGED = 4  # exit code


def gates_exit_code(totals: GateTotals, fail_exit: bool) -> int:
    """0 every picture was judged, 1 some could not be read, 3 some are NG and the caller asked to know.

    4, whatever else there is: not one of the pictures could be judged.
    """
    if totals.pictures and totals.unread == totals.pictures:
        return NONE_JUDGED
    if totals.unread:
        return 1
    return 3 if fail_exit and totals.ng else 0


def run_gates(run: Gating) -> Generator[SheetDone]:
    """Judge the pictures and write the results of each, the table as it grows, and the page at the end.

    The table is complete for all finished pictures however the run ends, in the order of the pictures.

    Parameters
    ----------
    run : what to do; its output folder is made if need be

    Yields
    ------
    SheetDone of each picture, in the order in which they are finished

    Raises
    ------
    UserError : another run writes to the output folder, its file system has no locks, or no scheduler answers
    WriteFailed : a result cannot be written (disk full, no permission)
    """
    folder, reporting = run.job.output_dir, run.job.config.reporting
    listing = manifest_of(folder, run.job.config, "gates", (GATE_TABLE, GATE_PAGE), is_endless=run.watched is not None)
    with running_in(folder, run.job.config.batch) as check, listing as manifest:
        clear_unfinished(folder)
        for warning in run.warnings:
            logger.warning(warning)
        table = GrowingTable(folder / GATE_TABLE, SummaryTable(reporting.csv_style, GATE_COLUMNS))
        page, met = _Page(run, manifest), MetPictures()

        def at_rest() -> None:
            check()
            page.renew()

        rounds = rounds_of(run.images, run.watched, at_rest)
        try:
            with closing(finish(_plan(run), rounds, run.watched is not None)) as finished:
                for number, image, done in finished:
                    for record in done.log:
                        logging.getLogger(record.name).handle(record)
                    table.add(number, gate_row(done.result))
                    page.add(number, image, done.result)
                    _note(manifest, met, number, image, done.result)
                    yield done
        finally:
            table.write()
            page.write()


def _note(manifest: RunManifest, met: MetPictures, number: int, image: ImageFile, result: SheetResult) -> None:
    """A sheet into the manifest; of one that was met before only the log tells, its record has no room."""
    manifest.picture(image.name + GATE, ImageInfo(result.file, result.sha256), dict(result.inputs))
    manifest.results(image.name)
    for _, warning in met.add(number, result.file, result.sha256):
        logger.warning("%s: %s", printable(result.file), printable(warning.text))


class _Page:
    """The page of the run; of a watch it is written whenever the folder rests."""

    def __init__(self, run: Gating, manifest: RunManifest) -> None:
        self._manifest = manifest
        self._folder, self._layouts = run.job.output_dir, tuple(one.name for one in run.job.layouts)
        self._ending = GATE_PICTURE[run.job.config.reporting.annotated_format]
        self._rows: dict[int, PageRow] = {}
        self._is_told = False

    def add(self, number: int, image: ImageFile, result: SheetResult) -> None:
        drawn = image.name + self._ending if result.width_px else ""
        reasons = tuple(f"{gate.gate}: {text}" for gate in result.gates for text in gate.reasons)
        self._rows[number] = PageRow(image.file, result.status, result.layout or "", reasons, drawn, image.name + GATE)
        self._is_told = False

    def renew(self) -> None:
        """While nothing comes, with the manifest."""
        if not self._is_told:
            self.write()
            self._manifest.write("watching")

    def write(self) -> None:
        if self._is_told:
            return
        path = self._folder / GATE_PAGE
        with writing(path):
            write_file(path, gates_page([self._rows[number] for number in sorted(self._rows)], self._layouts))
        self._is_told = True


def _kept(job: SheetJob, image: ImageFile) -> SheetDone | None:
    stored = finished_before(job, image)
    if stored is None:
        return None
    place_picture(job, image, stored)  # the earlier run may not have been asked to
    return SheetDone(stored, resumed=True)


def _plan(run: Gating) -> Plan[ImageFile, SheetDone]:
    job = run.job
    workers = Workers(job.config.batch, run.workers, run.scheduler, MODULES, FEW)
    return Plan(
        workers,
        job_at(workers, partial(_judge, job), job.output_dir),
        lambda image, reason: SheetDone(fail_file(job, image, reason.text)),
        partial(_clear, job),
        partial(_kept, job) if run.resume else None,
        lambda image: image.file,
        "pictures",
    )


def _clear(job: SheetJob, image: ImageFile) -> None:
    start = str(job.output_dir / image.name)
    if not Path(start + GATE).exists():
        remove_results(start)


def _judge(job: SheetJob, item: tuple[int, ImageFile]) -> SheetDone:
    return SheetDone(judge_file(job, item[1]))
