"""Residual -> evidence of the detectors -> confidence map -> candidates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import LEARNED_DETECTOR, DetectorSettings, Fusion
from dscope_blink.detectors.regions import Regions, label_regions, regions_of
from dscope_blink.detectors.registry import support_of
from dscope_blink.detectors.support import MARKED_FROM, marked
from dscope_blink.image_processing import line_marks, seen_marks
from dscope_blink.image_processing.crossing_lines import split_crossing
from dscope_blink.image_processing.dashes import bridge_dashes
from dscope_blink.image_processing.outlining import PATCH_PX, outlined
from dscope_blink.models.blemish_views import EDGE_PX
from dscope_blink.records import Candidate, FloatImage, Mask, Residual


@dataclass(frozen=True, slots=True)
class Evidence:
    """How strongly each detector supports a mark, and the weighted sum; all arrays are (h, w) float32."""

    supports: Mapping[str, FloatImage]  # 0..1
    confidence: FloatImage


def gather_evidence(field: Residual, detectors: Mapping[str, DetectorSettings], config_dir: Path) -> Evidence:
    """Run the enabled detectors on a residual and add up their support, each times its weight.

    Parameters
    ----------
    field : the residual of one picture
    detectors : settings by detector name
    config_dir : folder of the configuration, for the files that a detector reads

    Raises
    ------
    UserError : a detector is not installed, or broken
    ValueError : a detector returned no support
    """
    supports, confidence = {}, np.zeros(field.snr.shape, np.float32)
    for name, detector in detectors.items():
        if detector.enabled:
            supports[name] = support_of(name, field, detector.settings, config_dir)
            cv2.scaleAdd(supports[name], detector.weight, confidence, confidence)  # in one pass over the picture
    return Evidence(supports, confidence)


def supports_in_picture(field: Residual, evidence: Evidence, shape: tuple[int, ...]) -> Mapping[str, FloatImage]:
    """What each detector supports, in the pixels of the stored picture.

    As for the candidates, only chips count beside the cladding edge: there the other detectors see the edge.

    Parameters
    ----------
    field, evidence : of one picture
    shape : (H, W) of the stored picture

    Returns
    -------
    (H, W) float32 by detector; a pixel is what the pixel of the residual is that holds its centre, 0 beyond its window
    """
    counts = {EDGE_DETECTOR: np.ones_like(field.inside), LEARNED_DETECTOR: field.inside | _seen_chips(field)}
    counted = {name: support * counts.get(name, field.inside) for name, support in evidence.supports.items()}
    return {name: in_picture(field, support, shape) for name, support in counted.items()}


def in_picture(field: Residual, image: FloatImage, shape: tuple[int, ...]) -> FloatImage:
    """An image on the window of a residual in the pixels of the stored picture.

    Parameters
    ----------
    field : the residual
    image : (h, w) float32, pixel by pixel of it
    shape : (H, W) of the stored picture

    Returns
    -------
    (H, W) float32; a pixel is what the pixel of the residual is that holds its centre, 0 beyond its window
    """
    (rows, from_rows), (columns, from_columns) = (_matched(field, axis, shape[1 - axis]) for axis in (1, 0))
    found = np.zeros(shape, np.float32)
    found[rows, columns] = image[from_rows][:, from_columns]  # in two steps, half the time of one
    return found


def _matched(field: Residual, axis: int, size: int) -> tuple[slice, NDArray[np.intp]]:
    """Which of the `size` stored pixels along x (0) or y (1) a residual covers, and its pixel at each of them."""
    index = np.floor((np.arange(size) + 0.5) / field.pixel_px[axis]).astype(np.intp) - field.origin_px[axis]
    covered = np.flatnonzero((index >= 0) & (index < field.snr.shape[1 - axis]))
    here = slice(int(covered[0]), int(covered[-1]) + 1)
    return here, index[here]


def confidence_map(field: Residual, evidence: Evidence, shape: tuple[int, ...], settings: Fusion) -> FloatImage:
    """The evidence as far as it counts, over the whole picture.

    Beside the cladding edge only chips count, as for the candidates.

    Parameters
    ----------
    field, evidence : of one picture
    shape : (H, W) of the working picture
    settings : from config.json

    Returns
    -------
    (H, W) float32, evidence over what makes a mark: 1 just makes one, 0 where none is sought
    """
    counted = field.inside | _chips(field, evidence)
    lines = _alone(evidence, LINE_DETECTOR) & field.inside
    strength = np.zeros(shape, np.float32)
    (x, y), (h, w) = field.origin_px, counted.shape
    here = np.where(counted, evidence.confidence / np.float32(settings.threshold), 0)
    strength[y : y + h, x : x + w] = np.where(lines, np.maximum(here, 1), here)
    return strength


def find_candidates(
    field: Residual, evidence: Evidence, settings: Fusion, um_per_px: float | None = None
) -> tuple[Candidate, ...]:
    """Threshold the confidence map, grow by hysteresis, and cut each mark out at its outline.

    Parameters
    ----------
    field, evidence : of one picture
    settings : from config.json
    um_per_px : of the residual; None: that of a cladding of 125 um

    Returns
    -------
    Candidates in pixels of the picture, each with how far every detector supports it
    """
    um_per_px = um_per_px or USUAL_CLADDING_UM / (2 * field.cladding_radius_px)
    chips, lines = _chips(field, evidence), _alone(evidence, LINE_DETECTOR)
    agreed = (evidence.confidence >= settings.threshold) & field.inside
    labels = outlined(field, agreed, chips, settings) if settings.grow else label_regions(agreed | chips).labels
    gap_px = settings.dash_max_gap_um / um_per_px
    labels = bridge_dashes(labels, settings.dash_min_aspect_ratio, gap_px, settings.dash_max_turn_deg)
    lines, left = line_marks.apart(lines & field.inside, labels > 0)
    found = [
        _candidate(mask, corner, field, evidence, chips, settings)
        for mask, corner in _cut_out(regions_of(np.where(left, labels, 0)), field, settings)
        if _rises(field, mask, corner, settings)
    ]
    found += [
        replace(
            _candidate(mask, corner, field, evidence, chips, settings),
            on_edge=False,
            sum_snr=_rise(abs(float(_within(field, mask, corner).mean())), mask),
        )
        for mask, corner in _cut_out(label_regions(lines), field, settings)
    ]
    support = evidence.supports.get(LEARNED_DETECTOR)
    if support is not None:
        centre = field.rho * np.float32(field.cladding_radius_px) < CENTRE_PX
        seen = label_regions(seen_marks.unshown(support, _covered(field, found), field.inside, centre))
        found += [
            _candidate(mask, corner, field, evidence, chips, settings)
            for mask, corner in _cut_out(label_regions(seen.only(seen.holding(agreed))), field, settings)
            if _rise(abs(float(_within(field, mask, corner).mean())), mask) >= SEEN_RISE * settings.min_mark_snr
        ]
    return tuple(found)


def _covered(field: Residual, found: Sequence[Candidate]) -> Mask:
    """The pixels of the residual that candidates hold."""
    covered = np.zeros_like(field.inside)
    for one in found:
        (x, y), (h, w) = (np.subtract(one.bbox_px[:2], field.origin_px).tolist(), one.mask.shape)
        covered[y : y + h, x : x + w] |= one.mask
    return covered


def _within(field: Residual, mask: Mask, corner: tuple[int, int]) -> FloatImage:
    """The residual at the pixels of a mark, in sigmas; (pixels,)."""
    x, y = corner
    return field.snr[y : y + mask.shape[0], x : x + mask.shape[1]][mask]


def _rise(mean_snr: float, mask: Mask) -> float:
    """Mean departure times the root of the area in patches of independent noise, as for a matched filter."""
    return mean_snr * math.sqrt(max(np.count_nonzero(mask) / PATCH_PX, 1.0))


def _cut_out(marks: Regions, field: Residual, settings: Fusion) -> Iterator[tuple[Mask, tuple[int, int]]]:
    """The mask of each mark, and the x and y of its corner."""
    if not len(marks.starts):
        return
    for k, (x, y, w, h) in enumerate(marks.boxes_px.tolist()):
        whole = _filled(marks.mask_of(k), field.rho[y : y + h, x : x + w])
        for mask in split_crossing(whole, settings.cross_min_arm_px, settings.dash_max_turn_deg):
            if mask.sum() >= settings.min_area_px:
                yield mask, (x, y)


USUAL_CLADDING_UM = 125.0

SEEN_RISE = 0.65  # of what makes a mark, where a network alone sees it: with 0.5 three of seven clean claddings got one
CENTRE_PX = 1.0  # from the centre of the fiber: the pixels at it
TOUCH_PX = 2.5  # as `edge_chip` has it: what lies farther from the edge has not broken it
EDGE_DETECTOR = "edge_chip"  # the walk along the cladding edge
LINE_DETECTOR = "faint_lines"  # sums along lines


def _alone(evidence: Evidence, name: str) -> Mask:
    """What a detector marks that needs no other to agree."""
    support = evidence.supports.get(name)
    return np.zeros(evidence.confidence.shape, bool) if support is None else marked(support)


def _chips(field: Residual, evidence: Evidence) -> Mask:
    """What breaks the cladding edge: what the walk along it marks, or, without that walk, what a network sees touch it.

    Both together would break two of seven clean edges of photographs.
    """
    return _alone(evidence, EDGE_DETECTOR) if EDGE_DETECTOR in evidence.supports else _seen_chips(field)


def _seen_chips(field: Residual) -> Mask:
    """What a network takes for a mark, of whatever kind, in the band along the cladding edge, if it touches that.

    Of whatever kind, because only the edge tells a chip from a pit; the kind comes from all of the mark.
    """
    if field.kinds is None:
        return np.zeros_like(field.inside)
    off_px = np.abs(field.rho - 1) * np.float32(field.cladding_radius_px)
    regions = label_regions((field.kinds[0] <= 1 - MARKED_FROM) & (off_px < EDGE_PX))
    return regions.only(regions.holding(off_px < TOUCH_PX))


def _filled(mask: Mask, rho: FloatImage) -> Mask:
    """The mask without holes: the calm middle of a mark is part of it, but not the fiber that it lies around."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = cv2.drawContours(np.zeros(mask.shape, np.uint8), contours, -1, 1, cv2.FILLED).astype(bool)
    fiber = rho < 1
    if (mask & fiber).any() or not (whole & fiber).any():
        return whole
    holes = label_regions(whole & ~mask)
    return whole & ~holes.only(holes.holding(fiber))


def _rises(field: Residual, mask: Mask, corner: tuple[int, int], settings: Fusion) -> bool:
    """Whether the mark as a whole stands out.

    A speck has no area to speak of, and stands out by its height at the scale of specks.
    """
    if _rise(float(np.abs(_within(field, mask, corner)).mean()), mask) >= settings.min_mark_snr:
        return True
    return _speck_snr(field.snr, mask, corner) >= settings.min_speck_snr


def _speck_snr(snr: FloatImage, mask: Mask, corner: tuple[int, int]) -> float:
    """Largest departure within a mark once smoothed further, as a matched filter of specks of four pixels does it."""
    top, left = max(corner[1] - SPECK_MARGIN_PX, 0), max(corner[0] - SPECK_MARGIN_PX, 0)
    around = snr[top : corner[1] + mask.shape[0] + SPECK_MARGIN_PX, left : corner[0] + mask.shape[1] + SPECK_MARGIN_PX]
    smooth = cv2.GaussianBlur(around, (0, 0), SPECK_SMOOTH_PX)
    here = smooth[corner[1] - top :, corner[0] - left :][: mask.shape[0], : mask.shape[1]]
    return float(np.abs(here[mask]).max())


SPECK_SMOOTH_PX = 1.12  # on top of the pixel of the residual: 1.5 in all, the best filter for a disc of 4 to 5 pixels
SPECK_MARGIN_PX = 4


WIDEST_EDGE_BAND_PX = 14.4  # a chip reaches not much further than the walk along the edge, however large the fiber


def _candidate(
    mask: Mask, corner: tuple[int, int], field: Residual, evidence: Evidence, chips: Mask, settings: Fusion
) -> Candidate:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    mask = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    x, y = corner[0] + int(columns[0]), corner[1] + int(rows[0])
    here = np.s_[y : y + mask.shape[0], x : x + mask.shape[1]]
    area = int(np.count_nonzero(mask))
    shares = {
        name: float(support[here][mask].sum(dtype=np.float64)) / area for name, support in evidence.supports.items()
    }
    band = min(settings.edge_band_share, WIDEST_EDGE_BAND_PX / field.cladding_radius_px)
    by_edge = np.abs(field.rho[here][mask] - 1) < band
    on_edge = bool(chips[here][mask].mean() >= settings.edge_min_share and by_edge.mean() > 0.5)
    box = (x + field.origin_px[0], y + field.origin_px[1], mask.shape[1], mask.shape[0])
    return Candidate(box, mask, shares, on_edge, kinds=_kinds(field, here, mask))


def _kinds(field: Residual, here: tuple[slice, ...], mask: Mask) -> tuple[float, ...] | None:
    """Mean probability of each kind over a mark, as a network has it."""
    if field.kinds is None:
        return None
    return tuple(kind[here][mask].mean(dtype=np.float64).item() for kind in field.kinds)
