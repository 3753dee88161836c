"""Faces with marks of every kind, rendered and on photographs, and what is measured of each mark beside its true kind.

The fit and the bench share nothing: rendered faces by their seed, photographs by the fiber that they show.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.rendered import ordinary_face, request_for
from benchmarks.validation.bench import Bench, Plan, settings
from benchmarks.validation.photographs import Photograph, inspect_picture, labelled
from dscope_blink.files.decoding import Picture
from dscope_blink.records import Defect, Inspection, Mask
from dscope_blink.synthetic.faces import Blemish, FaceSpec, RenderedFace, render_face
from dscope_blink.synthetic.injection import flat_face, painted, reported_um
from dscope_blink.synthetic.scenes import random_face
from dscope_blink.synthetic.varied_marks import Group, group_masks, varied_groups

SEEDS = (101, 777)  # of the fit and of the bench
HELD_OUT_OF = 4  # fibers of the photographs
NEAR_PX = 2  # a report so close to a mark means that mark
LEAST_ON_MARK = 0.5  # of a report: less is something else with a mark beside it
LEAST_SEEN = 0.3  # of a mark: a smaller piece of it has not its shape
SHAPES = ((300, 400), (420, 560), (480, 640), (576, 720))
COARSEST_UM_PER_PX = 1.6
PROFILES = ("deep_inspection", "fast_scan")
GROUPS = 12  # on one face
PHOTOGRAPH_GROUPS = 10


@dataclass(frozen=True, slots=True)
class Job:
    """One face by its number; `shared` None: a rendered one."""

    held_out: bool  # for the bench, and not for the fit
    k: int
    shared: Path | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One report that means one mark, and that mark's true kind."""

    face: str  # reports of one face are never on both sides of a split
    kind: str
    maker: str  # how the mark was drawn, for tables
    features: Mapping[str, float]
    given: str  # kind in the record
    chances: Mapping[str, float]  # of each kind in the record
    zone: str
    whole: float  # share of the mark that the report covers
    mark: str = ""  # its id in the record


@dataclass(frozen=True, slots=True)
class Scene:
    """An inspected face with marks of every kind."""

    name: str
    picture: Picture
    inspection: Inspection
    groups: tuple[Group, ...]
    face: RenderedFace

    def samples(self) -> list[Sample]:
        """What is reported of it, where that means one mark."""
        return labelled_reports(self.inspection, self.groups, self.face, self.name)


def samples_of(job: Job) -> list[Sample]:
    """What is reported of one face with marks of every kind."""
    scene = scene_of(job)
    return [] if scene is None else scene.samples()


def scene_of(job: Job) -> Scene | None:
    """The face of a job; None where its photograph cannot be measured."""
    rng = np.random.default_rng((SEEDS[job.held_out], job.k, job.shared is not None))
    config = settings().profile(PROFILES[int(rng.random() < 0.3)])
    if job.shared is None:
        spec = _any_face(rng)
        groups = varied_groups(rng, spec, GROUPS)
        face = render_face(spec, _blemishes(groups), rng)
        picture, name, request = _stored(face.image, rng), f"rendered {job.k}", request_for(spec)
        request = replace(request, fiber_class="multimode" if request.fiber_class == "custom" else request.fiber_class)
    else:
        mine = [p for p in labelled(job.shared, config) if _is_held_out(_fiber(p)) == job.held_out]
        chosen = mine[job.k % len(mine)]
        name, request = _fiber(chosen), chosen.request
        untouched = chosen.picture(config)
        seen = inspect_picture(untouched, name, request, config)
        if seen.geometry is None or seen.scale is None:
            return None
        spec = flat_face(seen)
        groups = varied_groups(rng, spec, PHOTOGRAPH_GROUPS, reported_um(seen, spec))
        face = render_face(spec, _blemishes(groups), rng)
        picture = painted(untouched, face.image)
    return Scene(name, picture, inspect_picture(picture, name, request, config), groups, face)


def _fiber(photograph: Photograph) -> str:
    """Of those in one sequence the same."""
    return str(photograph.label.get("sequence") or photograph.path.stem)


def _is_held_out(fiber: str) -> bool:
    """One fiber in HELD_OUT_OF, whatever other photographs there are."""
    return zlib.crc32(fiber.encode()) % HELD_OUT_OF == 0


def _blemishes(groups: Sequence[Group]) -> tuple[Blemish, ...]:
    return tuple(blemish for group in groups for blemish in group.blemishes)


def _any_face(rng: np.random.Generator) -> FaceSpec:
    """As the microscopes in use show it, or smaller and coarser, as others do; sharp or soft."""
    if rng.random() < 0.4:
        return ordinary_face(rng, shape=(576, 720))
    while True:
        shape = SHAPES[int(rng.integers(len(SHAPES)))]
        spec = random_face(rng, shape=shape, blur_px=rng.uniform(0.7, 2.3), noise=rng.uniform(0.5, 3.0))
        if spec.um_per_px <= COARSEST_UM_PER_PX:
            return spec


def _stored(picture: Picture, rng: np.random.Generator) -> Picture:
    """As a file keeps it: half of them as JPEG."""
    if rng.random() < 0.5:
        return picture
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 96))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def labelled_reports(inspection: Inspection, groups: Sequence[Group], face: RenderedFace, name: str) -> list[Sample]:
    """The reports that mean one mark and show enough of it; those of several, or of none, are left out."""
    marks = group_masks(groups, face)
    side = np.ones((2 * NEAR_PX + 1, 2 * NEAR_PX + 1), np.uint8)
    near = [cv2.dilate(whole.astype(np.uint8), side) > 0 for whole, _ in marks]
    found = []
    for defect in inspection.defects:
        report = _filled(defect, face.image.shape[:2])
        shares = [float((report & about).sum()) for about in near]
        if not shares or sum(shares) == 0:
            continue
        best = int(np.argmax(shares))
        main = marks[best][1]
        whole = float((report & main).sum()) / float(main.sum())
        alone = shares[best] >= 0.9 * sum(shares) and shares[best] >= LEAST_ON_MARK * report.sum()
        if alone and whole >= LEAST_SEEN:
            group = groups[best]
            features = {key: float(value) for key, value in defect.features.items() if value is not None}
            chances = dict(defect.class_probabilities)
            said = (features, defect.classification, chances, defect.zone, whole, defect.id)
            found.append(Sample(name, group.kind, group.made_as, *said))
    return found


def _filled(defect: Defect, shape: tuple[int, ...]) -> Mask:
    drawn = np.zeros(shape, np.uint8)
    cv2.fillPoly(drawn, [np.rint(defect.contour_px).astype(np.int32)], 1)
    return drawn > 0


def collected(bench: Bench, held_out: bool, rendered: int, photographs: int) -> list[Sample]:
    """The samples of so many rendered faces and photographs, in the same order on every run."""
    jobs = [Job(held_out, k) for k in range(rendered)]
    if bench.shared is not None:
        jobs += [Job(held_out, k, bench.shared) for k in range(photographs)]
    return [sample for several in bench.run(samples_of, jobs) for sample in several]


def bench_of(workers: int, shared: Path | None) -> Bench:
    """Only its processes and photographs are used here."""
    return Bench(Plan("classes", 0, 0, 0, 0, 0, 0, 0, None), shared if shared and shared.is_dir() else None, workers)
