"""One picture into the files of a data set: a row of PARTS for each kind, the label last, which says it is complete."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TypeAlias

from dscope_blink.config.settings import Config, TrainingSettings
from dscope_blink.files.decoding import decode_image, most_bytes
from dscope_blink.records import Inspection, UnreadableImage, UserError, read_file
from dscope_blink.records.stored import load_record
from dscope_blink.training.corrections import CORRECTIONS, Correction, corrected, correction_path, read_correction
from dscope_blink.training.dataset import label_path
from dscope_blink.training.faces import Face, image_name, label_of
from dscope_blink.training.labels import Label, LabelFile, Row, read_label, write_label
from dscope_blink.training.pixel_level import write_pixel_level

MADE_OF_ALL = ("exports", "crops", "crop_px", "crops_clean_share")  # settings that the files of a picture do not follow

Rows: TypeAlias = Mapping[str, tuple[Row, ...]]  # by name of the table


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of files of a data set."""

    name: str
    write: Callable[[Face, Path, TrainingSettings], Rows]  # the face, the data set, settings


PARTS = (Part("pixel_level", write_pixel_level),)


@dataclass(frozen=True, slots=True)
class Item:
    """A picture that is to go into a data set."""

    record: Path  # its stored result
    name: str  # start of the names of its files


class LeftOut(UserError):
    """Why a picture is no part of the data set: a row of problems.csv, never a stop."""


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
    correction = correction_path(folder / CORRECTIONS if corrections is None else corrections, item.name)
    inspection, made_of = _inspected(item, settings, correction)
    done = _finished(folder, item.name, made_of)
    if done is not None:
        return done
    data = _bytes(pictures / inspection.image.file, inspection, config)
    label = label_of(
        inspection, item.name, image_name(item.name, inspection.image.file), settings.face_columns, made_of
    )
    if label.status == "NOT_GRADED":  # marks may be missing in it: it teaches where zones are, and nothing else
        label = replace(label, marks=())
        inspection = replace(inspection, defects=())
    if (said := read_correction(correction)) is not None:
        label = _corrected(label, said)
        kept = {mark.id for mark in label.marks}
        inspection = replace(inspection, defects=tuple(mark for mark in inspection.defects if mark.id in kept))
    face = Face(label, decode_image(data, config.preprocessing.max_pixels), data, inspection)
    return build_face(face, folder, settings)


def build_face(face: Face, folder: Path, settings: TrainingSettings) -> Label:
    """Write the files of a face in memory; whatever made its labels."""
    rows: dict[str, tuple[Row, ...]] = {}
    for part in PARTS:
        rows |= part.write(face, folder, settings)
    path = label_path(folder, face.label.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_label(path, LabelFile(face.label, rows))
    return face.label


def _corrected(label: Label, correction: Correction) -> Label:
    try:
        return corrected(label, correction)
    except UserError as error:
        raise LeftOut(str(error)) from None


def _inspected(item: Item, settings: TrainingSettings, correction: Path) -> tuple[Inspection, str]:
    """Its record, and the hash of all that its files follow from."""
    inspection = load_record(item.record)
    if inspection.image.width is None or inspection.image.sha256 is None:
        raise LeftOut(f"it could not be read: {'; '.join(reason.text for reason in inspection.verdict.reasons)}")
    if not inspection.zones and inspection.geometry is None:
        raise LeftOut(f"no fiber: {'; '.join(reason.text for reason in inspection.verdict.reasons)}")
    if inspection.verdict.status == "NOT_GRADED" and settings.not_graded == "leave_out":
        raise LeftOut(f"not graded: {'; '.join(reason.text for reason in inspection.verdict.reasons)}")
    of_pictures = [field.name for field in fields(settings) if field.name not in MADE_OF_ALL]
    said = [f"{name}={getattr(settings, name)!r}" for name in of_pictures]
    by_people = read_file(correction) if correction.exists() else b""
    parts = (read_file(item.record), by_people, item.name.encode(), *map(str.encode, said))
    return inspection, hashlib.sha256(b"\0".join(parts)).hexdigest()


def _finished(folder: Path, name: str, made_of: str) -> Label | None:
    """What an earlier build has written of the same record under the same settings."""
    path = label_path(folder, name)
    if not path.exists():
        return None
    try:
        label = read_label(path).label
    except UserError:
        return None
    return label if label.made_of == made_of else None


def _bytes(path: Path, inspection: Inspection, config: Config) -> bytes:
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
