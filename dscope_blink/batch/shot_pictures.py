"""How alike the pictures of one face are: read again one by one, unrolled, compared."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dscope_blink.batch.face_sources import Face
from dscope_blink.files.decoding import Picture, decode_image, most_bytes, to_gray
from dscope_blink.files.names import RESULT
from dscope_blink.image_processing.likeness import GUARD, INNER, FaceMap, compare_pictures, unrolled
from dscope_blink.records import Detection, Inspection, PictureLikeness, UnreadableImage, read_file
from dscope_blink.reporting.stored_pictures import clean_picture


def alike_pictures(
    face: Face, detections: Sequence[Detection], pictures: Path | None, max_pixels: int
) -> tuple[PictureLikeness, ...]:
    """How alike every two pictures of a face are, as far as they are found.

    Parameters
    ----------
    face : with the paths of the records
    detections : of the face
    pictures : folder that the names of pictures in records are relative to; None: what lies beside the records
    max_pixels : of a picture that is read
    """
    paths = {source.file: source.path for source in face.sources}
    records = {
        one.inspection.image.sha256: (one.inspection, paths[one.source.file])
        for one in detections
        if one.inspection is not None and one.inspection.geometry is not None and one.source.file in paths
    }
    several = {key: record for key, record in records.items() if key is not None}
    if len(several) < 2:
        return ()
    maps = {key: _unrolled(record, path, pictures, max_pixels) for key, (record, path) in several.items()}
    return compare_pictures({key: face_map for key, face_map in maps.items() if face_map is not None})


def _unrolled(record: Inspection, path: Path, pictures: Path | None, max_pixels: int) -> FaceMap | None:
    """Outside of a fiber whose own structure is not round: that is the same on every fiber of its kind."""
    picture = _original(record, pictures, max_pixels)
    if picture is None:
        picture = clean_picture(str(path).removesuffix(RESULT), record.image, lane=record.lane)
    if picture is None or record.geometry is None:
        return None
    inner = INNER if record.request.fiber_structure is None else 1 + GUARD
    return unrolled(to_gray(picture, record.image.bits), record.geometry.cladding.ellipse, inner)


def _original(record: Inspection, pictures: Path | None, max_pixels: int) -> Picture | None:
    if pictures is None:
        return None
    with suppress(OSError, UnreadableImage):
        data = read_file(pictures / record.image.file, most_bytes(max_pixels))
        if hashlib.sha256(data).hexdigest() == record.image.sha256:
            return decode_image(data, max_pixels)
    return None
