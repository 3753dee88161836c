"""Pictures beside what good faces are like: the inspection of each, and where it departs."""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from dscope_blink.batch.job import Job
from dscope_blink.batch.picture_reports import write_reports
from dscope_blink.batch.reference_faces import SeenFace, see_face
from dscope_blink.batch.whole_run import Done, run_into
from dscope_blink.config.settings import Config
from dscope_blink.files.names import (
    ANALYSIS_FIGURE,
    ANALYSIS_TEXT,
    ANOMALY_MASK,
    COMPARED_WITH_REFERENCE,
    DISTANCES,
    FOREIGN_REPORT,
    RESULT,
)
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.whole_files import write_file, writing
from dscope_blink.image_processing.anomalies import departed
from dscope_blink.image_processing.comparison_maps import comparison_maps
from dscope_blink.image_processing.face_comparison import ComparedFace, compare, compare_with_itself, drift_of
from dscope_blink.image_processing.similarity import similarity
from dscope_blink.models.reference import ReferenceCard, ReferenceModel
from dscope_blink.records import Comparison, ComparisonMaps, UserError
from dscope_blink.reporting.analysis_figure import analysis_figure
from dscope_blink.reporting.analysis_text import text_bytes
from dscope_blink.reporting.anomaly_files import comparison_table, distance_table, mask_bytes, report_bytes
from dscope_blink.reporting.csv_files import csv_bytes
from dscope_blink.reporting.picture_files import write_result
from dscope_blink.reporting.tables import summary_row

logger = logging.getLogger("dscope.analyzing")


@dataclass(frozen=True, slots=True)
class Analyzing:
    """Everything that analysing needs, checked; nothing has been written yet."""

    job: Job
    images: tuple[ImageFile, ...]
    model: ReferenceModel | None  # None: each face is compared with its own symmetry

    @property
    def radius_px(self) -> int:
        """Of the cladding in the frame."""
        return self.job.config.reference.radius_px if self.model is None else self.model.radius_px

    @property
    def card(self) -> ReferenceCard | None:
        """Of the model."""
        return None if self.model is None else self.model.card


def check_expiry(model: ReferenceModel, now: datetime) -> None:
    """UserError for a model whose time is over."""
    if model.card.expires is not None and datetime.fromisoformat(model.card.expires) < now:
        raise UserError(f"the model expired {model.card.expires}: learn it anew")


def run_analysis(run: Analyzing) -> Generator[Comparison]:
    """Compare each picture and write what came out, then the tables and reports of them all.

    Yields
    ------
    Comparison of each picture

    Raises
    ------
    UserError : another run writes to the output folder
    WriteFailed : a result cannot be written
    """
    done = run_into(run.job.output_dir, run.job.config, lambda renew: _all(run))
    return (one.comparison for one in done)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceCompared(Done):
    """One picture whose results are on disk."""

    comparison: Comparison


def _all(run: Analyzing) -> Generator[tuple[int, FaceCompared]]:
    rows = list[Comparison]()
    for number, image in enumerate(run.images):
        done = _analyzed(run, image)
        rows.append(done)
        row = summary_row(done.inspection)
        yield number, FaceCompared(inspection=done.inspection, row=row, name=image.name, comparison=done)
    table = csv_bytes(comparison_table(rows), run.job.config.reporting.csv_style)
    write_file(run.job.output_dir / COMPARED_WITH_REFERENCE, table)
    for line in () if run.model is None else drift_of(rows, run.model):
        logger.warning("the batch drifts away from the model: %s", line)


def _analyzed(run: Analyzing, image: ImageFile) -> Comparison:
    seen = see_face(run.job, image, run.radius_px)
    found, maps = _compared(seen, run)
    done, start = found.comparison, str(run.job.output_dir / image.name)
    Path(start).parent.mkdir(parents=True, exist_ok=True)
    with writing(Path(start + RESULT)):
        inspection = write_reports(start, seen.picture, done.inspection, run.job.config)
        write_file(Path(start + ANALYSIS_TEXT), text_bytes(done, run.card))
        _write_figure(start, seen, done, run, maps)
        write_file(Path(start + FOREIGN_REPORT), report_bytes(done))
        write_file(Path(start + DISTANCES), csv_bytes(distance_table(done.whole), run.job.config.reporting.csv_style))
        if seen.picture is not None and seen.frame is not None:
            height, width = seen.picture.shape[:2]
            mask = departed(found.regions, seen.frame, (height, width))
            write_file(Path(start + ANOMALY_MASK), mask_bytes(mask))
        write_result(Path(start + RESULT), replace(inspection, confidence=None))
    return replace(done, inspection=inspection)


def _compared(seen: SeenFace, run: Analyzing) -> tuple[ComparedFace, ComparisonMaps | None]:
    """A face beside good ones, and what is drawn of that; None where it was not compared."""
    config = run.job.config
    found = compare_seen(seen, run.model, config)
    if seen.frame is None or found.score is None or found.against is None:
        return found, None
    alike = similarity(seen.frame.light, found.against.archetype)
    whole = None if alike.whole is None else round(alike.whole, 4)
    maps = comparison_maps(seen.frame, found.against, found.score, alike, config.reference.absolute_limit)
    return replace(found, comparison=replace(found.comparison, similarity=whole)), maps


def compare_seen(seen: SeenFace, model: ReferenceModel | None, config: Config) -> ComparedFace:
    """A face beside good ones, without a model beside itself; NOT_COMPARED for its reason where there is no face."""
    sha256 = "" if model is None else model.sha256
    if seen.frame is None:
        return ComparedFace(Comparison("NOT_COMPARED", (seen.why_not,), seen.inspection, model_sha256=sha256))
    if model is None:
        return compare_with_itself(seen.inspection, seen.frame, config)
    return compare(seen.inspection, seen.frame, model, config)


def _write_figure(start: str, seen: SeenFace, done: Comparison, run: Analyzing, maps: ComparisonMaps | None) -> None:
    wanted = run.job.config.reference.figure_format
    if wanted != "none" and seen.picture is not None:
        drawn = analysis_figure(done, run.card, seen.picture, maps, wanted)
        write_file(Path(start + ANALYSIS_FIGURE[wanted]), drawn)
