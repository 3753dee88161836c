"""Structure that is described: found, it is no mark, and what lies in it still is one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.image_processing.described_structure import FoundStructure, find_structure
from dscope_blink.image_processing.fiber_coordinates import working_picture
from dscope_blink.pipeline import all_stages, inspect_image
from dscope_blink.records import (
    FiberGeometry,
    ImageInfo,
    Inspection,
    Provenance,
    Request,
    StructureDescription,
    StructureRegion,
)
from dscope_blink.synthetic.faces import Blemish, FaceSpec, Illumination, Pit, render_face
from dscope_blink.synthetic.structures import STRUCTURES, on_circle, polygon
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("fast_scan")
INFO = ImageInfo("face.png", None, 330, 300)
MADE = Provenance("D-Scope Blink", "fast_scan", "", {"config": CONFIG.sha256})
FACE = FaceSpec(
    shape=(300, 330), centre_px=(166.3, 148.8), core_diameter_um=9.0, um_per_px_x=0.7, um_per_px_y=0.7, core=170.0
)
NO_CORE = replace(FACE, core=FACE.cladding)
RODS = STRUCTURES["panda"](17.0, -0.2)
SQUARE = polygon(4, 50 * math.sqrt(2), 20.0, 0.8)
CORES = on_circle(9.0, 4, 27.0, 40.0, 0.6)


def request(structure: str | None, fiber_class: str = "single_mode_upc") -> Request:
    core_um = None if fiber_class == "multimode" else 9.0
    return Request("iec_61300_3_35_2022", fiber_class, core_um, 125.0, 1.0, fiber_structure=structure)


def rendered(blemishes: Sequence[Blemish], spec: FaceSpec = FACE) -> np.ndarray:
    return render_face(spec, tuple(blemishes), np.random.default_rng(3)).image


def inspected(blemishes: tuple[Blemish, ...], asked: Request, spec: FaceSpec = FACE) -> Inspection:
    return inspect_image(rendered(blemishes, spec), INFO, asked, CONFIG, None, MADE)


def at(radius_um: float, turn_deg: float, size_um: float = 9.0) -> Pit:
    turn = math.radians(turn_deg)
    return Pit((radius_um * math.cos(turn), radius_um * math.sin(turn)), size_um, -0.6)


def kinds(face: Inspection) -> list[str]:
    return [reason.kind for reason in face.verdict.reasons]


DESCRIBED = {
    "panda": (RODS, request("panda"), FACE),
    "square_core": (SQUARE, request("square_core", "multimode"), NO_CORE),
    "four_cores": (CORES, request("four_cores"), NO_CORE),
}


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_clean_face_with_the_structure_that_is_described_passes(name: str) -> None:
    marks, asked, spec = DESCRIBED[name]
    assert inspected(marks, asked, spec).verdict.status == "PASS"
    assert inspected(marks, replace(asked, fiber_structure=None), spec).verdict.status != "PASS"


@pytest.mark.parametrize(
    ("name", "pit"),
    [
        ("panda", at(28.0, 17.0)),  # in the middle of a rod
        ("panda", at(45.5, 17.0)),  # on its border
        ("panda", at(40.0, 107.0)),
        ("panda", at(3.0, 60.0, 5.0)),
        ("square_core", at(15.0, 20.0)),
        ("square_core", at(25.0, 65.0)),
        ("square_core", at(33.0, 20.0)),  # in a corner
        ("square_core", at(2.0, 60.0)),  # round, in the centre
        ("four_cores", at(27.0, 40.0, 6.0)),
        ("four_cores", at(2.0, 60.0)),
    ],
)
def test_a_pit_that_breaks_a_limit_fails_it(name: str, pit: Pit) -> None:
    marks, asked, spec = DESCRIBED[name]
    face = inspected((*marks, pit), asked, spec)
    assert face.verdict.status == "FAIL"
    assert "structure_not_found" not in kinds(face)
    offset = [(np.array(mark.centroid_px) - FACE.centre_px) * 0.7 - pit.centre_um for mark in face.defects]
    assert min(np.hypot(*offset[k]) for k in range(len(offset))) < 2.5


@pytest.mark.parametrize(
    ("marks", "why"),
    [
        ((), "do not stand out from the noise"),
        (on_circle(20.0, 2, 28.0, 17.0, -0.2), "35 um are described, the borders seen are those of"),
        ((RODS[0], *on_circle(35.0, 2, 28.0, 17.0, -0.4)[1:]), "0 of them show, with their border and of one level"),
    ],
)
def test_what_is_described_and_not_seen_withholds_a_pass(marks: tuple[Blemish, ...], why: str) -> None:
    face = inspected(marks, request("panda"))
    assert face.verdict.status != "PASS"
    assert "structure_not_found" in kinds(face)
    assert any(why in reason.text for reason in face.verdict.reasons)


def test_a_mark_that_covers_a_whole_rod_is_no_rod_in_uneven_light() -> None:
    uneven = replace(FACE, illumination=Illumination((0.3, 0.2)))
    cover = replace(RODS[1], contrast=-0.35)
    assert inspected(RODS, request("panda"), uneven).verdict.status == "PASS"
    assert inspected((*RODS, cover), request("panda"), uneven).verdict.status != "PASS"


def test_half_of_the_structure_is_not_enough() -> None:
    assert "structure_not_found" in kinds(inspected(RODS[:1], request("panda")))


def test_other_structure_beside_that_which_is_described_is_not_described() -> None:
    face = inspected((*RODS, *on_circle(5.0, 4, 52.0, 33.0, -0.6)), request("panda"))
    assert kinds(face) == ["structure_not_described"]


def test_structure_of_a_class_is_that_which_names_it() -> None:
    named = replace(CONFIG.fiber_structures["panda"], classes=("single_mode_upc",))
    config = replace(CONFIG, fiber_structures={"panda": named})
    face = inspect_image(rendered(RODS), INFO, request(None), config, None, MADE)
    assert face.verdict.status == "PASS"
    assert config.structure_of(request(None, "multimode")) is None


def test_nothing_is_sought_where_nothing_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dscope_blink.image_processing.described_structure.find_structure", None)
    assert inspect_image(rendered(()), INFO, request(None), CONFIG, None, MADE).verdict.status == "PASS"


# --- what is found


def found(marks: Sequence[Blemish], *regions: StructureRegion, spec: FaceSpec = FACE) -> FoundStructure:
    stages = all_stages(rendered(marks, spec), INFO, request(None), CONFIG, None, MADE)
    geometry = stages.fiber.geometry
    assert isinstance(geometry, FiberGeometry)
    picture = working_picture(stages.gray, geometry, 700.0)
    return find_structure(picture, StructureDescription((), True, regions), 125.0, CONFIG.residual)


@pytest.mark.parametrize(("corners", "shape"), [(4, "square"), (6, "hexagon"), (8, "octagon")])
def test_a_polygon_is_measured_between_opposite_sides(corners: int, shape: str) -> None:
    marks = polygon(corners, 60 / math.cos(math.pi / corners), 25.0, 0.6)
    structure = found(marks, StructureRegion(shape, 58.0, 1, 0.0, 0.0), spec=NO_CORE)
    assert structure.added is not None
    covered = np.count_nonzero(structure.added > structure.added.max() / 2) * 0.7**2
    assert covered == pytest.approx(corners * 30**2 * math.tan(math.pi / corners), rel=0.02)


def test_regions_of_several_sorts_are_found_together() -> None:
    marks = (*RODS, *on_circle(8.0, 2, 35.0, 107.0, 0.5))
    lines = StructureRegion("disc", 35.0, 2, 28.0, 0.0), StructureRegion("disc", 8.0, 2, 35.0, 90.0)
    assert found(marks, *lines).added is not None
    aside = replace(lines[1], turn_deg=60.0)
    assert found(marks, lines[0], aside).added is None


def test_the_levels_are_those_of_the_regions() -> None:
    structure = found(RODS, StructureRegion("disc", 34.0, 2, 29.0, 0.0))
    assert structure.added is not None
    assert structure.added.min() == pytest.approx(-0.2 * FACE.cladding / 255, rel=0.05)
    assert structure.added.max() == pytest.approx(0.0, abs=1e-6)
