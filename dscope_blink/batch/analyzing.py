"""One picture beside what good faces are like: its inspection, where it departs, and the files of that."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dscope_blink.analysis.rejudging import load_trusted
from dscope_blink.batch.job import Job, is_finished, log_outcome, not_looked_at, reference_of
from dscope_blink.batch.picture_reports import write_reports, written_or_left_out
from dscope_blink.batch.reference_faces import SeenFace, compare_seen, see_face
from dscope_blink.batch.whole_results import all_or_none, is_whole
from dscope_blink.config.settings import Config, ReferenceSettings
from dscope_blink.files.names import ANALYSIS_FIGURE, ANALYSIS_TEXT, ANOMALY_MASK, DISTANCES, FOREIGN_REPORT, RESULT
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.whole_files import WriteFailed, together, write_file, writing
from dscope_blink.image_processing.anomalies import departed
from dscope_blink.image_processing.comparison_maps import comparison_maps
from dscope_blink.image_processing.similarity import similarity
from dscope_blink.models.reference import ReferenceCard, ReferenceModel
from dscope_blink.pipeline import not_measured
from dscope_blink.records import ComparisonMaps, Inspection, Notice, as_recorded, notice, printable, rounded
from dscope_blink.records.stored import BadRecord
from dscope_blink.reporting.analysis_figure import analysis_figure
from dscope_blink.reporting.analysis_text import text_bytes
from dscope_blink.reporting.anomaly_files import distance_table, mask_bytes, report_bytes
from dscope_blink.reporting.csv_files import csv_bytes
from dscope_blink.reporting.picture_files import write_result

logger = logging.getLogger("dscope.analyzing")


@dataclass(frozen=True, slots=True)
class Analyzing:
    """Everything that analysing needs, checked; nothing has been written yet."""

    job: Job  # without a model each face is compared with its own symmetry
    images: tuple[ImageFile, ...]
    warnings: tuple[str, ...] = ()  # about the folder and the manifest
    workers: int = 0  # processes of this machine; 0: this one alone
    scheduler: str | None = None  # address of a Dask scheduler, whose workers are used instead
    resume: bool = False  # what an earlier run has finished is kept

    @property
    def model(self) -> ReferenceModel | None:
        """That of the job, read once by each process; UserError where it is another one now."""
        return reference_of(self.job)

    @property
    def radius_px(self) -> int:
        """Of the cladding in the frame."""
        return self.job.config.reference.radius_px if self.model is None else self.model.radius_px

    @property
    def card(self) -> ReferenceCard | None:
        """Of the model."""
        return None if self.model is None else self.model.card

    def start_of(self, image: ImageFile) -> str:
        """The path of the results of a picture up to the end of NAME."""
        return str(self.job.output_dir / image.name)


def analyze_picture(run: Analyzing, image: ImageFile) -> Inspection:
    """Compare one picture and write what came out, the record last; there is a record whatever goes wrong with it.

    Raises
    ------
    UserError : the model can no longer be read
    WriteFailed : a result cannot be written
    """
    logger.info("Analyzing %s...", printable(image.file))
    radius_px = run.radius_px
    seen: SeenFace | None = None
    try:
        seen = see_face(run.job, image, radius_px)
        done = _written(run, image, *with_maps(seen, run.job.config))
    except WriteFailed:
        raise
    except Exception as error:
        logger.error("%s: internal error", printable(image.file), exc_info=error)
        reason = notice("internal_error", f"{type(error).__name__}: {error}")
        done = _refused(run, image, seen or SeenFace(not_looked_at(run.job, image, reason)), reason)
    log_outcome(image, done)
    said = done.comparison
    logger.info("%s: %s", printable(image.file), printable("; ".join((said.status, *said.reasons))))
    return done


def fail_picture(run: Analyzing, image: ImageFile, reason: Notice) -> Inspection:
    """Write the results of a picture that could not be looked at: NOT_GRADED and NOT_COMPARED for the reason given.

    Raises
    ------
    WriteFailed : a result cannot be written
    """
    done = _refused(run, image, SeenFace(not_looked_at(run.job, image, reason)), reason)
    log_outcome(image, done)
    return done


def _refused(run: Analyzing, image: ImageFile, seen: SeenFace, reason: Notice) -> Inspection:
    made = seen.inspection
    inspection = not_measured(made.image, image.request, run.job.config, made.provenance, reason)
    refused = SeenFace(inspection, seen.picture, why_not=reason.text)
    return _written(run, image, _compared(refused, run.job.config), None)


ANALYSIS_ENDS = (ANOMALY_MASK, FOREIGN_REPORT)  # beside those of any picture; other programs may write such, too


def _written(run: Analyzing, image: ImageFile, seen: SeenFace, maps: ComparisonMaps | None) -> Inspection:
    """Write all files of one picture, the record last: where it lies, the others are complete."""
    start, config = run.start_of(image), run.job.config
    with writing(Path(start + RESULT)), all_or_none(start, ANALYSIS_ENDS):
        with together() as files:
            inspection = write_reports(start, seen.picture, seen.inspection, config)
            for end, write in _analysis_files(run, seen, maps).items():
                inspection = written_or_left_out(start, (end,), inspection, partial(write, Path(start + end)))
        inspection = replace(inspection, confidence=None, outputs=files.outputs)  # the former is too large to travel
        write_result(Path(start + RESULT), inspection)
    return inspection


def _analysis_files(run: Analyzing, seen: SeenFace, maps: ComparisonMaps | None) -> dict[str, Callable[[Path], None]]:
    """What writes each file of a comparison, by the end of its name."""
    face, card = seen.inspection, run.card
    whole, style = face.comparison.whole, run.job.config.reporting.csv_style
    files: dict[str, Callable[[Path], None]] = {
        ANALYSIS_TEXT: lambda path: write_file(path, text_bytes(face, card)),
        FOREIGN_REPORT: lambda path: write_file(path, report_bytes(face)),
        DISTANCES: lambda path: write_file(path, csv_bytes(distance_table(whole), style)),
    }
    if seen.picture is not None and seen.frame is not None and seen.compared is not None:
        regions, frame, shape = seen.compared.regions, seen.frame, seen.picture.shape[:2]
        files[ANOMALY_MASK] = lambda path: write_file(path, mask_bytes(departed(regions, frame, shape)))
    wanted = run.job.config.reference.figure_format
    if wanted != "none" and seen.picture is not None:
        picture = seen.picture
        files[ANALYSIS_FIGURE[wanted]] = lambda path: write_file(
            path, analysis_figure(face, card, picture, maps, wanted)
        )
    return files


def finished_before(run: Analyzing, image: ImageFile) -> Inspection | None:
    """What an earlier run has done of what is asked, by the same model or none too; None: it is to be done.

    What failed in the program itself is not finished, and neither is what lacks a file that is asked for now.
    """
    start = run.start_of(image)
    try:
        stored = load_trusted(Path(start + RESULT), run.job.config)
        if stored.reference is None or not stored.is_verified or not is_finished(run.job, image, stored):
            return None
    except (BadRecord, OSError):
        return None
    ends = _ends_of(stored, run.job.config.reference)
    return stored if is_whole(start, ends, stored.outputs, image.file) else None


def _ends_of(done: Inspection, settings: ReferenceSettings) -> Iterator[str]:
    yield from (ANALYSIS_TEXT, FOREIGN_REPORT, DISTANCES)
    if done.comparison.status != "NOT_COMPARED":
        yield ANOMALY_MASK
    if settings.figure_format != "none" and done.image.width is not None:
        yield ANALYSIS_FIGURE[settings.figure_format]


def with_maps(seen: SeenFace, config: Config) -> tuple[SeenFace, ComparisonMaps | None]:
    """A face that was compared, without a model with its own symmetry, and its similarity; None where it was not.

    Parameters
    ----------
    seen : the face
    config : what is a departure, what it is called, and how severe it is

    Returns
    -------
    the face whose inspection says what came out, and what is drawn of it
    """
    seen = _compared(seen, config)
    found = seen.compared
    if found is None or seen.frame is None or found.score is None or found.against is None:
        return seen, None
    alike = similarity(seen.frame.light, found.against.archetype)
    whole = None if alike.whole is None else rounded("share", alike.whole)
    maps = comparison_maps(seen.frame, found.against, found.score, alike, config.reference.absolute_limit)
    compared = replace(seen.inspection.comparison, similarity=whole)
    return replace(seen, inspection=replace(seen.inspection, reference=compared)), maps


def _compared(seen: SeenFace, config: Config) -> SeenFace:
    """Where no model was asked, what the symmetry of the face itself says."""
    if seen.inspection.reference is not None:
        return seen
    found = compare_seen(seen, None, config)
    return replace(seen, inspection=replace(seen.inspection, reference=as_recorded(found.comparison)), compared=found)
