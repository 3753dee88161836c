"""The pictures of a face that the report of a batch shows: the clean one, a small one, and where the evidence lies."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dscope_blink.config.settings import Reporting
from dscope_blink.files.decoding import Picture as StoredPicture
from dscope_blink.files.drawn import marked
from dscope_blink.files.names import CONFIDENCE, THUMBNAIL, VIEW
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import FloatImage, Inspection, Labels
from dscope_blink.reporting.displayable import Picture, displayable
from dscope_blink.reporting.drawing import bgr
from dscope_blink.reporting.face_box import Part, part_around
from dscope_blink.reporting.look import VIOLATING_COLOUR
from dscope_blink.reporting.plots import violating_ids

THUMBNAIL_PX = 144  # of the longer side: shown at half of it, so that it is sharp on screens of two pixels per point
SMALLEST_RING_PX = 7.0  # of a thumbnail: a smaller ring would hide the mark
# A map is nearly all 0: at 1152 x 864 this takes 1.1 ms and 4 kB, what OpenCV takes by default 4.9 ms and 10 kB.
PLAIN_PNG = (
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE, cv2.IMWRITE_PNG_COMPRESSION, 1),
)
AT_THRESHOLD = 128  # grey level of evidence that makes a mark; stronger evidence is told apart up to twice that


def write_views(start: str, picture: StoredPicture, inspection: Inspection, wanted: Reporting) -> None:
    """NAME_view.jpg, NAME_thumbnail.jpg and, where marks were sought, NAME_confidence.png.

    Parameters
    ----------
    start : path of the files up to the end of NAME
    picture : (H, W) or (H, W, 3) uint8 or uint16, as stored
    inspection : with its confidence map
    wanted : size and quality of the picture

    Raises
    ------
    UserError : a file cannot be written
    """
    shown = displayable(picture)
    view = _within(shown, wanted.view_max_px)
    write_file(Path(start + VIEW), _jpeg(view, wanted.view_quality))
    write_file(Path(start + THUMBNAIL), _jpeg(_thumbnail(shown, inspection), wanted.view_quality))
    if inspection.confidence is not None:
        _, data = cv2.imencode(".png", confidence_levels(inspection.confidence), PLAIN_PNG)
        write_file(Path(start + CONFIDENCE), marked(data.tobytes()))


def _within(shown: Picture, longest_px: int) -> Picture:
    """Reduced until its longer side fits."""
    height, width = shown.shape[:2]
    share = longest_px / max(height, width)
    if share >= 1:
        return shown
    size = (max(round(width * share), 1), max(round(height * share), 1))
    return np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _jpeg(shown: Picture, quality: int) -> bytes:
    _, data = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return marked(bytes(data))


def _thumbnail(shown: Picture, inspection: Inspection) -> Picture:
    """The face in the box of its outermost zone, with a ring around each mark that breaks a limit."""
    left, top, right, bottom = _box(shown, inspection)
    small = _within(shown[top:bottom, left:right], THUMBNAIL_PX)
    small = small.copy() if small.base is not None else small  # rings are not for the picture itself
    share, broken = small.shape[1] / (right - left), violating_ids(inspection)
    for defect in inspection.defects:
        if defect.id in broken:
            (x, y), _ = cv2.minEnclosingCircle(defect.contour_px.astype(np.float32))
            at = round((x - left) * share), round((y - top) * share)
            radius = round(max(defect.diameter_px / 2 * share, SMALLEST_RING_PX))
            cv2.circle(small, at, radius, bgr(VIOLATING_COLOUR), 2, cv2.LINE_AA)
    return small


def _box(shown: Picture, inspection: Inspection) -> Part:
    """Left, top, right, bottom of the outermost zone, else of the cladding; of all where neither is in the picture."""
    outlines = [zone.outer for zone in inspection.zones]
    if inspection.geometry is not None:
        outlines.insert(0, inspection.geometry.cladding.ellipse)
    part = part_around(outlines[-1], shown.shape) if outlines else None
    return part or (0, 0, shown.shape[1], shown.shape[0])


def confidence_levels(strength: FloatImage) -> Labels:
    """The confidence map as grey levels, (H, W) uint8: 128 just makes a mark, 255 is twice that evidence or more."""
    return np.minimum(strength * np.float32(AT_THRESHOLD), np.float32(255)).astype(np.uint8)
