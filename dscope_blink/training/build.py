"""One picture into the files of a data set: a row of PARTS for each kind, the label last, which says it is complete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TypeAlias

from dscope_blink.analysis.rejudging import load_trusted
from dscope_blink.config.settings import Config, TrainingSettings
from dscope_blink.files.decoding import Picture, decode_image, most_bytes
from dscope_blink.files.syncing import make_folder
from dscope_blink.records import Inspection, UnreadableImage, UserError, read_file
from dscope_blink.records.stored import BadRecord, to_json
from dscope_blink.training.arrays import write_mask_arrays
from dscope_blink.training.corrections import CORRECTIONS, Correction, corrected, correction_path, read_correction
from dscope_blink.training.dataset import LeftOut, label_path
from dscope_blink.training.faces import Face, image_name, label_of
from dscope_blink.training.feature_maps import write_feature_maps
from dscope_blink.training.image_table import write_image_row
from dscope_blink.training.labels import Label, LabelFile, Row, read_label, write_label
from dscope_blink.training.mark_table import write_mark_rows
from dscope_blink.training.patches import write_patches
from dscope_blink.training.pixel_level import write_pixel_level
from dscope_blink.training.same_face import write_face_map
from dscope_blink.training.search_again import Again
from dscope_blink.training.zone_boundaries import write_boundaries
from dscope_blink.training.zone_table import write_zone_rows

# Settings that the files of a picture do not follow.
MADE_OF_ALL = (
    *("exports", "crops", "crop_px", "crops_clean_share", "splits", "licence"),
    *("cluster_algorithm", "clusters_min", "clusters_max", "cluster_marks", "types_file", "review_margin"),
)

Rows: TypeAlias = Mapping[str, tuple[Row, ...]]  # by name of the table


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of files of a data set."""

    name: str
    write: Callable[[Face, Path, TrainingSettings], Rows]  # the face, the data set, settings


PARTS = (
    Part("feature_maps", write_feature_maps),  # the first: a picture that has none is no part of the data set
    Part("pixel_level", write_pixel_level),
    Part("zone_boundaries", write_boundaries),
    Part("marks", write_mark_rows),
    Part("zones", write_zone_rows),
    Part("images", write_image_row),
    Part("mask_arrays", write_mask_arrays),
    Part("face_maps", write_face_map),
    Part("patches", write_patches),
)


@dataclass(frozen=True, slots=True)
class Item:
    """A picture that is to go into a data set."""

    record: Path  # its stored result; of a rendered face there is none
    name: str  # start of the names of its files
    number: int = 0  # of what is painted: which it is; 0: nothing


def build_picture(item: Item, folder: Path, pictures: Path, config: Config, corrections: Path | None = None) -> Label:
    """Write the files of one picture, unless they are there already.

    Parameters
    ----------
    item : the picture and its stored result
    folder : the data set
    pictures : folder that the names of pictures in records are relative to
    config : its section `training`
    corrections : folder of what people said of the pictures; None: corrections/ of the data set

    Returns
    -------
    Its label, as a person left it where one has seen it

    Raises
    ------
    LeftOut : it is no part of the data set, and why
    UserError, OSError : a file cannot be written
    """
    settings = config.training
    inspection = inspected(item, config)
    correction = correction_path(folder / CORRECTIONS if corrections is None else corrections, item.name)
    made_of = made_of_what(settings, what_it_says(inspection), item.name, _by_people(correction))
    done = finished(folder, item.name, made_of)
    if done is not None:
        return done
    data = picture_bytes(pictures / inspection.image.file, inspection, config)
    picture = decoded(data, config)
    again = Again(picture, inspection, config)
    label = label_of(
        inspection, item.name, image_name(item.name, inspection.image.file), settings.face_columns, made_of
    )
    if not label.marks_are_known:  # marks may be missing in it: it teaches where zones are, and nothing else
        label = replace(label, marks=())
        inspection = replace(inspection, defects=())
    if (said := read_correction(correction)) is not None:
        label = _corrected(label, said)
        kept = {mark.id for mark in label.marks}
        inspection = replace(inspection, defects=tuple(mark for mark in inspection.defects if mark.id in kept))
    return build_face(Face(label, picture, data, inspection, again), folder, settings)


def build_face(face: Face, folder: Path, settings: TrainingSettings) -> Label:
    """Write the files of a face in memory; whatever made its labels."""
    rows: dict[str, tuple[Row, ...]] = {}
    for part in PARTS:
        rows |= part.write(face, folder, settings)
    path = label_path(folder, face.label.name)
    make_folder(path.parent)
    write_label(path, LabelFile(face.label, rows))
    return face.label


def _corrected(label: Label, correction: Correction) -> Label:
    try:
        return corrected(label, correction)
    except UserError as error:
        raise LeftOut(str(error)) from None


def _by_people(correction: Path) -> str:
    """What people said of a picture; empty: nothing."""
    return read_file(correction).decode("utf-8", "backslashreplace") if correction.exists() else ""


def inspected(item: Item, config: Config) -> Inspection:
    """Its record; LeftOut where it is no part of a data set, and why."""
    try:
        inspection = load_trusted(item.record, config)
    except BadRecord as error:
        raise LeftOut(f"its record cannot be used: {error}") from None
    if not inspection.is_verified:
        raise LeftOut(f"its record cannot be used: {'; '.join(reason.text for reason in inspection.verdict.reasons)}")
    if inspection.image.width is None or inspection.image.sha256 is None:
        raise LeftOut(f"it could not be read: {'; '.join(reason.text for reason in inspection.verdict.reasons)}")
    if inspection.lane is not None:
        raise LeftOut("it is a lane of a connector: its record is of a window of the picture")
    if not inspection.zones and inspection.geometry is None:
        raise LeftOut(f"no fiber: {'; '.join(reason.text for reason in inspection.verdict.reasons)}")
    if inspection.verdict.status == "NOT_GRADED" and config.training.not_graded == "leave_out":
        raise LeftOut(f"not graded: {'; '.join(reason.text for reason in inspection.verdict.reasons)}")
    return inspection


def what_it_says(inspection: Inspection) -> str:
    """The record but for when it was made and how long that took: the same of the same picture on another day."""
    provenance = replace(inspection.provenance, started="")
    return json.dumps(to_json(replace(inspection, timings_s={}, provenance=provenance)))


def made_of_what(settings: TrainingSettings, *parts: str) -> str:
    """The hash of all that the files of a picture follow from."""
    names = (field.name for field in fields(settings) if field.name not in MADE_OF_ALL)
    said = (f"{name}={getattr(settings, name)!r}" for name in names)
    return hashlib.sha256("\0".join((*parts, *said)).encode("utf-8", "backslashreplace")).hexdigest()


def finished(folder: Path, name: str, made_of: str) -> Label | None:
    """What an earlier build has written of the same record under the same settings."""
    path = label_path(folder, name)
    if not path.exists():
        return None
    try:
        label = read_label(path).label
    except UserError:
        return None
    return label if label.made_of == made_of else None


def decoded(data: bytes, config: Config) -> Picture:
    """The picture of a file; LeftOut where it is none."""
    try:
        return decode_image(data, config.preprocessing.max_pixels)
    except UnreadableImage as error:
        raise LeftOut(f"the picture cannot be read: {error}") from None


def picture_bytes(path: Path, inspection: Inspection, config: Config) -> bytes:
    """Of the picture that was inspected, and no other."""
    try:
        data = read_file(path, most_bytes(config.preprocessing.max_pixels))
    except OSError as error:
        raise LeftOut(f"the picture cannot be read, {error.strerror}") from None
    except UnreadableImage as error:
        raise LeftOut(f"the picture cannot be read: {error}") from None
    if hashlib.sha256(data).hexdigest() != inspection.image.sha256:
        raise LeftOut("the picture is no longer the one that was inspected")
    return data
