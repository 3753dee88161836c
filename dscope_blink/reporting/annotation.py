"""The picture a technician looks at: the face with its zones and what decides, above a panel with verdict and zones."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Inspection
from dscope_blink.reporting.displayable import Picture, displayable
from dscope_blink.reporting.drawing import Pen, paper
from dscope_blink.reporting.face_box import Part, part_around
from dscope_blink.reporting.face_drawing import draw_face, outermost_inspected
from dscope_blink.reporting.panel import panel

View: TypeAlias = Literal["crop", "whole", "both"]

_SHOWN_PX = 1000  # of the longer side: lettering of a legible size would cover a smaller face, which is enlarged
_MAX_ZOOM = 4
_MIN_PANEL_PX = 640
_MARGIN = 0.1  # around the outermost inspected zone, where labels find room


def annotate(picture: NDArray[Any], inspection: Inspection, view: View = "crop") -> Picture:
    """The picture with zones, marks and labels drawn on it, above a panel with verdict, zones, criteria and scale bar.

    Parameters
    ----------
    picture : (H, W) or (H, W, C) uint8 or uint16
        As stored in the file, colours in the order of cv2 (blue, green, red, alpha).
    inspection : Inspection
        Its coordinates are pixels of `picture`.
    view : "crop" | "whole" | "both"
        The face as far as it was inspected, with a margin; the whole picture; or both, the whole to the right, as high.

    Returns
    -------
    (H', W', 3) uint8, blue green red. The photograph lies at the top left, at its own size, or enlarged up to four
    times to 1000 px when its longer side is below.

    Raises
    ------
    ValueError
        If the picture is neither uint8 nor uint16.
    """
    shown = displayable(picture)
    everything = (0, 0, shown.shape[1], shown.shape[0])
    part = everything if view == "whole" else _part(shown, inspection) or everything
    pen = _pen(part)
    photo = _enlarged(shown, part, pen)
    unlabelled = draw_face(photo, inspection, pen)
    photos = [photo, _beside(shown, inspection, photo.shape[0], pen)] if view == "both" else [photo]
    width = max(sum(one.shape[1] for one in photos), _MIN_PANEL_PX)
    below = panel(inspection, pen, width, width if len(photos) == 1 else photo.shape[1], unlabelled)
    drawn = paper(len(photo) + len(below), width)
    np.concatenate(photos, axis=1, out=drawn[: len(photo), : sum(one.shape[1] for one in photos)])
    drawn[len(photo) :] = below
    return drawn


def _part(shown: Picture, inspection: Inspection) -> Part | None:
    border = outermost_inspected(inspection)
    return None if border is None else part_around(border, shown.shape, _MARGIN)


def _pen(part: Part) -> Pen:
    left, top, right, bottom = part
    longer = max(right - left, bottom - top)
    zoom = min(max(_SHOWN_PX / longer, 1.0), _MAX_ZOOM)
    return Pen(zoom, 0.45 * max(1.0, longer * zoom / 1150), (left, top))


def _enlarged(shown: Picture, part: Part, pen: Pen) -> Picture:
    """A copy: `shown` may be the picture itself."""
    left, top, right, bottom = part
    cut = shown[top:bottom, left:right]
    return np.asarray(cv2.resize(cut, None, fx=pen.zoom, fy=pen.zoom, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _beside(shown: Picture, inspection: Inspection, height: int, pen: Pen) -> Picture:
    """The whole picture as high as what stands at its left, without labels."""
    zoom = height / shown.shape[0]
    size = (max(round(shown.shape[1] * zoom), 1), height)
    whole = np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    draw_face(whole, inspection, Pen(zoom, pen.font), labelled=False)
    return whole
