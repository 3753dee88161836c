"""A picture, its inspection and its label together, from which the parts of a data set are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.files.decoding import Picture, to_gray
from dscope_blink.pipeline import Search
from dscope_blink.records import PROGRAM, VERSION, Defect, FloatImage, Inspection, Labels, texts
from dscope_blink.training.labels import Label, Mark, Source
from dscope_blink.training.masks import Instances, Placed, instances_of, kinds_of, masks_of, zones_of
from dscope_blink.training.search_again import Again

PROGRAM_SAYS = Source("program", f"{PROGRAM} {VERSION}")


@dataclass(frozen=True)
class Face:
    """One labelled picture in memory."""

    label: Label
    picture: Picture  # (H, W) or (H, W, 3) uint8 or uint16, as stored
    data: bytes  # of its file
    inspection: Inspection | None = None  # that its labels come from; None: they come from elsewhere
    again: Again | None = None  # how it was inspected; None: nobody has

    @cached_property
    def gray(self) -> FloatImage:
        """(H, W) float32, 0..1."""
        bits = None if self.inspection is None else self.inspection.image.bits
        return to_gray(self.picture, bits)

    @cached_property
    def levels(self) -> NDArray[np.uint8]:
        """(H, W) grey levels 0..255, whatever the bits of the picture."""
        return np.rint(np.clip(self.gray, 0, 1) * np.float32(255)).astype(np.uint8)

    @cached_property
    def slope(self) -> FloatImage:
        """(H, W) float32, magnitude of the gradient, grey levels 0..1 per px (Sobel).

        By way of float64: in float32 the last bit is another where the picture lies otherwise in memory.
        """
        x, y = (cv2.Sobel(self.gray, cv2.CV_64F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
        return cv2.magnitude(x, y).astype(np.float32)

    @cached_property
    def masks(self) -> tuple[Placed, ...]:
        """Of each mark all pixels that its outline holds."""
        return masks_of(self.label)

    @cached_property
    def instances(self) -> Instances:
        """(H, W) uint16: 0 no mark, else 1 + index of the mark."""
        return instances_of(self.label, self.masks)

    @cached_property
    def kinds(self) -> Labels:
        """(H, W) uint8, `classes.MARK_CLASSES` by index."""
        return kinds_of(self.label, self.instances)

    @cached_property
    def zones(self) -> Labels:
        """(H, W) uint8, `classes.ZONE_CLASSES` by index."""
        return zones_of(self.label)

    @cached_property
    def search(self) -> Search | None:
        """What the search for marks saw, for which the picture is inspected again; None: there was no search."""
        return None if self.again is None else self.again.search()

    @cached_property
    def measured(self) -> Mapping[str, Defect]:
        """The measured marks by id; none where the labels come from elsewhere."""
        return {} if self.inspection is None else {mark.id: mark for mark in self.inspection.defects}


def label_of(inspection: Inspection, name: str, image: str, face_columns: tuple[str, ...], made_of: str) -> Label:
    """What the program itself says of a picture.

    Parameters
    ----------
    inspection : of a picture that could be decoded
    name : start of the names of its files in the data set
    image : its copy, relative to the data set
    face_columns : columns of the manifest that name the physical face; the first that is filled in counts
    made_of : hash of what it is made of
    """
    info, geometry, scale = inspection.image, inspection.geometry, inspection.scale
    assert info.width is not None, "a picture that could be decoded has a size"
    assert info.height is not None, "in both directions"
    carried, graded = inspection.request.manifest, inspection.verdict.status != "NOT_GRADED"
    return Label(
        name=name,
        file=info.file,
        image=image,
        sha256=info.sha256 or "",
        width=info.width,
        height=info.height,
        status=inspection.verdict.status,
        source=PROGRAM_SAYS,
        zones=inspection.zones,
        cladding=None if geometry is None else geometry.cladding.ellipse,
        core=None if geometry is None or geometry.core is None else geometry.core.ellipse,
        um_per_px=None if scale is None else (scale.um_per_px_x, scale.um_per_px_y),
        marks=tuple(_mark(defect, graded) for defect in inspection.defects),
        face=next((carried[column] for column in face_columns if carried.get(column)), ""),
        reasons=tuple(texts(inspection.verdict.reasons)),
        unscaled=bool(inspection.zones) and {reason.kind for reason in inspection.verdict.reasons} == {"no_scale"},
        made_of=made_of,
    )


def _mark(defect: Defect, graded: bool) -> Mark:
    return Mark(
        id=defect.id,
        kind=defect.classification,
        zone=defect.zone,
        outline_px=defect.contour_px,
        source=PROGRAM_SAYS,
        holes_px=defect.holes_px,
        severity=defect.severity if graded else "",
        counted=defect.counted,
        confidence=defect.confidence,
        class_probabilities=defect.class_probabilities,
    )


def image_name(name: str, file: str) -> str:
    """Where the copy of a picture lies in a data set."""
    return f"pixel_level/images/{name}{Path(file).suffix.lower()}"
