"""Folders of detections to one result for each face; one failure never stops the rest."""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dscope_blink.analysis.aggregation.aggregating import aggregate
from dscope_blink.batch.face_sources import Face, read_detections
from dscope_blink.batch.run import Done
from dscope_blink.batch.shot_pictures import alike_pictures
from dscope_blink.config.settings import Config
from dscope_blink.files.locking import locked
from dscope_blink.files.names import AGGREGATE, RESULT
from dscope_blink.files.whole_files import write_file, writing
from dscope_blink.records import Aggregate, LogLine
from dscope_blink.reporting.aggregate_json import aggregate_bytes
from dscope_blink.reporting.batch_reports import write_batch_reports
from dscope_blink.reporting.csv_files import SummaryTable
from dscope_blink.reporting.picture_files import write_result, write_summary
from dscope_blink.reporting.stored_results import StoredResults
from dscope_blink.reporting.tables import summary_row

logger = logging.getLogger("dscope.aggregating")


@dataclass(frozen=True, slots=True)
class Aggregating:
    """Everything that aggregating needs, checked; nothing has been written yet."""

    output_dir: Path
    faces: tuple[Face, ...]
    config: Config
    pictures: Path | None = None  # folder that the names of pictures in records are relative to
    log: tuple[LogLine, ...] = ()  # what was found wrong with files of no face
    workers: int = 0  # processes of this machine; 0: this one alone
    resume: bool = False


def run_aggregation(run: Aggregating) -> Generator[Done]:
    """Bring each face together and write its results, the summary and the reports of them all.

    Yields
    ------
    Done of each face, in the order in which they are finished
    """
    with locked(run.output_dir):
        table, paths = SummaryTable(run.config.reporting.csv_style), []
        for number, face in enumerate(run.faces):
            done = aggregate_face(run, face)
            path = Path(str(run.output_dir / face.name) + RESULT)
            row = summary_row(done.inspection)
            table.add(number, row)
            paths.append(path)
            yield Done(done.inspection, row, name=face.name)
        with writing(run.output_dir / "summary_report.csv"):
            write_summary(run.output_dir / "summary_report.csv", table)
        write_batch_reports(run.output_dir, StoredResults(paths), run.config)


def aggregate_face(run: Aggregating, face: Face) -> Aggregate:
    """Bring one face together and write its results, the record last.

    Raises
    ------
    WriteFailed : a result cannot be written
    """
    detections, log = read_detections(face)
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    alike = alike_pictures(face, detections, run.pictures, run.config.preprocessing.max_pixels)
    done = aggregate(face.name, detections, run.config, started, log, alike)
    start = str(run.output_dir / face.name)
    Path(start).parent.mkdir(parents=True, exist_ok=True)
    with writing(Path(start + RESULT)):
        write_file(Path(start + AGGREGATE), aggregate_bytes(done))
        write_result(Path(start + RESULT), done.inspection)
    return done
