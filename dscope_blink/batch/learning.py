"""A folder of good faces to a reference model, and more of them to one that there is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from dscope_blink.batch.crew import Kept, Workers, crew_of, do_all, job_at
from dscope_blink.batch.job import Job
from dscope_blink.batch.reference_faces import SeenFace, see_face, taught
from dscope_blink.config.settings import ReferenceSettings
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.whole_files import write_file
from dscope_blink.image_processing.departures import SCALES_PX
from dscope_blink.image_processing.face_features import FEATURE_NAMES, FEATURES, FaceNumbers, face_features
from dscope_blink.image_processing.face_frame import FaceFrame, frame_of
from dscope_blink.image_processing.ignored_edges import without_edges
from dscope_blink.models.family import Family, NoFamily
from dscope_blink.models.reference import (
    NO_FEATURES,
    FaceFacts,
    LevelStack,
    ReferenceCard,
    ReferenceFace,
    ReferenceModel,
    TaughtNumbers,
    kept_levels,
    light_of,
    model_bytes,
    stacked,
    taught_numbers,
)
from dscope_blink.records import PROGRAM, VERSION, FiberGeometry, Inspection, Notice, UserError, printable
from dscope_blink.training.fit_family import beyond_family, fit_family, group_of
from dscope_blink.training.fit_reference import Fitted, fit_reference
from dscope_blink.training.left_out import rate_at_most
from dscope_blink.training.reference_light import several_lights

ENDING = ".dscope"  # of the name of a model

# Places and rings, the distance and the gates share the stated rate, and together keep it: docs/reference.md.
LOCAL_SHARE = 0.5
WHOLE_SHARE = 0.25  # for the distance, and as much for the gates

FEW = 4  # pictures are looked at before another process has started
MODULES = ("dscope_blink.batch.learning",)  # what a process imports once, before its first picture

logger = logging.getLogger("dscope.learning")


@dataclass(frozen=True, slots=True)
class Learning:
    """Everything that learning needs, checked; nothing has been written yet."""

    job: Job
    images: tuple[ImageFile, ...]
    output: Path
    microscope: str = ""
    update: ReferenceModel | None = None  # to which the pictures are added
    workers: int = 0  # processes of this machine that look at the pictures; 0: this one alone
    scheduler: str | None = None  # address of a Dask scheduler, whose workers are used instead


@dataclass(frozen=True, slots=True)
class Learned:
    """A model that is written, and what became of each picture."""

    model: ReferenceModel
    path: Path


@dataclass(frozen=True, slots=True)
class _Offered:
    """A face that a model may be learned from, or why it is not."""

    face: ReferenceFace
    levels: LevelStack | None = None  # (n, n) as a model keeps it
    numbers: FaceNumbers | None = None  # None: an older model keeps none
    log: Kept = ()  # what another process logged about it


def learn(wanted: Learning, seen_one: Callable[[ImageFile], None] = lambda image: None) -> Learned:
    """Learn what is normal from good faces, and write it.

    A face that FAILs teaches nothing, nor does one that is not graded for what hides it; of the others the marks that
    were found are left out, unless the settings have them learned, and whole faces that depart from all others. Adding
    faces to a model gives the same numbers as learning all of them at once: it keeps the faces that it was offered,
    also those that it left out.

    Parameters
    ----------
    wanted : which pictures, and where to write
    seen_one : called for each picture that was looked at

    Raises
    ------
    UserError : too few faces, or too few that are alike; the model cannot be added to; or no scheduler answers
    WriteFailed : the model cannot be written
    """
    settings = wanted.job.config.reference
    offered = [] if wanted.update is None else _kept(wanted.update, wanted)
    offered += _look_at_all(wanted, {one.face.sha256 for one in offered if one.face.sha256}, seen_one)
    try:
        fitted = fit_reference(
            _compared_parts(offered, settings),
            settings.false_alarm_rate * LOCAL_SHARE,
        )
    except UserError as error:
        left = "; ".join(f"{printable(one.face.file)}: {one.face.why_not}" for one in offered if one.face.why_not)
        raise UserError(f"{error}{f' ({left})' if left else ''}") from None
    model = _model(wanted, offered, fitted)
    write_file(wanted.output, model_bytes(model))
    logger.info("%s: learned from %d of %d pictures", wanted.output, len(fitted.used), len(offered))
    return Learned(model, wanted.output)


def _look_at_all(wanted: Learning, known: set[str], seen_one: Callable[[ImageFile], None]) -> list[_Offered]:
    """What each picture teaches, in their order; one that ends its process or takes too long teaches nothing.

    Parameters
    ----------
    wanted : which pictures, and who looks at them
    known : hashes of the pictures that were offered before
    seen_one : called for each picture
    """
    settings, found = wanted.job.config.batch, dict[int, _Offered]()
    workers = Workers(settings, wanted.workers, wanted.scheduler, MODULES, FEW)
    job = job_at(workers, partial(_see, wanted.job), wanted.job.output_dir)
    images, known = dict(enumerate(wanted.images)), set(known)
    with crew_of(workers, len(images)) as crew:
        for number, image, outcome in do_all(crew, job, images, {}, settings, lambda image: image.file):
            found[number] = one = _lost(image, outcome) if isinstance(outcome, Notice) else _told(outcome)
            if one.face.sha256 in known:
                raise UserError(f"{printable(image.file)}: it is among the faces already, learn from each only once")
            known.add(one.face.sha256 or image.file)
            seen_one(image)
    return [found[number] for number in sorted(found)]


def _lost(image: ImageFile, reason: Notice) -> _Offered:
    return _Offered(ReferenceFace(image.file, "", False, reason.text))


def _told(one: _Offered) -> _Offered:
    """What came back, and its log, which is told here."""
    for record in one.log:
        logging.getLogger(record.name).handle(record)
    return one


def _see(job: Job, item: tuple[int, ImageFile]) -> _Offered:
    settings = job.config.reference
    return _offered(see_face(job, item[1], settings.radius_px), settings)


def _compared_parts(offered: Sequence[_Offered], settings: ReferenceSettings) -> list[FaceFrame]:
    """What the faces that teach are learned from place by place: all leave the same rings out.

    Where some of them showed a place and others not, its median would be that of few faces.
    """
    seen = [one.face.seen for one in offered if one.face.seen is not None]
    if not seen:
        return []
    kind = _kind_of(seen)
    faces = (frame_of(light_of(one.levels), settings.radius_px) for one in offered if one.levels is not None)
    return [without_edges(face, kind.core_ratio, kind.cladding_um, settings.edge_ignore_um) for face in faces]


def check_updatable(model: ReferenceModel, radius_px: int, microscope: str) -> None:
    """UserError for a model that no faces can be added to.

    Parameters
    ----------
    model : the model
    radius_px : of the cladding in the frame, as the configuration has it
    microscope : what the new pictures were taken with; empty: nobody says
    """
    if not len(model.faces):
        raise UserError("the model keeps no faces (reference.keep_faces was off): learn it anew from all pictures")
    if model.radius_px != radius_px:
        raise UserError(f"the model has reference.radius_px {model.radius_px}, the configuration {radius_px}")
    if microscope and microscope != model.card.microscope:
        raise UserError(
            f"--microscope {microscope}: the model is of {model.card.microscope or 'one that nobody named'}"
        )


def _kept(model: ReferenceModel, wanted: Learning) -> list[_Offered]:
    check_updatable(model, wanted.job.config.reference.radius_px, wanted.microscope)
    numbers = model.numbers
    if numbers is not None and numbers.names != FEATURE_NAMES:  # of another version: they mean something else
        numbers = None
    offered, place = [], 0
    for face in model.card.faces:
        if face.seen is None:
            offered.append(_Offered(face))
            continue
        known = None if numbers is None else FaceNumbers(*numbers.of_face(place))
        offered.append(_Offered(face, model.faces[place], known))
        place += 1
    return offered


def _offered(seen: SeenFace, settings: ReferenceSettings) -> _Offered:
    inspection, reason = seen.inspection, _why_not(seen, settings.learn_marks)
    face = ReferenceFace(inspection.image.file, inspection.image.sha256 or "", False, reason)
    frame = None if reason else seen.frame if settings.learn_marks else taught(seen, settings.mark_margin_px)
    if frame is None or inspection.geometry is None:
        return _Offered(face)
    facts = _facts(inspection, inspection.geometry, frame.radius_px)
    assert seen.frame is not None, "it teaches"
    known = face_features(seen.frame, inspection.geometry, inspection)
    return _Offered(replace(face, seen=facts), kept_levels(frame.light), known)


def _why_not(face: SeenFace, learn_marks: bool) -> str:
    """Why a picture teaches nothing; empty: it does."""
    if face.frame is None:
        return face.why_not
    verdict = face.inspection.verdict
    if verdict.status == "FAIL" and not learn_marks:
        broken = ", ".join(sorted(face.inspection.broken))
        return f"it FAILs by {broken}" if broken else "it FAILs"
    return ""


def _facts(inspection: Inspection, geometry: FiberGeometry, radius_px: int) -> FaceFacts:
    diameter_px = geometry.cladding.ellipse.mean_diameter_px
    core = None if geometry.core is None else geometry.core.ellipse.mean_diameter_px
    return FaceFacts(
        cladding_px=diameter_px,
        blur_px=geometry.cladding.blur_px * 2 * radius_px / diameter_px,
        core_ratio=None if core is None else core / diameter_px,
        um_per_px=None if inspection.scale is None else inspection.scale.um_per_px,
    )


def _model(wanted: Learning, offered: Sequence[_Offered], fitted: Fitted) -> ReferenceModel:
    settings = wanted.job.config.reference
    levels = [one.levels for one in offered if one.levels is not None]
    numbers = _numbers(offered)
    family = NO_FEATURES if numbers is None else _family(numbers, fitted.used, settings.false_alarm_rate * WHOLE_SHARE)
    note = several_lights(numbers, fitted.used) if isinstance(family, Family) and numbers is not None else ""
    if note:
        logger.warning("%s: %s", wanted.output, note)
    return ReferenceModel(
        _card(wanted, _judged(offered, fitted), _beyond(fitted, family, settings.false_alarm_rate * WHOLE_SHARE), note),
        settings.radius_px,
        SCALES_PX,
        fitted.archetype,
        fitted.spread,
        fitted.ring_spread,
        fitted.limits,
        fitted.ring_limits,
        stacked(levels, settings.keep_faces),
        numbers,
        family,
    )


def _beyond(fitted: Fitted, family: Family | NoFamily, rate: float) -> int:
    """How many of the faces used lie beyond a limit of any kind that all the others set."""
    if isinstance(family, NoFamily):
        return sum(fitted.beyond)
    return sum(map(any, zip(fitted.beyond, beyond_family(family, rate), strict=True)))


def _numbers(offered: Sequence[_Offered]) -> TaughtNumbers | None:
    """The features of the faces that taught; None where an older model has none of some."""
    taught = [one for one in offered if one.levels is not None]
    known = [(one.numbers.values, one.numbers.histograms) for one in taught if one.numbers is not None]
    if len(known) < len(taught):
        return None
    return taught_numbers(FEATURE_NAMES, tuple(map(group_of, FEATURES)), known)


def _family(numbers: TaughtNumbers, used: Sequence[int], rate: float) -> Family | NoFamily:
    places = list(used)
    return fit_family(FEATURES, numbers.values[places], numbers.histograms[places], rate)


def _judged(offered: Sequence[_Offered], fitted: Fitted) -> tuple[ReferenceFace, ...]:
    """Each face, with what the model makes of it."""
    places, faces = iter(range(len(fitted.scores))), []
    for one in offered:
        if one.levels is None:
            faces.append(one.face)
            continue
        place = next(places)
        used, score = place in fitted.used, round(fitted.scores[place], 3)
        why_not = "" if used else "it departs from all others"
        faces.append(replace(one.face, used=used, why_not=why_not, left_out_score=score))
    return tuple(faces)


def _kind_of(seen: Sequence[FaceFacts]) -> FaceFacts:
    """What most of some faces are like."""
    scales = [one.um_per_px for one in seen if one.um_per_px is not None]
    ratios = [one.core_ratio for one in seen if one.core_ratio is not None]
    return FaceFacts(
        cladding_px=median(one.cladding_px for one in seen),
        blur_px=median(one.blur_px for one in seen),
        core_ratio=median(ratios) if ratios else None,
        um_per_px=median(scales) if scales else None,
    )


def _card(wanted: Learning, faces: tuple[ReferenceFace, ...], beyond: int, note: str) -> ReferenceCard:
    """A model that faces are added to is as old as its oldest."""
    settings, now = wanted.job.config.reference, datetime.now().astimezone()
    old = None if wanted.update is None else wanted.update.card
    used = [face.seen for face in faces if face.used and face.seen is not None]
    kind = _kind_of(used)
    moment = now.isoformat(timespec="seconds")
    expires = (now + timedelta(days=settings.valid_days)).isoformat(timespec="seconds") if settings.valid_days else None
    return ReferenceCard(
        program=f"{PROGRAM} {VERSION}",
        made=moment if old is None else old.made,
        expires=expires if old is None else old.expires,
        microscope=wanted.microscope if old is None else old.microscope,
        cladding_um=kind.cladding_um,
        core_ratio=kind.core_ratio,
        um_per_px=kind.um_per_px,
        cladding_px=kind.cladding_px,
        blur_px=kind.blur_px,
        config_sha256=wanted.job.config.sha256,
        faces=faces,
        rate=settings.false_alarm_rate,
        rate_at_most=round(rate_at_most(len(used), beyond), 4),
        note=note,
        updated=None if old is None else moment,
    )
