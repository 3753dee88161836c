"""The turn between two shots of one face, and what became of its marks."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.analysis import registration
from dscope_blink.analysis.registration import compared, weigh_turn
from dscope_blink.pipeline import inspect_image
from dscope_blink.records import Ellipse, ImageInfo, Inspection, Provenance, Request, ZoneOutline
from dscope_blink.synthetic.faces import FaceSpec, Pit, Scratch, render_face
from tests.builders.inspections import NOT_LOCATED
from tests.builders.settings import SETTINGS
from tests.builders.shots import DUST, OTHER_DUST, Spot, shot


def apart(first: float | None, second: float | None) -> float:
    assert first is not None
    assert second is not None
    return abs((first - second + 180) % 360 - 180)


@pytest.mark.parametrize("turn_deg", [0.0, 12.3, 90.0, 200.7, 359.5])
def test_a_face_that_was_turned_shifted_scaled_and_seen_in_other_pixels_is_brought_back(turn_deg):
    seen = shot(DUST, turn_deg, center=(630.0, 560.0), axes=(430.0, 460.0))
    change = compared(shot(DUST), seen)
    assert apart(change.turn.angle_deg, turn_deg) < 1
    assert [(fate.id, fate.fate, fate.partner) for fate in change.before] == [
        (name, "stayed", name) for name in (m.id for m in seen.defects)
    ]
    assert {fate.fate for fate in change.after} == {"stayed"}


@pytest.mark.parametrize("turn_deg", [0.0, 12.34, 200.68])
def test_the_turn_is_told_in_tenths_of_a_degree_by_marks_that_each_shot_outlines_otherwise(turn_deg):
    grown = [(x, y, size + 0.01 * (k % 3)) for k, (x, y, size) in enumerate(DUST)]
    assert apart(weigh_turn(shot(DUST), shot(grown, turn_deg)).turn.angle_deg, turn_deg) <= 0.1
    assert apart(weigh_turn(shot(grown, turn_deg), shot(DUST)).turn.angle_deg, -turn_deg) <= 0.1


def test_how_much_speaks_for_a_turn_is_told_with_it():
    weighed = weigh_turn(shot(DUST[:7]), shot(DUST, 30.0))
    assert weighed.turn == weigh_turn(shot(DUST[:7]), shot(DUST, 30.0)).turn
    assert (weighed.alike, weighed.marks) == (7, 7)
    assert weighed.log_chance < weigh_turn(shot(DUST[:5]), shot(DUST, 30.0)).log_chance < math.log(1e-3)
    assert weigh_turn(shot(DUST[:1]), shot(DUST)).log_chance > math.log(1e-3)


def test_the_turn_back_is_the_turn_the_other_way():
    seen = shot(DUST[:7], 75.0)
    back = weigh_turn(seen, shot(DUST)).turn.angle_deg
    assert back is not None
    assert apart(weigh_turn(shot(DUST), seen).turn.angle_deg, -back) < 1


def test_after_cleaning_what_went_stayed_and_came_is_told():
    stayed, gone, came = DUST[:6], DUST[6:], ((-0.3, 0.9, 0.04), (0.5, -0.2, 0.03))
    change = compared(shot((*stayed, *gone)), shot((*came, *stayed), 140.0))
    assert change.ids("removed") == ("P7", "P8", "P9")
    assert change.ids("stayed") == ("P3", "P4", "P5", "P6", "P7", "P8")
    assert change.ids("new") == ("P1", "P2")
    assert change.ids("unseen") == ()


def test_a_mark_that_grew_over_small_ones_hides_them_and_is_new():
    grown = compared(shot(DUST), shot((*DUST[1:], (*DUST[0][:2], 0.2))))
    assert grown.before[0].fate == "stayed"
    assert grown.before[0].partner == "P9"
    assert grown.after[8].fate == "new"


def test_a_place_that_the_other_shot_does_not_show_is_not_said_to_be_clean():
    far = (1.9, 0.0, 0.03)
    cut = compared(shot((*DUST, far)), shot(DUST, center=(860.0, 600.0)))  # its picture ends at 1.7 radii
    assert cut.before[9].fate == "unseen"
    whole = compared(shot((*DUST, far)), shot(DUST))
    assert whole.before[9].fate == "removed"


def test_beyond_the_zones_that_were_inspected_nothing_is_said_to_be_clean():
    inner = replace(shot(DUST), zones=(ZoneOutline("B", Ellipse((600.0, 600.0), (560.0, 560.0), 0.0)),))
    inner = replace(inner, request=replace(inner.request, zones=("cladding",)))
    change = compared(shot((*DUST, (1.8, 0.0, 0.03))), inner)
    assert change.before[9].fate == "unseen"


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (DUST, OTHER_DUST, "too few marks lie alike"),  # another face
        (DUST[:1], DUST[:1], "too few marks lie alike"),  # one mark lies on one at some turn, whatever they are
        ([(0.01 * n, 0.0, 0.02) for n in range(5)],) * 2 + ("too few",),  # marks on the axis lie alike at every turn
        ((), DUST, "the first shot has no mark"),
        (DUST, (), "the second shot has no mark"),
    ],
)
def test_where_the_marks_do_not_tell_no_turn_is_guessed(before, after, why):
    change = compared(shot(before), shot(after, 30.0))
    assert change.turn.angle_deg is None
    assert why in change.turn.why_not
    assert change.before == change.after == ()


def test_the_turn_is_the_same_however_many_are_tried_at_once(monkeypatch):
    whole = weigh_turn(shot(DUST), shot(DUST, 33.0))
    monkeypatch.setattr(registration, "_AT_ONCE", 1000)
    assert weigh_turn(shot(DUST), shot(DUST, 33.0)) == whole


def test_marks_that_repeat_about_the_axis_do_not_tell_which_turn_it_was():
    half = [spot for spot in DUST if spot[1] > 0] + [(0.7, 0.4, 0.02), (-0.9, 0.3, 0.03)]
    twice = (*half, *((-x, -y, size) for x, y, size in half))
    turn = weigh_turn(shot(twice), shot(twice, 30.0)).turn
    assert turn.angle_deg is None
    assert "more than one turn" in turn.why_not


def test_what_was_not_inspected_is_not_compared():
    assert weigh_turn(shot(DUST), NOT_LOCATED).turn.why_not == "no marks were sought in the second shot"
    assert weigh_turn(NOT_LOCATED, shot(DUST)).turn.why_not == "no marks were sought in the first shot"


def test_a_mark_that_lies_beyond_all_measure_costs_neither_memory_nor_the_turn():
    far = (*DUST, (1e5, 0.0, 0.05))
    assert apart(weigh_turn(shot(far), shot(far, 50.0)).turn.angle_deg, 50.0) < 1


@pytest.mark.parametrize("seed", range(20))
def test_faces_of_other_dust_are_never_taken_for_one(seed):
    drawn = np.random.default_rng(seed)

    def dust(count: int) -> list[Spot]:
        r, t = drawn.uniform(0.1, 1.9, count), drawn.uniform(0, 2 * math.pi, count)
        return [*zip(r * np.cos(t), r * np.sin(t), drawn.uniform(0.005, 0.06, count), strict=True)]

    first, second = dust(int(drawn.integers(3, 60))), dust(int(drawn.integers(3, 60)))
    assert weigh_turn(shot(first), shot(second)).turn.angle_deg is None


@pytest.mark.slow
def test_rendered_faces_turned_and_cleaned_are_told_apart():
    config = SETTINGS.profile("deep_inspection")
    stayed = ((-40.0, 18.0), (22.0, -30.0), (45.0, 12.0), (-15.0, -47.0), (5.0, 18.0), (85.0, 30.0))
    gone, scratch = (-30.0, -20.0), ((-24.0, 30.0), (20.0, 46.0))

    def seen(turn_deg: float, cleaned: bool, um_per_px: float) -> Inspection:
        turn = np.exp(1j * math.radians(turn_deg))
        places = [complex(*place) * turn for place in (*stayed, *(() if cleaned else (gone,)))]
        line = [complex(*place) * turn for place in scratch]
        marks: list[Pit | Scratch] = [Pit((z.real, z.imag), 7.0, -0.7) for z in places]
        marks += [Scratch(tuple((z.real, z.imag) for z in line), 3.5, -0.6)]
        spec = FaceSpec((400, 420), (203.3 + turn_deg / 20, 196.2), um_per_px_x=um_per_px, um_per_px_y=um_per_px)
        picture = render_face(spec, tuple(marks), np.random.default_rng(1)).image
        info = ImageInfo("face.png", "00" * 32, 420, 400)
        request = Request("iec_61300_3_35_2015", "multimode", 50.0, 125.0, 1.0)
        return inspect_image(picture, info, request, config, None, Provenance("", "", ""))

    change = compared(seen(0.0, False, 0.7), seen(66.0, True, 0.75))
    assert apart(change.turn.angle_deg, 66.0) < 1
    assert len(change.ids("removed")) == 1
    assert len(change.ids("stayed")) == 7
    assert change.ids("new") == ()
    (cleaned,) = change.ids("removed")
    first = seen(0.0, False, 0.7)
    place = next(m for m in first.defects if m.id == cleaned).centroid_px
    assert np.hypot(place[0] - (203.3 + gone[0] / 0.7), place[1] - (196.2 + gone[1] / 0.7)) < 2
