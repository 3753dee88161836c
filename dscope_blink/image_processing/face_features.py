"""A face in numbers: what each of FEATURES says of it, by zone; scikit-image computes co-occurrence.

They tell of a face whether it is of a family and what is odd about it as a whole; a small mark they hardly see.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dscope_blink.image_processing import face_shape, zone_levels, zone_spots, zone_textures, zone_waves
from dscope_blink.image_processing.face_frame import FaceFrame
from dscope_blink.image_processing.frame_zones import frame_zones, light_histograms
from dscope_blink.records import FiberGeometry, FloatImage, Inspection
from dscope_blink.records.features import Feature

FEATURES: tuple[Feature, ...] = (
    *face_shape.FEATURES,
    *zone_levels.FEATURES,
    *zone_textures.FEATURES,
    *zone_waves.FEATURES,
    *zone_spots.FEATURES,
)
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)


@dataclass(frozen=True, slots=True)
class FaceNumbers:
    """A face in numbers."""

    values: NDArray[np.float64]  # (n_feature,) in the order of FEATURES; NaN where nothing is seen or known
    histograms: FloatImage  # (n_zone, n_bin) float32, shares of light of core, cladding and ferrule


def face_features(face: FaceFrame, geometry: FiberGeometry, inspection: Inspection | None = None) -> FaceNumbers:
    """Measure all features of a face. Needs scikit-image.

    Parameters
    ----------
    face : in the frame
    geometry : the fiber as located in the picture
    inspection : the record of the same picture, whose marks are counted; None: marks are not told of
    """
    zones = frame_zones(face, geometry)
    values = [
        *face_shape.shape_features(zones, face, geometry, inspection),
        *zone_levels.level_features(zones),
        *zone_textures.texture_features(zones),
        *zone_waves.wave_features(zones),
        *zone_spots.spot_features(zones),
    ]
    assert len(values) == len(FEATURES)
    return FaceNumbers(np.array(values, np.float64), light_histograms(zones))


def gate_features(face: FaceFrame, geometry: FiberGeometry) -> NDArray[np.float64]:
    """(n_feature,) in the order of FEATURES, only those that tell families apart: in a small part of the time.

    Parameters
    ----------
    face : in the frame
    geometry : the fiber as located in the picture

    Returns
    -------
    Those of the shape, before marks are known; NaN for all others
    """
    values = np.full(len(FEATURES), np.nan)
    values[: len(face_shape.FEATURES)] = face_shape.shape_features(frame_zones(face, geometry), face, geometry, None)
    return values
