"""NAME_gate.png: a sheet with its markers, what is wrong with which, and the gates in words above it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Box, Culprit, Marker, Points, SheetResult
from dscope_blink.reporting.displayable import Picture, displayable
from dscope_blink.reporting.drawing import (
    BLACK,
    INK,
    PAPER,
    SHIFT,
    WHITE,
    Pen,
    bgr,
    draw_broken,
    draw_outlined,
    draw_text,
    fixed,
    paper,
    plain_text,
)
from dscope_blink.reporting.label_places import Ground, leader
from dscope_blink.reporting.look import VIOLATING_COLOUR

SHOWN_PX = 1800  # of the longer side: a larger picture is drawn smaller
SOUND = bgr("#009E73")
WRONG = bgr(VIOLATING_COLOUR)
STATUS_COLOURS = {"OK": SOUND, "NG": WRONG}
MOST_REASONS = 8  # in words; all of them are in the record
MOST_LABELS = 40
DEAREST = 60.0  # label heights that a label may lie away from its marker
USUAL_PX = (40.0, 20.0)  # box of a missing marker where no other was found
LINE_LETTERS = 150


def draw_sheet(picture: NDArray[Any], result: SheetResult) -> Picture:
    """The picture with what was found, below the verdict in words.

    Sound markers are framed in green. A marker that a gate complains of is framed in red with its place and its fault,
    a missing one is a broken frame where it should be, and an arrow leads from there to one that is moved.

    Parameters
    ----------
    picture : (H, W) or (H, W, C) uint8 or uint16, as stored
    result : its boxes are in pixels of the picture

    Returns
    -------
    (H', W', 3) uint8, blue green red; the longer side of the picture has at most SHOWN_PX
    """
    shown = displayable(picture)
    zoom = min(1.0, SHOWN_PX / max(shown.shape[:2]))
    photo = cv2.resize(shown, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA) if zoom < 1 else shown.copy()
    photo = np.asarray(photo, dtype=np.uint8)
    pen = Pen(zoom, 0.5 * max(0.7, max(photo.shape[:2]) / 1400))
    wrong = _culprits(result)
    _draw_markers(photo, result.markers, wrong, pen)
    for one in wrong:
        _draw_culprit(photo, one, result.markers, pen)
    _label(photo, wrong, result.markers, pen)
    head = header(result, photo.shape[1], pen)
    return np.concatenate([head, photo])


def header(result: SheetResult, width: int, pen: Pen) -> Picture:
    """The verdict, the gates and the first reasons, as wide as the picture."""
    reasons = [(f"{gate.gate}: {text}", WRONG) for gate in result.gates if not gate.ok for text in gate.reasons]
    left_out = len(reasons) - MOST_REASONS
    letters = max(20, min(LINE_LETTERS, int(width / max(pen.text_px("n") * 1.05, 1)) - 3))
    words = [line for text, _ in reasons[:MOST_REASONS] for line in textwrap.wrap(plain_text(text), letters)]
    if left_out > 0:
        words.append(f"and {left_out} more, in the record")
    row = pen.row()
    drawn = paper(row * (3 + len(words)), width)
    x = row // 2
    drawn[: row + row // 2, : row // 4] = STATUS_COLOURS[result.status]
    title = f"{result.status}  {result.layout or 'no layout'}  {result.file}"
    draw_text(drawn, textwrap.shorten(plain_text(title), letters, placeholder=" ..."), (x, row), pen)
    for gate in result.gates:
        said = f"{gate.gate} {'ok' if gate.ok else 'NG'}"
        draw_text(drawn, said, (x, 2 * row), pen, SOUND if gate.ok else WRONG)
        x += pen.text_px(said) + row
    for number, text in enumerate(words):
        draw_text(drawn, text, (row // 2, (3 + number) * row), pen, INK)
    return drawn


def _culprits(result: SheetResult) -> list[Culprit]:
    return [one for gate in result.gates for one in gate.culprits]


def _draw_markers(photo: Picture, markers: Sequence[Marker], wrong: Sequence[Culprit], pen: Pen) -> None:
    accused = {one.center_px for one in wrong}
    for marker in markers:
        if marker.found.box.center_px not in accused:
            draw_outlined(photo, _frame(marker.found.box, pen), SOUND, pen)


def _frame(box: Box, pen: Pen) -> Points:
    """Its corners in the drawn picture, (4, 2), a little outside of the ink."""
    more = 3.0
    left, top, right, bottom = box.left_px - more, box.top_px - more, box.right_px + more, box.bottom_px + more
    return pen.on_photo(np.array([(left, top), (right, top), (right, bottom), (left, bottom)]) - 0.5)


def _draw_culprit(photo: Picture, one: Culprit, markers: Sequence[Marker], pen: Pen) -> None:
    frame = _frame(_box_of(one, markers), pen)
    if one.fault == "missing":
        draw_broken(photo, frame, WRONG, pen, 1.5)
        return
    draw_outlined(photo, frame, WRONG, pen, 1.5)
    if one.expected_px is not None:
        should = _box_of(Culprit("missing", one.place, one.kind, one.expected_px), markers)
        draw_broken(photo, _frame(should, pen), WRONG, pen, 1)
        _arrow(photo, pen.on_photo(np.array([one.expected_px, one.center_px]) - 0.5), pen)


def _arrow(photo: Picture, ends: Points, pen: Pen) -> None:
    """From where it should be to where it is; of a short move it begins farther off, to be seen."""
    move = ends[1] - ends[0]
    length = max(float(np.hypot(*move)), 1e-6)
    ends = np.array([ends[1] - move / length * max(length, pen.row()), ends[1]])
    start, end = (tuple(int(v) for v in point) for point in fixed(ends))
    tip = min(0.5, pen.row() / 3 / max(length, pen.row()))
    for colour, width in ((BLACK, pen.line(1.5) + 2), (WHITE, pen.line(1.5))):
        cv2.arrowedLine(photo, start, end, colour, width, cv2.LINE_AA, SHIFT, tip)


def _box_of(one: Culprit, markers: Sequence[Marker]) -> Box:
    """That of the marker there; of a missing one as large as the median of its kind."""
    found = next((m.found.box for m in markers if m.found.box.center_px == one.center_px), None)
    if found is not None and one.fault != "missing":
        return found
    sizes = [(m.found.box.width_px, m.found.box.height_px) for m in markers if m.found.kind == one.kind]
    wide, high = np.median(sizes, axis=0) if sizes else USUAL_PX
    x, y = one.center_px
    return Box(float(x - wide / 2), float(y - high / 2), float(x + wide / 2), float(y + high / 2))


# --- labels


def _label(photo: Picture, wrong: Sequence[Culprit], markers: Sequence[Marker], pen: Pen) -> None:
    frames = {one.center_px: _frame(_box_of(one, markers), pen) for one in wrong}
    others = [_frame(marker.found.box, pen) for marker in markers]
    row = pen.row()
    nothing = np.array([(-1.0, -1.0), (-1.0, 0.0), (0.0, 0.0)])
    ground = Ground.of(photo.shape[:2], row, nothing, [*others, *frames.values()], [])
    for frame in others:  # a marker stays in sight
        ground.cover(np.concatenate([frame.min(axis=0), frame.max(axis=0)]).astype(np.int64))
    for frame, text in list(zip(frames.values(), _texts(wrong), strict=True))[:MOST_LABELS]:
        size = (pen.text_px(text) + row // 2, row)
        box = ground.place(frame, size, DEAREST)
        if box is None:
            continue
        line = leader(box, frame)
        for colour, width in ((PAPER, pen.line(1) + 2), (WRONG, pen.line(1))):
            cv2.polylines(photo, [fixed(line)], False, colour, width, cv2.LINE_AA, SHIFT)
        photo[box[1] : box[3], box[0] : box[2]] = PAPER
        draw_text(photo, text, (int(box[0]) + row // 4, int(box[1] + box[3]) // 2), pen)


def _texts(wrong: Sequence[Culprit]) -> Iterator[str]:
    """One for each place that is complained of, with all its faults."""
    for center in dict.fromkeys(one.center_px for one in wrong):
        own = [one for one in wrong if one.center_px == center]
        name = next((one.place for one in own if one.place), own[0].kind)
        said = dict.fromkeys(_fault(one) for one in own)
        yield f"{name} {', '.join(said)}"


def _fault(one: Culprit) -> str:
    return one.fault if one.moved_px is None else f"{one.fault} {one.moved_px:.1f} px"
