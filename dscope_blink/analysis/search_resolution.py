"""How fine marks are sought: by what the limits, the optics and the fiber ask for; needs no pixels."""

from __future__ import annotations

from collections.abc import Sequence

from dscope_blink.analysis.gradability import smallest_limit_um
from dscope_blink.config.settings import ResidualSettings
from dscope_blink.records import CladdingFit, Criteria, Scale

EVERY_MARK_UM = 2.0  # where any mark of any size breaks a limit: the smallest size that a published class names

PIXELS_PER_BLUR = 2.0  # so that the smoothing by one pixel adds an eighth to the blur


def search_cladding_px(
    cladding: CladdingFit, scale: Scale | None, criteria: Criteria, zones: Sequence[str], settings: ResidualSettings
) -> float:
    """Diameter of the cladding, in pixels, to which a picture that has more of them is reduced before marks are sought.

    On a fiber of 125 um that of the settings, for which the detectors are made. A larger fiber takes as many pixels as
    the smallest limit needs to be sized well, but none much finer than the blur of the optics: these show no more.

    Parameters
    ----------
    cladding : the located edge; its blur is that of the optics
    scale : None leaves the diameter of the settings
    criteria, zones : the limits, and the names of the zones in which they are held
    settings : from config.json
    """
    if scale is None:
        return settings.max_cladding_px
    diameter_px = cladding.ellipse.mean_diameter_px
    limit_um = smallest_limit_um(criteria, zones) or EVERY_MARK_UM
    by_limit_px = diameter_px * scale.um_per_px * settings.pixels_per_limit / limit_um
    return max(settings.max_cladding_px, min(by_limit_px, PIXELS_PER_BLUR * diameter_px / cladding.blur_px))
