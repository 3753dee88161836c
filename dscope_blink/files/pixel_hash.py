"""The hash of what was decoded: the same for copies of a picture that were stored in other bytes."""

from __future__ import annotations

import hashlib

import numpy as np

from dscope_blink.files.decoding import Picture

ROWS = 512  # are copied at once: of a large picture there is no second one in memory


def pixels_sha256(picture: Picture) -> str:
    """The sha256 of shape, type and levels.

    Parameters
    ----------
    picture : (H, W) or (H, W, 3) uint8 or uint16; three equal channels count as one, for that is how they look

    Returns
    -------
    64 hexadecimal digits
    """
    levels = picture[..., 0] if picture.ndim == 3 and _is_grey(picture) else picture
    digest = hashlib.sha256(f"{levels.dtype.name} {levels.shape}".encode())
    for row in range(0, len(levels), ROWS):
        digest.update(np.ascontiguousarray(levels[row : row + ROWS]).data)
    return digest.hexdigest()


def _is_grey(picture: Picture) -> bool:
    parts = (picture[row : row + ROWS] for row in range(0, len(picture), ROWS))
    return all(bool((part == part[..., :1]).all()) for part in parts)
