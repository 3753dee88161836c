"""Edge chips: grey levels along the cladding edge that depart from those of a clean edge."""

import cv2
import numpy as np

from records import Mask, Residual


def detect(
    residual: Residual, *, inside_px: float, outside_px: float, touch_px: float, min_snr: float, min_area_px: float
) -> Mask:
    """Chips, where the edge is broken away or smeared.

    Parameters
    ----------
    residual : window of the picture; `edge_snr` is read
    inside_px, outside_px : width of the band on either side of the cladding edge that is walked
    touch_px : distance from the edge to which a departure must come: a mark beside the edge is no chip
    min_snr : least departure in sigmas
    min_area_px : least area of a departure

    Returns
    -------
    (h, w) bool
    """
    distance = (residual.rho - 1) * residual.cladding_radius_px
    band = (distance > -inside_px) & (distance < outside_px)
    strong = (np.abs(residual.edge_snr) > min_snr) & band
    count, labels, stats, _ = cv2.connectedComponentsWithStats(strong.astype(np.uint8), connectivity=8)
    touching = np.bincount(labels[strong & (np.abs(distance) <= touch_px)], minlength=count) > 0
    chips = touching & (stats[:, cv2.CC_STAT_AREA] >= min_area_px)
    chips[0] = False
    return chips[labels]
