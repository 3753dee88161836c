from dataclasses import replace

import numpy as np
import pytest

from dscope_blink.synthetic.faces import Contamination, FaceSpec, Pit, Ring
from tests.builders.residuals import field_of, gray_of, in_window, rendered
from tests.image_processing.test_localization import located, ratio

LIT = FaceSpec(
    shape=(280, 290),
    centre_px=(146.3, 138.8),
    core_diameter_um=9.0,
    um_per_px_x=0.5,
    um_per_px_y=0.5,
    core=185.0,
    noise=0.7,
)
CORES = {"lit": LIT, "dim": replace(LIT, core=102.0), "unlit": replace(LIT, core=86.0)}
every_core = pytest.mark.parametrize("spec", CORES.values(), ids=CORES)


def around_core(spec, mark, field):
    """The part of a mark that lies on the cladding, clear of the edges of the core and of its own."""
    y, x = np.indices(spec.shape)
    far_um = np.hypot(x - spec.centre_px[0], y - spec.centre_px[1]) * spec.um_per_px
    ring = (far_um > spec.core_diameter_um / 2 + 1) & (far_um < mark.diameter_um / 2 - 0.7)
    return in_window(field, ring)


@every_core
@pytest.mark.parametrize("contrast", [-0.25, 0.3], ids=["dark", "bright"])
@pytest.mark.parametrize(("diameter_um", "off_um"), [(15, 0.0), (20, 1.5)])
def test_a_blot_around_a_small_core_is_no_glass(spec, contrast, diameter_um, off_um):
    mark = Pit((off_um, 0.0), diameter_um, contrast)
    field = field_of(spec, mark)
    around = around_core(spec, replace(mark, diameter_um=diameter_um - 2 * off_um), field)
    change = in_window(field, gray_of(spec, mark) - gray_of(spec))
    assert field.gray[around].mean() == pytest.approx(change[around].mean(), rel=0.25)
    assert np.median(np.abs(field.snr[around])) > 6


def test_of_a_dark_blot_around_a_small_core_all_is_left():
    mark = Pit((0.0, 0.0), 15.0, -0.6)  # the lit core in it is darker than the cladding
    field = field_of(LIT, mark)
    assert field.snr[in_window(field, rendered(LIT, mark).truth.blemishes[0].mask)].max() < -5


def test_a_soft_droplet_around_a_small_core_is_no_glass():
    field = field_of(LIT, Contamination(((0.0, 0.0, 8.0),), -0.3))
    assert np.median(field.snr[around_core(LIT, Pit((0.0, 0.0), 14.0, 0.0), field)]) < -6


@pytest.mark.parametrize(
    "change",
    [{"sharpening": 0.8}, {"blur_px": 2.0}, {"rings": (Ring(20.0, 2.0, 2.0, -4.0),)}, {"core_dip": -20.0}],
    ids=["sharpened", "blurred", "ring of the glass", "dip"],
)
@every_core
def test_a_clean_small_core_leaves_nothing(spec, change):
    field = field_of(replace(spec, **change))
    assert np.abs(field.snr[field.inside & (field.rho < 0.5)]).max() < 7


# --- its width


def widened(spec, by):
    """The face with a core of another width than the known one."""
    return replace(spec, core_diameter_um=spec.core_diameter_um * by)


@pytest.mark.parametrize("by", [0.86, 1.1])
def test_the_core_of_a_single_mode_fiber_may_look_a_little_narrower_or_wider(by):
    assert located(gray_of(widened(LIT, by)), ratio(LIT)).warnings == ()


@pytest.mark.parametrize("by", [0.75, 1.22])
@pytest.mark.parametrize("name", ["lit", "dim"])
def test_a_core_of_another_width_is_in_doubt(name, by):
    (warning,) = located(gray_of(widened(CORES[name], by)), ratio(LIT)).warnings
    assert warning.kind == "core_contradiction"
    assert f"it must be {9 / 0.5:.1f} px" in warning.text


def test_a_blot_hardly_wider_than_a_small_core_is_in_doubt():
    (warning,) = located(gray_of(CORES["unlit"], Pit((0.0, 0.0), 10.8, 0.4)), ratio(LIT)).warnings
    assert warning.kind == "core_contradiction"


def test_the_width_of_a_core_that_hardly_shows_is_no_doubt():
    assert located(gray_of(widened(replace(LIT, core=92.5), 1.22)), ratio(LIT)).warnings == ()
