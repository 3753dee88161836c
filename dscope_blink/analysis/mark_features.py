"""What the kind of a mark is told by: its outline, its centreline, its grey levels, and how it lies to the edge.

Lengths among them are in blurs, the sigma with which an edge is seen, so that they mean the same at every
magnification; most are ratios, which an outline drawn a little wider or narrower hardly moves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.records import Candidate, FloatImage, Mask, Points, Residual

FEATURES = (
    *("contrast", "solidity", "roundness", "flatness", "bright_share", "aspect_ratio", "jaggedness_px", "jaggedness"),
    *("peak_snr_log", "length_blurs", "width_blurs", "slenderness", "widest", "narrowest", "bow", "off_curve_blurs"),
    *("mean_turn_deg", "width_unevenness", "unevenness", "compactness", "branch_ends", "winding", "sharpness"),
    *("pair_share", "on_edge", "edge_gap_blurs", "rim_share", "beyond_share", "radial_share"),
    *("inward", "across_edge"),
)
LEAST_BLUR_PX = 1.0  # that of the smoothing: no edge is sharper
FAR_BLURS = 12.0  # from the cladding edge: farther away it makes no difference


def features_of(
    candidate: Candidate, contour: Points, relative: FloatImage, field: Residual, contrast: float, peak_snr: float
) -> Mapping[str, float]:
    """The features that a classification decides on, all but `aspect_ratio`.

    Parameters
    ----------
    candidate : the mark
    contour : its one outline, (N, 2) x, y in pixels
    relative : (h, w) float32 in its box, smoothed residual over background, 0 outside of the mark
    field : the residual that it was found on
    contrast : relative at its peak
    peak_snr : its peak in sigmas of the noise

    Returns
    -------
    Mapping of FEATURES, with `thickness_px`, to finite numbers; lengths as their names say, else ratios
    """
    blur_px, mask = max(field.blur_px, LEAST_BLUR_PX), candidate.mask
    height = np.abs(relative)
    slices = _Slices(mask, height)
    padded = cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    thickness_px = 2 * float(cv2.distanceTransform(padded, cv2.DIST_L2, 5).max()) - 1
    return {
        "contrast": contrast,
        "peak_snr_log": math.log10(peak_snr),
        "thickness_px": thickness_px,
        **_outline_features(mask, contour, relative, contrast),
        **slices.features(blur_px),
        **_branches(mask, thickness_px, slices.extent_px),
        **_grey_features(mask, relative, contrast, blur_px),
        **_edge_features(candidate, field, slices, blur_px),
    }


def _outline_features(mask: Mask, contour: Points, relative: FloatImage, contrast: float) -> Mapping[str, float]:
    values = relative[mask]
    outline = contour.astype(np.float32)
    perimeter = max(cv2.arcLength(outline, True), 1.0)
    hull = cv2.contourArea(cv2.convexHull(outline)) + perimeter / 2 + 1  # the contour runs through centres of pixels
    return {
        "solidity": min(values.size / hull, 1.0),
        "roundness": min(4 * math.pi * cv2.contourArea(outline) / perimeter**2, 1.0),
        "flatness": _quantile(np.abs(values), 0.5) / max(abs(contrast), 1e-6),
        "bright_share": float(np.count_nonzero(values > 0) / values.size),
    }


class _Slices:
    """A mark cut across its long axis into slices of SLICE_PX: where its middle lies in each, how wide and how high."""

    def __init__(self, mask: Mask, height: FloatImage) -> None:
        rows, columns = np.nonzero(mask)
        points = np.array([columns, rows], np.float64)
        points -= points.sum(axis=1, keepdims=True) / len(rows)
        moments, axes = np.linalg.eigh(points @ points.T / len(rows))
        self.axis = axes[:, 1]  # unit vector along the mark
        self.across, along = axes.T @ points
        along -= along.min()
        self.moments = moments + 1 / 12  # each point is a square pixel
        self.length_px = float(along.max())  # between the middles of the outermost pixels
        self.extent_px = self.length_px + 1
        place = (along / SLICE_PX).astype(int)
        self.count = np.bincount(place)
        self.used = self.count > 0  # between dashes there is nothing
        self.middle = (np.bincount(place, self.across)[self.used]) / self.count[self.used]
        heights = height[mask].astype(np.float64)
        weighed = np.maximum(np.bincount(place, heights)[self.used], 1e-12)
        self.crest = (
            np.bincount(place, heights * self.across)[self.used] / weighed
        )  # nearer to the line than its outline
        self.height = np.zeros(len(self.count))
        np.maximum.at(self.height, place, heights)

    def features(self, blur_px: float) -> Mapping[str, float]:
        widths = self.count[self.used] / SLICE_PX
        width = max(_quantile(widths, 0.5), 0.5)
        thin = widths <= THIN * width
        position = SLICE_PX * self.used.nonzero()[0].astype(np.float64)
        return {
            "length_blurs": self.extent_px / blur_px,
            "width_blurs": width / blur_px,
            "slenderness": self.extent_px / width,
            "widest": float(widths.max()) / width,
            "narrowest": _quantile(widths[1:-1], 0.1) / width if len(widths) > 2 else 1.0,
            "width_unevenness": _unevenness(widths),
            "bow": _off_line(position[thin], self.crest[thin]) / self.extent_px,
            "unevenness": _unevenness(self.height),
            "compactness": math.sqrt(self.moments[0] / self.moments[1]),
            **self._jaggedness(),
            **self._turns(position, thin, blur_px),
        }

    def _jaggedness(self) -> Mapping[str, float]:
        """Typical departure of the centreline from a smooth curve, in pixels and over its length."""
        if np.count_nonzero(self.used) < MIN_SLICES:
            return {"jaggedness_px": 0.0, "jaggedness": 0.0}
        rest = _off_smooth_curve(np.linspace(-1, 1, len(self.count))[self.used], self.middle)
        typical = 1.4826 * _quantile(np.abs(rest), 0.5)  # the median: a hook or a spot at one end does not count
        return {"jaggedness_px": typical, "jaggedness": typical / self.length_px}

    def _turns(self, position: NDArray[np.float64], thin: Mask, blur_px: float) -> Mapping[str, float]:
        """How often and how much the crest turns, beyond what a blur can tell from a smooth line."""
        if np.count_nonzero(thin) < MIN_SLICES:
            return {"off_curve_blurs": 0.0, "mean_turn_deg": 0.0}
        place, crest = position[thin], self.crest[thin]
        rest = _off_smooth_curve(place / max(float(place[-1]), 1.0) * 2 - 1, crest)
        line = np.stack([place, crest], axis=1).astype(np.float32)
        straight = cv2.approxPolyDP(line, CORNER_BLURS * blur_px, False).reshape(-1, 2)
        steps = np.diff(straight.astype(np.float64), axis=0)
        turns = np.abs(np.diff(np.degrees(np.arctan2(steps[:, 1], steps[:, 0]))))
        return {
            "off_curve_blurs": 1.4826 * _quantile(np.abs(rest), 0.5) / blur_px,
            "mean_turn_deg": float(turns.mean()) if len(turns) else 0.0,
        }


SLICE_PX = 2.0
MIN_SLICES = 8  # a shorter centreline has no shape of its own
THIN = 1.6  # times the typical width: wider slices hold a spot that lies on the line
CORNER_BLURS = 0.5  # a crest that stays within it of a straight line has no corner


def _quantile(values: NDArray[np.floating[Any]], share: float) -> float:
    """As np.quantile, in a fifth of its time: there are a dozen for each mark."""
    ordered = np.sort(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


def _unevenness(values: NDArray[np.float64]) -> float:
    """Standard deviation over mean of what is not negative, in a quarter of the time of NumPy's own two."""
    mean = float(values.sum()) / len(values)
    rest = values - mean
    return math.sqrt(float(rest @ rest) / len(values)) / max(mean, 1e-9)


def _off_line(position: NDArray[np.float64], middle: NDArray[np.float64]) -> float:
    """Root mean square distance from the straight line through the points."""
    if len(position) < 3:
        return 0.0
    along, across = position - position.sum() / len(position), middle - middle.sum() / len(middle)
    rest = across - along * (along @ across) / (along @ along)
    return math.sqrt(float(rest @ rest) / len(rest))


def _off_smooth_curve(position: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from a quartic that is fitted a second time without the quarter that fits it worst."""
    powers, kept = np.vander(position, 5), np.ones(len(position), bool)
    for share in (0.75, 1.0):
        factors, *_ = np.linalg.lstsq(powers[kept], centre[kept])
        rest = centre - powers @ factors
        kept = np.abs(rest) <= _quantile(np.abs(rest), share)
    return rest


def _branches(mask: Mask, thickness_px: float, extent_px: float) -> Mapping[str, float]:
    """Ends of the skeleton that are left when its spurs are pruned, and its length over that of the mark."""
    if extent_px < MIN_SLICES * SLICE_PX:
        return {"branch_ends": 2.0, "winding": 1.0}
    skeleton = cv2.ximgproc.thinning(255 * np.pad(mask, 2).astype(np.uint8)) // 255
    length = float(np.count_nonzero(skeleton))
    for _ in range(math.ceil(thickness_px / 2) + 2):  # as long as a spur that the outline's own roughness makes
        skeleton[(skeleton > 0) & (_neighbours(skeleton) <= 1)] = 0
    ends = np.count_nonzero((skeleton > 0) & (_neighbours(skeleton) == 1))
    return {"branch_ends": float(ends), "winding": length / extent_px}


def _neighbours(skeleton: NDArray[np.uint8]) -> NDArray[np.uint8]:
    count: NDArray[np.uint8] = cv2.filter2D(skeleton, -1, _AROUND, borderType=cv2.BORDER_CONSTANT)
    return count


_AROUND = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.float32)


def _grey_features(mask: Mask, relative: FloatImage, contrast: float, blur_px: float) -> Mapping[str, float]:
    values = relative[mask].astype(np.float64)
    bright, dark = float(np.maximum(values, 0).sum()), float(np.maximum(-values, 0).sum())
    pair = min(bright, dark) / max(bright + dark, 1e-12)
    slope = np.hypot(cv2.Sobel(relative, cv2.CV_32F, 1, 0), cv2.Sobel(relative, cv2.CV_32F, 0, 1)) / 8
    inner = cv2.erode(mask.view(np.uint8), _CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0).view(bool)
    steepest = _quantile(slope[inner], 0.9) if inner.any() else float(slope[mask].max())
    return {
        "sharpness": math.sqrt(2 * math.pi) * blur_px * steepest / max(abs(contrast), 1e-6),  # 1 for a blurred step
        "pair_share": pair,
    }


_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def _edge_features(candidate: Candidate, field: Residual, slices: _Slices, blur_px: float) -> Mapping[str, float]:
    """How the mark lies to the cladding edge; the sharp edge itself is a band of EDGE_BLURS to either side."""
    x, y = candidate.bbox_px[0] - field.origin_px[0], candidate.bbox_px[1] - field.origin_px[1]
    h, w = candidate.mask.shape
    rho = field.rho[y : y + h, x : x + w]
    from_edge = (rho[candidate.mask].astype(np.float64) - 1) * field.cladding_radius_px / blur_px  # positive outside
    gap, outwards = np.abs(from_edge), _outwards(field.rho, (x, y), (h, w))
    extent = slices.extent_px / blur_px
    inside, outside = float(-from_edge.min()), float(from_edge.max())
    return {
        "on_edge": float(candidate.on_edge),
        "edge_gap_blurs": min(float(gap.min()), FAR_BLURS),
        "rim_share": float(np.count_nonzero(gap < EDGE_BLURS) / gap.size),
        "beyond_share": float(np.count_nonzero(from_edge > 0) / gap.size),
        "radial_share": abs(float(slices.axis @ outwards)),
        "inward": min(max(inside, 0.0) / extent, 2.0),
        "across_edge": min(max(min(inside, outside), 0.0) / extent, 1.0),
    }


EDGE_BLURS = 4.0


def _outwards(rho: FloatImage, corner: tuple[int, int], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Unit vector away from the centre of the fiber in the middle of a box."""
    x, y = corner[0] + shape[1] // 2, corner[1] + shape[0] // 2
    y, x = min(max(y, 1), rho.shape[0] - 2), min(max(x, 1), rho.shape[1] - 2)
    slope = np.array([rho[y, x + 1] - rho[y, x - 1], rho[y + 1, x] - rho[y - 1, x]], np.float64)
    return slope / max(math.hypot(*slope), 1e-12)
