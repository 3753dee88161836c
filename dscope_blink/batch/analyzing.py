"""Pictures beside what good faces are like: the inspection of each, and where it departs."""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

from dscope_blink.batch.job import Job, reference_of
from dscope_blink.batch.picture_reports import write_reports
from dscope_blink.batch.reference_faces import SeenFace, see_face
from dscope_blink.batch.whole_run import Done, run_into
from dscope_blink.config.settings import ReferenceSettings
from dscope_blink.files.names import (
    ANALYSIS_FIGURE,
    ANALYSIS_TEXT,
    ANOMALY_MASK,
    COMPARED_WITH_REFERENCE,
    FOREIGN_REPORT,
    RESULT,
)
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.whole_files import write_file, writing
from dscope_blink.image_processing.anomalies import departed
from dscope_blink.image_processing.comparison_maps import comparison_maps
from dscope_blink.image_processing.face_comparison import ComparedFace, compare, drift_of
from dscope_blink.image_processing.similarity import similarity
from dscope_blink.models.reference import ReferenceModel
from dscope_blink.records import Comparison, ComparisonMaps, Inspection, rounded
from dscope_blink.reporting.analysis_figure import analysis_figure
from dscope_blink.reporting.analysis_text import text_bytes
from dscope_blink.reporting.anomaly_files import comparison_table, mask_bytes, report_bytes
from dscope_blink.reporting.csv_files import csv_bytes
from dscope_blink.reporting.picture_files import write_result
from dscope_blink.reporting.tables import summary_row

logger = logging.getLogger("dscope.analyzing")


@dataclass(frozen=True, slots=True)
class Analyzing:
    """Everything that analysing needs, checked; nothing has been written yet."""

    job: Job
    images: tuple[ImageFile, ...]

    @property
    def model(self) -> ReferenceModel:
        """That of the job, read once by each process."""
        model = reference_of(self.job)
        assert model is not None, "the job has one"
        return model


def run_analysis(run: Analyzing) -> Generator[Inspection]:
    """Compare each picture and write what came out, then the tables and reports of them all.

    Yields
    ------
    Inspection of each picture, compared

    Raises
    ------
    UserError : another run writes to the output folder
    WriteFailed : a result cannot be written
    """
    done = run_into(run.job.output_dir, run.job.config, lambda renew: _all(run))
    return (one.inspection for one in done)


def _all(run: Analyzing) -> Generator[tuple[int, Done]]:
    rows = list[Inspection]()
    for number, image in enumerate(run.images):
        done = _analyzed(run, image)
        rows.append(done)
        yield number, Done(done, summary_row(done), name=image.name)
    table = csv_bytes(comparison_table(rows), run.job.config.reporting.csv_style)
    write_file(run.job.output_dir / COMPARED_WITH_REFERENCE, table)
    for line in drift_of([one.comparison for one in rows], run.model):
        logger.warning("the batch drifts away from the model: %s", line)


def _analyzed(run: Analyzing, image: ImageFile) -> Inspection:
    seen = see_face(run.job, image, run.model.radius_px)
    done, maps = _with_maps(seen, run)
    start = str(run.job.output_dir / image.name)
    Path(start).parent.mkdir(parents=True, exist_ok=True)
    with writing(Path(start + RESULT)):
        done = write_reports(start, seen.picture, done, run.job.config)
        write_file(Path(start + ANALYSIS_TEXT), text_bytes(done, run.model.card))
        _write_figure(start, seen, done, run, maps)
        write_file(Path(start + FOREIGN_REPORT), report_bytes(done))
        if seen.picture is not None and seen.frame is not None and seen.compared is not None:
            height, width = seen.picture.shape[:2]
            mask = departed(seen.compared.regions, seen.frame, (height, width))
            write_file(Path(start + ANOMALY_MASK), mask_bytes(mask))
        done = replace(done, confidence=None)
        write_result(Path(start + RESULT), done)
    return done


def _with_maps(seen: SeenFace, run: Analyzing) -> tuple[Inspection, ComparisonMaps | None]:
    """An inspection with its similarity, and what is drawn of the comparison; None where there was none."""
    found, done, model = seen.compared, seen.inspection, run.model
    if found is None or seen.frame is None or found.score is None:
        return done, None
    alike = similarity(seen.frame.light, model.archetype)
    whole = None if alike.whole is None else rounded("share", alike.whole)
    maps = comparison_maps(seen.frame, model, found.score, alike, run.job.config.reference.absolute_limit)
    return replace(done, reference=replace(done.comparison, similarity=whole)), maps


def compare_seen(seen: SeenFace, model: ReferenceModel, settings: ReferenceSettings) -> ComparedFace:
    """A face beside good ones; NOT_COMPARED for its reason where there is none to compare."""
    if seen.frame is None:
        return ComparedFace(Comparison("NOT_COMPARED", (seen.why_not,), model.sha256))
    return compare(seen.inspection, seen.frame, model, settings)


def _write_figure(start: str, seen: SeenFace, done: Inspection, run: Analyzing, maps: ComparisonMaps | None) -> None:
    wanted = run.job.config.reference.figure_format
    if wanted != "none" and seen.picture is not None:
        drawn = analysis_figure(done, run.model.card, seen.picture, maps, wanted)
        write_file(Path(start + ANALYSIS_FIGURE[wanted]), drawn)
