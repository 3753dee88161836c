"""Whether a picture shows a blank surface, so that others may be divided by it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import FlatFieldSettings
from dscope_blink.records import FloatImage

SHORT_SIDE = 48  # of the reduced picture: a cell is large enough to show no noise, and dust only where there is much
# Degree of the polynomial that light falls off by: with 6, rendered light that loses two thirds towards the corners
# departs in less than 1 % of the picture, the photographs of end faces in more than 20 %.
DEGREE = 6


def why_not_blank(light: FloatImage, saturation_level: float, settings: FlatFieldSettings) -> str:
    """Why a picture cannot be a flat field, with what to do; empty if it can.

    Parameters
    ----------
    light : (H, W) float32, 0..1, the mean of many frames
    saturation_level : grey level, 0..1, from which a pixel is saturated
    settings : the limits
    """
    saturated = float((light >= saturation_level).mean())
    if saturated > settings.max_saturated_share:
        most = settings.max_saturated_share
        return f"saturated: {saturated:.1%} of the pixels, at most {most:.1%} may be; expose less"
    level = float(light.mean())
    if level < settings.min_level:
        return f"too dark: its mean level is {level:.0%} of the range, {settings.min_level:.0%} are needed; expose more"
    share = float((np.abs(structure(light)) > settings.max_structure).mean())
    if share > settings.max_structure_share:
        return (
            f"not blank: {share:.1%} of the picture depart by more than {settings.max_structure:.0%} from smooth light,"
            f" at most {settings.max_structure_share:.1%} may; show an empty surface, out of focus"
        )
    return ""


def structure(light: FloatImage) -> NDArray[np.float64]:
    """What smooth light does not explain, as share of it.

    Parameters
    ----------
    light : (H, W) float32, 0..1, not all black

    Returns
    -------
    (h, w) float64 of the reduced picture
    """
    small = _reduced(light)
    y, x = (np.linspace(-1, 1, n) for n in small.shape)
    terms = [np.outer(y**i, x**j).ravel() for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]
    basis = np.stack(terms, axis=1)  # (h * w, n_terms)
    weights, *_ = np.linalg.lstsq(basis, small.ravel(), rcond=None)
    smooth = np.maximum((basis @ weights).reshape(small.shape), DARKEST * small.mean())
    return small / smooth - 1


DARKEST = 0.05  # share of the mean: below it the fit says nothing of the light


def _reduced(light: FloatImage) -> NDArray[np.float64]:
    height, width = light.shape
    shrink = SHORT_SIDE / min(height, width)
    size = (max(round(width * shrink), 1), max(round(height * shrink), 1))
    return np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA), np.float64)
