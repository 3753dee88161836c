"""How well a model of good faces finds what departs from them, beside the classical engine, on rendered faces.

python benchmarks/reference.py [--kinds 4] [--seed 41] [--clean 16] [--marked 8] [--blemished 4] [--photographs DIR]

Of each kind of face a model is learned from 5, 10 and 20 clean ones and asked about others; no face is on both sides.
Prints for small marks of three contrasts how well whole faces and pixels are ranked (AUROC, AUPRO), and how many marks
are found where clean faces have 0.1 false ones; what becomes of blemishes that no class names; how far the size of the
picture matters; time and memory. Pixels are those of the frame inside the cladding. A classical mark is ranked by its
contrast. With photographs, those of one kind are learned by halves.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


from benchmarks.reference_family import EDITION, Painter, auroc, film, haze, kind_of, stain, varied
from dscope_blink.batch.analysis_run import run_analysis
from dscope_blink.batch.analyzing import Analyzing
from dscope_blink.batch.job import Job, hash_of_reference, inspect_file
from dscope_blink.batch.learning import Learning, learn
from dscope_blink.batch.reference_faces import SeenFace, compare_seen, see_face, taught
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.files.plan import ImageFile
from dscope_blink.image_processing.anomalies import REACH
from dscope_blink.image_processing.departures import score_face
from dscope_blink.image_processing.face_comparison import compare
from dscope_blink.image_processing.face_features import FaceNumbers, face_features
from dscope_blink.image_processing.face_frame import FaceFrame, side_px
from dscope_blink.models.reference import ReferenceModel
from dscope_blink.records import FloatImage, Inspection, Mask, Request, UserError
from dscope_blink.synthetic.faces import Blemish, FaceSpec, Field, Picture, RenderedFace, Ring, render_face
from dscope_blink.synthetic.scenes import random_blemishes

ROOT = Path(__file__).resolve().parents[1]
REFERENCES = (5, 10, 20)
PROFILE, DEEP = "fast_scan", "deep_inspection"
CONTRASTS = ((0.04, 0.07), (0.07, 0.15), (0.15, 0.30))
SIZE_UM = (3.0, 8.0)
MARKS = ("scratch", "pit_dig", "contamination")
FALSE_PER_FACE = 0.1
NEAR = np.ones((5, 5), np.uint8)  # a report within two pixels of the frame means the mark
PRO_TO = 0.3  # of clean pixels, up to where AUPRO counts
RINGS = {"5 %": (40.0, 0.05), "3 %": (52.0, 0.03)}  # um from the middle, share of the light of the cladding
RING_UM = 1.5
SIZES = (0.7, 0.85, 1.2, 1.4)
REQUEST = Request(EDITION, "multimode", 50.0, 125.0)


# --- what is looked at


def kind(seed: int) -> FaceSpec:
    """One kind of face under one microscope, with rings that may be missing."""
    spec = kind_of(seed)
    rings = tuple(Ring(radius, RING_UM, share * spec.cladding) for radius, share in RINGS.values())
    return replace(spec, rings=(*spec.rings, *rings))


def without_ring(spec: FaceSpec, name: str) -> FaceSpec:
    return replace(spec, rings=tuple(ring for ring in spec.rings if ring.radius_um != RINGS[name][0]))


def displaced(spec: FaceSpec, away_um: float, rng: np.random.Generator) -> FaceSpec:
    turn = rng.uniform(0, 2 * math.pi)
    return replace(spec, core_offset_um=(away_um * math.cos(turn), away_um * math.sin(turn)))


def out_of_focus(share: float) -> Painter:
    """A soft disc at the edge of the core, in which that share of the light is blurred."""

    def paint(spec: FaceSpec, light: Field, grain: Field, rng: np.random.Generator) -> None:
        y, x = np.ogrid[: light.shape[0], : light.shape[1]]
        turn, away = rng.uniform(0, 2 * math.pi), spec.core_diameter_um / 2
        across = (x - spec.centre_px[0]) * spec.um_per_px_x - away * math.cos(turn)
        down = (y - spec.centre_px[1]) * spec.um_per_px_y - away * math.sin(turn)
        disc = (share * (0.5 - 0.5 * np.tanh((np.hypot(across, down) - 12) / 2))).astype(light.dtype)
        light[:] = (1 - disc) * light + disc * cv2.GaussianBlur(light, (0, 0), 3 / spec.um_per_px)

    return paint


Other = Callable[[FaceSpec, np.random.Generator], RenderedFace]


def _painted(painter: Painter, spec: FaceSpec, rng: np.random.Generator) -> RenderedFace:
    return render_face(spec, (), rng, painter)


def _ringless(name: str, spec: FaceSpec, rng: np.random.Generator) -> RenderedFace:
    return render_face(without_ring(spec, name), (), rng)


def _displaced(away_um: float, spec: FaceSpec, rng: np.random.Generator) -> RenderedFace:
    return render_face(displaced(spec, away_um, rng), (), rng)


BLEMISHES: Mapping[str, Other] = {
    **{f"film over a half, {c:.0%}": partial(_painted, film(c)) for c in (0.05, 0.1)},
    **{f"stain, {c:.0%}": partial(_painted, stain(c)) for c in (0.05, 0.1)},
    **{f"haze of the whole, {c:.0%}": partial(_painted, haze(c)) for c in (0.1, 0.2)},
    **{f"blurred at the core's edge, {c:.0%}": partial(_painted, out_of_focus(c)) for c in (0.5, 1.0)},
    **{f"missing ring of {name}": partial(_ringless, name) for name in RINGS},
    **{f"core displaced {away:g} um": partial(_displaced, away) for away in (2.0, 3.0, 4.0)},
}


def picture(folder: Path, name: str, pixels: Picture) -> ImageFile:
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), pixels)
    os.utime(path, (0, 0))  # what was written just now is read once more, in case it is still being written
    return ImageFile(path, path.name, name, REQUEST)


def marked(spec: FaceSpec, contrast: tuple[float, float], rng: np.random.Generator) -> RenderedFace:
    own = varied(spec, rng)
    blemishes: tuple[Blemish, ...] = random_blemishes(rng, own, 1, kinds=MARKS, contrast=contrast, size_um=SIZE_UM)
    return render_face(own, blemishes, rng)


# --- what is said of it


@dataclass(frozen=True, slots=True)
class Said:
    """What one method says of one face."""

    score: float  # of the whole face
    map: FloatImage  # (n, n) inside the cladding, 0 elsewhere
    reach: float  # a mark goes as far as this share of where it begins
    anomalous: bool
    compared: bool = True


def numbers_of_seen(seen: SeenFace) -> FaceNumbers | None:
    """Its features, that each model is to be asked about."""
    if seen.frame is None or seen.inspection.geometry is None:
        return None
    return face_features(seen.frame, seen.inspection.geometry, seen.inspection)


def said_by_model(
    seen: SeenFace, numbers: FaceNumbers | None, model: ReferenceModel, config: Config
) -> tuple[Said, Said]:
    """By place, and as a whole."""
    nothing = np.zeros((2 * model.radius_px + 1,) * 2, np.float32)
    if seen.frame is None:
        return (Said(0.0, nothing, REACH, False, False),) * 2
    found = compare(seen.inspection, seen.frame, model, config, numbers)
    done = found.comparison
    # Also of a face that a gate turned away.
    local = found.score or score_face(seen.frame, model, config.reference.absolute_limit)
    compared, anomalous = done.status in ("NORMAL", "ANOMALOUS"), done.status == "ANOMALOUS"
    distance = 0.0 if done.whole is None else done.whole.score
    return (
        Said(local.worst, _inside(local.map, model.radius_px), REACH, anomalous, compared),
        Said(distance, nothing, REACH, distance > 1, compared),
    )


def said_by_marks(inspection: Inspection, frame: FaceFrame | None, shape: tuple[int, ...]) -> Said:
    """Of the classical engine: its marks in core and cladding, each as strong as its contrast."""
    drawn = np.zeros(shape[:2], np.float32)
    marks = [mark for mark in inspection.defects if mark.zone in ("core", "cladding")]
    for mark in sorted(marks, key=lambda one: abs(one.contrast)):
        cv2.fillPoly(drawn, [np.rint(mark.contour_px).astype(np.int32)], abs(mark.contrast))
    assert frame is not None, "clean faces and small marks are located"
    worst = max((abs(mark.contrast) for mark in marks), default=0.0)
    return Said(worst, _inside(_in_frame(drawn, frame, cv2.INTER_NEAREST), frame.radius_px), 0.0, bool(marks))


def _in_frame(values: FloatImage, frame: FaceFrame, how: int) -> FloatImage:
    side = side_px(frame.radius_px)
    return np.asarray(cv2.warpAffine(values, frame.to_picture, (side, side), flags=how | cv2.WARP_INVERSE_MAP))


def _inside(values: FloatImage, radius_px: int) -> FloatImage:
    """The square around the cladding, and 0 in its corners."""
    middle = len(values) // 2
    part = np.nan_to_num(
        values[middle - radius_px : middle + radius_px + 1, middle - radius_px : middle + radius_px + 1]
    )
    return np.where(_disc(radius_px), part, np.float32(0))


def _disc(radius_px: int) -> Mask:
    along = np.arange(-radius_px, radius_px + 1)
    return np.asarray(np.hypot(along, along[:, None]) <= radius_px)


@dataclass(frozen=True, slots=True)
class Face:
    """One face that was asked about: the mark it has, and what each method says."""

    truth: Mask | None  # (n, n) as the maps
    said: Mapping[str, Said]


@dataclass(frozen=True, slots=True)
class Told:
    """What was measured of one kind."""

    clean: tuple[Face, ...]
    marked: tuple[tuple[Face, ...], ...]  # by contrast
    blemished: Mapping[str, tuple[Face, ...]]
    sizes: Mapping[float, tuple[tuple[Said, Said], ...]]  # at this size and at the picture's own


def measured(seed: int, clean: int, marks: int, blemished: int) -> Told:
    """Render, learn and ask."""
    cv2.setNumThreads(1)
    spec, rng = kind(seed), np.random.default_rng((seed, 1))
    with TemporaryDirectory() as folder:
        asked = _Asked(Path(folder), spec, rng)
        return Told(
            tuple(asked.face(render_face(varied(spec, rng), (), rng), True) for _ in range(clean)),
            tuple(tuple(asked.face(marked(spec, c, rng), True) for _ in range(marks)) for c in CONTRASTS),
            {
                name: tuple(asked.face(other(varied(spec, rng), rng)) for _ in range(blemished))
                for name, other in BLEMISHES.items()
            },
            asked.at_sizes([render_face(varied(spec, rng), (), rng) for _ in range(2)]),
        )


class _Asked:
    """Models of one kind, and what they say."""

    def __init__(self, folder: Path, spec: FaceSpec, rng: np.random.Generator) -> None:
        settings = load_config(ROOT / "config.json")
        self.folder, self.number = folder, 0
        self.fast, self.deep = (Job(folder / "out", settings.profile(name)) for name in (PROFILE, DEEP))
        good = [
            picture(folder, f"good_{k}", render_face(varied(spec, rng), (), rng).image) for k in range(max(REFERENCES))
        ]
        self.models = dict[int, ReferenceModel]()
        known, before = None, 0
        for count in REFERENCES:  # adding faces gives what learning all at once does
            known = learn(Learning(self.fast, tuple(good[before:count]), folder / "m.dscope", update=known)).model
            self.models[count], before = known, count

    def face(self, rendered: RenderedFace, classical: bool = False) -> Face:
        self.number += 1
        image = picture(self.folder, f"face_{self.number}", rendered.image)
        radius_px = self.fast.config.reference.radius_px
        seen = see_face(self.fast, image, radius_px)
        numbers, said = numbers_of_seen(seen), {}
        for n, model in self.models.items():
            said[f"local, {n}"], said[f"global, {n}"] = said_by_model(seen, numbers, model, self.fast.config)
        if classical:
            shape = rendered.image.shape
            said[PROFILE] = said_by_marks(seen.inspection, seen.frame, shape)
            deep = see_face(self.deep, image, radius_px)
            said[DEEP] = said_by_marks(deep.inspection, deep.frame, shape)
        return Face(self._truth(rendered, seen), said if classical else _without_maps(said))

    @staticmethod
    def _truth(rendered: RenderedFace, seen: SeenFace) -> Mask | None:
        if seen.frame is None or not rendered.truth.blemishes:
            return None
        mask = rendered.truth.blemishes[0].mask.astype(np.float32)
        share = _in_frame(cv2.blur(mask, (2, 2)), seen.frame, cv2.INTER_LINEAR)
        return _inside(share, seen.frame.radius_px) > 0.3

    def at_sizes(self, faces: Sequence[RenderedFace]) -> dict[float, tuple[tuple[Said, Said], ...]]:
        """Scores of resized pictures by the model of 10, beside those of the pictures themselves."""
        found = {}
        own = [self._said(face.image) for face in faces]
        for size in SIZES:
            how = cv2.INTER_AREA if size < 1 else cv2.INTER_CUBIC
            resized = [np.asarray(cv2.resize(f.image, None, fx=size, fy=size, interpolation=how)) for f in faces]
            found[size] = tuple(zip(map(self._said, resized), own, strict=True))
        return found

    def _said(self, pixels: Picture) -> Said:
        self.number += 1
        seen = see_face(self.fast, picture(self.folder, f"face_{self.number}", pixels), 100)
        return said_by_model(seen, numbers_of_seen(seen), self.models[10], self.fast.config)[0]


def _without_maps(said: Mapping[str, Said]) -> Mapping[str, Said]:
    """For want of memory: nobody asks where."""
    return {name: replace(one, map=np.zeros((1, 1), np.float32)) for name, one in said.items()}


# --- figures


def marks_beyond(said: Said, limit: float) -> NDArray[np.int32]:
    """(n, n) the marks of a map that reach a limit, numbered from 1; 0 elsewhere."""
    _, labels = cv2.connectedComponents((said.map > said.reach * limit).astype(np.uint8), connectivity=8)
    worst = np.zeros(int(labels.max()) + 1, np.float32)
    np.maximum.at(worst, labels.ravel(), said.map.ravel())
    keep = worst >= limit
    keep[0] = False
    numbers = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    return np.asarray(numbers[labels], np.int32)


def false_per_face(clean: Sequence[Said], limit: float) -> float:
    return float(np.mean([marks_beyond(said, limit).max() for said in clean]))


def limit_for(clean: Sequence[Said], rate: float) -> float:
    """The least limit, to 1 %, at which clean faces have at most so many marks each: fewer the higher it is."""
    low, high = 0.005, 20.0
    if false_per_face(clean, low) <= rate:
        return low
    while high > low * 1.01:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if false_per_face(clean, middle) <= rate else (middle, high)
    return high


def recall(faces: Sequence[Face], method: str, limit: float) -> float:
    """Share of the marks that a report lies on or beside."""
    hits = [
        bool((marks_beyond(face.said[method], limit)[cv2.dilate(face.truth.astype(np.uint8), NEAR) > 0] > 0).any())
        for face in faces
        if face.truth is not None
    ]
    return float(np.mean(hits))


def _pixels(faces: Sequence[Face], method: str) -> tuple[FloatImage, list[FloatImage]]:
    """Values of pixels without a mark, sorted, and those of each mark."""
    without, marks = [], []
    for face in faces:
        values = face.said[method].map
        inside = _disc(len(values) // 2)
        if face.truth is not None:
            marks.append(values[face.truth])
            inside &= ~face.truth
        without.append(values[inside])
    return np.sort(np.concatenate(without)), [mark for mark in marks if mark.size]


def pixel_auroc(faces: Sequence[Face], method: str) -> float:
    without, marks = _pixels(faces, method)
    values = np.concatenate(marks)
    below = (np.searchsorted(without, values, "left") + np.searchsorted(without, values, "right")) / 2
    return float(below.mean() / len(without))


def aupro(faces: Sequence[Face], method: str) -> float:
    """Area under the mean share of each mark that is covered over the share of other pixels, up to 0.3 of these.

    P. Bergmann et al. (2021), The MVTec Anomaly Detection Dataset, DOI 10.1007/s11263-020-01400-4. Between the last
    limit and none the curve is a straight line, which favours methods that are silent on most pixels.
    """
    without, marks = _pixels(faces, method)
    limits = np.unique(np.concatenate([np.quantile(without, 1 - np.geomspace(1e-5, 1, 200)), *marks]))
    limits = limits[limits > 0][:: max(len(limits) // 2000, 1)]
    false = 1 - np.searchsorted(without, limits, "left") / len(without)
    covered = np.mean([1 - np.searchsorted(np.sort(m), limits, "left") / m.size for m in marks], axis=0)
    false, covered = np.concatenate([[0.0], false[::-1], [1.0]]), np.concatenate([[0.0], covered[::-1], [1.0]])
    at = np.linspace(0, PRO_TO, 3001)
    return float(np.trapezoid(np.interp(at, false, covered), at) / PRO_TO)


# --- what is printed


def print_marks(told: Sequence[Told]) -> None:
    clean = [face for one in told for face in one.clean]
    print(f"\n{len(clean)} clean faces; marks of {SIZE_UM[0]:g} to {SIZE_UM[1]:g} um, one a face\n")
    columns = ["contrast", "method", "faces", "image AUROC", "pixel AUROC", "AUPRO"]
    columns += ["recall at 0.1 false", "recall as it is", "false as it is"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for place, (low, high) in enumerate(CONTRASTS):
        faces = [face for one in told for face in one.marked[place]]
        for method in clean[0].said:
            print(f"| {low:.0%} to {high:.0%} | {method} | {len(faces)} |{_cells(clean, faces, method)}")


def _cells(clean: Sequence[Face], faces: Sequence[Face], method: str) -> str:
    good, bad = ([face.said[method] for face in some] for some in (clean, faces))
    own = 1e-6 if method in (PROFILE, DEEP) else 1.0
    image = auroc([said.score for said in good], [said.score for said in bad])
    both = [*clean, *faces]
    if method.startswith("global"):  # of the whole face: it says nothing of places
        return f" {image:.3f} | | | | | |"
    strict = recall(faces, method, limit_for(good, FALSE_PER_FACE))
    return (
        f" {image:.3f} | {pixel_auroc(both, method):.4f} | {aupro(both, method):.3f} | {strict:.3f} |"
        f" {recall(faces, method, own):.3f} | {false_per_face(good, own):.3f} |"
    )


def print_shares(told: Sequence[Told]) -> None:
    """How many of each sort are called anomalous, or not of the family."""
    sorts = {"clean, held out": [face for one in told for face in one.clean]}
    sorts |= {name: [face for one in told for face in one.blemished[name]] for name in BLEMISHES}
    print("\n| faces | n |" + "".join(f" {n}: found | of them not of the family |" for n in REFERENCES))
    print("|---|---|" + "---|---|" * len(REFERENCES))
    for name, faces in sorts.items():
        said = [[face.said[f"local, {n}"] for face in faces] for n in REFERENCES]
        cells = "".join(
            f" {np.mean([s.anomalous or not s.compared for s in one]):.1%} | {sum(not s.compared for s in one)} |"
            for one in said
        )
        print(f"| {name} | {len(faces)} |{cells}")


def print_sizes(told: Sequence[Told]) -> None:
    print("\nscores of clean faces at other sizes over those at their own, model of 10: median, least, greatest")
    for size in SIZES:
        pairs = [pair for one in told for pair in one.sizes[size]]
        ratios = [other.score / own.score for other, own in pairs]
        beyond = sum(other.score > 1 for other, _ in pairs), sum(own.score > 1 for _, own in pairs)
        turned = sum(not other.compared for other, _ in pairs)
        print(
            f"  x {size:g}: {np.median(ratios):.2f}, {min(ratios):.2f}, {max(ratios):.2f};"
            f" beyond the limit {beyond[0]} of {len(pairs)}, at their own size {beyond[1]}; not of the family {turned}"
        )


def print_photographs(folder: Path) -> None:
    """Those of one kind, under all lights and under one: learned from clean ones, asked about others, in random parts.

    Clean is what has no blemish in core, cladding and on its edge by eye, as far as that can be said; the contact zone
    has dirt in nearly all. So scores are those of places inside the cladding. Each photograph is of another face.
    """
    labels = {one["name"]: one["zones"] for one in json.loads((folder / "labels.json").read_text())}
    with TemporaryDirectory() as out:
        job = Job(Path(out), load_config(ROOT / "config.json").profile(PROFILE))
        images = [ImageFile(path, path.name, path.stem, REQUEST) for path in sorted(folder.glob("mm50_*.jpg"))]
        seen = {image.file: see_face(job, image, job.config.reference.radius_px) for image in images}
        columns = [
            "photographs",
            "learned from",
            "held out: clean, blemished",
            "image AUROC: local",
            "global",
            "classical",
        ]
        columns += ["clean beyond the limit", "but for known marks", "told of the light"]
        print(f"\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
        for light in ("all", "core lit", "core not lit"):
            mine = [image for image in images if _is_of(seen[image.file].frame, light)]
            marked = [image for image in mine if 1 in (labels[image.file][zone] for zone in ("A", "B", "edge"))]
            clean = [i for i in mine if i not in marked and labels[i.file]["A"] == 0]
            for count in REFERENCES:
                if len(clean) > count:
                    _print_parts(f"{light} | {count} of {len(clean)}", job, seen, (clean, marked), count)


def _is_of(frame: FaceFrame | None, light: str) -> bool:
    return frame is not None and (light == "all" or (light == "core lit") == _lit(frame))


def _lit(frame: FaceFrame) -> bool:
    """Whether the core is brighter than the cladding around it."""
    part = _inside(frame.light, frame.radius_px)
    along = np.arange(-frame.radius_px, frame.radius_px + 1) / frame.radius_px
    radii = np.hypot(along, along[:, None])
    return bool(np.median(part[radii < 0.3]) > 1.3 * np.median(part[(radii > 0.5) & (radii < 0.9)]))


PARTS = 4


def _print_parts(
    title: str,
    job: Job,
    seen: Mapping[str, SeenFace],
    sorts: tuple[Sequence[ImageFile], Sequence[ImageFile]],
    count: int,
) -> None:
    """Mean of a few random parts."""
    rng, (clean, marked) = np.random.default_rng(1), sorts
    areas, beyond, unexplained, notes = list[list[float]](), list[bool](), list[bool](), 0
    for part in range(PARTS):
        order = [clean[k] for k in rng.permutation(len(clean))]
        try:
            model = learn(Learning(job, tuple(order[:count]), job.output_dir / f"{part}.dscope")).model
        except UserError as error:
            print(f"| {title} | {error} |")
            continue
        notes += bool(model.card.note)
        good, bad = (
            [_of_photograph(seen[i.file], model, job.config) for i in some] for some in (order[count:], marked)
        )
        areas.append([auroc([one[k] for one in good], [one[k] for one in bad]) for k in range(3)])
        beyond += [one[0] > 1 for one in good]
        unexplained += [one[3] > 1 for one in good]
    if areas:
        cells = " | ".join(f"{area:.2f}" for area in np.mean(areas, axis=0))
        shares = f"{np.mean(beyond):.0%} | {np.mean(unexplained):.0%} | {notes} of {PARTS}"
        print(f"| {title} | {len(clean) - count}, {len(marked)} | {cells} | {shares} |")


def _of_photograph(seen: SeenFace, model: ReferenceModel, config: Config) -> tuple[float, float, float, float]:
    """Scores: local, global, classical; and local without the marks of the inspection."""
    assert seen.frame is not None, "it was located"
    assert seen.picture is not None, "it was located"
    local, whole = said_by_model(seen, numbers_of_seen(seen), model, config)
    marks = said_by_marks(seen.inspection, seen.frame, seen.picture.shape)
    known = taught(seen, config.reference.mark_margin_px)
    assert known is not None, "it was located"
    rest = score_face(known, model, config.reference.absolute_limit)
    return float(local.map.max()), whole.score, marks.score, float(_inside(rest.map, model.radius_px).max())


def timed(seed: int, faces: int) -> tuple[str, ...]:
    """Learning so many faces, and analysing one; on one core."""
    cv2.setNumThreads(1)
    spec, rng = kind(seed), np.random.default_rng((seed, 2))
    with TemporaryDirectory() as name:
        folder = Path(name)
        job = Job(folder / "out", load_config(ROOT / "config.json").profile(PROFILE))
        images = tuple(
            picture(folder, f"f{k}", render_face(varied(spec, rng), (), rng).image) for k in range(faces + 5)
        )
        (folder / "out").mkdir()
        start, before = time.process_time(), _peak_mb()
        model = learn(Learning(job, images[:faces], folder / "m.dscope")).model
        learned, after = time.process_time() - start, _peak_mb()
        others = images[faces:]
        radius_px = job.config.reference.radius_px
        config = replace(job.config, reference=replace(job.config.reference, model=folder / "m.dscope"))
        analyzing = replace(job, config=config, reference_sha256=hash_of_reference(config))
        list(run_analysis(Analyzing(analyzing, others[:1])))  # what is imported when it is used
        inspect = _seconds(lambda image: inspect_file(job, image), others)
        see = _seconds(lambda image: see_face(job, image, radius_px), others)
        seen = [see_face(job, image, radius_px) for image in others]
        compared = _seconds(lambda one: compare_seen(one, model, job.config), seen)
        start = time.process_time()
        list(run_analysis(Analyzing(analyzing, others)))
        whole = (time.process_time() - start) / len(others)
        size = (folder / "m.dscope").stat().st_size / 2**20
    return (
        f"learning {faces} faces: {learned:.1f} s of processor time, peak memory {before:.0f} to {after:.0f} MB",
        f"the model: {size:.1f} MB on disk",
        f"analysing one: to see it {see:.3f} s (inspection and frame), to compare it {compared:.3f} s",
        f"with all files: {whole:.3f} s, inspecting one with all files {inspect:.3f} s",
    )


def _seconds(do: Callable[[Any], object], each: Sequence[object]) -> float:
    start = time.process_time()
    for one in each:
        do(one)
    return (time.process_time() - start) / len(each)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def print_rendered(given: argparse.Namespace) -> None:
    """All that is told of rendered faces."""
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(measured, given.seed + k, given.clean, given.marked, given.blemished)
            for k in range(given.kinds)
        ]
        told = [job.result() for job in jobs]
    print_marks(told)
    print_shares(told)
    print_sizes(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--clean", type=int, default=16)
    parser.add_argument("--marked", type=int, default=8)
    parser.add_argument("--blemished", type=int, default=4)
    parser.add_argument("--timed", type=int, default=50, help="faces that are learned for the time; 0: none")
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    if given.kinds:
        print_rendered(given)
    if given.photographs is not None:
        print_photographs(given.photographs)
    if given.timed:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            for line in pool.submit(timed, given.seed, given.timed).result():
                print(line)


if __name__ == "__main__":
    main()
