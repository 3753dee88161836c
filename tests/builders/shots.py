"""Records of one face with round marks, shot turned, shifted and in other pixels; what has looked at them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dscope_blink.analysis.aggregation.own_marks import detection_of
from dscope_blink.records import (
    Detection,
    Ellipse,
    FiberGeometry,
    ImageInfo,
    Inspection,
    Points,
    Source,
    SourceMark,
    ZoneOutline,
)
from tests.builders.inspections import FAILED, cladding_fit, mark

SIZE_PX = 1200
Spot = tuple[float, float, float]  # x and y about the axis, radius; in cladding radii

rng = np.random.default_rng(5)


def _scattered() -> tuple[Spot, ...]:
    polar = zip(rng.uniform(0.15, 1.7, 9), rng.uniform(0, 6.28, 9), rng.uniform(0.01, 0.05, 9), strict=True)
    return tuple((r * math.cos(t), r * math.sin(t), s) for r, t, s in polar)


DUST, OTHER_DUST = _scattered(), _scattered()


def shot(
    spots: Sequence[Spot],
    turn_deg: float = 0.0,
    center: tuple[float, float] = (600.0, 600.0),
    axes: tuple[float, float] = (400.0, 400.0),
) -> Inspection:
    """A record of a face with round marks, turned, whose cladding is this ellipse in the picture."""
    c, s = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))

    def placed(x: float, y: float) -> Points:
        return np.array([(c * x - s * y) * axes[0] / 2 + center[0], (s * x + c * y) * axes[1] / 2 + center[1]])

    circle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    marks = [
        replace(
            mark(f"P{number}", "pit_dig", (0.0, 0.0), 2 * size * axes[0] / 2),
            contour_px=np.array([placed(x + size * math.cos(t), y + size * math.sin(t)) for t in circle]),
            centroid_px=(float(placed(x, y)[0]), float(placed(x, y)[1])),
            r_min_px=max(math.hypot(x, y) - size, 0.0) * sum(axes) / 4,
            r_max_px=(math.hypot(x, y) + size) * sum(axes) / 4,
        )
        for number, (x, y, size) in enumerate(spots, 1)
    ]
    cladding = Ellipse(center, axes, 0.0)
    return replace(
        FAILED,
        image=ImageInfo("face.png", "00" * 32, SIZE_PX, SIZE_PX),
        geometry=FiberGeometry(cladding_fit(cladding), None),
        zones=(ZoneOutline("D", cladding.scaled(2.0)),),
        defects=tuple(marks),
    )


def detection(key: str, inspection: Inspection, picture: str = "") -> Detection:
    """A record under a key, of a picture with its own hash and name; by default one that is called like the source."""
    named = picture or key
    sha = named.encode().hex().ljust(64, "0")
    image = replace(inspection.image, file=f"{named}.png", sha256=sha)
    source = Source(
        key, "record", f"{key}_result.json", "11" * 32, "deep", "", image.file, sha, status=inspection.verdict.status
    )
    return detection_of(replace(inspection, image=image), source)


def report(key: str, outline_px: Points, picture: str, sha256: str | None) -> Detection:
    """A report of another program with one mark."""
    source = Source(key, "foreign", f"{key}_report.json", "22" * 32, "other", "", picture, sha256)
    found = SourceMark(key, "1", "pit_dig", "dig", outline_px, 0.5, ("other",))
    return Detection(source, (found,))
