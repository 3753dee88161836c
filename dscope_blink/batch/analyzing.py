"""Pictures beside what good faces are like: the inspection of each, and where it departs."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from dscope_blink.analysis.anomaly_names import confidence_of, marks_in, severity_of, zone_at
from dscope_blink.batch.job import Job
from dscope_blink.batch.picture_reports import write_reports
from dscope_blink.batch.reference_faces import SeenFace, see_face
from dscope_blink.config.settings import ReferenceSettings
from dscope_blink.files.locking import locked
from dscope_blink.files.names import (
    ANALYSIS_FIGURE,
    ANALYSIS_TEXT,
    ANOMALY_MASK,
    COMPARED_WITH_REFERENCE,
    FOREIGN_REPORT,
    RESULT,
    SUMMARY,
)
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.whole_files import write_file, writing
from dscope_blink.image_processing.anomalies import Region, departed, regions_of
from dscope_blink.image_processing.comparison_maps import comparison_maps
from dscope_blink.image_processing.departures import FaceScore, score_face
from dscope_blink.image_processing.face_features import FEATURE_NAMES, face_features
from dscope_blink.image_processing.similarity import similarity
from dscope_blink.models.family import Family, NoFamily, compare_with_family, why_drifted
from dscope_blink.models.reference import ReferenceModel
from dscope_blink.records import ANOMALY, Anomaly, Comparison, ComparisonMaps, Inspection, UserError, WholeFace
from dscope_blink.reporting.analysis_figure import analysis_figure
from dscope_blink.reporting.analysis_text import text_bytes
from dscope_blink.reporting.anomaly_files import comparison_table, mask_bytes, report_bytes
from dscope_blink.reporting.batch_reports import write_batch_reports
from dscope_blink.reporting.csv_files import SummaryTable, csv_bytes
from dscope_blink.reporting.picture_files import write_result, write_summary
from dscope_blink.reporting.stored_results import StoredResults
from dscope_blink.reporting.tables import summary_row

MOST_APART = 0.1  # of the core ratio of the references: faces of other fibers
MOST_SCALED = 1.5  # times the size of the fiber in the references, or one over it: another microscope

MOST_NAMED = 3  # of these, in a reason
DEVIANT = 10  # features that are named of a face

logger = logging.getLogger("dscope.analyzing")


@dataclass(frozen=True, slots=True)
class Analyzing:
    """Everything that analysing needs, checked; nothing has been written yet."""

    job: Job
    images: tuple[ImageFile, ...]
    model: ReferenceModel


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
    folder, config = run.job.output_dir, run.job.config
    with locked(folder):
        summary, paths, rows = SummaryTable(config.reporting.csv_style), [], []
        for number, image in enumerate(run.images):
            done = _analyzed(run, image)
            summary.add(number, summary_row(done.inspection))
            paths.append(Path(str(folder / image.name) + RESULT))
            rows.append(done)
            yield done
        with writing(folder / SUMMARY):
            write_summary(folder / SUMMARY, summary)
        table = comparison_table(rows)
        write_file(folder / COMPARED_WITH_REFERENCE, csv_bytes(table, config.reporting.csv_style))
        write_batch_reports(folder, StoredResults(paths), config)
        for line in drift_of(rows, run.model):
            logger.warning("the batch drifts away from the model: %s", line)


def _analyzed(run: Analyzing, image: ImageFile) -> Comparison:
    settings = run.job.config.reference
    seen = see_face(run.job, image, run.model.radius_px)
    done, regions = compare(seen, run.model, settings)
    maps = _maps(seen, done, run.model, settings)
    if maps is not None:
        done = replace(done, similarity=maps[1])
    start = str(run.job.output_dir / image.name)
    Path(start).parent.mkdir(parents=True, exist_ok=True)
    with writing(Path(start + RESULT)):
        inspection = write_reports(start, seen.picture, done.inspection, run.job.config)
        write_file(Path(start + ANALYSIS_TEXT), text_bytes(done, run.model.card))
        _write_figure(start, seen, done, run, None if maps is None else maps[0])
        write_file(Path(start + FOREIGN_REPORT), report_bytes(done))
        if seen.picture is not None and seen.frame is not None:
            height, width = seen.picture.shape[:2]
            mask = departed(regions, seen.frame, (height, width))
            write_file(Path(start + ANOMALY_MASK), mask_bytes(mask))
        write_result(Path(start + RESULT), replace(inspection, confidence=None))
    return replace(done, inspection=inspection)


def _maps(
    seen: SeenFace, done: Comparison, model: ReferenceModel, settings: ReferenceSettings
) -> tuple[ComparisonMaps, float | None] | None:
    """What is drawn of a face, and how alike it is to the archetype; None where it was not compared."""
    if seen.frame is None or done.score is None:
        return None
    alike = similarity(seen.frame.light, model.archetype)
    score = score_face(seen.frame, model, settings.absolute_limit)
    whole = None if alike.whole is None else round(alike.whole, 4)
    return comparison_maps(seen.frame, model, score, alike, settings.absolute_limit), whole


def _write_figure(start: str, seen: SeenFace, done: Comparison, run: Analyzing, maps: ComparisonMaps | None) -> None:
    wanted = run.job.config.reference.figure_format
    if wanted != "none" and seen.picture is not None:
        drawn = analysis_figure(done, run.model.card, seen.picture, maps, wanted)
        write_file(Path(start + ANALYSIS_FIGURE[wanted]), drawn)


def compare(
    seen: SeenFace, model: ReferenceModel, settings: ReferenceSettings
) -> tuple[Comparison, tuple[Region, ...]]:
    """A face beside what good ones are like, and the regions of the frame that its anomalies are."""
    inspection = seen.inspection
    if seen.frame is None:
        return Comparison("NOT_COMPARED", (seen.why_not,), inspection, model_sha256=model.sha256), ()
    whole, foreign = _whole(seen, model)
    family = family_of(model)
    why_not = family.reason if isinstance(family, NoFamily) else ""
    if foreign:
        return Comparison(
            "NOT_OF_THIS_FAMILY",
            foreign,
            inspection,
            model_sha256=model.sha256,
            whole=whole,
            why_not_whole=why_not,
        ), ()
    score = score_face(seen.frame, model, settings.absolute_limit)
    pairs = [(region, _anomaly(region, inspection, settings)) for region in regions_of(seen.frame, score)]
    kept = [pair for pair in pairs if pair[1].diameter_um is None or pair[1].diameter_um >= settings.min_diameter_um]
    anomalies = tuple(replace(anomaly, id=f"N{number}") for number, (_, anomaly) in enumerate(kept, 1))
    reasons = _reasons(anomalies, score, whole)
    done = Comparison(
        "ANOMALOUS" if reasons else "NORMAL",
        reasons,
        inspection,
        round(score.worst, 3),
        round(score.ring, 3),
        anomalies,
        model.sha256,
        whole=whole,
        why_not_whole=why_not,
    )
    return done, tuple(region for region, _ in kept)


def family_of(model: ReferenceModel) -> Family | NoFamily:
    """What a face as a whole is compared with; not that of another version, whose features mean something else."""
    if isinstance(model.family, Family) and model.family.names != FEATURE_NAMES:
        return NoFamily("its features are those of another version of the program, learn it anew")
    return model.family


def drift_of(comparisons: Sequence[Comparison], model: ReferenceModel) -> tuple[str, ...]:
    """What says that a batch as a whole has moved away from the model; empty: nothing."""
    family = family_of(model)
    rows = [one.whole.values for one in comparisons if one.whole is not None]
    if isinstance(family, NoFamily) or not rows:
        return ()
    return why_drifted(rows, family)


def _whole(seen: SeenFace, model: ReferenceModel) -> tuple[WholeFace | None, tuple[str, ...]]:
    """The face as a whole, and in what it is none of those that the model knows.

    A model that knows no family is asked by plain rules.
    """
    family, geometry = family_of(model), seen.inspection.geometry
    if isinstance(family, NoFamily) or seen.frame is None or geometry is None:
        return None, _why_foreign(seen.inspection, model)
    values = face_features(seen.frame, geometry, seen.inspection).values
    found = compare_with_family(values, family, DEVIANT)
    return WholeFace(found.distance, found.limit, found.deviations, tuple(values.tolist())), found.why_not


def _why_foreign(inspection: Inspection, model: ReferenceModel) -> tuple[str, ...]:
    """In what a picture is none of those that the model knows; empty: in nothing."""
    assert inspection.geometry is not None, "it was located"
    card, cladding = model.card, inspection.geometry.cladding.ellipse
    reasons = []
    size = cladding.mean_diameter_px / card.cladding_px
    if not 1 / MOST_SCALED <= size <= MOST_SCALED:
        reasons.append(
            f"the cladding measures {cladding.mean_diameter_px:.0f} px, in the references {card.cladding_px:.0f}"
        )
    core = inspection.geometry.core
    if card.core_ratio is not None and core is not None:
        ratio = core.ellipse.mean_diameter_px / cladding.mean_diameter_px
        if abs(ratio / card.core_ratio - 1) > MOST_APART:
            reasons.append(f"core over cladding is {ratio:.3f}, in the references {card.core_ratio:.3f}")
    return tuple(reasons)


def _anomaly(region: Region, inspection: Inspection, settings: ReferenceSettings) -> Anomaly:
    scale = inspection.scale
    diameter_um = None if scale is None else region.diameter_px * scale.um_per_px
    zone = zone_at(region.outline_px, inspection.zones)
    marks = marks_in(region.outline_px, inspection)
    return Anomaly(
        id="",
        kind=marks[0].classification if marks else ANOMALY,
        zone=zone,
        score=round(region.score, 3),
        outline_px=region.outline_px,
        area_px=round(region.area_px, 1),
        diameter_px=round(region.diameter_px, 2),
        diameter_um=None if diameter_um is None else round(diameter_um, 2),
        confidence=confidence_of(region.score, settings),
        severity=severity_of(diameter_um, zone, settings),
        marks=tuple(mark.id for mark in marks),
    )


def _reasons(anomalies: tuple[Anomaly, ...], score: FaceScore, whole: WholeFace | None) -> tuple[str, ...]:
    reasons = []
    if anomalies:
        worst = anomalies[0]
        reasons.append(f"{len(anomalies)} places depart, the worst {worst.score:.1f} times the limit ({worst.id})")
    if score.ring > 1:
        reasons.append(f"whole rings depart, the worst {score.ring:.1f} times the limit")
    if whole is not None and whole.score > 1:
        most = ", ".join(one.in_words for one in whole.deviations[:MOST_NAMED])
        reasons.append(f"as a whole it lies {whole.score:.1f} times the limit from the references, most by {most}")
    return tuple(reasons)
