"""What a copy or a decoder left unfilled is found where it lies; what a camera saw, smooth or clipped, is not."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dscope_blink.analysis.judging import grade
from dscope_blink.image_processing.missing_parts import find_missing, missing_warnings
from dscope_blink.pipeline import inspect_image
from dscope_blink.records import Ellipse, ImageInfo, Provenance, Request
from dscope_blink.synthetic.faces import FaceSpec, Illumination, render_face
from tests.builders.settings import SETTINGS as FILE

SETTINGS = FILE.profile("deep_inspection").preprocessing
SPEC = FaceSpec(shape=(400, 480), centre_px=(240.0, 200.0), um_per_px_x=0.7, um_per_px_y=0.7)
CLADDING = SPEC.cladding_ellipse
CONTACT = CLADDING.scaled(2.0)
LOWER, RIGHT, BLOCK = np.s_[250:, :], np.s_[:, 300:], np.s_[150:250, 130:230]
CELL_PX = 4
PROVENANCE = Provenance("test", "fast_scan", "2026-01-01T00:00:00+00:00")


def face(spec=SPEC, seed=0):
    return render_face(spec, (), np.random.default_rng(seed)).image


def found(picture):
    return find_missing(picture.astype(np.float32) / np.float32(255), SETTINGS)


def kinds(picture, cladding=CLADDING, outermost=CONTACT):
    return [warning.kind for warning in missing_warnings(found(picture), cladding, outermost)]


def filled(where, level, picture=None):
    picture = face() if picture is None else picture.copy()
    picture[where] = level
    return picture


@pytest.mark.parametrize("where", [LOWER, RIGHT, BLOCK], ids=["lower rows", "right columns", "a block"])
@pytest.mark.parametrize("level", [0, 60, 128, 255])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_part_of_one_grey_level_is_found_where_it_lies(where, level, seed):
    picture = filled(where, level, face(seed=seed))
    part = found(picture)[0]
    mask = np.zeros(picture.shape, bool)
    mask[where] = True
    y, x = np.nonzero(mask)
    expected = (x.min(), y.min(), x.max() + 1, y.max() + 1)
    assert np.abs(np.subtract((part.left, part.top, part.right, part.bottom), expected)).max() <= 2 * CELL_PX
    assert part.text.endswith(f"hold one grey level, {level / 255:.0%} of the range")
    assert kinds(picture)[0] == "part_missing"


def test_rows_and_columns_that_repeat_are_found():
    picture = face()
    picture[250:] = picture[249]
    assert "rows 252 to 399, columns 0 to 479 repeat the row before them" in [part.text for part in found(picture)]
    picture = face()
    picture[:, 300:] = picture[:, 299:300]
    assert "repeat the column before them" in found(picture)[0].text
    picture = face()
    picture[150:250, 130:230] = picture[150, 130:230]
    assert kinds(picture) == ["part_missing"]


def test_blocks_all_over_are_a_missing_part_though_none_lies_on_the_fiber():
    picture = face()
    for corner in ((16, 16), (16, 400), (340, 32), (350, 420)):
        picture[corner[0] : corner[0] + 32, corner[1] : corner[1] + 32] = 20
    assert kinds(picture, outermost=CLADDING) == ["part_missing"] * 3


def test_a_part_beside_all_that_has_limits_is_a_warning():
    picture = filled(np.s_[:60, 20:200], 128)
    assert kinds(picture, outermost=CLADDING) == ["part_missing_beside"]
    assert kinds(picture, outermost=CONTACT) == ["part_missing"]
    assert kinds(picture, None, None) == ["part_missing"]


@pytest.mark.parametrize("level", [0, 18, 255])
def test_a_frame_or_margin_is_no_missing_part_unless_it_covers_the_fiber(level):
    frame = filled(np.s_[:, :30], level, filled(np.s_[370:, :], level))
    assert kinds(frame) == []
    assert "part_missing" in kinds(filled(np.s_[:, 120:160], level))


CLEAN = {
    "as it comes": SPEC,
    "without noise": replace(SPEC, noise=0.0),
    "without noise, shaded": replace(SPEC, noise=0.0, illumination=Illumination(linear=(0.3, 0.0))),
    "little noise": replace(SPEC, noise=0.3),
    "saturated ferrule": replace(SPEC, ferrule=255.0),
    "saturated core": replace(SPEC, core=255.0),
    "black cladding": replace(SPEC, cladding=0.0, noise=0.5),
    "black frame": replace(SPEC, frame_px=(20, 0, 0, 20)),
    "another size": FaceSpec(shape=(300, 401), centre_px=(190.0, 155.0), um_per_px_x=1.1, um_per_px_y=1.1, noise=0.0),
}


@pytest.mark.parametrize("spec", CLEAN.values(), ids=CLEAN)
@pytest.mark.parametrize("quality", [None, 90, 50, 15])
def test_a_clean_picture_has_no_missing_part(spec, quality):
    picture = face(spec)
    if quality is not None:
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0)
    assert kinds(picture, spec.cladding_ellipse, spec.cladding_ellipse.scaled(2.0)) == []


@pytest.mark.parametrize("factor", [2, 4])
def test_an_enlarged_picture_has_no_missing_part(factor):
    picture = face().repeat(factor, axis=0).repeat(factor, axis=1)
    centre = (240.0 * factor, 200.0 * factor)
    cladding = Ellipse(centre, (CLADDING.axes_px[0] * factor, CLADDING.axes_px[1] * factor), 0.0)
    assert kinds(picture, cladding, cladding.scaled(2.0)) == []


def test_a_face_of_which_a_part_is_missing_is_not_graded():
    config = FILE.profile("fast_scan")
    asked = Request("iec_61300_3_35_2022", "multimode", cladding_diameter_um=125.0)
    for picture, status, reason in ((face(), "PASS", []), (filled(BLOCK, 128), "NOT_GRADED", ["part_missing"])):
        info = ImageInfo("face.png", width=480, height=400)
        inspection = inspect_image(picture, info, asked, config, None, PROVENANCE)
        assert inspection.verdict.status == status
        assert [why.kind for why in inspection.verdict.reasons] == reason
        assert grade(inspection, config).verdict == inspection.verdict  # from what a record keeps


@pytest.mark.accuracy
def test_photographs_have_no_missing_parts(shared):
    for file in sorted((shared / "endfaces").glob("*.jpg")):
        assert kinds(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)) == [], file.name
