"""What is drawn or pasted over a picture, not seen through its optics: colour, ink, frames, and what they enclose.

Optics blur: a step of brightness is spread over several pixels, in photographs that were scaled or sharpened too. What
a program draws ends from one pixel to the next or nearly so, is of one level or colour, and its borders run along rows
and columns for long. Of 92 photographs of four and more microscopes, these limits find ink in those that have it and in
no other.
"""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.files.decoding import Picture
from dscope_blink.records import Ellipse, FloatImage, Mask, Notice, notice

MIN_STEP = 0.2  # of the range, of what counts as a strong edge
SHARP, ABOVE_OPTICS = 0.6, 0.08  # of a step, between two neighbours: at least, and more than a blurred edge has there
ONE_LEVEL, RARE = 4, 0.02  # of 255, the spread of the levels of ink; share of the picture that may have it
NEAR_END, COMPRESSED = 30, 20  # of 255: what compression makes of black or white ink, which dirt is not alike all along
EDGE_PX = 11  # across the cladding edge
NEARBY_PX = 11  # over which that is taken together
PLATEAU_PX, MOST_PLATEAUS = 100, 10  # the smallest area of one level; times RARE, of the picture that may be so
BESIDE_PX, PLATEAU_STEP = 5, MIN_STEP / 2 * 255  # from it, where the level must differ by so much
CLIPPED_LEVELS = 3  # of 255: black and saturated areas are of one level by nature
MIN_INK_PX = 40  # of the crests of the edges of the smallest thing drawn: less may be a hot pixel or a speck
PURE = 0.5  # least difference of the channels, over the brightest: dirt and aberration are paler
MIN_CHROMA = 0.25  # of the range
MIN_PURE_PX = 12
AROUND_PX = 3  # what scaling and compression smear around the drawn
ZONES, REACH = 1.2, 1.0  # cladding diameters to each side, in which anything and a border is looked for
LINE_POINTS = 4  # one pixel in so many of a row or column is looked at
LINE_STEP, LINE_SHARE = 0.03, 0.8  # of the range; of the length of a border or line, with a step of one sign
LINE_PX = 4  # the widest line of a cross-hair
PASSES = 3  # of the four sides: one border may hide another


def find_coloured(picture: Picture) -> Mask | None:
    """Find pure colours in a picture that is otherwise of one tint, such as the light of the microscope.

    Parameters
    ----------
    picture : (H, W) or (H, W, 3) uint8 or uint16, as stored

    Returns
    -------
    (H, W) bool, None without any
    """
    if picture.ndim == 2 or not picture.size:
        return None
    points = picture[::8, ::8].reshape(-1, 3).astype(np.float32)
    tint = points.mean(axis=0) / max(float(points.mean()), 1e-6)
    if np.ptp(tint) > PURE * tint.max():  # light of one colour
        return None
    top = float(np.iinfo(picture.dtype).max)
    narrow = cv2.resize(picture, (-(-picture.shape[1] // 4), picture.shape[0]), interpolation=cv2.INTER_NEAREST)
    if not any(_is_pure(part, top).any() for part in (picture[::4], narrow)):
        return None
    pure = cv2.morphologyEx(_is_pure(picture, top).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return _grown(_large(pure, pure, MIN_PURE_PX), AROUND_PX)


def find_drawn(gray: FloatImage, cladding: Ellipse, blur_px: float, coloured: Mask | None) -> Mask | None:
    """Find what is drawn over or around a located fiber.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    cladding : in pixels of the picture
    blur_px : of its edge
    coloured : of the same picture

    Returns
    -------
    (H, W) bool, with `coloured`, and with what lies beyond a border or within a drawn outline, as far out as there are
    zones; None without any
    """
    (cx, cy), (w, h), (rows, columns) = cladding.center_px, cladding.extent_px, gray.shape
    box = _within(cy, ZONES * h, 0, rows), _within(cx, ZONES * w, 0, columns)
    levels = cv2.convertScaleAbs(gray[box], alpha=255)
    around = replace(cladding, center_px=(cx - box[1].start, cy - box[0].start))
    found = (_ink(levels, around, blur_px), _plateaus(levels, around), _lines_and_borders(levels, around))
    parts = [part for part in found if part is not None]
    if coloured is not None:
        parts.append(coloured[box])
    if not parts:
        return None
    drawn = np.zeros(gray.shape, bool)
    drawn[box] = _with_enclosed(np.logical_or.reduce(parts), around)
    return drawn


def without(gray: FloatImage, drawn: Mask | None) -> FloatImage:
    """A picture with what is drawn over it filled from around, so that no edge of it is taken for the fiber's.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    drawn : (H, W) bool
    """
    if drawn is None:
        return gray
    return np.clip(cv2.inpaint(gray, drawn.astype(np.uint8), AROUND_PX, cv2.INPAINT_TELEA), 0, 1)  # it overshoots


def reduced(drawn: Mask | None, shape: tuple[int, ...]) -> Mask | None:
    """The mask at the resolution of the working picture, (h, w): a pixel that is drawn over in part is so."""
    if drawn is None or drawn.shape == shape:
        return drawn
    smaller = cv2.resize(drawn.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA)
    covered: Mask = smaller > 0
    return covered


def drawn_warnings(drawn: Mask | None, cladding: Ellipse) -> tuple[Notice, ...]:
    """What there is to say of a fiber that is drawn over."""
    if drawn is None:
        return ()
    fiber = np.zeros(drawn.shape, np.uint8)
    cv2.ellipse(fiber, (cladding.center_px, cladding.axes_px, cladding.angle_deg), 1, -1)
    hidden, whole = np.count_nonzero(drawn & (fiber > 0)), np.count_nonzero(fiber)
    if not hidden:
        return ()
    return (notice("drawn_over", f"text, lines or colour hide {hidden / whole:.1%} of the fiber"),)


# --- colour and ink ---------------------------------------------------------------------------------------------------


def _is_pure(picture: Picture, top: float) -> Mask:
    blue, green, red = cv2.split(np.ascontiguousarray(picture))
    most, least = cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red)
    chroma = cv2.subtract(most, least)
    pure: Mask = chroma > math.floor(MIN_CHROMA * top)
    return pure & (chroma > PURE * most) if pure.any() else pure  # the latter in floats: ten times as long


def _ink(levels: NDArray[np.uint8], cladding: Ellipse, blur_px: float) -> Mask | None:
    """Pixels beside edges that are sharper than optics make them, where most edges are so."""
    kernel = np.ones((5, 5), np.uint8)
    span = cv2.subtract(cv2.dilate(levels, kernel), cv2.erode(levels, kernel))
    strong = cv2.compare(span, MIN_STEP * 255, cv2.CMP_GE)
    if not cv2.countNonZero(strong):
        return None
    steps = _steps(levels)
    crest = cv2.bitwise_and(strong, cv2.compare(steps, cv2.dilate(steps, np.ones((3, 3), np.uint8)), cv2.CMP_EQ))
    # the line along the edge of a clean cladding is of one level too
    cv2.ellipse(crest, (cladding.center_px, cladding.axes_px, cladding.angle_deg), 0, EDGE_PX)
    limit = _sharp(blur_px)
    alone = cv2.bitwise_and(crest, cv2.compare(steps, cv2.convertScaleAbs(span, alpha=limit), cv2.CMP_GE))
    if cv2.countNonZero(alone) < MIN_INK_PX // 4:  # no mean of so few reaches the limit
        return None
    size = (NEARBY_PX, NEARBY_PX)
    held = cv2.boxFilter(cv2.bitwise_and(steps, crest), cv2.CV_32F, size)
    whole = cv2.boxFilter(cv2.bitwise_and(span, crest), cv2.CV_32F, size)
    share = cv2.copyTo(cv2.divide(held, whole), crest)
    steepest, sharp = (share >= (1 + limit) / 2).astype(np.uint8), (share >= limit).astype(np.uint8)
    if cv2.countNonZero(sharp) < MIN_INK_PX:  # no region holds as many
        return None
    found = [_of_one_level(levels, sharp, cv2.morphologyEx(sharp, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)))]
    if cv2.countNonZero(steepest) >= MIN_INK_PX:
        found.append(_large(cv2.morphologyEx(steepest, cv2.MORPH_CLOSE, kernel), steepest, MIN_INK_PX))
    kept = [part for part in found if part is not None]
    return _grown(np.logical_or.reduce(kept), AROUND_PX) if kept else None


def _of_one_level(levels: NDArray[np.uint8], sharp: NDArray[np.uint8], joined: NDArray[np.uint8]) -> Mask | None:
    """The regions along whose edges one side has one level, which is rare elsewhere: that of the ink."""
    count, labels = cv2.connectedComponents(joined, connectivity=8)
    y, x = np.nonzero(sharp)
    kernel, kept = np.ones((5, 5), np.uint8), np.zeros(count, bool)
    common = np.convolve(cv2.calcHist([levels], [0], None, [256], [0, 256]).ravel(), np.ones(5), "same") / levels.size
    order = np.argsort(labels[y, x], kind="stable")
    of, ends = labels[y, x][order], [cv2.erode(levels, kernel)[y, x][order], cv2.dilate(levels, kernel)[y, x][order]]
    starts = np.searchsorted(of, np.arange(count + 1))
    for k in range(1, count):
        here = slice(starts[k], starts[k + 1])
        if here.stop - here.start < MIN_INK_PX:
            continue
        for end in ends:
            low, middle, high = np.quantile(end[here], (0.25, 0.5, 0.75))
            is_end = min(middle, 255 - middle) <= NEAR_END
            most = COMPRESSED if is_end else ONE_LEVEL
            kept[k] |= high - low <= most and common[int(middle)] < RARE
    return kept[labels] if kept.any() else None


def _plateaus(levels: NDArray[np.uint8], cladding: Ellipse) -> Mask | None:
    """Areas of one level that no sensor gives: with a strong edge all around that is not the cladding's."""
    kernel = np.ones((3, 3), np.uint8)
    flat = cv2.compare(cv2.subtract(cv2.dilate(levels, kernel), cv2.erode(levels, kernel)), 1, cv2.CMP_LE)
    if not PLATEAU_PX <= cv2.countNonZero(flat) <= RARE * MOST_PLATEAUS * flat.size:
        return None  # where most is flat, a picture has no noise to tell by
    if not cv2.countNonZero(cv2.erode(flat, np.ones((7, 7), np.uint8))):
        return None
    count, labels = cv2.connectedComponents(flat, connectivity=4)
    places = np.flatnonzero(flat > 0)  # OpenCV's own statistics are summed over all pixels
    of = labels.ravel()[places]
    large = np.bincount(of, minlength=count) >= PLATEAU_PX
    fiber = cv2.ellipse(np.zeros_like(flat), (cladding.center_px, cladding.axes_px, cladding.angle_deg), 1, EDGE_PX)
    large[labels[fiber > 0]] = False
    large &= _beside_a_step(levels, places[large[of]], of[large[of]], count)
    kept = np.zeros(count, bool)
    for k in np.flatnonzero(large).tolist():
        y, x = np.divmod(places[of == k], flat.shape[1])
        box = np.s_[max(int(y.min()) - 6, 0) : int(y.max()) + 7, max(int(x.min()) - 6, 0) : int(x.max()) + 7]
        area, window = (labels[box] == k).astype(np.uint8), levels[box]
        level = float(np.median(window[area > 0]))
        near, nearer = (np.ones((2 * by + 1, 2 * by + 1), np.uint8) for by in (BESIDE_PX, BESIDE_PX - 1))
        beyond = cv2.dilate(area, near) > cv2.dilate(area, nearer)
        steps = np.abs(window[beyond].astype(np.float32) - level)
        is_clipped = min(level, 255 - level) < CLIPPED_LEVELS
        kept[k] = not is_clipped and bool((steps >= PLATEAU_STEP).mean() >= LINE_SHARE)
    return _grown(kept[labels], AROUND_PX + 1) if kept.any() else None


def _beside_a_step(
    levels: NDArray[np.uint8], places: NDArray[np.intp], of: NDArray[np.int32], count: int
) -> NDArray[np.bool_]:
    """The areas around which any level differs by enough; hundreds that have none are told so at once.

    Parameters
    ----------
    levels : (H, W) uint8
    places, of : (N,) the pixels of the areas as indices into `levels`, and the number of the area of each
    count : of all areas

    Returns
    -------
    (count,) bool
    """
    beside = np.zeros(count, bool)
    if not of.size:
        return beside
    order = np.argsort(of, kind="stable")
    starts = np.flatnonzero(np.diff(of[order], prepend=-1))
    kernel = np.ones((2 * BESIDE_PX + 1, 2 * BESIDE_PX + 1), np.uint8)
    around = levels, cv2.dilate(levels, kernel), cv2.erode(levels, kernel)
    own, most, least = (part.ravel()[places[order]].astype(np.int16) for part in around)
    up = np.maximum.reduceat(most, starts) - np.minimum.reduceat(own, starts)
    down = np.maximum.reduceat(own, starts) - np.minimum.reduceat(least, starts)
    beside[of[order][starts]] = np.maximum(up, down) >= PLATEAU_STEP
    return beside


def _sharp(blur_px: float) -> float:
    """From which share of a step between two neighbours on it is drawn: halfway from what the optics make of it to 1.

    Of a step blurred with sigma 1 px two neighbours hold 0.4, with 0.7 px 0.53, with 0.5 px 0.68.
    """
    seen = math.erf(0.5 / (math.sqrt(2) * blur_px)) / math.erf(2 / (math.sqrt(2) * blur_px))
    return max(seen + ABOVE_OPTICS, SHARP)


def _steps(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest difference of each pixel from its four neighbours."""
    across, down = cv2.absdiff(levels[:, 1:], levels[:, :-1]), cv2.absdiff(levels[1:], levels[:-1])
    most = np.zeros_like(levels)
    most[:, 1:] = across
    most[:, :-1] = cv2.max(most[:, :-1], across)
    most[1:] = cv2.max(most[1:], down)
    most[:-1] = cv2.max(most[:-1], down)
    return most


def _large(joined: NDArray[np.uint8], counted: NDArray[np.uint8], least: int) -> Mask | None:
    """The regions that hold at least so many counted pixels."""
    count, labels = cv2.connectedComponents(joined, connectivity=8)
    held = np.bincount(labels.ravel(), weights=counted.ravel(), minlength=count)
    kept = held >= least
    kept[0] = False
    return kept[labels] if kept.any() else None


def _grown(mask: Mask | None, by_px: int) -> Mask | None:
    if mask is None:
        return None
    size = 2 * by_px + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)).astype(bool)


def _with_enclosed(drawn: Mask, cladding: Ellipse) -> Mask:
    """With what a drawn outline encloses, but not that which holds the middle of the fiber."""
    count, labels = cv2.connectedComponents((~drawn).astype(np.uint8), connectivity=4)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    x, y = (min(max(round(at), 0), side - 1) for at, side in zip(cladding.center_px, drawn.shape[::-1], strict=True))
    open_ = np.zeros(count, bool)
    open_[border] = True
    open_[labels[y, x]] = True
    open_[0] = False
    seen: Mask = open_[labels]
    return ~seen


# --- borders and lines along rows and columns -------------------------------------------------------------------------


def _lines_and_borders(levels: NDArray[np.uint8], cladding: Ellipse) -> Mask | None:
    """What lies beyond straight borders on either side of the fiber, and lines that cross it."""
    hidden = np.zeros(levels.shape, bool)
    (cx, cy), (w, h) = cladding.center_px, cladding.extent_px
    left, top, right, bottom = 0, 0, levels.shape[1], levels.shape[0]
    for _ in range(PASSES):
        before = (left, top, right, bottom)
        x, y = _within(cx, REACH * w, left, right), _within(cy, REACH * h, top, bottom)
        upper, lower, rows = _steps_of_rows(levels[:, x][:, ::LINE_POINTS], cy, h / 2)
        top, bottom = max(top, upper), min(bottom, lower)
        upper, lower, columns = _steps_of_rows(levels[y][::LINE_POINTS].T, cx, w / 2)
        left, right = max(left, upper), min(right, lower)
        if (left, top, right, bottom) == before:
            break
    hidden[:top] = hidden[bottom:] = True
    hidden[:, :left] = hidden[:, right:] = True
    for row in rows:
        hidden[max(row - 1, 0) : row + LINE_PX] = True
    for column in columns:
        hidden[:, max(column - 1, 0) : column + LINE_PX] = True
    return hidden if hidden.any() else None


def _within(centre: float, half: float, low: int, high: int) -> slice:
    return slice(max(round(centre - half), low), min(round(centre + half), high))


def _steps_of_rows(levels: NDArray[np.uint8], centre: float, radius: float) -> tuple[int, int, list[int]]:
    """Rows from and up to which the picture around the fiber goes, and those in which a line crosses the fiber."""
    levels = np.ascontiguousarray(levels)
    up, down = cv2.subtract(levels[1:], levels[:-1]), cv2.subtract(levels[:-1], levels[1:])
    needed = LINE_SHARE * levels.shape[1]
    rises, falls = ((part > LINE_STEP * 255).sum(axis=1) >= needed for part in (up, down))
    rows = np.flatnonzero(rises | falls) + 1  # the first row after the step
    above, below = rows[rows <= centre - radius], rows[rows >= centre + radius]
    across = rows[(rows > centre - radius) & (rows < centre + radius)]
    back = [int(r) for r in across if (falls if rises[r - 1] else rises)[r : r + LINE_PX].any()]
    return int(above.max(initial=0)), int(below.min(initial=len(levels))), back
