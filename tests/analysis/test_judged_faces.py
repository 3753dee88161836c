"""The published examples of counting, as pictures: from pixels to the verdict and the zone that it rests on."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from dscope_blink.pipeline import inspect_image
from dscope_blink.records import ImageInfo, Inspection, Provenance, Request
from dscope_blink.synthetic.faces import Blemish, Contamination, FaceSpec, Pit, Scratch, render_face
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("deep_inspection")
REQUEST = Request("iec_61300_3_35_2015", "single_mode_upc", 9.0, 125.0, 1.0)
UM_PER_PX = 0.25  # a speck of 1.1 um measures 1.9 um here, at 0.36 um per pixel 2.0 um
FACE = FaceSpec(
    shape=(1060, 1080),
    centre_px=(541.3, 528.6),
    core_diameter_um=9.0,
    um_per_px_x=UM_PER_PX,
    um_per_px_y=UM_PER_PX,
)


@cache
def inspected(*blemishes: Blemish) -> Inspection:
    picture = render_face(FACE, blemishes, np.random.default_rng(0)).image
    info = ImageInfo("face.png", None, picture.shape[1], picture.shape[0])
    provenance = Provenance("D-Scope Blink", "deep_inspection", "", {"config": CONFIG.sha256})
    return inspect_image(picture, info, REQUEST, CONFIG, None, provenance)


def pit(radius_um: float, turn_deg: float, diameter_um: float) -> Pit:
    turn = math.radians(turn_deg)
    return Pit((radius_um * math.cos(turn), radius_um * math.sin(turn)), diameter_um, -0.7)


def particle(x_um: float, y_um: float, diameter_um: float) -> Contamination:
    return Contamination(((x_um, y_um, diameter_um / 2),), -0.6, softness_um=0.4)


def broken(face: Inspection) -> list[tuple[str, str]]:
    """Zone and limit of each broken rule."""
    return [(v.zone, v.rule) for v in face.verdict.violations]


def counts(face: Inspection) -> dict[str, int]:
    """Marks found in each zone."""
    zones = [defect.zone for defect in face.defects]
    return {zone: zones.count(zone) for zone in dict.fromkeys(zones)}


def test_a_mark_of_over_five_micrometres_in_the_cladding_fails():
    face = inspected(pit(35, 20, 7.5))
    assert face.verdict.status == "FAIL"
    assert broken(face) == [("cladding", "defect diameter > 5 um")]
    assert counts(face) == {"cladding": 1}


def test_a_mark_that_touches_the_core_zone_fails_as_one_of_it():
    face = inspected(pit(13.0, 200, 4.0))  # its centre lies beyond the border at 12.5 um
    assert face.verdict.status == "FAIL"
    assert broken(face) == [("core", "defect diameter of any size")]
    (defect,) = face.defects
    assert (defect.zone, defect.severity) == ("core", "CRITICAL")
    assert math.dist(defect.centroid_px, FACE.centre_px) * UM_PER_PX > 12.5


def test_a_fine_scratch_and_two_particles_under_five_micrometres_in_the_cladding_pass():
    scratch = Scratch(((-45.0, -10.0), (-18.0, 22.0)), 1.5, -0.5)
    face = inspected(scratch, particle(30, 18, 3.6), particle(24, -34, 3.6))
    assert face.verdict.status == "PASS"
    kinds = [defect.classification for defect in face.defects]
    assert counts(face) == {"cladding": 3}
    assert kinds.count("scratch") == 1
    assert sum(defect.counted for defect in face.defects) == 2


def test_five_small_marks_and_a_speck_in_the_cladding_and_one_in_the_contact_zone_pass():
    five = [pit(radius, turn, 3.4) for radius, turn in ((22, 10), (30, 80), (38, 150), (46, 220), (30, 300))]
    face = inspected(*five, pit(45, 340, 1.1), pit(92, 120, 7.5))
    assert face.verdict.status == "PASS"
    assert counts(face) == {"cladding": 6, "contact": 1}
    assert [d.zone for d in face.defects if d.counted] == ["cladding"] * 5


def test_a_sixth_of_them_fails():
    places = (22, 10), (30, 80), (38, 150), (46, 220), (30, 300), (45, 110)
    face = inspected(*(pit(radius, turn, 3.4) for radius, turn in places))
    assert face.verdict.status == "FAIL"
    assert broken(face) == [("cladding", "defect diameter >= 2 um and <= 5 um")]
    assert len(face.verdict.violations[0].defects) == 6
