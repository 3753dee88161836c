"""The two fields of a video frame, taken one after the other: what moved in between is a comb of even and odd rows."""

from __future__ import annotations

import numpy as np

from dscope_blink.records import Ellipse, FloatImage, Notice, notice

BAND = 0.3  # of the cladding's height: there its edge runs down the picture, across the shift
REACH = 1.2  # of its width
COMBED = 1.5  # squared difference of neighbouring rows over that of the next but one: noise has 1, what is drawn less
LARGEST_PX = 32


def field_shift(gray: FloatImage, cladding: Ellipse) -> float | None:
    """How far odd rows lie to the right of even ones, where they do.

    Rows of one field, which lie two apart, are then more alike than neighbours. So they are where the level of every
    other row differs, but that is no shift: the best match lies at less than half a pixel.

    Parameters
    ----------
    gray : (H, W) float32, 0..1, as decoded
    cladding : around whose sides it is measured

    Returns
    -------
    Pixels, signed; None where there is no shift of half a pixel or more
    """
    (cx, cy), (w, h) = cladding.center_px, cladding.extent_px
    top, left = max(round(cy - BAND * h / 2), 0), max(round(cx - REACH * w / 2), 0)
    band = gray[top : round(cy + BAND * h / 2), left : round(cx + REACH * w / 2)]
    if len(band) < 3 or band.shape[1] <= 3 * LARGEST_PX:
        return None
    neighbours, same_field = band[1:-1] - band[:-2], band[2:] - band[:-2]
    if float(np.vdot(neighbours, neighbours)) <= COMBED * float(np.vdot(same_field, same_field)):
        return None
    shift = _best_shift(band[1:-1], (band[:-2] + band[2:]) * np.float32(0.5))
    return None if abs(shift) < LEAST_PX else shift if top % 2 == 0 else -shift


LEAST_PX = 0.5


def _best_shift(rows: FloatImage, others: FloatImage) -> float:
    """To the right, of every other of `rows`, from the first on, against the mean of the rows above and below it."""
    odd, even = rows[::2], others[::2, LARGEST_PX:-LARGEST_PX]
    width = even.shape[1]
    costs = [float(((odd[:, k : k + width] - even) ** 2).mean()) for k in range(2 * LARGEST_PX + 1)]
    best = int(np.clip(np.argmin(costs), 1, 2 * LARGEST_PX - 1))
    left, least, right = costs[best - 1 : best + 2]
    curvature = left - 2 * least + right
    return best - LARGEST_PX + ((left - right) / (2 * curvature) if curvature > 0 else 0.0)


def shift_warnings(shift_px: float | None) -> tuple[Notice, ...]:
    """What there is to say of a shift between the fields."""
    if shift_px is None:
        return ()
    text = f"odd rows lie {abs(shift_px):.1f} px to the {'right' if shift_px > 0 else 'left'} of even ones"
    return (notice("interlaced", f"{text}; use a progressive camera, or hold the fiber still"),)
