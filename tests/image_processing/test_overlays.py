"""What is drawn over a rendered face makes no mark, hides nothing in silence, and is told from what is seen."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from benchmarks.rendered import request_for
from dscope_blink.files.decoding import to_gray
from dscope_blink.image_processing import overlays
from dscope_blink.pipeline import inspect_image
from dscope_blink.records import ImageInfo, Provenance
from dscope_blink.synthetic.faces import FaceSpec, Illumination, Pit
from tests.builders.residuals import CONFIG, rendered

FACE = FaceSpec(
    shape=(300, 400), centre_px=(203.4, 146.7), um_per_px_x=0.8, um_per_px_y=0.8, core_diameter_um=50.0, noise=1.5
)
RADIUS_PX = 62.5 / 0.8
PIT = Pit((0.0, 40.0), 14.0, -0.6)
BLUR_PX = 0.8


@cache
def plain(*blemishes):
    return cv2.cvtColor(rendered(FACE, *blemishes).image, cv2.COLOR_GRAY2BGR)


def framed(picture):
    picture[:9], picture[:, :2], picture[-30:] = 255, 200, 255
    return picture


def written(picture, at, ink, text="Port 12 SM"):
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, ink, 2, cv2.LINE_AA)
    return picture


def badged(picture, at, colour):
    cv2.circle(picture, at, 18, colour, -1, cv2.LINE_AA)
    return written(picture, (at[0] - 7, at[1] + 7), (255, 255, 255), "1")


def crossed(picture, ink=(230, 230, 230)):
    cv2.line(picture, (0, 150), (399, 150), ink, 1)
    cv2.line(picture, (205, 0), (205, 299), ink, 1)
    return picture


BESIDE = {
    "frame": framed,
    "caption": lambda picture: written(picture, (130, 262), (0, 0, 0)),
    "white caption": lambda picture: written(picture, (130, 262), (255, 255, 255)),
    "coloured badge": lambda picture: badged(picture, (330, 90), (0, 0, 153)),
    "grey badge": lambda picture: badged(picture, (330, 90), (40, 40, 40)),
}
OVER = {
    "caption": lambda picture: written(picture, (150, 160), (0, 0, 0)),
    "coloured badge": lambda picture: badged(picture, (200, 190), (0, 140, 255)),
    "grey badge": lambda picture: badged(picture, (200, 190), (250, 250, 250)),
    "cross-hair": crossed,
    "green cross-hair": lambda picture: crossed(picture, (0, 255, 0)),
}


def inspected(picture, spec=FACE):
    height, width = picture.shape[:2]
    provenance = Provenance("test", CONFIG.profile, "", {"config": CONFIG.sha256})
    return inspect_image(picture, ImageInfo("a.png", None, width, height), request_for(spec), CONFIG, None, provenance)


@pytest.mark.parametrize("draw", BESIDE.values(), ids=BESIDE)
def test_what_is_drawn_beside_the_fiber_makes_no_mark_and_counts_as_not_seen(draw):
    bare, face = inspected(plain()), inspected(draw(plain().copy()))
    assert face.verdict.status == "PASS"
    assert face.defects == ()
    assert sum(face.quality.clipping.clipped) > sum(bare.quality.clipping.clipped) + 300


@pytest.mark.parametrize("draw", OVER.values(), ids=OVER)
@pytest.mark.parametrize("blemishes", [(), (PIT,)], ids=["clean", "pit"])
def test_what_is_drawn_over_the_fiber_withholds_a_pass(draw, blemishes):
    face = inspected(draw(plain(*blemishes).copy()))
    assert face.verdict.status == "NOT_GRADED" or (blemishes and face.verdict.status == "FAIL")
    assert "drawn_over" in [reason.kind for reason in (*face.verdict.reasons, *face.quality.warnings)]


@pytest.mark.parametrize("draw", BESIDE.values(), ids=BESIDE)
def test_a_mark_beside_what_is_drawn_is_still_found(draw):
    assert inspected(draw(plain(PIT).copy())).verdict.status == "FAIL"


DIRT = Pit((30.0, -20.0), 12.0, -1.0)


@pytest.mark.parametrize("blemish", [PIT, DIRT, Pit((90.0, 30.0), 30.0, -1.0)], ids=["pit", "black", "beside"])
def test_what_is_seen_through_the_optics_is_not_taken_for_drawn(blemish):
    gray = to_gray(rendered(replace(FACE, blur_px=BLUR_PX), blemish).image)
    assert overlays.find_drawn(gray, FACE.cladding_ellipse, BLUR_PX, None) is None


def test_light_of_one_colour_is_no_drawing():
    tinted = (plain() * np.array([0.2, 0.9, 0.25])).astype(np.uint8)
    assert overlays.find_coloured(tinted) is None
    assert overlays.find_coloured(plain()[..., 0]) is None


def test_what_a_drawn_outline_encloses_is_not_seen_but_the_fiber_is():
    picture = plain().copy()
    cv2.circle(picture, (340, 150), 30, (0, 255, 0), 1)
    cv2.circle(picture, (203, 147), 100, (0, 255, 0), 1)
    drawn = overlays.find_drawn(to_gray(picture), FACE.cladding_ellipse, BLUR_PX, overlays.find_coloured(picture))
    assert drawn is not None
    assert drawn[150, 340]
    assert not drawn[147, 203]
    assert not drawn[147, 150]


@pytest.mark.parametrize("level", [0.0, 4.0, 9.0])
def test_a_cladding_too_dark_to_show_a_pit_is_not_called_clean(level):
    dark = replace(FACE, cladding=level, core=60.0, noise=1.0)
    for blemishes in ((), (PIT,)):
        assert inspected(rendered(dark, *blemishes).image, dark).verdict.status == "NOT_GRADED"


def test_steps_between_the_levels_of_a_palette_are_no_marks():
    dark = replace(FACE, cladding=20.0, core=20.0, illumination=Illumination((0.2, 0.1)), noise=0.6)
    palette = (rendered(dark).image // 6 * 6).astype(np.uint8)
    face = inspected(palette, dark)
    assert face.verdict.status == "NOT_GRADED"
    assert face.verdict.reasons[0].kind == "clipped"


@pytest.mark.parametrize("centre", [(203.4, 146.7), (160.0, 146.7)])
def test_shading_makes_no_mark_at_the_borders_of_the_picture(centre):
    light = Illumination((0.2, -0.1), -0.2, 0.2)
    shaded = replace(FACE, centre_px=centre, um_per_px_x=0.62, um_per_px_y=0.62, illumination=light)
    assert inspected(rendered(shaded).image, shaded).defects == ()
