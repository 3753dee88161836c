"""A folder of good faces to a reference model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from dscope_blink.batch.job import Job
from dscope_blink.batch.reference_faces import SeenFace, see_face, taught
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.whole_files import write_file
from dscope_blink.image_processing.departures import SCALES_PX
from dscope_blink.models.reference import ReferenceCard, ReferenceFace, ReferenceModel, model_bytes
from dscope_blink.records import PROGRAM, VERSION, Inspection, UserError, printable
from dscope_blink.training.fit_reference import Fitted, fit_reference

logger = logging.getLogger("dscope.learning")


@dataclass(frozen=True, slots=True)
class Learning:
    """Everything that learning needs, checked; nothing has been written yet."""

    job: Job
    images: tuple[ImageFile, ...]
    output: Path
    microscope: str = ""


@dataclass(frozen=True, slots=True)
class Learned:
    """A model that is written, and what became of each picture."""

    model: ReferenceModel
    path: Path


def learn(wanted: Learning, seen_one: Callable[[ImageFile], None] = lambda image: None) -> Learned:
    """Learn what is normal from good faces, and write it.

    A face that FAILs teaches nothing, nor does one that is not graded for what hides it; of the others the marks that
    were found are left out, and whole faces that depart from all others.

    Parameters
    ----------
    wanted : which pictures, and where to write
    seen_one : called for each picture that was looked at

    Raises
    ------
    UserError : too few faces, or too few that are alike
    WriteFailed : the model cannot be written
    """
    settings = wanted.job.config.reference
    faces = []
    for image in wanted.images:
        faces.append(see_face(wanted.job, image, settings.radius_px))
        seen_one(image)
    why_not = [_why_not(face) for face in faces]
    usable = [place for place, reason in enumerate(why_not) if not reason]
    frames = [frame for place in usable if (frame := taught(faces[place], settings.mark_margin_px)) is not None]
    try:
        fitted = fit_reference(frames, settings.false_alarm_rate)
    except UserError as error:
        left = "; ".join(f"{printable(f.inspection.image.file)}: {r}" for f, r in zip(faces, why_not, strict=True) if r)
        raise UserError(f"{error}{f' ({left})' if left else ''}") from None
    model = _model(wanted, faces, why_not, usable, fitted)
    write_file(wanted.output, model_bytes(model))
    logger.info("%s: learned from %d of %d pictures", wanted.output, len(fitted.used), len(faces))
    return Learned(model, wanted.output)


def _why_not(face: SeenFace) -> str:
    """Why a picture teaches nothing; empty: it does."""
    if face.frame is None:
        return face.why_not
    verdict = face.inspection.verdict
    if verdict.status == "FAIL":
        broken = ", ".join(sorted(face.inspection.broken))
        return f"it FAILs by {broken}" if broken else "it FAILs"
    return ""


def _model(
    wanted: Learning, faces: Sequence[SeenFace], why_not: Sequence[str], usable: Sequence[int], fitted: Fitted
) -> ReferenceModel:
    used = {usable[place] for place in fitted.used}
    scores = {usable[place]: score for place, score in enumerate(fitted.scores)}
    named = tuple(
        ReferenceFace(
            face.inspection.image.file,
            face.inspection.image.sha256 or "",
            place in used,
            why_not[place] or ("" if place in used else "it departs from all others"),
            None if place not in scores else round(scores[place], 3),
        )
        for place, face in enumerate(faces)
    )
    card = _card(wanted, [faces[place].inspection for place in sorted(used)], named, fitted)
    return ReferenceModel(
        card,
        wanted.job.config.reference.radius_px,
        SCALES_PX,
        fitted.archetype,
        fitted.spread,
        fitted.ring_spread,
        fitted.limits,
        fitted.ring_limits,
    )


def _card(
    wanted: Learning, used: Sequence[Inspection], faces: tuple[ReferenceFace, ...], fitted: Fitted
) -> ReferenceCard:
    settings, now = wanted.job.config.reference, datetime.now().astimezone()
    expires = now + timedelta(days=settings.valid_days) if settings.valid_days else None
    claddings = [one.geometry.cladding for one in used if one.geometry is not None]
    scales = [one.scale.um_per_px for one in used if one.scale is not None]
    ratios = [
        one.geometry.core.ellipse.mean_diameter_px / one.geometry.cladding.ellipse.mean_diameter_px
        for one in used
        if one.geometry is not None and one.geometry.core is not None
    ]
    diameter_px = median(cladding.ellipse.mean_diameter_px for cladding in claddings)
    return ReferenceCard(
        program=f"{PROGRAM} {VERSION}",
        made=now.isoformat(timespec="seconds"),
        expires=None if expires is None else expires.isoformat(timespec="seconds"),
        microscope=wanted.microscope,
        cladding_um=median(scales) * diameter_px if scales else None,
        core_ratio=median(ratios) if ratios else None,
        um_per_px=median(scales) if scales else None,
        cladding_px=diameter_px,
        blur_px=median(cladding.blur_px for cladding in claddings) * 2 * settings.radius_px / diameter_px,
        config_sha256=wanted.job.config.sha256,
        faces=faces,
        rate=settings.false_alarm_rate,
        rate_at_most=round(fitted.rate_at_most, 4),
    )
