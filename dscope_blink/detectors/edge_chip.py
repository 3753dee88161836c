"""Edge chips: grey levels along the cladding edge that depart from those of a clean edge."""

from __future__ import annotations

import numpy as np

from dscope_blink.detectors.regions import label_regions
from dscope_blink.records import FloatImage, Mask, Residual


def detect(
    residual: Residual, *, inside_px: float, outside_px: float, touch_px: float, min_snr: float, min_area_px: float
) -> FloatImage:
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
    (h, w) float32, 1 where it supports a mark, else 0
    """
    departs = (residual.edge_snr > min_snr) | (residual.edge_snr < -min_snr)
    strong = departs & _band(residual, inside_px, outside_px)
    departures = label_regions(strong)
    touching = departures.holding(_band(residual, touch_px, touch_px))
    return departures.only(touching & (departures.areas_px >= min_area_px)).astype(np.float32)


def _band(residual: Residual, inside_px: float, outside_px: float) -> Mask:
    """What lies so near the cladding edge."""
    unit = 1 / residual.cladding_radius_px
    return (residual.rho > 1 - inside_px * unit) & (residual.rho < 1 + outside_px * unit)
