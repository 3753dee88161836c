"""Random scenes keep to what they were asked for, and the samples show what their names say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dscope_blink.records import CLASSIFICATIONS
from dscope_blink.synthetic.faces import FaceSpec, render_face
from dscope_blink.synthetic.scenes import FIGURES, demo_faces, random_blemishes, random_face, random_surface

FACE = FaceSpec(shape=(430, 520), centre_px=(260.3, 214.8))

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=25)
@given(seed=seeds, bits=st.sampled_from([8, 16]))
def test_any_random_scene_renders_with_its_marks_inside_the_picture(seed, bits):
    rng = np.random.default_rng(seed)
    spec = random_face(rng, shape=(240, 320), bits=bits)
    face = render_face(spec, random_blemishes(rng, spec, 4), rng)
    assert face.image.shape == (240, 320)
    for truth in face.truth.blemishes:
        assert truth.kind in CLASSIFICATIONS
        assert truth.mask.shape == (240, 320)
        assert truth.mask.any()
        assert 0 < truth.width_um <= truth.length_um + 1e-6 or truth.kind == "chip"
        assert truth.snr > 0


@settings(max_examples=40)
@given(seed=seeds)
def test_a_random_face_lies_whole_in_its_picture(seed):
    spec = random_face(np.random.default_rng(seed))
    (x, y), reach = spec.cladding_ellipse.center_px, max(spec.cladding_ellipse.axes_px) / 2
    assert reach < x < spec.shape[1] - 1 - reach
    assert reach < y < spec.shape[0] - 1 - reach


def test_what_is_given_for_a_random_face_is_kept():
    spec = random_face(np.random.default_rng(3), cladding_diameter_um=80.0, shape=(300, 400), noise=0.0)
    assert (spec.cladding_diameter_um, spec.shape, spec.noise) == (80.0, (300, 400), 0.0)
    assert spec.cladding_ellipse.mean_diameter_px < 300


def test_random_faces_show_cores_brighter_darker_and_as_bright_as_the_cladding():
    steps = [spec.core - spec.cladding for spec in map(random_face, map(np.random.default_rng, range(40)))]
    assert max(steps) > 50
    assert min(steps) < -15
    assert min(map(abs, steps)) < 3


@settings(max_examples=10)
@given(seed=seeds)
def test_random_blemishes_keep_clear_of_each_other_and_of_the_borders_asked_for(seed):
    rng = np.random.default_rng(seed)
    compact = ("scratch", "pit_dig", "contamination")
    blemishes = random_blemishes(rng, FACE, 6, kinds=compact, size_um=(3.0, 8.0), radius_um=(28.0, 58.0))
    masks = [truth.mask for truth in render_face(FACE, blemishes, np.random.default_rng(0)).truth.blemishes]
    assert len(masks) >= 3
    assert np.sum(masks, axis=0).max() == 1
    rows, columns = np.nonzero(np.any(masks, axis=0))
    radius = np.hypot(columns - FACE.centre_px[0], rows - FACE.centre_px[1]) * FACE.um_per_px
    assert radius.min() > 28 - 2
    assert radius.max() < 58 + 2


@pytest.mark.parametrize("kind", ["pit_dig", "contamination"])
def test_compact_random_blemishes_have_the_size_asked_for(kind):
    blemishes = random_blemishes(np.random.default_rng(5), FACE, 12, kinds=(kind,), size_um=(6.0, 6.0))
    truths = render_face(FACE, blemishes, np.random.default_rng(0)).truth.blemishes
    assert 5.5 < np.mean([truth.diameter_um for truth in truths]) < 7.5


def test_an_unknown_kind_of_blemish_is_refused_by_name():
    with pytest.raises(ValueError, match="hair"):
        random_blemishes(np.random.default_rng(0), FACE, 1, kinds=("hair",))


@settings(max_examples=20)
@given(seed=seeds)
def test_a_random_surface_is_a_grey_picture_of_the_size_asked_for(seed):
    image = random_surface(np.random.default_rng(seed), (120, 160))
    assert image.shape == (120, 160)
    assert image.dtype == np.uint8
    assert image.std() > 0


def discs(picture):
    """Radii of the whole, round and filled shapes in a picture, the largest first, over its short side."""
    marked = (picture != picture[0, 0]).astype(np.uint8)
    marked[[0, -1]] = marked[:, [0, -1]] = 1  # what the border cuts hangs together with it
    count, labels = cv2.connectedComponents(marked)
    found = []
    for k in range(1, count):
        shape = (labels == k).astype(np.uint8)
        outline = cv2.findContours(shape, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0]
        radius = cv2.minEnclosingCircle(outline)[1]
        if 3 <= radius < 0.49 * min(picture.shape) and shape.sum() > 0.93 * np.pi * radius**2:
            found.append(radius / min(picture.shape))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
def test_no_figure_on_a_surface_is_one_round_disc_alone(draw):
    for seed in range(12):
        picture = np.full((300, 400), 100, np.float32)
        draw(np.random.default_rng(seed), picture, 100.0)
        assert picture.std() > 0
        largest, second = (*discs(picture), 0, 0)[:2]
        assert largest < 0.05 or second > 0.5 * largest, f"seed {seed}"


def test_the_demo_shows_every_kind_of_blemish_and_every_verdict():
    faces = demo_faces()
    assert {blemish.kind for face in faces for blemish in face.blemishes} == set(CLASSIFICATIONS)
    assert {face.expected for face in faces} == {"PASS", "FAIL", "NOT_GRADED"}
    assert len({face.name for face in faces}) == len(faces)


def test_the_demo_calls_clean_what_has_no_blemish():
    for face in demo_faces():
        assert face.name.startswith("clean") == (face.spec is not None and not face.blemishes)


@pytest.mark.parametrize("face", demo_faces(), ids=lambda face: face.name)
def test_a_demo_picture_is_the_same_every_time(face):
    image = face.image()
    assert np.array_equal(image, face.image())
    assert image.dtype == np.uint8
    assert image.std() > 1
