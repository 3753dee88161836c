"""The picture of a certificate: the face cropped and drawn for the page, so that its labels can be read on paper."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.files.results import annotated_picture
from dscope_blink.records import Inspection, ZoneOutline
from dscope_blink.reporting.displayable import Picture
from dscope_blink.reporting.drawing import PAPER, Pen
from dscope_blink.reporting.face_box import Part, part_around
from dscope_blink.reporting.face_drawing import draw_face
from dscope_blink.reporting.panel import legend_strip
from dscope_blink.reporting.stored_pictures import clean_picture

HEIGHT_MM = 118.0  # leaves room for verdict, reasons and criteria on the first page
_PAGE_PX = 1400  # of the longer side of the photograph: 300 dpi over that height
_FONT = 1.1  # of OpenCV: capitals of 24 px, so 2 mm on paper
_LEAST_PX = 1100  # width in which legend and scale bar have room
_MARGIN = 0.06  # around the zone that is cropped to
_CROPPED_TO = "C"  # the zone at the edge of the ferrule; a farther one where its marks count
_ANNOTATED_PX = 1800
_JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A JPEG file, and what stands below it."""

    data: bytes
    caption: str = ""


def page_picture(
    start: str, inspection: Inspection, picture: NDArray[Any] | None = None, *, judged_again: bool = False
) -> PagePicture | None:
    """The picture of the certificate of one result.

    Parameters
    ----------
    start : path of the files of the result up to the end of NAME
    inspection : what is drawn on it
    picture : as stored, where it is at hand: taken where no NAME_view lies there
    judged_again : its verdict is another than that of the files beside it

    Returns
    -------
    The face drawn for the page; else the annotated picture as it is stored, unless that shows another verdict; None
    where there is neither, or it is damaged
    """
    clean = clean_picture(start, inspection.image, picture, inspection.lane)
    if clean is not None:
        return drawn_for_page(clean, inspection)
    annotated = None if judged_again else annotated_picture(start)
    return None if annotated is None else _as_stored(annotated)


def drawn_for_page(picture: Picture, inspection: Inspection) -> PagePicture:
    """The face with its zones and marks, above legend and scale bar.

    Parameters
    ----------
    picture : (H, W, 3) uint8, without anything drawn on it
    inspection : its coordinates are pixels of it
    """
    zone = _cropped_to(inspection)
    everything = (0, 0, picture.shape[1], picture.shape[0])
    part = (part_around(zone.outer, picture.shape, _MARGIN) if zone else None) or everything
    pen = Pen(_PAGE_PX / max(part[2] - part[0], part[3] - part[1]), _FONT, part[:2])
    photo = _enlarged(picture, part, pen.zoom)
    unlabelled = draw_face(photo, inspection, pen)
    missing = max(_LEAST_PX - photo.shape[1], 0)
    drawn = np.asarray(cv2.copyMakeBorder(photo, 0, 0, 0, missing, cv2.BORDER_CONSTANT, value=PAPER), dtype=np.uint8)
    strip = legend_strip(inspection, pen, drawn.shape[1], drawn.shape[1])
    return PagePicture(_jpeg(np.concatenate((drawn, strip))), _caption(inspection, part, unlabelled))


def _cropped_to(inspection: Inspection) -> ZoneOutline | None:
    """The zone at the edge of the ferrule, or the outermost one whose marks count."""
    counted = {mark.zone for mark in inspection.defects if mark.counted or mark.id in inspection.broken}
    needed = [zone for zone in inspection.zones if zone.letter <= _CROPPED_TO or zone.name in counted]
    return max(needed, key=lambda zone: zone.letter, default=None)


def _enlarged(picture: Picture, part: Part, zoom: float) -> Picture:
    """A copy of a part."""
    left, top, right, bottom = part
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture[top:bottom, left:right], None, fx=zoom, fy=zoom, interpolation=how), np.uint8)


def _caption(inspection: Inspection, part: Part, unlabelled: int) -> str:
    left, top, right, bottom = part
    places = (mark.centroid_px for mark in inspection.defects)
    beyond = sum(not (left <= x < right and top <= y < bottom) for x, y in places)
    said = []
    if beyond:
        said.append(f"{beyond} {_marks(beyond)} that no limit counts lie{'s' * (beyond == 1)} beyond this part")
    if unlabelled:
        said.append(f"{unlabelled} {_marks(unlabelled)} that count{'s' * (unlabelled == 1)} found no room for a label")
    return f"{'; '.join(said)}: all are in the table of marks." if said else ""


def _marks(count: int) -> str:
    return "mark" if count == 1 else "marks"


def _as_stored(annotated: Path) -> PagePicture | None:
    """No larger than a printer shows."""
    picture = cv2.imdecode(np.frombuffer(annotated.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        return None
    factor = _ANNOTATED_PX / max(picture.shape[:2])
    if factor < 1:
        picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    said = "The annotated picture as it was stored: the picture itself was not found, to be drawn for this page."
    return PagePicture(_jpeg(np.asarray(picture, np.uint8)), said)


def _jpeg(picture: Picture) -> bytes:
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1])
