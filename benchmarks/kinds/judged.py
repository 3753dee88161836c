"""One face of a kind: rendered, inspected, and held against its truth."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, replace

import cv2
import numpy as np

from benchmarks.kinds.scenes import KINDS, Scene, mark_on
from benchmarks.rendered import compared, request_for
from dscope_blink.config.settings import Config
from dscope_blink.pipeline import inspect_image
from dscope_blink.records import Ellipse, ImageInfo, Inspection, Provenance, Request
from dscope_blink.synthetic.faces import BlemishTruth, render_face
from dscope_blink.synthetic.faults import Gray8, as_jpeg

OUTCOMES = ("right PASS", "right FAIL", "not graded", "false PASS", "false FAIL")
WRONG_SIZE = 0.02  # share of the diameter beyond which another edge was found
WRONG_PLACE = 0.1  # share of the diameter beyond which another fiber was found
JPEG_QUALITY = (60, 97)
JPEG_SHARE = 0.5
CORE_NOT_GIVEN = 0.3  # share of the requests that give the diameter of the cladding alone


@dataclass(frozen=True, slots=True)
class Face:
    """A picture of a kind, (H, W) uint8, and its truth; `mark` is None on a clean face."""

    scene: Scene
    picture: Gray8
    request: Request
    mark: BlemishTruth | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one face."""

    name: str  # KIND/NUMBER
    what: str  # which of the forms of its kind
    found: str  # the cladding, in words
    marked: bool
    status: str
    misplaced: bool  # another cladding was found
    unseen: bool  # it was located, and its mark is not among those reported
    may_pass: bool  # all of the cladding can be seen
    may_fail: bool  # what the kind shows is damage enough
    reason: str  # the kind of the first one; empty when it passes

    @property
    def outcome(self) -> str:
        """One of OUTCOMES."""
        if self.status == "NOT_GRADED":
            return "not graded"
        if self.status == "PASS":
            return "false PASS" if self.marked or self.misplaced or not self.may_pass else "right PASS"
        return "right FAIL" if self.marked or self.may_fail else "false FAIL"

    @property
    def went_wrong(self) -> bool:
        """A false verdict, or one on another cladding."""
        graded = self.outcome != "not graded"
        return self.outcome.startswith("false") or (graded and self.misplaced)


def face_of(kind: str, k: int, seed: int) -> Face:
    """Face number `k` of a kind; odd ones have a mark."""
    rng = np.random.default_rng((seed, zlib.crc32(kind.encode()), k))
    scene = KINDS[kind](rng)
    marks = (mark_on(scene, rng),) if k % 2 else ()
    rendered = render_face(scene.spec, marks, rng, scene.painter)
    picture = rendered.image.astype(np.uint8)
    if scene.after is not None:
        picture = scene.after(picture, rng)
    if scene.compressible and rng.random() < JPEG_SHARE:
        picture = as_jpeg(picture, int(rng.integers(*JPEG_QUALITY)))
    request = replace(request_for(scene.spec), edition=scene.edition)
    if request.fiber_class != "custom" and rng.random() < CORE_NOT_GIVEN:
        request = replace(request, core_diameter_um=None)
    return Face(scene, picture, request, rendered.truth.blemishes[0] if marks else None)


def judged(k: int, kind: str, seed: int, config: Config) -> Judged:
    """Inspect face number `k` of a kind and hold the record against the truth."""
    cv2.setNumThreads(1)
    face = face_of(kind, k, seed)
    record = inspected(face, config)
    true, geometry = face.scene.spec.cladding_ellipse, record.geometry
    found = None if geometry is None else geometry.cladding.ellipse
    marks = () if face.mark is None else (face.mark,)
    missed = any(outcome.found is None for outcome in compared(record, marks, face.picture.shape).outcomes)
    reasons = record.verdict.reasons
    return Judged(
        name=f"{kind}/{k}",
        what=face.scene.what,
        found=f"found {found.mean_diameter_px:.0f} of {true.mean_diameter_px:.0f} px" if found else "not located",
        marked=bool(marks),
        status=record.verdict.status,
        misplaced=found is not None and is_other(found, true),
        unseen=found is not None and missed,
        may_pass=face.scene.may_pass,
        may_fail=face.scene.may_fail,
        reason=reasons[0].kind if reasons else "",
    )


def inspected(face: Face, config: Config) -> Inspection:
    """The record of a face."""
    height, width = face.picture.shape
    info = ImageInfo("rendered.png", None, width, height)
    provenance = Provenance("benchmark", config.profile, "", {"config": config.sha256})
    return inspect_image(face.picture, info, face.request, config, None, provenance)


def is_other(found: Ellipse, true: Ellipse) -> bool:
    """Whether another edge or another fiber was found."""
    diameter = true.mean_diameter_px
    away = math.dist(found.center_px, true.center_px)
    return abs(found.mean_diameter_px - diameter) > WRONG_SIZE * diameter or away > WRONG_PLACE * diameter
