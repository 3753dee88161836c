"""What the fiber itself does not explain, and the regions in it that may be marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dscope_blink.records.arrays import FloatImage, Mask, read_only
from dscope_blink.records.checks import require
from dscope_blink.records.kinds import CLASSIFICATIONS


@dataclass(frozen=True, slots=True)
class Residual:
    """What the fiber itself does not explain, on a window of the picture; all arrays are (h, w) float32 or bool.

    `snr` is what most detectors read: the smoothed residual in its own local sigmas, so that a threshold means the same
    in sharp, compressed and enlarged pictures; near zero on a clean face, its borders included.
    """

    origin_px: tuple[int, int]  # x, y of the window in the working picture
    pixel_px: tuple[float, float]  # pixels of the stored picture per pixel of the working picture, x and y
    gray: FloatImage  # picture minus background, grey levels 0..1
    snr: FloatImage  # smoothed gray / its local noise
    edge_snr: (
        FloatImage  # smoothed gray / noise beside the cladding edge, which a broken edge does not raise; 0 far off
    )
    background: FloatImage
    rho: FloatImage  # distance from the cladding centre in cladding radii
    cladding_radius_px: float
    blur_px: float  # sigma with which snr shows an edge: that of the optics and of the smoothing
    inside: Mask  # where marks are looked for: within reach and clear of the cladding edge's guard band
    departure: FloatImage | None = None  # from good faces, 1.0 the limit of the model; None: no model says anything
    kinds: FloatImage | None = None  # (6, h, w) probabilities of none and of each kind; None: no network says anything
    unseen: Mask | None = None  # where no mark can be seen: beyond a frame, drawn over, too dark; None: nowhere

    def __post_init__(self) -> None:
        for name in ("gray", "snr", "edge_snr", "background", "rho", "inside"):
            array = getattr(self, name)
            require(
                array.shape == self.snr.shape, f"{name} of shape {array.shape} must match snr of shape {self.snr.shape}"
            )
            object.__setattr__(self, name, read_only(array))
        for name in ("departure", "unseen"):
            array = getattr(self, name)
            if array is not None:
                require(
                    array.shape == self.snr.shape, f"{name} of shape {array.shape} must match snr of {self.snr.shape}"
                )
                object.__setattr__(self, name, read_only(array))
        if self.kinds is not None:
            wanted = (1 + len(CLASSIFICATIONS), *self.snr.shape)
            require(self.kinds.shape == wanted, f"kinds of shape {self.kinds.shape} must be {wanted}")
            object.__setattr__(self, "kinds", read_only(self.kinds))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One region that the detectors agree on, in pixels of the working picture; not yet measured or judged."""

    bbox_px: tuple[int, int, int, int]  # x, y, width, height
    mask: Mask  # (height, width) bool inside bbox_px
    evidence: Mapping[str, float]  # detector -> mean support over the region, 0..1
    on_edge: bool = False  # found by the walk along the cladding edge
    sum_snr: float | None = None  # of a line that stands by its sum, not by its pixels: how far that stands out
    kinds: tuple[float, ...] | None = None  # mean probability of none and of each kind; None: no network says anything

    def __post_init__(self) -> None:
        require(
            self.mask.shape == self.bbox_px[:1:-1],
            f"a mask of shape {self.mask.shape} does not fill its box {self.bbox_px}",
        )
        object.__setattr__(self, "mask", read_only(self.mask))
