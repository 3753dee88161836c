"""The shape of a mark by its pixels, the same whoever labelled it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from dscope_blink.records import Mask
from dscope_blink.training.tables import Column

HU = tuple(f"hu_{number}" for number in range(1, 8))
COLUMNS = (
    Column("area_px", "whole", "pixels whose centres its outline holds, without its holes"),
    Column("area_um2", "number", "the same area"),
    Column("perimeter_px", "number", "length of its border, by Crofton's formula in four directions"),
    Column("major_axis_px", "number", "long axis of the ellipse of the same second moments"),
    Column("major_axis_um", "number", "the same on the face"),
    Column("minor_axis_px", "number", "short axis of that ellipse; 0: a line of single pixels"),
    Column("minor_axis_um", "number", "the same on the face"),
    Column("diameter_px", "number", "of the smallest circle around its pixels"),
    Column("diameter_um", "number", "the same on the face"),
    Column("orientation_deg", "number", "of the long axis, from x, clockwise on the screen, 0 <= angle < 180"),
    Column("aspect_ratio", "number", "long over short axis, each at least a pixel"),
    Column("circularity", "number", "4 pi area / perimeter^2, at most 1, which a disc has"),
    Column("solidity", "number", "area over that of the convex hull"),
    Column("eccentricity", "number", "of the ellipse of the same second moments: 0 a circle, 1 a line"),
    *(Column(name, "number", "moment invariant of Hu, of the shape alone") for name in HU),
    Column("skeleton_length_px", "number", "length of its centreline with all branches"),
    Column("skeleton_length_um", "number", "the same on the face"),
    Column("straightness", "number", "extent of the centreline along its main axis over its length, at most 1"),
    Column("mean_width_px", "number", "of the ribbon of this area around its centreline"),
    Column("mean_width_um", "number", "the same on the face"),
    Column("holes", "whole", "number of pieces within it that are no part of it"),
    Column("holes_area_px", "whole", "their pixels"),
    Column("pieces", "whole", "number of pieces that it consists of; those that touch at a corner are one"),
)


def shape_of(mask: Mask, um_per_px: tuple[float, float] | None) -> Mapping[str, float | None]:
    """COLUMNS of a mark, NaN what is not measured.

    Parameters
    ----------
    mask : (h, w) bool, with at least one pixel
    um_per_px : x and y; None: no scale

    Notes
    -----
    Moment invariants: M.-K. Hu, "Visual Pattern Recognition by Moment Invariants", IRE Transactions on Information
    Theory 8(2), 1962, DOI 10.1109/TIT.1962.1057692. Centreline: T. Y. Zhang, C. Y. Suen, "A Fast Parallel Algorithm for
    Thinning Digital Patterns", Communications of the ACM 27(3), 1984, DOI 10.1145/357994.358023.
    """
    padded = np.pad(mask, 1)
    region = _region(padded)
    area, perimeter = int(region.area), float(region.perimeter_crofton)
    line = _Centreline(padded)
    length_px, straightness = line.measured((1.0, 1.0))
    minor, major = _axes(region, (1.0, 1.0))
    return {
        "area_px": area,
        "perimeter_px": perimeter,
        "major_axis_px": major,
        "minor_axis_px": minor,
        "diameter_px": _diameter(padded, (1.0, 1.0)),
        "orientation_deg": (90 - math.degrees(region.orientation)) % 180,
        "aspect_ratio": max(major, 1.0) / max(minor, 1.0),
        "circularity": min(4 * math.pi * area / max(perimeter, 1e-9) ** 2, 1.0),
        "solidity": float(region.solidity),
        "eccentricity": float(region.eccentricity),
        **dict(zip(HU, map(float, region.moments_hu), strict=True)),
        "skeleton_length_px": length_px,
        "straightness": straightness,
        "mean_width_px": _ribbon_width(area, length_px, 1.0),
        **_pieces_and_holes(padded),
        **_in_um(padded, region, line, um_per_px),
    }


def _region(padded: Mask) -> Any:
    from skimage.measure import regionprops

    return regionprops(padded.view(np.uint8))[0]  # type: ignore[no-untyped-call]


def _in_um(padded: Mask, region: Any, line: _Centreline, um_per_px: tuple[float, float] | None) -> Mapping[str, float]:
    if um_per_px is None:
        return {column.name: math.nan for column in COLUMNS if column.name.endswith(("_um", "_um2"))}
    area = float(region.area) * um_per_px[0] * um_per_px[1]
    length, _ = line.measured(um_per_px)
    minor, major = _axes(region, um_per_px)
    return {
        "area_um2": area,
        "major_axis_um": major,
        "minor_axis_um": minor,
        "diameter_um": _diameter(padded, um_per_px),
        "skeleton_length_um": length,
        "mean_width_um": _ribbon_width(area, length, math.sqrt(um_per_px[0] * um_per_px[1])),
    }


def _axes(region: Any, pixel: tuple[float, float]) -> tuple[float, float]:
    """Short and long axis of the ellipse of the same second moments, also on pixels that are not square."""
    moments = np.diag(pixel[::-1]) @ np.array([[0, 1], [-1, 0]]) @ region.inertia_tensor
    moments = moments @ np.array([[0, -1], [1, 0]]) @ np.diag(pixel[::-1])  # of mass, from those of inertia
    short, long = 4 * np.sqrt(np.maximum(np.linalg.eigvalsh(moments), 0.0))
    return float(short), float(long)


def _diameter(padded: Mask, pixel: tuple[float, float]) -> float:
    """Of the circle around the centres of the pixels, and a pixel more."""
    outlines, _ = cv2.findContours(padded.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    points = (np.concatenate(outlines).reshape(-1, 2) * pixel).astype(np.float32)
    return 2 * float(cv2.minEnclosingCircle(points)[1]) + math.sqrt(pixel[0] * pixel[1])


def _ribbon_width(area: float, length: float, unit: float) -> float:
    """Of a ribbon of this area that ends half its width beyond its centreline, as thinning leaves it; unit: a pixel."""
    core = length - unit
    return (math.sqrt(core * core + 4 * area) - core) / 2


class _Centreline:
    """The skeleton of a mark, and its steps along rows, along columns and across."""

    def __init__(self, padded: Mask) -> None:
        from skimage.morphology import skeletonize

        line: Mask = skeletonize(padded)  # type: ignore[no-untyped-call]
        self.points = np.argwhere(line)[:, ::-1].astype(np.float64)
        self.points -= self.points.mean(axis=0)
        here, right, below, across = line[:-1, :-1], line[:-1, 1:], line[1:, :-1], line[1:, 1:]
        diagonal = (here & across & ~right & ~below) | (right & below & ~here & ~across)
        self.steps = tuple(map(np.count_nonzero, (here & right, here & below, diagonal)))

    def measured(self, pixel: tuple[float, float]) -> tuple[float, float]:
        """Length from centre to centre and a pixel more, and its extent over that."""
        x, y = pixel
        unit, points = math.sqrt(x * y), self.points * pixel
        along = points @ np.linalg.eigh(points.T @ points)[1][:, 1]
        length = float(self.steps[0] * x + self.steps[1] * y + self.steps[2] * math.hypot(x, y)) + unit
        return length, min(float(np.ptp(along) + unit) / length, 1.0)


def _pieces_and_holes(padded: Mask) -> Mapping[str, float]:
    from skimage.measure import label

    around, count = label(~padded, connectivity=1, return_num=True)  # type: ignore[no-untyped-call]
    outside = np.count_nonzero(around == around[0, 0])
    pieces = label(padded, connectivity=2, return_num=True)[1]  # type: ignore[no-untyped-call]
    return {
        "holes": count - 1,
        "holes_area_px": int(padded.size - np.count_nonzero(padded) - outside),
        "pieces": int(pieces),
    }
