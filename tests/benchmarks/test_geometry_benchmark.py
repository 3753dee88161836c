"""The degradations are as strong as their labels say, and the errors are counted as the tables say."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from benchmarks import geometry
from benchmarks.geometry import (
    FIGURES,
    SHAPE,
    SURFACE_SEEDS,
    Found,
    Step,
    Table,
    all_series,
    as_markdown,
    as_text,
    contour_alone,
    error_table,
    errors,
    false_fibers,
    hough_alone,
    measured,
    methods,
    plain_face,
    scene,
)
from dscope_blink.records import Ellipse
from dscope_blink.synthetic.faces import render_face
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("deep_inspection")
SEED = 5
SERIES = all_series()
CIRCLE = Ellipse((100.0, 80.0), (50.0, 50.0), 0.0)


def on_the_edge(spec, n=7200):
    """Whole pixels on the border of the cladding at even steps, (n, 2) x and y."""
    turn = np.linspace(0, 2 * math.pi, n, endpoint=False)
    ellipse = spec.cladding_ellipse
    angle = math.radians(ellipse.angle_deg)
    u = np.stack([np.cos(turn), np.sin(turn)], axis=1) * np.array(ellipse.axes_px) / 2
    spin = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return np.rint(ellipse.center_px + u @ spin).astype(int)


LOST = {f"{series.title} {step.label}": step for series in SERIES["arc"] for step in series.steps}


@pytest.mark.parametrize("step", LOST.values(), ids=LOST)
def test_as_much_of_the_edge_is_lost_as_the_label_says(step):
    rng = np.random.default_rng(SEED)
    spec = step.change(replace(plain_face(rng), noise=0.0), rng)
    places = on_the_edge(spec)
    inside = ((places >= 0) & (places < np.array(SHAPE[::-1]))).all(axis=1)
    change = step.paint(np.full(SHAPE, 100, np.uint8), spec, rng).astype(int) - 100
    x, y = places[inside].T
    covered = np.abs(change[y, x]) > max(np.abs(change).max() / 2, 1)
    lost = 1 - inside.mean() + covered.sum() / len(places)
    assert lost == pytest.approx(float(step.label.rstrip("%")) / 100, abs=0.01)


def without_noise(step):
    """The face of a step, and what it paints on an even picture."""
    rng = np.random.default_rng(SEED)
    spec = step.change(plain_face(rng), rng)
    return spec, step.paint(np.full(SHAPE, 100, np.uint8), spec, rng).tobytes()


@pytest.mark.parametrize("name", list(SERIES))
def test_no_two_steps_of_a_series_are_the_same(name):
    for series in SERIES[name]:
        assert not any(a == b for a, b in combinations(map(without_noise, series.steps), 2)), series.title


def test_the_same_faces_return_in_every_step():
    first, second = (scene(step, SEED, 3)[0] for step in SERIES["noise"][0].steps[:2])
    assert first.cladding_ellipse == second.cladding_ellipse
    assert first.cladding_ellipse != scene(SERIES["noise"][0].steps[0], SEED, 4)[0].cladding_ellipse


# The rim of a lit core may be a stronger circle than that of the cladding, so Hough alone gets an unlit one only.
@pytest.mark.parametrize(
    ("method", "lit", "centre_px", "diameter_px"),
    [(hough_alone, False, 3, 4), (contour_alone, False, 0.1, 1.2), (contour_alone, True, 0.1, 1.2)],
)
def test_the_simpler_methods_find_cladding_and_core_of_a_plain_face(method, lit, centre_px, diameter_px):
    specs = (plain_face(np.random.default_rng(k)) for k in range(20))
    spec = next(spec for spec in specs if (spec.core > spec.cladding) == lit)
    found = method(render_face(spec, (), np.random.default_rng(0)).image, 0.4)
    for ellipse, true in ((found.cladding, spec.cladding_ellipse), (found.core, spec.core_ellipse)):
        assert ellipse is not None
        assert math.dist(ellipse.center_px, true.center_px) < centre_px
        assert abs(ellipse.mean_diameter_px - true.mean_diameter_px) < diameter_px


def test_a_method_that_finds_the_truth_has_no_error_and_one_that_finds_nothing_locates_nothing():
    step = Step("plain")
    specs = iter([scene(step, SEED, k)[0] for k in range(3)])

    def truth(picture, ratio):
        spec = next(specs)
        return Found(spec.cladding_ellipse, None)

    found = measured(step, 3, SEED, {"truth": truth})
    assert found["cladding"]["truth"].located == 1
    assert found["cladding"]["truth"].centre_px.max() == 0
    assert found["core"]["truth"].located == 0


def test_errors_are_counted_of_what_was_found_only():
    moved = Ellipse((103.0, 84.0), (51.0, 50.0), 0.0)
    other = Ellipse((100.0, 80.0), (60.0, 60.0), 0.0)
    found = errors([(moved, CIRCLE), (None, CIRCLE), (other, CIRCLE), (CIRCLE, CIRCLE)])
    assert found.located == 0.75
    assert found.centre_px.tolist() == [5, 0, 0]
    assert found.diameter_px.tolist() == [0.5, 10, 0]
    assert found.wrong == pytest.approx(1 / 3)


def test_the_program_is_more_exact_than_the_simpler_methods_in_strong_noise():
    noisy = SERIES["noise"][0].steps[3]
    found = measured(noisy, 3, SEED, methods(CONFIG))["cladding"]
    assert found["this method"].located == 1
    for simple in ("Hough alone", "contour alone"):
        assert np.abs(found["this method"].diameter_px).mean() < np.abs(found[simple].diameter_px).mean()


def test_a_fiber_seen_where_none_is_is_reported_with_its_seed(monkeypatch):
    face = plain_face(np.random.default_rng(0))

    def surface(rng):
        return render_face(face, (), rng).image

    monkeypatch.setattr(geometry, "random_surface", surface)
    found = list(false_fibers(2, CONFIG))
    assert [(f.seed - SURFACE_SEEDS, f.known) for f in found] == [(0, False), (0, True), (1, False), (1, True)]
    assert [f.status for f in found] == ["NOT_GRADED", "PASS"] * 2
    assert all(math.dist(f.ellipse.center_px, face.centre_px) < 1 for f in found)


def test_a_picture_without_any_edge_is_no_false_fiber(monkeypatch):
    monkeypatch.setattr(geometry, "random_surface", lambda rng: np.full((120, 160), 128, np.uint8))
    assert list(false_fibers(1, CONFIG)) == []


def test_a_table_has_a_row_for_each_step_and_the_methods_side_by_side():
    none = errors([(None, CIRCLE)])
    table = error_table("noise", {"0": {"one way": errors([(CIRCLE, CIRCLE)]), "other": none}})
    assert len(table.header) == len(table.rows[0]) == 1 + 2 * len(FIGURES)
    assert table.rows[0][1:4] == ("100%", "0%", "0.000")
    assert table.rows[0][7:] == ("0%", "-", "-", "-", "-", "-")


def test_text_and_markdown_carry_the_same_cells():
    table = Table("a title", ("", "two\nlines"), (("first", "1"), ("second", "22")))
    assert as_text(table).split("\n") == ["", "a title", "         two", "       lines", " first     1", "second    22"]
    assert as_markdown(table).split("\n")[3:] == [
        "|  | two<br>lines |",
        "| --: | --: |",
        "| first | 1 |",
        "| second | 22 |",
    ]
