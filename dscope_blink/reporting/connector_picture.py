"""NAME_lanes.png: a connector with its lanes numbered and coloured by verdict, and with what lies between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.files.decoding import Picture
from dscope_blink.files.drawn import marked
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import LaneOutcome, RowPicture
from dscope_blink.records.verdict import Status
from dscope_blink.reporting.displayable import displayable
from dscope_blink.reporting.look import STATUS_COLOURS

WIDEST_PX = 4000  # of the drawing
RESIDUE_COLOUR = (0, 200, 255)  # blue, green, red
WHITE = (255, 255, 255)  # around what is coloured, that it shows on a dark ferrule
RECTANGLE_COLOUR = (255, 160, 0)


def write_lanes(path: Path, picture: Picture, view: RowPicture, lanes: Sequence[LaneOutcome], title: str) -> None:
    """Draw the lanes of a picture and write it.

    Parameters
    ----------
    path : a PNG file
    picture : (H, W) or (H, W, 3) uint8 or uint16, as stored
    view : its lattice and residue
    lanes : what each lane that it shows came to
    title : of the connector and its verdict
    """
    drawn = _drawable(picture)
    factor = min(1.0, WIDEST_PX / max(drawn.shape[:2]))
    drawn = cv2.resize(drawn, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else drawn
    if view.residue is not None:
        _draw_residue(drawn, view, factor)
    for lane in lanes:
        _draw_lane(drawn, lane, factor)
    encoded = cv2.imencode(".png", _with_title(drawn, title))[1]
    write_file(path, marked(encoded.tobytes()))


def _drawable(picture: Picture) -> NDArray[np.uint8]:
    shown = displayable(picture)
    return np.ascontiguousarray(cv2.cvtColor(shown, cv2.COLOR_GRAY2BGR) if shown.ndim == 2 else shown)


def _draw_residue(drawn: NDArray[np.uint8], view: RowPicture, factor: float) -> None:
    assert view.residue is not None, "asked for where there is some"
    corners = np.rint(np.array(view.residue.corners_px) * factor).astype(np.int32)
    cv2.polylines(drawn, [corners], True, RECTANGLE_COLOUR, 1, cv2.LINE_AA)
    for mark in view.residue.marks:
        radius = max(round(float(np.sqrt(mark.area_px / np.pi)) * factor) + 3, 4)
        center = (round(mark.center_px[0] * factor), round(mark.center_px[1] * factor))
        cv2.circle(drawn, center, radius, RESIDUE_COLOUR, 1, cv2.LINE_AA)


def _draw_lane(drawn: NDArray[np.uint8], lane: LaneOutcome, factor: float) -> None:
    if lane.center_px is None or lane.diameter_px is None:
        return
    x, y = (round(value * factor) for value in lane.center_px)
    radius, colour = max(round(lane.diameter_px / 2 * factor), 3), _colour(lane.status)
    for tint, width in ((WHITE, 4), (colour, 2)):
        cv2.circle(drawn, (x, y), radius + 3, tint, width, cv2.LINE_AA)
    text, scale = str(lane.number), max(radius / 45, 0.4)
    wide = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)[0][0]
    above = y - radius - 8 if y - radius > 30 else y + radius + 8 + round(22 * scale)
    place = (x - wide // 2, above)
    for tint, width in ((WHITE, 6), (colour, 2)):
        cv2.putText(drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, tint, width, cv2.LINE_AA)


def _colour(status: Status) -> tuple[int, int, int]:
    """Blue, green, red of what every report shows a verdict in."""
    text = STATUS_COLOURS[status].lstrip("#")
    red, green, blue = (int(text[k : k + 2], 16) for k in (0, 2, 4))
    return blue, green, red


def _with_title(drawn: NDArray[np.uint8], title: str) -> NDArray[np.uint8]:
    bar = np.full((40, drawn.shape[1], 3), 255, np.uint8)
    cv2.putText(
        bar,
        title.encode("ascii", "replace").decode(),
        (10, 27),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.7,
        (0, 0, 0),
        1,
        cv2.LINE_AA,
    )
    return np.concatenate([bar, drawn])
