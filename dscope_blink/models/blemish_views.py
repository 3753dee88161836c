"""What a network of blemishes is shown of a residual, in training and in use, and how its answers come together.

The fiber and its edge as they are, and what lies around them at half the scale: marks out there count when they are
large, and there is three times as much of it.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from dscope_blink.records import CLASSIFICATIONS, FloatImage, Mask, Residual

KINDS = ("none", *CLASSIFICATIONS)
CHANNELS = 2  # of `network_input`
SNR_CLIP = 20.0  # sigmas: a mark that stands out more is no more of one
SNR_SCALE = 5.0  # sigmas: such a departure is 1
FAR_RHO = 2.0  # cladding radii: all that lies further off is one zone
EDGE_PX = 6.0  # to either side of the cladding edge, where chips are looked for and other marks are not
NEAR_RHO = 1.06  # cladding radii: the fiber and its edge, which are shown as they are; what lies further off, halved
CONTEXT_PX = 4  # that are shown around them


def network_input(residual: Residual) -> FloatImage:
    """What a network is shown of a residual, the same in training and in use.

    Parameters
    ----------
    residual : window of a picture, (h, w)

    Returns
    -------
    (2, h, w) float32: how far each pixel stands out, in fives of its sigmas and clipped, beside the cladding edge by
    the noise that a broken edge does not raise, 0 where no mark is looked for; and its distance from the centre, in
    halves of cladding radii and clipped. Never scaled by the fiber: size is what is measured.
    """
    seen = np.empty((CHANNELS, *residual.snr.shape), np.float32)
    stands_out, zone = seen
    np.copyto(stands_out, residual.edge_snr)
    np.copyto(stands_out, residual.snr, where=residual.inside)
    np.clip(stands_out, -SNR_CLIP, SNR_CLIP, out=stands_out)
    stands_out /= np.float32(SNR_SCALE)
    stands_out[~searched(residual)] = 0
    np.minimum(residual.rho, FAR_RHO, out=zone)
    zone /= np.float32(FAR_RHO)
    return seen


def searched(residual: Residual) -> Mask:
    """Where marks are looked for: as for all detectors, and beside the cladding edge; (h, w) bool."""
    beside_edge = np.abs(residual.rho - 1) * np.float32(residual.cladding_radius_px) < EDGE_PX
    looked = residual.inside | beside_edge
    return looked if residual.unseen is None else looked & ~residual.unseen


def by_views(seen: FloatImage, looked: Mask, say: Callable[[FloatImage], FloatImage]) -> FloatImage:
    """What a network says of a window: of the fiber as it is, of what lies around it from half the scale.

    Parameters
    ----------
    seen : (2, h, w) float32, as of `network_input`
    looked : (h, w) bool, where marks are looked for
    say : what the network says of a view, (2, h', w') to (6, h', w') float32 probabilities

    Returns
    -------
    (6, h, w) float32, 0..1; each pixel sums to 1, and is none of a mark where none is looked for
    """
    found = np.zeros((len(KINDS), *looked.shape), np.float32)
    near = looked & is_near(seen)
    if near.any():
        box = box_around(near)
        for kind, one in zip(found[1:], say(seen[:, *box])[1:], strict=True):
            np.copyto(kind[box], one, where=near[box])
    far = looked & ~near
    if far.any():
        box = box_around(far)
        for kind, half in zip(found[1:], say(halved(seen[:, *box]))[1:], strict=True):
            np.copyto(kind[box], doubled(half, far[box].shape), where=far[box])
    found[0] = np.maximum(1 - found[1:].sum(axis=0), 0)
    return found


def is_near(seen: FloatImage) -> Mask:
    """Which pixels, (h, w) bool, are shown to a network as they are; of what it is shown, (2, h, w)."""
    return np.asarray(seen[1] <= NEAR_RHO / FAR_RHO)


def box_around(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns that hold a mask, (h, w) bool, with what is shown around it; they begin at even ones."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return (
        slice(max(int(rows[0]) - CONTEXT_PX, 0) // 2 * 2, int(rows[-1]) + 1 + CONTEXT_PX),
        slice(max(int(columns[0]) - CONTEXT_PX, 0) // 2 * 2, int(columns[-1]) + 1 + CONTEXT_PX),
    )


def halved(seen: FloatImage) -> FloatImage:
    """The means of two by two pixels, (n, h, w) to (n, ceil(h / 2), ceil(w / 2)); a last odd one counts twice."""
    _, h, w = seen.shape
    even = [cv2.copyMakeBorder(one, 0, h % 2, 0, w % 2, cv2.BORDER_REPLICATE) for one in seen]
    return np.stack([cv2.resize(one, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for one in even])


def doubled(half: FloatImage, shape: tuple[int, ...]) -> FloatImage:
    """Back on the window of this shape that was halved, (h, w), straight lines between what was said."""
    h, w = half.shape
    return np.asarray(cv2.resize(half, (2 * w, 2 * h), interpolation=cv2.INTER_LINEAR)[: shape[0], : shape[1]])
