"""Blemishes into photographs: what they change of an even surface is what they change of the picture."""

from __future__ import annotations

import numpy as np

from dscope_blink.files.decoding import Picture
from dscope_blink.records import Inspection, Points, stretched
from dscope_blink.synthetic.faces import EDGE_BLUR_PX, WHITE, FaceSpec

FLAT = 100.0  # grey level of the even surface on which marks for photographs are rendered
EVERY = 4  # one in so many points of an outline: near enough to each other to keep marks clear of all of it


def flat_face(inspection: Inspection) -> FaceSpec:
    """An even surface of 16 bits without noise where the program located a fiber, as sharp as its edge."""
    assert inspection.geometry is not None
    assert inspection.scale is not None
    assert inspection.image.width is not None
    assert inspection.image.height is not None
    scale, fit = inspection.scale, inspection.geometry.cladding
    face = stretched(fit.ellipse, (scale.um_per_px_x, scale.um_per_px_y))
    short, long = sorted(face.axes_px)  # in micrometres
    turn = face.angle_deg + (90 if face.axes_px[0] == short else 0)
    core = inspection.request.core_diameter_um
    return FaceSpec(
        shape=(inspection.image.height, inspection.image.width),
        centre_px=fit.ellipse.center_px,
        cladding_diameter_um=short,
        core_diameter_um=core or short / 2,
        um_per_px_x=scale.um_per_px_x,
        um_per_px_y=scale.um_per_px_y,
        axis_ratio=long / short,
        axis_angle_deg=turn,
        ferrule=FLAT,
        cladding=FLAT,
        core=FLAT,
        blur_px=max(fit.blur_px, EDGE_BLUR_PX),
        noise=0.0,
        bits=16,
    )


def reported_um(inspection: Inspection, spec: FaceSpec) -> Points:
    """Points on the marks that the untouched photograph has anyway, (N, 2), micrometres from the fiber centre."""
    outlines = [defect.contour_px[::EVERY] for defect in inspection.defects]
    points = np.concatenate([np.empty((0, 2)), *outlines])
    return np.asarray((points - spec.centre_px) * (spec.um_per_px_x, spec.um_per_px_y))


def painted(photograph: Picture, marks: Picture) -> Picture:
    """The photograph with the relative change that the marks make on the even surface.

    Parameters
    ----------
    photograph : (H, W) or (H, W, 3) uint8 or uint16
    marks : (H, W) uint16, rendered on `flat_face`

    Returns
    -------
    array of the shape and type of the photograph, clipped to its range
    """
    factor = marks / (FLAT / WHITE * np.iinfo(marks.dtype).max)
    factor = factor[..., None] if photograph.ndim == 3 else factor
    changed = np.clip(np.rint(photograph * factor), 0, np.iinfo(photograph.dtype).max)
    return np.asarray(changed.astype(photograph.dtype))
