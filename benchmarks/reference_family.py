"""What the features of a face tell of its family: rendered faces of several kinds, and photographs where they are.

python benchmarks/reference_family.py [--kinds 4] [--held 16] [--seed 21] [--photographs DIR]

Of each kind of face a family is learned from 5, 10 and 20 good ones. Prints how many held-out good faces are called of
another family or lie beyond the limit of the distance, how many faces of another microscope, light or fiber are
recognised, and how well the distance alone tells faces with one small mark from good ones. No face is on both sides.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import Picture, decode_image
from dscope_blink.image_processing.face_features import FEATURES, FaceNumbers, face_features
from dscope_blink.image_processing.face_frame import face_frame
from dscope_blink.models.family import Family, compare_with_family
from dscope_blink.pipeline import all_stages
from dscope_blink.records import ImageInfo, Provenance, Request
from dscope_blink.synthetic.faces import Blemish, FaceSpec, Field, Ring, render_face
from dscope_blink.synthetic.scenes import random_blemishes, random_face
from dscope_blink.training.fit_family import fit_family

ROOT = Path(__file__).resolve().parents[1]
EDITION = "iec_61300_3_35_2015"
REFERENCES = (5, 10, 20)
RADIUS_PX = 100
MOST_PIXELS = 100_000_000
RATE = 0.05
FAINT = (0.07, 0.15)  # contrast of small marks
SMALL_UM = (3.0, 8.0)
MARKS = "one small mark"
Painter: TypeAlias = Callable[[FaceSpec, Field, Field, np.random.Generator], None]


def kind_of(seed: int) -> FaceSpec:
    """One kind of face under one microscope."""
    fixed = {"shape": (864, 1152), "um_per_px_x": 0.435, "um_per_px_y": 0.435, "axis_ratio": 1.0}
    return random_face(np.random.default_rng(seed), cladding_diameter_um=125.0, core_diameter_um=50.0, **fixed)


def varied(spec: FaceSpec, rng: np.random.Generator) -> FaceSpec:
    """Another good face of the kind: other place, light and focus, a little."""
    light = spec.illumination
    slope = (light.linear[0] + rng.normal(0, 0.01), light.linear[1] + rng.normal(0, 0.01))
    return replace(
        spec,
        centre_px=(spec.centre_px[0] + rng.uniform(-40, 40), spec.centre_px[1] + rng.uniform(-40, 40)),
        core_offset_um=(rng.normal(0, 0.3), rng.normal(0, 0.3)),
        core=spec.core * rng.uniform(0.95, 1.05),
        cladding=spec.cladding * rng.uniform(0.97, 1.03),
        ferrule=min(spec.ferrule * rng.uniform(0.97, 1.03), 235),
        blur_px=max(spec.blur_px * rng.uniform(0.95, 1.08), 0.7),
        illumination=replace(light, linear=slope),
    )


def numbers_of(picture: Picture, request: Request, config: Config) -> FaceNumbers | None:
    """The features of a picture; None: the fiber was not located, or is hardly in it."""
    info = ImageInfo("face.png", None, picture.shape[1], picture.shape[0])
    stages = all_stages(picture, info, request, config, None, Provenance("benchmark", config.profile, ""))
    if stages.inspection.geometry is None or not stages.inspection.was_measured:
        return None
    try:
        face = face_frame(stages.gray, stages.inspection.geometry, RADIUS_PX, stages.drawn)
    except ValueError:
        return None
    return face_features(face, stages.inspection.geometry, stages.inspection)


# --- what is otherwise


def others_of(spec: FaceSpec) -> Mapping[str, FaceSpec]:
    """The kind under another microscope or light, and other fibers."""
    light = kind_of(10_000 + round(spec.cladding * 10))
    names = ("ferrule", "cladding", "core", "core_slope", "core_dip", "halo", "dark_line")
    ring = Ring(40.0, 1.5, -0.05 * spec.cladding)
    return {
        **{f"scale x {s:g}": replace(spec, um_per_px_x=0.435 / s, um_per_px_y=0.435 / s) for s in (0.7, 1.1, 1.3)},
        **{f"blur x {s:g}": replace(spec, blur_px=spec.blur_px * s) for s in (1.5, 2.0)},
        **{f"noise x {s:g}": replace(spec, noise=spec.noise * s) for s in (2.0, 3.0)},
        "other light": replace(spec, **{name: getattr(light, name) for name in names}),
        "core 62.5 um": replace(spec, core_diameter_um=62.5),
        "core 55 um": replace(spec, core_diameter_um=55.0),
        "core 9 um": replace(spec, core_diameter_um=9.0),
        "another ring, 5 %": replace(spec, rings=(*spec.rings, ring)),
    }


def film(contrast: float) -> Painter:
    """Half of the face is covered, with a soft edge."""

    def paint(spec: FaceSpec, light: Field, grain: Field, rng: np.random.Generator) -> None:
        x, y = _from_centre(spec, light)
        turn = rng.uniform(0, 2 * math.pi)
        across = x * math.cos(turn) + y * math.sin(turn) - rng.uniform(-15, 15)
        light *= (1 + contrast * (0.5 + 0.5 * np.tanh(across / 3))).astype(light.dtype)

    return paint


def stain(contrast: float) -> Painter:
    """A dark spot without an edge."""

    def paint(spec: FaceSpec, light: Field, grain: Field, rng: np.random.Generator) -> None:
        x, y = _from_centre(spec, light)
        turn, away, sigma = rng.uniform(0, 2 * math.pi), rng.uniform(5, 45), rng.uniform(8, 16)
        square = (x - away * math.cos(turn)) ** 2 + (y - away * math.sin(turn)) ** 2
        light *= (1 - contrast * np.exp(-0.5 * square / sigma**2)).astype(light.dtype)

    return paint


def haze(share: float) -> Painter:
    """A share of the light is scattered."""

    def paint(spec: FaceSpec, light: Field, grain: Field, rng: np.random.Generator) -> None:
        light[:] = (1 - share) * light + share * cv2.GaussianBlur(light, (0, 0), 15)

    return paint


def _from_centre(spec: FaceSpec, light: Field) -> tuple[Field, Field]:
    y, x = np.ogrid[: light.shape[0], : light.shape[1]]
    return (x - spec.centre_px[0]) * spec.um_per_px_x, (y - spec.centre_px[1]) * spec.um_per_px_y


PAINTED: Mapping[str, Painter] = {
    **{f"film {c:.0%}": film(c) for c in (0.05, 0.1)},
    **{f"stain {c:.0%}": stain(c) for c in (0.05, 0.1)},
    **{f"haze {c:.0%}": haze(c) for c in (0.1, 0.2)},
}
DISPLACED_UM = (2.0, 4.0)


# --- measured


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of faces of one sort."""

    asked: int
    unlocated: int  # of them the fiber was not located: they never get so far
    other: int  # called of another family
    beyond: int  # of the limit of the distance, or called of another family
    distances: tuple[float, ...]


def told(faces: Sequence[FaceNumbers | None], family: Family) -> Told:
    """What a family says of faces."""
    found = [compare_with_family(face.values, family, 1) for face in faces if face is not None]
    return Told(
        len(faces),
        len(faces) - len(found),
        sum(not one.of_the_family for one in found),
        sum(not one.of_the_family or one.score > 1 for one in found),
        tuple(one.score for one in found),
    )


def family_of(faces: Sequence[FaceNumbers | None], count: int, without_marks: bool = False) -> Family:
    """Of the first so many faces."""
    known = [face for face in faces if face is not None][:count]
    values = np.stack([_shown(face, without_marks) for face in known])
    family = fit_family(FEATURES, values, np.stack([face.histograms for face in known]), RATE)
    assert isinstance(family, Family), family.reason
    return family


def _shown(face: FaceNumbers, without_marks: bool) -> NDArray[np.float64]:
    """What the features alone say: without the marks of the classical engine."""
    hidden = np.array([without_marks and feature.group == "marks" for feature in FEATURES])
    return np.where(hidden, np.nan, face.values)


def auroc(good: Sequence[float], bad: Sequence[float]) -> float:
    """Share of pairs of which the bad one scores higher: J. A. Hanley, B. J. McNeil (1982), radiology.143.1.7063747."""
    one, two = np.asarray(bad)[:, None], np.asarray(good)[None, :]
    return float(np.mean((one > two) + 0.5 * (one == two)))


@dataclass(frozen=True, slots=True)
class Kind:
    """Faces of one kind, and others."""

    references: list[FaceNumbers | None]
    sorts: Mapping[str, list[FaceNumbers | None]]


def rendered_kind(seed: int, held: int, config: Config) -> Kind:
    """Render and measure faces of a kind: references, held-out good ones, and those that are otherwise."""
    spec, rng = kind_of(seed), np.random.default_rng((seed, 1))
    request = Request(EDITION, "multimode", 50.0, 125.0)

    def face(own: FaceSpec, blemishes: tuple[Blemish, ...] = (), paint: Painter | None = None) -> FaceNumbers | None:
        return numbers_of(render_face(own, blemishes, rng, paint).image, request, config)

    def marked() -> FaceNumbers | None:
        own = varied(spec, rng)
        kinds = ("scratch", "pit_dig", "contamination")
        return face(own, random_blemishes(rng, own, 1, kinds=kinds, contrast=FAINT, size_um=SMALL_UM))

    def displaced(away_um: float) -> FaceNumbers | None:
        turn = rng.uniform(0, 2 * math.pi)
        offset = (away_um * math.cos(turn), away_um * math.sin(turn))
        return face(replace(varied(spec, rng), core_offset_um=offset))

    references = [face(varied(spec, rng)) for _ in range(max(REFERENCES))]
    few = max(held // 2, 2)
    sorts: dict[str, list[FaceNumbers | None]] = {"good, held out": [face(varied(spec, rng)) for _ in range(held)]}
    sorts[MARKS] = [marked() for _ in range(held)]
    for name, other in others_of(spec).items():
        sorts[name] = [face(varied(other, rng)) for _ in range(few)]
    for away_um in DISPLACED_UM:
        sorts[f"core displaced {away_um:g} um"] = [displaced(away_um) for _ in range(few)]
    for name, painter in PAINTED.items():
        sorts[name] = [face(varied(spec, rng), (), painter) for _ in range(few)]
    return Kind(references, sorts)


def photographs(folder: Path, config: Config) -> Kind:
    """Those of one kind by the beginning of their names, the others as what is otherwise; every second one learned."""
    found: dict[str, list[FaceNumbers | None]] = {}
    for path in sorted(folder.glob("*.jpg")):
        core, cladding = (91.0, 139.0) if path.name.startswith("mm91") else (50.0, 125.0)
        known = path.name.startswith("mm")
        request = Request(EDITION, "custom", core if known else None, cladding if known else None)
        sort = path.name.partition("_")[0]
        found.setdefault(sort, []).append(numbers_of(decode_image(path.read_bytes(), MOST_PIXELS), request, config))
    own = found.pop("mm50")
    return Kind(own[::2], {"mm50, held out": own[1::2], **found})


def rows(kinds: Sequence[Kind], count: int) -> list[tuple[str, Told]]:
    """Each sort of face, all kinds together."""
    families = [family_of(kind.references, count) for kind in kinds]
    table = []
    for name in kinds[0].sorts:
        each = [told(kind.sorts[name], family) for kind, family in zip(kinds, families, strict=True)]
        table.append((name, _together(each)))
    return table


def _together(each: Sequence[Told]) -> Told:
    sums = {name: sum(getattr(one, name) for one in each) for name in ("asked", "unlocated", "other", "beyond")}
    return Told(**sums, distances=tuple(score for one in each for score in one.distances))


def auroc_of_marks(kinds: Sequence[Kind], count: int, without_marks: bool) -> float:
    """How well the distance alone tells faces with one small mark from good ones, mean of the kinds."""
    found = []
    for kind in kinds:
        family = family_of(kind.references, count, without_marks)
        good, bad = (
            [
                compare_with_family(_shown(face, without_marks), family, 1).distance
                for face in kind.sorts[name]
                if face is not None
            ]
            for name in ("good, held out", MARKS)
        )
        found.append(auroc(good, bad))
    return float(np.mean(found))


def print_table(title: str, kinds: Sequence[Kind], counts: Sequence[int]) -> None:
    """For each number of references the share called of another family, and that or beyond the limit."""
    tables: list[list[tuple[str, Told]]] = [rows(kinds, count) for count in counts]
    print(f"\n{title}\n")
    print("| faces | n | not located |" + "".join(f" {c}: other family | {c}: that or beyond |" for c in counts))
    print("|---|---|---|" + "---|---|" * len(counts))
    for row in zip(*tables, strict=True):
        name, first = row[0]
        located = max(first.asked - first.unlocated, 1)
        cells = "".join(f" {one.other / located:.1%} | {one.beyond / located:.1%} |" for _, one in row)
        print(f"| {name} | {first.asked} | {first.unlocated} |{cells}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kinds", type=int, default=4)
    parser.add_argument("--held", type=int, default=16, help="good faces held out of each kind")
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--photographs", type=Path, default=None)
    given: Any = parser.parse_args(arguments)
    config = load_config(ROOT / "config.json").profile("fast_scan")
    kinds = [rendered_kind(given.seed + k, given.held, config) for k in range(given.kinds)]
    print_table(f"{given.kinds} kinds of rendered faces, by the number of references", kinds, REFERENCES)
    for without, says in ((False, "with"), (True, "without")):
        values = ", ".join(f"{auroc_of_marks(kinds, count, without):.2f} ({count})" for count in REFERENCES)
        print(f"\nAUROC of the distance, {MARKS} of {FAINT[0]:.0%} to {FAINT[1]:.0%}, {says} those counted: {values}")
    if given.photographs is not None:
        found = photographs(given.photographs, config)
        usable = sum(face is not None for face in found.references)
        print_table(f"Photographs, learned from {usable} of one kind", [found], (usable,))


if __name__ == "__main__":
    main()
