"""The features of a mark to its kind."""

from __future__ import annotations

from collections.abc import Mapping

from dscope_blink.config.settings import Classification


def classify(features: Mapping[str, float], on_edge: bool, settings: Classification) -> str:
    """The kind of a mark from its features.

    Parameters
    ----------
    features : as in Defect.features
    on_edge : whether it lies along the cladding edge
    settings : limits from config.json

    Returns
    -------
    One of records.CLASSIFICATIONS
    """
    if on_edge:
        return "chip"
    if features["aspect_ratio"] >= settings.scratch_min_aspect_ratio:
        jagged = features["jaggedness_px"] >= settings.crack_min_jaggedness_px
        return "crack" if jagged and features["jaggedness"] >= settings.crack_min_jaggedness else "scratch"
    compact = (
        features["roundness"] >= settings.pit_min_roundness
        and features["aspect_ratio"] <= settings.pit_max_aspect_ratio
        and features["solidity"] >= LEAST_SOLID
    )
    dark = features["contrast"] <= -settings.pit_min_contrast
    flat = features["flatness"] >= settings.pit_min_flatness
    return "pit_dig" if compact and dark and flat else "contamination"


LEAST_SOLID = 0.5  # of what lies within its outline: a ring around something is no pit
