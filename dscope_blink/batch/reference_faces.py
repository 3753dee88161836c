"""Pictures to faces in the frame of a reference, inspected on the way."""

from __future__ import annotations

from dataclasses import dataclass

from dscope_blink.batch.job import Job, Loaded, look_at, look_at_loaded, provenance_of
from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import Picture
from dscope_blink.files.plan import ImageFile
from dscope_blink.image_processing.anomalies import without_marks
from dscope_blink.image_processing.face_comparison import ComparedFace, compare, compare_with_itself
from dscope_blink.image_processing.face_frame import FaceFrame, face_frame
from dscope_blink.models.reference import ReferenceModel
from dscope_blink.pipeline import Stages
from dscope_blink.records import Comparison, Inspection, Request, texts


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A picture, its inspection, and the face in the frame; `why_not` says why there is no face."""

    inspection: Inspection
    picture: Picture | None = None
    frame: FaceFrame | None = None
    why_not: str = ""
    compared: ComparedFace | None = None  # with the model of the job, where it has one


def see_face(job: Job, image: ImageFile, radius_px: int) -> SeenFace:
    """Inspect a picture and bring its face to the frame; whatever goes wrong is said."""
    loaded, inspection, stages = look_at(job, image)
    return _seen(loaded, inspection, stages, radius_px)


def see_loaded(job: Job, request: Request, loaded: Loaded, radius_px: int) -> SeenFace:
    """The same of a picture that was loaded."""
    inspection, stages = look_at_loaded(job, request, loaded, provenance_of(job))
    return _seen(loaded, inspection, stages, radius_px)


def _seen(loaded: Loaded, inspection: Inspection, stages: Stages | None, radius_px: int) -> SeenFace:
    if stages is not None and stages.compared is not None:
        return SeenFace(inspection, loaded.picture, stages.compared.frame, compared=stages.compared)
    if stages is None or stages.search is None or inspection.geometry is None:
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


def compare_seen(seen: SeenFace, model: ReferenceModel | None, config: Config) -> ComparedFace:
    """A face that was seen without a model beside one; NOT_COMPARED for its reason where there is none to compare.

    Parameters
    ----------
    seen : the face
    model : what normal is; None: nothing says so, the face is compared with its own symmetry
    config : what is a departure, what it is called, and how severe it is
    """
    if seen.frame is None:
        return ComparedFace(Comparison("NOT_COMPARED", (seen.why_not,), "" if model is None else model.sha256))
    if model is None:
        return compare_with_itself(seen.inspection, seen.frame, config)
    return compare(seen.inspection, seen.frame, model, config)
