"""Picture -> quality and zones, residual -> confidence map and candidates; everything here is in pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

import ellipse_fit
from chaining import bridge_dashes
from components import components
from config_loader import DetectorSettings, Fusion, Preprocessing
from crossings import split_crossing
from detectors import DETECTORS
from fiber_coordinates import WorkingPicture, reduced_ellipse, window_around
from records import (
    ZONE_LETTERS,
    Candidate,
    Clipping,
    Ellipse,
    FloatImage,
    Mask,
    Quality,
    Residual,
    ZoneOutline,
    Zones,
)

FloatArray = NDArray[np.float64]


# --- preprocessing ----------------------------------------------------------------------------------------------------


def flatten(gray: FloatImage, flat_field: FloatImage | None) -> tuple[FloatImage, tuple[str, ...]]:
    """Divide by the flat field, if there is one that fits, keeping the mean level; and what there is to warn of.

    Parameters
    ----------
    gray, flat_field : (H, W) float32, 0..1

    Returns
    -------
    (H, W) float32, 0..1, and warnings
    """
    if flat_field is None:
        return gray, ()
    if flat_field.shape != gray.shape:
        (fh, fw), (h, w) = flat_field.shape, gray.shape
        return gray, (f"Flat field not applied: it must be of the picture's size {w} x {h}, it is {fw} x {fh}",)
    light = np.maximum(cv2.GaussianBlur(flat_field, (0, 0), FLAT_FIELD_BLUR_PX), np.float32(1e-3))
    return np.clip(gray * (light.mean() / light), 0, 1).astype(np.float32), ()


FLAT_FIELD_BLUR_PX = 1.0  # its noise must not be printed on the pictures, its dust must


def measure_quality(gray: FloatImage, settings: Preprocessing) -> Quality:
    """Saturation and illumination of a picture; its focus is measured at the fiber, once that is located.

    Parameters
    ----------
    gray : (H, W) float32, 0..1
    settings : limits from config.json
    """
    saturated = _share(gray >= settings.saturation_level)
    low = _share(gray < settings.illumination_tail)
    high = _share(gray > 1 - settings.illumination_tail)
    warnings = []
    for share, end in ((low, "lowest"), (high, "highest")):
        if share > settings.illumination_max_share:
            tail = f"{settings.illumination_tail:.0%}"
            warnings.append(
                f"Poor Illumination Warning: {share:.1%} of the pixels lie in the {end} {tail} of the range"
            )
    if saturated > settings.saturation_max_fraction:
        limit = settings.saturation_max_fraction
        warnings.append(
            f"Saturation Warning: {saturated:.1%} of the pixels are saturated, at most {limit:.0%} should be"
        )
    return Quality(None, saturated, tuple(warnings))


def _share(mask: Mask) -> float:
    return np.count_nonzero(mask) / max(mask.size, 1)


# --- zones ------------------------------------------------------------------------------------------------------------


def zone_map(
    shape: tuple[int, ...], outlines: Sequence[ZoneOutline], pixel_px: tuple[float, float] = (1.0, 1.0)
) -> Zones:
    """Label every pixel with the innermost zone whose outline holds its centre; a centre on the outline is inside.

    Parameters
    ----------
    shape : (H, W) of the picture whose pixels are labelled
    outlines : outer borders in pixels of the stored picture, from the innermost to the outermost
    pixel_px : pixels of the stored picture per pixel of this one, x and y

    Returns
    -------
    Zones with (H, W) uint8 labels: 0 outside all, else 1 + index in ZONE_LETTERS
    """
    labels = np.zeros(shape, np.uint8)
    for outline in reversed(outlines):
        ellipse = reduced_ellipse(outline.outer, pixel_px)
        (x0, y0), (h, w) = window_around(labels.shape, ellipse, 1.0)
        first, last = _row_ends(ellipse, np.arange(y0, y0 + h))
        x = np.arange(x0, x0 + w)
        labels[y0 : y0 + h, x0 : x0 + w][(x >= first) & (x <= last)] = 1 + ZONE_LETTERS.index(outline.letter)
    return Zones(labels, tuple(outlines))


def measure_clipping(picture: WorkingPicture, field: Residual, saturation_level: float) -> Clipping:
    """Pixels in which no mark can be seen, for they are black or saturated, in rings around the fiber.

    Rings, and not zones, so that any criteria can be judged by them.
    """
    (x, y), (h, w) = field.origin_px, field.rho.shape
    clear = cv2.inRange(picture.gray[y : y + h, x : x + w], 1 - saturation_level, saturation_level)
    rings = math.ceil(float(field.rho.max()) / RING_WIDTH)
    ends = [0.0, rings * RING_WIDTH]
    count, seen = (cv2.calcHist([field.rho], [0], mask, [rings], ends)[:, 0].astype(int) for mask in (None, clear))
    return Clipping(RING_WIDTH, tuple(count.tolist()), tuple((count - seen).tolist()))


RING_WIDTH = 0.02  # of the cladding radius: the zones of the published criteria end between two rings of 125 um fibers


def _row_ends(ellipse: Ellipse, y: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Where each row of pixels enters and leaves an ellipse, NaN where it passes by; each (rows, 1)."""
    cx, cy, p, q, s = ellipse_fit.to_form(ellipse)
    v = (y - cy)[:, None]
    with np.errstate(invalid="ignore"):
        half = np.sqrt((q * v) ** 2 - p * (s * v * v - 1 - ROUNDING)) / p
    middle = cx - q * v / p
    return middle - half, middle + half


ROUNDING = 1e-9  # of a form whose ellipse passes through the centre of a pixel: that is inside, however it is turned


# --- evidence and fusion ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """What each detector supports, and the weighted sum."""

    supports: Mapping[str, Mask]
    confidence: FloatImage


def gather_evidence(field: Residual, detectors: Mapping[str, DetectorSettings]) -> Evidence:
    """Run the enabled detectors on a residual and add their weights where they support a mark.

    Parameters
    ----------
    field : the residual of one picture
    detectors : settings by detector name

    Returns
    -------
    Evidence with (h, w) bool supports and a (h, w) float32 confidence map
    """
    enabled = {name: d for name, d in detectors.items() if d.enabled}
    supports = {name: DETECTORS[name](field, **d.settings) for name, d in enabled.items()}
    confidence = np.zeros(field.snr.shape, np.float32)
    for name, support in supports.items():
        confidence += np.float32(enabled[name].weight) * support
    return Evidence(supports, confidence)


def supports_in_picture(field: Residual, evidence: Evidence, shape: tuple[int, ...]) -> Mapping[str, Mask]:
    """What each detector marks, in the pixels of the stored picture.

    As for the candidates, only the walk along the cladding edge counts beside that edge: there the others see the edge.

    Parameters
    ----------
    field, evidence : of one picture
    shape : (H, W) of the stored picture

    Returns
    -------
    (H, W) bool by detector; a pixel is what the pixel of the residual is that holds its centre, False beyond its window
    """
    (rows, from_rows), (columns, from_columns) = (_matched(field, axis, shape[1 - axis]) for axis in (1, 0))
    found = {name: np.zeros(shape, bool) for name in evidence.supports}
    for name, support in evidence.supports.items():
        counted = support if name == EDGE_DETECTOR else support & field.inside
        found[name][rows, columns] = counted[np.ix_(from_rows, from_columns)]
    return found


def _matched(field: Residual, axis: int, size: int) -> tuple[slice, NDArray[np.intp]]:
    """Which of the `size` stored pixels along x (0) or y (1) a residual covers, and its pixel at each of them."""
    index = np.floor((np.arange(size) + 0.5) / field.pixel_px[axis]).astype(np.intp) - field.origin_px[axis]
    covered = np.flatnonzero((index >= 0) & (index < field.snr.shape[1 - axis]))
    here = slice(int(covered[0]), int(covered[-1]) + 1)
    return here, index[here]


def confidence_map(field: Residual, evidence: Evidence, shape: tuple[int, ...], settings: Fusion) -> FloatImage:
    """The evidence as far as it counts, over the whole picture.

    Beside the cladding edge only the walk along that edge counts, as for the candidates.

    Parameters
    ----------
    field, evidence : of one picture
    shape : (H, W) of the working picture
    settings : from config.json

    Returns
    -------
    (H, W) float32, evidence over what makes a mark: 1 just makes one, 0 where none is sought
    """
    counted = field.inside | evidence.supports.get(EDGE_DETECTOR, np.zeros(field.inside.shape, bool))
    strength = np.zeros(shape, np.float32)
    (x, y), (h, w) = field.origin_px, counted.shape
    strength[y : y + h, x : x + w] = np.where(counted, evidence.confidence / np.float32(settings.threshold), 0)
    return strength


def find_candidates(field: Residual, evidence: Evidence, settings: Fusion) -> tuple[Candidate, ...]:
    """Threshold the confidence map, grow by hysteresis, and cut each mark out at its outline.

    Parameters
    ----------
    field, evidence : of one picture
    settings : from config.json

    Returns
    -------
    Candidates in pixels of the picture, each with the share of it that every detector supports
    """
    chips = evidence.supports.get(EDGE_DETECTOR, np.zeros(field.snr.shape, bool))
    agreed = (evidence.confidence >= settings.threshold) & field.inside
    marks = (_grown(field, agreed, settings) if settings.grow else agreed) | chips
    marks = bridge_dashes(marks, settings.dash_min_aspect_ratio, settings.dash_max_gap_px, settings.dash_max_turn_deg)
    joined = cv2.dilate(marks.astype(np.uint8), np.ones((settings.join_px, settings.join_px), np.uint8))
    regions = components(joined.astype(bool))
    found = []
    for k, (x, y, w, h) in enumerate(regions.boxes_px.tolist(), 1):
        whole = _filled((regions.labels[y : y + h, x : x + w] == k) & marks[y : y + h, x : x + w])
        for mask in split_crossing(whole, settings.cross_min_arm_px, settings.dash_max_turn_deg):
            if mask.sum() >= settings.min_area_px and _rises(field, mask, (x, y), settings):
                found.append(_candidate(mask, (x, y), field, evidence, chips, settings))
    return tuple(found)


EDGE_DETECTOR = "edge_chip"


def _grown(field: Residual, seeds: Mask, settings: Fusion) -> Mask:
    """Weaker surroundings connected to the seeds, cut at a share of the local peak contrast."""
    height = np.abs(field.snr)
    regions = components((height > settings.weak_snr) & field.inside)
    grown = cv2.copyTo(height, regions.only(regions.holding(seeds)).astype(np.uint8))
    peak = cv2.dilate(grown, np.ones((settings.peak_px, settings.peak_px), np.uint8))
    return grown > np.maximum(settings.outline_level * peak, settings.weak_snr)


def _filled(mask: Mask) -> Mask:
    """The mask without holes: the calm middle of a mark is part of it."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros(mask.shape, np.uint8), contours, -1, 1, cv2.FILLED).astype(bool)


def _rises(field: Residual, mask: Mask, corner: tuple[int, int], settings: Fusion) -> bool:
    """Whether the mark as a whole stands out: mean departure times the root of its area, as for a matched filter.

    The area counts in patches of independent noise, that of the smoothing.
    """
    x, y = corner
    snr = np.abs(field.snr[y : y + mask.shape[0], x : x + mask.shape[1]][mask])
    return float(snr.mean()) * math.sqrt(max(snr.size / PATCH_PX, 1.0)) >= settings.min_mark_snr


PATCH_PX = 12.0  # 4 pi sigma^2 for a smoothing of one pixel


def _candidate(
    mask: Mask, corner: tuple[int, int], field: Residual, evidence: Evidence, chips: Mask, settings: Fusion
) -> Candidate:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    mask = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    x, y = corner[0] + int(columns[0]), corner[1] + int(rows[0])
    here = np.s_[y : y + mask.shape[0], x : x + mask.shape[1]]
    shares = {name: float(support[here][mask].mean()) for name, support in evidence.supports.items()}
    by_edge = np.abs(field.rho[here][mask] - 1) < settings.edge_band_share
    on_edge = bool(chips[here][mask].mean() >= settings.edge_min_share and by_edge.mean() > 0.5)
    box = (x + field.origin_px[0], y + field.origin_px[1], mask.shape[1], mask.shape[0])
    return Candidate(box, mask, shares, on_edge)
