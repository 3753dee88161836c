"""Varied marks carry the name that a person gives them, lie in the picture and keep apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from dscope_blink.records import CLASSIFICATIONS
from dscope_blink.synthetic.faces import FaceSpec, in_picture
from dscope_blink.synthetic.varied_marks import APART_UM, MAKERS, varied_groups

SPEC = FaceSpec(shape=(576, 720), centre_px=(359.5, 287.5), um_per_px_x=0.6, um_per_px_y=0.6)


def test_every_kind_can_be_drawn():
    assert set(MAKERS) == set(CLASSIFICATIONS)


@pytest.mark.parametrize("kind", MAKERS)
def test_every_way_of_drawing_a_kind_gives_that_kind(kind):
    for make in MAKERS[kind].values():
        rng = np.random.default_rng(4)
        made = [group for group in (make(rng, SPEC, 0.3) for _ in range(12)) if group is not None]
        assert made
        assert {group.kind for group in made} == {kind}


def test_groups_lie_in_the_picture_and_apart():
    groups = varied_groups(np.random.default_rng(5), SPEC, 8)
    outlines = [np.concatenate([blemish.outline(SPEC) for blemish in group.blemishes]) for group in groups]
    assert len(groups) == 8
    assert all(in_picture(SPEC, outline).all() for outline in outlines)
    nearest = [np.linalg.norm(a[:, None] - b[None], axis=2).min() for a, b in combinations(outlines, 2)]
    assert min(nearest) > APART_UM


def test_groups_keep_clear_of_what_is_there():
    taken = np.array([[x, y] for x in range(-60, 61, 4) for y in range(-60, 1, 4)], np.float64)
    groups = varied_groups(np.random.default_rng(6), SPEC, 4, taken)
    assert groups
    for group in groups:
        outline = np.concatenate([blemish.outline(SPEC) for blemish in group.blemishes])
        assert np.linalg.norm(outline[:, None] - taken[None], axis=2).min() > APART_UM


def test_the_same_source_of_randomness_gives_the_same_groups():
    assert varied_groups(np.random.default_rng(7), SPEC, 3) == varied_groups(np.random.default_rng(7), SPEC, 3)
