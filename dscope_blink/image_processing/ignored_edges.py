"""Edges that are not to be compared place by place: where light is steep, a hair's breadth of place is a departure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dscope_blink.image_processing.face_frame import FaceFrame, radii_px


def without_edges(face: FaceFrame, core_ratio: float | None, cladding_um: float | None, width_um: float) -> FaceFrame:
    """The face with the edges of cladding and core unseen; the whole face where there is no scale.

    Parameters
    ----------
    face : in the frame
    core_ratio : core over cladding diameter; None: no core was seen, and only the edge of the cladding is left out
    cladding_um : diameter; None: there is no scale
    width_um : on either side of an edge; 0: nothing is left out
    """
    if cladding_um is None or width_um == 0:
        return face
    width = width_um * 2 * face.radius_px / cladding_um
    radii = radii_px(face.radius_px)
    edges = [float(face.radius_px), *([] if core_ratio is None else [core_ratio * face.radius_px])]
    unseen = np.any([np.abs(radii - edge) <= width for edge in edges], axis=0)
    return replace(face, light=np.where(unseen, np.float32(np.nan), face.light))
