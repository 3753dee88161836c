"""Printed sheets with markers at known places: what a printer, a scanner and a hand do to them, and the truth.

A sheet is drawn as ink 0..1 on the grid of its plan, brought to the picture by one homography, and put on paper.
Around the markers stands what must not count as one: text, rules, tables, boxes, ovals empty and filled, and a
matrix code with its three finder blocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Box, Fault, FloatImage, LayoutPlace
from dscope_blink.synthetic.scans import Streak, streaked

Content = Literal["answers", "ballot", "none"]
Picture8 = NDArray[np.uint8]  # (H, W, 3) blue, green, red

BIG_PX = (60.0, 24.0)  # of a marker, on an A4 page at 150 dpi: 10 x 4 mm
SMALL_PX = (18.0, 18.0)
PAGE_PX = (1240, 1754)
BLEED = 0.05  # of its width and height a picture shows beyond either edge, so that a turned sheet keeps its markers
QUIET_PX = 30.0  # least distance of an extra block from the others


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """What is printed: the markers, and which kind of form they stand around."""

    name: str
    width_px: int
    height_px: int
    places: tuple[LayoutPlace, ...]
    content: Content


@dataclass(frozen=True, slots=True)
class SheetFault:
    """What is wrong with a marker; `amount` is px if moved, ink 0..1 if pale or ghost, of the sides if fat or thin."""

    fault: Fault
    place: str | None = None  # id in the plan; an extra one has none
    amount: float = 0.0
    direction_deg: float | None = None  # of moved; None: drawn


@dataclass(frozen=True, slots=True)
class Look:
    """How a sheet is printed and seen."""

    turn_deg: float = 0.0
    scale: float = 1.0  # px of the picture per px of the plan
    perspective: float = 0.0  # by this share of the width the upper edge is narrower
    shift_px: tuple[float, float] = (0.0, 0.0)
    blur_px: float = 0.7
    jpeg_quality: int | None = None
    toner: float = 0.92  # share of light that full ink takes
    speckle: float = 0.0  # share of the ink that did not stick, in grains
    paper: tuple[int, int, int] = (244, 246, 246)  # blue, green, red
    streaks: tuple[Streak, ...] = ()
    noise: float = 1.5  # grey levels


@dataclass(frozen=True, slots=True)
class TrueMarker:
    """Where a marker, or the ghost of one, lies in the picture."""

    place: str | None  # None: an extra one
    kind: str
    box: Box  # of its own width and height about its middle, whatever its turn
    outline_px: tuple[tuple[float, float], ...]  # its four corners
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class RenderedSheet:
    """A picture of a sheet (H, W, 3) uint8 blue, green, red, and what is on it; `ghosts` are no markers."""

    picture: Picture8
    markers: tuple[TrueMarker, ...]
    ghosts: tuple[TrueMarker, ...]
    faults: tuple[SheetFault, ...]


@dataclass(frozen=True, slots=True)
class _Block:
    place: LayoutPlace
    id: str | None
    ink: float = 1.0
    blur_px: float = 0.0
    fault: Fault | None = None


# --- plans


def sheet_of_14() -> SheetPlan:
    """Seven big markers down either side of an answer sheet, a small block beside each but the first."""
    sides = [_column(60 + BIG_PX[0] / 2, 7, 1), _column(PAGE_PX[0] - 60 - BIG_PX[0] / 2, 7, -1)]
    return _plan("sheet-14", sides, "answers")


def sheet_of_21() -> SheetPlan:
    """Seven down either side and seven along the foot of a ballot."""
    sides = [_column(60 + BIG_PX[0] / 2, 7, 1), _column(PAGE_PX[0] - 60 - BIG_PX[0] / 2, 7, -1)]
    foot = [(220 + k * 133.0, PAGE_PX[1] - 70.0, -40.0 if k else None) for k in range(7)]
    return _plan("sheet-21", [*sides, [(x, y, None if off is None else 0.0) for x, y, off in foot]], "ballot")


_Spot = tuple[float, float, float | None]  # middle of a big marker, and how far right of it the small one stands


def _column(x_px: float, n: int, inward: int) -> list[_Spot]:
    return [(x_px, 130 + k * (PAGE_PX[1] - 330) / (n - 1), inward * 62.0 if k else None) for k in range(n)]


def _plan(name: str, sides: Sequence[Sequence[_Spot]], content: Content) -> SheetPlan:
    spots = [spot for side in sides for spot in side]
    big = [LayoutPlace(f"B{k + 1:02d}", "big", x, y, *BIG_PX) for k, (x, y, _) in enumerate(spots)]
    beside = [(x + off, y - (0 if off else 40)) for x, y, off in spots if off is not None]
    small = [LayoutPlace(f"S{k + 1:02d}", "small", x, y, *SMALL_PX) for k, (x, y) in enumerate(beside)]
    return SheetPlan(name, *PAGE_PX, (*big, *small), content)


# --- rendering


def render_sheet(
    plan: SheetPlan, rng: np.random.Generator, faults: Sequence[SheetFault] = (), look: Look | None = None
) -> RenderedSheet:
    """A picture of a sheet.

    Parameters
    ----------
    plan : what is printed
    rng : of what differs from sheet to sheet: the ovals that are filled, noise, grains, where extra blocks stand
    faults : what is wrong, at most one for a place
    look : how it is seen; None is a clean scan at the scale of the plan

    Returns
    -------
    RenderedSheet, of `scale` times the size of the plan and BLEED more at each edge

    Raises
    ------
    ValueError : a fault names a place that the plan has not
    """
    seen = look or Look()
    ink = _form(plan, rng)
    blocks = _blocks(plan, faults, ink, rng)
    for block in blocks:
        _print_block(ink, block)
    matrix = _to_picture(plan, seen)
    light = _photographed(ink, matrix, plan, seen, rng)
    truth = [_true_marker(block, matrix) for block in blocks]
    markers = tuple(one for one in truth if one.fault != "ghost")
    ghosts = tuple(one for one in truth if one.fault == "ghost")
    return RenderedSheet(light, markers, ghosts, tuple(faults))


def varied_look(rng: np.random.Generator) -> Look:
    """How good sheets differ from one another: turn to 5 degrees, scale 0.7 to 1.4, light, toner, blur, JPEG."""
    streaks = tuple(
        Streak(rng.uniform(0.02, 0.98), rng.uniform(1, 3), rng.uniform(-0.5, 0.5)) for _ in range(rng.integers(0, 3))
    )
    tint = rng.uniform(215, 252) - rng.uniform(0, 18, 3)
    return Look(
        turn_deg=rng.uniform(-5, 5),
        scale=rng.uniform(0.7, 1.4),
        perspective=rng.uniform(0, 0.03),
        shift_px=(rng.uniform(-8, 8), rng.uniform(-8, 8)),
        blur_px=rng.uniform(0.5, 1.6),
        jpeg_quality=int(rng.integers(40, 96)) if rng.random() < 0.7 else None,
        toner=rng.uniform(0.6, 0.95),
        speckle=rng.uniform(0, 0.02),
        paper=(int(tint[0]), int(tint[1]), int(tint[2])),
        streaks=streaks,
        noise=rng.uniform(0.5, 4),
    )


def _blocks(plan: SheetPlan, faults: Sequence[SheetFault], form: FloatImage, rng: np.random.Generator) -> list[_Block]:
    wrong = {one.place: one for one in faults if one.place is not None}
    if not set(wrong) <= {place.id for place in plan.places}:
        raise ValueError(f"faults must name places of {plan.name}, got {', '.join(sorted(wrong))}")
    blocks = [_with_fault(_Block(place, place.id), wrong.get(place.id), rng) for place in plan.places]
    blocks = [block for block in blocks if block.fault != "missing"]
    for one in faults:
        if one.fault == "extra":
            blocks.append(_extra(plan, blocks, form, rng))
    return blocks


def _with_fault(block: _Block, wrong: SheetFault | None, rng: np.random.Generator) -> _Block:
    if wrong is None:
        return block
    place, marked = block.place, replace(block, fault=wrong.fault)
    match wrong.fault:
        case "moved":
            angle = rng.uniform(0, 360) if wrong.direction_deg is None else wrong.direction_deg
            x = place.x_px + wrong.amount * math.cos(math.radians(angle))
            y = place.y_px + wrong.amount * math.sin(math.radians(angle))
            return replace(marked, place=replace(place, x_px=x, y_px=y))
        case "fat" | "thin":
            wide, high = place.width_px * wrong.amount, place.height_px * wrong.amount
            return replace(marked, place=replace(place, width_px=wide, height_px=high))
        case "pale":
            return replace(marked, ink=wrong.amount)
        case "ghost":
            return replace(marked, ink=wrong.amount, blur_px=place.height_px / 4)
    return marked


def _extra(plan: SheetPlan, blocks: Sequence[_Block], form: FloatImage, rng: np.random.Generator) -> _Block:
    """One more, of the size of a marker, in line with one, and clear of the others and of what is printed."""
    like = plan.places[int(rng.integers(len(plan.places)))]
    taken = np.array([[one.place.x_px, one.place.y_px] for one in blocks])
    reach = np.array([[one.place.width_px, one.place.height_px] for one in blocks]) / 2
    own = np.array([like.width_px, like.height_px]) / 2
    while True:
        beside = plan.places[int(rng.integers(len(plan.places)))]  # in the line of the markers, where it is likest one
        at = np.array([beside.x_px, beside.y_px + rng.uniform(-120, 120)])
        inside = np.all(at > 60) and np.all(at < np.array([plan.width_px, plan.height_px]) - 60)
        (left, top), (right, below) = (at - own - QUIET_PX).astype(int), (at + own + QUIET_PX).astype(int)
        blank = not form[max(top, 0) : below, max(left, 0) : right].any()
        if inside and blank and bool(np.all(np.any(np.abs(taken - at) - reach - own > QUIET_PX, axis=1))):
            place = replace(like, id="", x_px=float(at[0]), y_px=float(at[1]))
            return _Block(place, None, fault="extra")


def _corners(place: LayoutPlace) -> NDArray[np.float64]:
    half = np.array([place.width_px, place.height_px]) / 2
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return np.array([place.x_px, place.y_px]) + signs * half  # (4, 2), 0 is the left edge of the first pixel


def _print_block(ink: FloatImage, block: _Block) -> None:
    reach = 2 + int(4 * block.blur_px)
    place = block.place
    columns, across = _covered(place.x_px, place.width_px, reach)
    rows, along = _covered(place.y_px, place.height_px, reach)
    patch = np.outer(along, across) * np.float32(block.ink)
    if block.blur_px:
        patch = cv2.GaussianBlur(patch, (0, 0), block.blur_px)
    part = ink[rows, columns]
    np.maximum(part, patch, out=part)


def _covered(middle_px: float, side_px: float, reach: int) -> tuple[slice, FloatImage]:
    """The pixels of a line around a stretch, and the share of each that it covers."""
    low, high = middle_px - side_px / 2, middle_px + side_px / 2
    pixels = np.arange(math.floor(low) - reach, math.ceil(high) + reach)
    covered = np.clip(np.minimum(high, pixels + 1) - np.maximum(low, pixels), 0, 1).astype(np.float32)
    return slice(int(pixels[0]), int(pixels[-1]) + 1), covered


def _to_picture(plan: SheetPlan, look: Look) -> NDArray[np.float64]:
    """From px of the plan to px of the picture, (3, 3): perspective, then turn about the middle, scale and shift."""
    wide, high = float(plan.width_px), float(plan.height_px)
    inset = look.perspective * wide / 2
    sheet = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    seen = np.array([[inset, 0], [wide - inset, 0], [wide, high], [0, high]], np.float32)
    tilt = cv2.getPerspectiveTransform(sheet, seen).astype(np.float64)
    c, s = math.cos(math.radians(look.turn_deg)), math.sin(math.radians(look.turn_deg))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    to_middle = np.array([[1, 0, -wide / 2], [0, 1, -high / 2], [0, 0, 1]])
    x, y = (0.5 + BLEED) * wide + look.shift_px[0], (0.5 + BLEED) * high + look.shift_px[1]
    back = np.array([[look.scale, 0, look.scale * x], [0, look.scale, look.scale * y], [0, 0, 1]])
    return np.asarray(back @ turn @ to_middle @ tilt)


def _true_marker(block: _Block, matrix: NDArray[np.float64]) -> TrueMarker:
    seen = cv2.perspectiveTransform(_corners(block.place)[None], matrix)[0]  # (4, 2)
    across = (np.linalg.norm(seen[1] - seen[0]) + np.linalg.norm(seen[2] - seen[3])) / 2
    along = (np.linalg.norm(seen[3] - seen[0]) + np.linalg.norm(seen[2] - seen[1])) / 2
    x, y = seen.mean(axis=0)
    box = Box(float(x - across / 2), float(y - along / 2), float(x + across / 2), float(y + along / 2))
    return TrueMarker(block.id, block.place.kind, box, tuple((float(a), float(b)) for a, b in seen), block.fault)


def _photographed(
    ink: FloatImage, matrix: NDArray[np.float64], plan: SheetPlan, look: Look, rng: np.random.Generator
) -> Picture8:
    larger = look.scale * (1 + 2 * BLEED)
    size = round(plan.width_px * larger), round(plan.height_px * larger)
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV counts from the middle of the first pixel
    grid = np.linalg.inv(half) @ matrix @ half
    printed = _printed(ink, look, rng)
    smooth = cv2.GaussianBlur(printed, (0, 0), max(0.3, 0.5 / look.scale))  # no detail finer than the new pixels
    seen = cv2.warpPerspective(smooth, grid, size, flags=cv2.INTER_LINEAR)
    seen = cv2.GaussianBlur(seen, (0, 0), look.blur_px)
    light = 255 * (1 - seen) + np.float32(look.noise) * rng.standard_normal(seen.shape, np.float32)
    levels = streaked(np.clip(np.rint(light), 0, 255).astype(np.uint8), look.streaks)
    tints = [np.rint(np.arange(256) * (one / 255)).astype(np.uint8) for one in look.paper]
    picture = cv2.merge([cv2.LUT(levels, tint) for tint in tints])
    if look.jpeg_quality is None:
        return np.asarray(picture, np.uint8)
    stored = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, look.jpeg_quality])[1]
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)


def _printed(ink: FloatImage, look: Look, rng: np.random.Generator) -> FloatImage:
    printed = ink * np.float32(look.toner)
    if look.speckle:
        grains = cv2.GaussianBlur(rng.standard_normal(ink.shape, np.float32), (0, 0), 1.0)
        printed = printed * (grains < np.quantile(grains[::8, ::8], 1 - look.speckle))
    return np.asarray(printed, np.float32)


# --- what stands around the markers

WORDS = ("Instructions", "Mark one", "Precinct 12", "Vote for 1", "ILLINI TILL", "Page 1/2", "Candidate", "No. 4711")
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)


def _form(plan: SheetPlan, rng: np.random.Generator) -> FloatImage:
    """Ink (H, W) 0..1 of the form; only which ovals are filled differs from sheet to sheet."""
    paper = np.zeros((plan.height_px, plan.width_px), np.uint8)
    if plan.content == "answers":
        _answers(paper, rng)
    if plan.content == "ballot":
        _ballot(paper, rng)
    return paper.astype(np.float32) / np.float32(255)


def _text(paper: NDArray[np.uint8], text: str, x: int, y: int, size: float, bold: int = 1) -> None:
    cv2.putText(paper, text, (x, y), FONTS[len(text) % len(FONTS)], size, 255, bold, cv2.LINE_AA)


def _oval(paper: NDArray[np.uint8], x: int, y: int, half: tuple[int, int], filled: bool) -> None:
    """A bubble with straight sides, empty or filled by hand."""
    long, high = half
    for end in (x - long + high, x + long - high):
        cv2.circle(paper, (end, y), high, 255, -1, cv2.LINE_AA)
    cv2.rectangle(paper, (x - long + high, y - high), (x + long - high, y + high), 255, -1)
    if not filled:
        for end in (x - long + high, x + long - high):
            cv2.circle(paper, (end, y), high - 2, 0, -1, cv2.LINE_AA)
        cv2.rectangle(paper, (x - long + high, y - high + 2), (x + long - high, y + high - 2), 0, -1)


def _answers(paper: NDArray[np.uint8], rng: np.random.Generator) -> None:
    _text(paper, "ANSWER SHEET", 420, 110, 1.6, 4)
    _text(paper, "MARK YOUR ANSWERS HERE", 360, 170, 0.9, 2)
    for column in range(3):
        left = 250 + column * 260
        cv2.rectangle(paper, (left, 220), (left + 235, 1480), 255, 2)
        for row in range(30):
            y, chosen = 245 + row * 41, int(rng.integers(0, 5))
            _text(paper, f"{column * 30 + row + 1}", left + 5, y + 8, 0.6, 2)
            for k in range(4):
                _oval(paper, left + 75 + k * 42, y, (16, 10), k == chosen)
    _text(paper, "Sign here", 250, 1560, 0.8, 2)
    cv2.line(paper, (400, 1560), (1000, 1560), 255, 2)
    _matrix_code(paper, 880, 1580)


def _ballot(paper: NDArray[np.uint8], rng: np.random.Generator) -> None:
    _text(paper, "Test Ballot", 250, 120, 1.5, 4)
    _text(paper, "General Election", 250, 175, 1.0, 3)
    cv2.rectangle(paper, (230, 215), (1010, 420), 40, -1)
    cv2.rectangle(paper, (230, 215), (1010, 420), 255, 3)
    for k in range(4):
        _text(paper, WORDS[k] + " " + WORDS[-1 - k], 250, 260 + k * 42, 0.8, 2)
    for box in range(4):
        _contest(paper, 230 + box % 2 * 400, 460 + box // 2 * 480, box, rng)
    _matrix_code(paper, 240, 1450)
    for k in range(5):
        cv2.rectangle(paper, (480 + k * 60, 1470), (510 + k * 60, 1500), 255, 3)  # boxes for initials
    _text(paper, "Turn over and continue", 470, 1570, 0.9, 2)


def _contest(paper: NDArray[np.uint8], left: int, top: int, number: int, rng: np.random.Generator) -> None:
    cv2.rectangle(paper, (left, top), (left + 380, top + 70), 45, -1)
    cv2.rectangle(paper, (left, top), (left + 380, top + 450), 255, 2)
    cv2.line(paper, (left, top), (left + 380, top), 255, 6)
    _text(paper, WORDS[number % len(WORDS)], left + 15, top + 32, 1.0, 3)
    for row in range(5):
        y = top + 110 + row * 70
        _oval(paper, left + 40, y, (20, 12), bool(rng.random() < 0.3))
        _text(paper, WORDS[(number + row) % len(WORDS)], left + 75, y + 8, 0.8, 2)
        cv2.line(paper, (left, y + 36), (left + 380, y + 36), 120, 1)


def _matrix_code(paper: NDArray[np.uint8], left: int, top: int, module_px: int = 5, n: int = 25) -> None:
    """Modules as a QR code has them: three finder blocks, the rest at random but always the same."""
    bits = np.random.default_rng(n).integers(0, 2, (n, n)).astype(np.uint8)
    finder = np.zeros((8, 8), np.uint8)
    finder[:7, :7] = 1
    finder[1:6, 1:6] = 0
    finder[2:5, 2:5] = 1
    bits[:8, :8], bits[:8, -8:], bits[-8:, :8] = finder, finder[:, ::-1], finder[::-1]
    code = np.kron(bits, np.full((module_px, module_px), 255, np.uint8))
    paper[top : top + code.shape[0], left : left + code.shape[1]] = code
