"""What is drawn of a face beside the archetype: light of the rings, departures and likeness, place by place."""

from __future__ import annotations

import numpy as np

from dscope_blink.image_processing.departures import FaceScore, Normal, ring_limits_of, ring_medians
from dscope_blink.image_processing.face_frame import FaceFrame
from dscope_blink.image_processing.similarity import Similarity
from dscope_blink.records import ComparisonMaps


def comparison_maps(
    face: FaceFrame, model: Normal, score: FaceScore, alike: Similarity, absolute: float
) -> ComparisonMaps:
    """Bring together what a figure shows of a comparison.

    Parameters
    ----------
    face : in the frame of the model
    model : what normal is
    score, alike : of the face by the model
    absolute : departures below this share of the median light are none
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        brighter = np.nanmedian(face.light / model.archetype)
    light, normal = (ring_medians(one, model.radius_px) for one in (face.light / brighter, model.archetype))
    limits = ring_limits_of(model, absolute)
    return ComparisonMaps(
        face.to_picture, model.radius_px, model.archetype, alike.map, score.map, light, normal, limits[0], score.rings
    )
