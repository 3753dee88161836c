"""The same end face again: turned in its holder in the photographs, moved and with new noise in rendered pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.rendered import ordinary_face, score
from benchmarks.validation.bench import SEED, Bench, default_config
from benchmarks.validation.photographs import Photograph, inspect_photograph, labelled
from dscope_blink.files.decoding import to_gray
from dscope_blink.records import ZONE_NAMES, Defect, FloatImage, Inspection, Points, Status
from dscope_blink.synthetic.faces import render_face
from dscope_blink.synthetic.scenes import random_blemishes

ANGLES = 1440  # at which two pictures are compared: a quarter of a degree
RADII = 120
RING = (0.1, 0.93)  # of the cladding radius: away from the centre, which does not turn, and from the edge
CLIP_SIGMAS = 4.0  # so that one bright mark does not decide the turn alone
MAD_TO_SIGMA = 1.4826
LIGHT_WAVES = 3  # directional light does not turn with the fiber
GRID_UM = 0.25  # on which marks of both pictures are drawn
NEAR_UM = 2.0  # a mark so close to one of the other picture is the same
SMALLEST_UM = 2.0  # as the scorer of the photographs counts
SHOTS = 5
MARKS, MARK_UM, MARK_CONTRAST = 4, (2.0, 12.0), (0.1, 0.5)
MOVE_PX = 15.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photographs of one end face."""

    sequence: str
    names: tuple[str, str]
    statuses: tuple[Status, Status]
    turn_deg: float  # of the second against the first, clockwise on the screen
    likeness: float  # correlation of the pictures at that turn, 1 for the same picture
    seen_again: tuple[int, int]  # marks of A and B of the first that the second has too, and the other way round
    marks: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Shots:
    """One rendered face taken several times."""

    statuses: tuple[Status, ...]
    diameters_um: tuple[tuple[float, ...], ...]  # of each blemish in the shots that show it


def pairs(bench: Bench) -> list[Pair]:
    """The photographs that show one end face turned; none where there are no photographs."""
    if bench.shared is None:
        return []
    groups: dict[str, list[Photograph]] = {}
    for photograph in labelled(bench.shared, default_config()):
        groups.setdefault(photograph.label["sequence"] or "", []).append(photograph)
    jobs = [both for name, group in groups.items() if name for both in combinations(group, 2)]
    return bench.run(_compared, jobs)


def shots(bench: Bench) -> list[Shots]:
    """Rendered faces, each taken SHOTS times."""
    return bench.run(_retaken, range(bench.plan.retaken))


def _compared(both: tuple[Photograph, Photograph]) -> Pair:
    config = default_config()
    seen = [inspect_photograph(photograph, config) for photograph in both]
    views = [unwrapped(to_gray(p.picture(config)), i) for p, i in zip(both, seen, strict=True)]
    turn_deg, likeness = turn_between(*views)
    first, second = (outlines_um(inspection) for inspection in seen)
    again = found_again(turned(first, turn_deg), second), found_again(turned(second, -turn_deg), first)
    return Pair(
        both[0].label["sequence"],
        (both[0].path.name, both[1].path.name),
        (seen[0].verdict.status, seen[1].verdict.status),
        turn_deg,
        likeness,
        again,
        (len(first), len(second)),
    )


# --- how far the fiber was turned


def unwrapped(gray: FloatImage, inspection: Inspection) -> FloatImage:
    """What is left on rings around the fiber without what repeats on them and without directional light.

    Parameters
    ----------
    gray : (H, W) float32
    inspection : of this picture, with a scale

    Returns
    -------
    (RADII, ANGLES) float32 in robust sigmas of its ring, clipped; angle clockwise on the screen from x
    """
    assert inspection.geometry is not None
    assert inspection.scale is not None
    assert inspection.request.cladding_diameter_um is not None
    turn = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)
    radius_um = np.linspace(*RING, RADII)[:, None] * inspection.request.cladding_diameter_um / 2
    x, y = inspection.geometry.cladding.ellipse.center_px
    columns = x + radius_um * np.cos(turn) / inspection.scale.um_per_px_x
    rows = y + radius_um * np.sin(turn) / inspection.scale.um_per_px_y
    rings = cv2.remap(gray, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR)
    waves = np.fft.rfft(rings, axis=1)
    waves[:, : LIGHT_WAVES + 1] = 0
    left = np.fft.irfft(waves, ANGLES, axis=1)
    sigma = MAD_TO_SIGMA * np.median(np.abs(left), axis=1, keepdims=True)
    return np.clip(left / np.maximum(sigma, np.finfo(np.float32).eps), -CLIP_SIGMAS, CLIP_SIGMAS).astype(np.float32)


def turn_between(first: FloatImage, second: FloatImage) -> tuple[float, float]:
    """The turn in degrees (-180 to 180) that carries the first onto the second, and their correlation at it."""
    product_of_both = np.conj(np.fft.rfft(first, axis=1)) * np.fft.rfft(second, axis=1)
    correlation = np.fft.irfft(product_of_both, ANGLES, axis=1).sum(axis=0)  # (ANGLES,)
    best = int(correlation.argmax())
    likeness = float(correlation[best]) / float(np.sqrt((first**2).sum() * (second**2).sum()))
    return (best * 360 / ANGLES + 180) % 360 - 180, likeness


# --- which marks return


def outlines_um(inspection: Inspection) -> list[Points]:
    """Outlines of the marks of A and B that a person would count, micrometres from the fiber centre."""
    assert inspection.geometry is not None
    assert inspection.scale is not None
    centre, scale = inspection.geometry.cladding.ellipse.center_px, inspection.scale
    counted = [d for d in inspection.defects if d.zone in (ZONE_NAMES["A"], ZONE_NAMES["B"]) and _is_counted(d)]
    return [np.asarray((d.contour_px - centre) * (scale.um_per_px_x, scale.um_per_px_y)) for d in counted]


def _is_counted(defect: Defect) -> bool:
    return defect.diameter_um is not None and defect.diameter_um >= SMALLEST_UM


def turned(outlines: Sequence[Points], turn_deg: float) -> list[Points]:
    """Outlines turned clockwise on the screen around the fiber centre."""
    c, s = np.cos(np.deg2rad(turn_deg)), np.sin(np.deg2rad(turn_deg))
    return [points @ np.array([[c, s], [-s, c]]) for points in outlines]


def found_again(outlines: Sequence[Points], others: Sequence[Points]) -> int:
    """How many of the outlines lie within NEAR_UM of one of the others."""
    if not outlines or not others:
        return 0
    reach = max(np.abs(points).max() for points in (*outlines, *others)) + 2 * NEAR_UM
    there = _drawn(others, reach)
    side = 2 * round(NEAR_UM / GRID_UM) + 1
    near = cv2.dilate(there, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0
    return sum(bool(near[_drawn([points], reach) > 0].any()) for points in outlines)


def _drawn(outlines: Sequence[Points], reach_um: float) -> NDArray[np.uint8]:
    """Filled outlines on a square around the fiber centre."""
    side = 2 * round(reach_um / GRID_UM) + 1
    grid = np.zeros((side, side), np.uint8)
    for points in outlines:
        cv2.fillPoly(grid, [np.rint((points + reach_um) / GRID_UM).astype(np.int32)], 1)
    return grid


# --- rendered, taken again


def _retaken(k: int) -> Shots:
    rng = np.random.default_rng((SEED, 2, k))
    spec = ordinary_face(rng)
    marks = random_blemishes(rng, spec, MARKS, size_um=MARK_UM, contrast=MARK_CONTRAST)
    results = []
    for _ in range(SHOTS):
        x, y = np.array(spec.centre_px) + rng.uniform(-MOVE_PX, MOVE_PX, 2)
        moved = replace(spec, centre_px=(float(x), float(y)))
        results.append(score(render_face(moved, marks, rng), moved, default_config()))
    found = [[shot.outcomes[mark].found for shot in results] for mark in range(len(marks))]
    sizes = [tuple(d.diameter_um for d in mark if d is not None and d.diameter_um is not None) for mark in found]
    return Shots(tuple(shot.inspection.verdict.status for shot in results), tuple(sizes))
