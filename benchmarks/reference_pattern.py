"""What a learned reference gains the search for marks: as one more detector, and with its archetype taken out before.

python benchmarks/reference_pattern.py [--kinds 3] [--faces 12] [--marks 24] [--references 10] [--profile NAME]

Rendered faces of several kinds in one holder, so that all lie at one place to a third of a pixel; once under a clean
microscope, once under one with specks on its optics that keep their place. Of each: a model of good faces, then others
without and with one mark, inspected without the model, with the detector, and with the archetype taken out. Prints
false marks per clean face and the share of marks that are found, by contrast. No face is on both sides.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.reference import MARKS, SIZE_UM, kind, picture
from benchmarks.reference_family import Painter, film, haze, stain, varied
from dscope_blink.batch.job import Job, hash_of_reference, inspect_unwritten
from dscope_blink.batch.learning import Learning, learn
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.files.plan import ImageFile
from dscope_blink.records import Inspection
from dscope_blink.synthetic.faces import FaceSpec, Field, RenderedFace, render_face
from dscope_blink.synthetic.scenes import random_blemishes

ROOT = Path(__file__).resolve().parents[1]
CONTRASTS = ((0.05, 0.08), (0.08, 0.15), (0.15, 0.30))
SPECKS, SPECK_UM, SPECK_DEPTH = 6, (1.5, 4.0), (0.05, 0.15)  # of a microscope; sigma
HELD_PX = 0.3  # how exactly a holder holds
NEAR_PX = 4  # between a mark and its report
NAMED: Mapping[str, Painter] = MappingProxyType(
    {"stain, 10 %": stain(0.1), "film over a half, 10 %": film(0.1), "haze, 20 %": haze(0.2)}
)


def held(spec: FaceSpec, rng: np.random.Generator) -> FaceSpec:
    """Another good face of the kind, in the same holder."""
    x, y = (float(value) for value in rng.uniform(-HELD_PX, HELD_PX, 2))
    return replace(varied(spec, rng), centre_px=(spec.centre_px[0] + x, spec.centre_px[1] + y))


def specks(spec: FaceSpec, seed: int) -> Painter:
    """What lies on the optics: dark spots that keep their place in the picture."""
    rng = np.random.default_rng((seed, 7))
    away, turn = rng.uniform(5, 55, SPECKS), rng.uniform(0, 2 * np.pi, SPECKS)
    sigma, depth = rng.uniform(*SPECK_UM, SPECKS), rng.uniform(*SPECK_DEPTH, SPECKS)

    def paint(_: FaceSpec, light: Field, grain: Field, rng: np.random.Generator) -> None:
        y, x = np.mgrid[: light.shape[0], : light.shape[1]]
        x, y = (x - spec.centre_px[0]) * spec.um_per_px_x, (y - spec.centre_px[1]) * spec.um_per_px_y
        for r, at, wide, deep in zip(away, turn, sigma, depth, strict=True):
            square = (x - r * np.cos(at)) ** 2 + (y - r * np.sin(at)) ** 2
            light *= (1 - deep * np.exp(-0.5 * square / wide**2)).astype(light.dtype)

    return paint


def both(first: Painter | None, second: Painter | None) -> Painter:
    def paint(spec: FaceSpec, light: Field, grain: Field, rng: np.random.Generator) -> None:
        for one in (first, second):
            if one is not None:
                one(spec, light, grain, rng)

    return paint


@dataclass(frozen=True, slots=True)
class Shown:
    """One face that was inspected in one way."""

    marks: int  # within the fiber
    found: bool  # the mark that it has
    refused: bool  # the archetype, or the reference as a whole


def ways_of(config: Config, model: Path) -> Mapping[str, Config]:
    """The settings of each way of inspecting."""
    detectors = dict(config.detectors)
    detectors["reference"] = replace(detectors["reference"], enabled=True)
    learned = replace(config, reference=replace(config.reference, model=model))
    subtracted = replace(learned, reference=replace(learned.reference, subtract_archetype=True))
    return {
        "without": config,
        "detector": replace(learned, detectors=MappingProxyType(detectors)),
        "archetype out": subtracted,
        "both": replace(subtracted, detectors=MappingProxyType(detectors)),
    }


def shown(inspection: Inspection, rendered: RenderedFace) -> Shown:
    marks = [mark for mark in inspection.defects if mark.zone in ("core", "cladding")]
    drawn = np.zeros(rendered.image.shape[:2], np.uint8)
    for mark in marks:
        cv2.fillPoly(drawn, [np.rint(mark.contour_px).astype(np.int32)], 1)
    near = cv2.dilate(drawn, np.ones((2 * NEAR_PX + 1, 2 * NEAR_PX + 1), np.uint8)) > 0
    blemishes = rendered.truth.blemishes
    kinds = {warning.kind for warning in inspection.quality.warnings}
    refused = bool(kinds & {"archetype_not_subtracted", "reference_not_used"})
    return Shown(len(marks), bool(blemishes and (blemishes[0].mask & near).any()), refused)


def measured(seed: int, dirty: bool, args: argparse.Namespace) -> Mapping[tuple[str, str], list[Shown]]:
    """Render, learn and inspect one kind under one microscope."""
    spec, rng = kind(seed), np.random.default_rng((seed, 11))
    optics = specks(spec, seed) if dirty else None
    base = load_config(ROOT / "config.json").profile(args.profile)
    reference = replace(base.reference, learn_marks=dirty)
    base = replace(base, reporting=replace(base.reporting, report=False), reference=reference)
    found: dict[tuple[str, str], list[Shown]] = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        good = [
            picture(folder, f"good_{k}", render_face(held(spec, rng), (), rng, painter=both(optics, None)).image)
            for k in range(args.references)
        ]
        learn(Learning(Job(folder, base), tuple(good), folder / "m.dscope"))
        jobs = {
            way: Job(folder, config, reference_sha256=hash_of_reference(config))
            for way, config in ways_of(base, folder / "m.dscope").items()
        }
        for what, faces in _faces(spec, optics, args, rng):
            for number, rendered in enumerate(faces):
                image = picture(folder, f"face_{number}", rendered.image)
                for way, job in jobs.items():
                    found.setdefault((what, way), []).append(shown(_inspected(job, image), rendered))
    return found


def _faces(
    spec: FaceSpec, optics: Painter | None, args: argparse.Namespace, rng: np.random.Generator
) -> Iterator[tuple[str, list[RenderedFace]]]:
    clean = both(optics, None)
    yield "clean", [render_face(held(spec, rng), (), rng, painter=clean) for _ in range(args.faces)]
    for low, high in CONTRASTS:
        faces = []
        for _ in range(args.marks):
            own = held(spec, rng)
            blemishes = random_blemishes(rng, own, 1, kinds=MARKS, contrast=(low, high), size_um=SIZE_UM)
            faces.append(render_face(own, blemishes, rng, painter=clean))
        yield f"marks of {low:.0%} to {high:.0%}", faces
    for name, painter in NAMED.items():
        yield name, [render_face(held(spec, rng), (), rng, painter=both(optics, painter)) for _ in range(args.faces)]


def _inspected(job: Job, image: ImageFile) -> Inspection:
    return inspect_unwritten(job, image)[1]


# --- the tables


def tables(found: Mapping[bool, Mapping[tuple[str, str], Sequence[Shown]]]) -> Sequence[str]:
    lines = []
    for dirty, shows in found.items():
        ways = list(dict.fromkeys(way for _, way in shows))
        lines += ["", f"{'Specks on the optics' if dirty else 'Clean optics'}", ""]
        lines += ["| faces | n |" + "".join(f" {way} |" for way in ways), "|---|---|" + "---|" * len(ways)]
        for what in dict.fromkeys(name for name, _ in shows):
            cells = [_cell(what, shows[what, way]) for way in ways]
            lines.append(f"| {what} | {len(shows[what, ways[0]])} | {' | '.join(cells)} |")
    return lines


def _cell(what: str, shows: Sequence[Shown]) -> str:
    refused = sum(one.refused for one in shows)
    said = f", {refused} refused" if refused else ""
    if what.startswith("marks"):
        others = np.mean([one.marks - one.found for one in shows])
        return f"{np.mean([one.found for one in shows]):.0%} found, {others:.2f} others{said}"
    if what == "clean":
        return f"{np.mean([one.marks for one in shows]):.2f} marks a face{said}"
    return f"{np.mean([one.marks > 0 for one in shows]):.0%} with a mark{said}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for option, value in (("kinds", 3), ("faces", 12), ("marks", 24), ("references", 10), ("seed", 41)):
        parser.add_argument(f"--{option}", type=int, default=value)
    parser.add_argument("--profile", default="fast_scan")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    found: dict[bool, dict[tuple[str, str], list[Shown]]] = {False: {}, True: {}}
    for dirty, k in ((dirty, k) for k in range(args.kinds) for dirty in (False, True)):
        for key, shows in measured(args.seed + k, dirty, args).items():
            found[dirty].setdefault(key, []).extend(shows)
    print("\n".join(tables(found)))


if __name__ == "__main__":
    main()
