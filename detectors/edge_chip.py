"""Edge chips: grey levels along the cladding edge that depart from the clean edge by a good part of its step."""

import cv2
import numpy as np

from records import Mask, Residual


def detect(residual: Residual, *, inside_px: float, outside_px: float, min_step_share: float, min_area_px: float) -> Mask:
    """Chips, where the edge is broken away or smeared.

    Parameters
    ----------
    residual : window of the picture; `gray` is read, since a badly chipped edge raises its own noise estimate
    inside_px, outside_px : width of the band on either side of the cladding edge that is walked
    min_step_share : least departure as a share of the grey step across the edge
    min_area_px : least area of a departure

    Returns
    -------
    (h, w) bool
    """
    distance = (residual.rho - 1) * residual.cladding_radius_px
    band = (distance > -inside_px) & (distance < outside_px)
    departure = np.abs(cv2.GaussianBlur(residual.gray, (0, 0), 0.8)) > min_step_share * residual.cladding_step
    count, labels, stats, _ = cv2.connectedComponentsWithStats((departure & band).astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= min_area_px
    large[0] = False
    return large[labels]
