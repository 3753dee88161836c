"""Pictures to faces in the frame of a reference, inspected on the way."""

from __future__ import annotations

from dataclasses import dataclass

from dscope_blink.batch.job import Job, Loaded, flat_field_of, load, provenance_of
from dscope_blink.files.decoding import Picture
from dscope_blink.files.plan import ImageFile
from dscope_blink.image_processing.anomalies import without_marks
from dscope_blink.image_processing.face_frame import FaceFrame, face_frame
from dscope_blink.pipeline import all_stages, not_measured
from dscope_blink.records import ImageInfo, Inspection, notice, texts


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A picture, its inspection, and the face in the frame; `why_not` says why there is no face."""

    inspection: Inspection
    picture: Picture | None = None
    frame: FaceFrame | None = None
    why_not: str = ""


def see_face(job: Job, image: ImageFile, radius_px: int) -> SeenFace:
    """Inspect a picture and bring its face to the frame; whatever goes wrong is said."""
    provenance = provenance_of(job)
    loaded = Loaded(ImageInfo(image.file))
    try:
        loaded = load(image.path, image.file, job.config)
        if loaded.picture is None or loaded.problem is not None:
            reason = loaded.problem or notice("unreadable", "no picture")
            refused = not_measured(loaded.info, image.request, job.config, provenance, reason)
            return SeenFace(refused, why_not=reason.text)
        stages = all_stages(
            loaded.picture, loaded.info, image.request, job.config, job.calibration, provenance, flat_field_of(job)
        )
    except Exception as error:
        reason = notice("internal_error", f"{type(error).__name__}: {error}")
        return SeenFace(not_measured(loaded.info, image.request, job.config, provenance, reason), why_not=reason.text)
    inspection = stages.inspection
    if stages.search is None or inspection.geometry is None:
        return SeenFace(inspection, loaded.picture, why_not="; ".join(texts(inspection.verdict.reasons)))
    try:
        frame = face_frame(stages.gray, inspection.geometry, radius_px, stages.drawn)
    except ValueError as error:
        return SeenFace(inspection, loaded.picture, why_not=str(error))
    return SeenFace(inspection, loaded.picture, frame)


def taught(seen: SeenFace, margin_px: float) -> FaceFrame | None:
    """What a face teaches: all of it but the marks that were found in it."""
    if seen.frame is None:
        return None
    return without_marks(seen.frame, [mark.contour_px for mark in seen.inspection.defects], margin_px)
