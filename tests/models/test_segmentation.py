"""A network of blemishes: what it is shown, how its tiles come together, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from dscope_blink.models.blemish_views import (
    KINDS,
    SNR_CLIP,
    SNR_SCALE,
    by_views,
    doubled,
    halved,
    is_near,
    network_input,
    searched,
)
from dscope_blink.models.segmentation import MARGIN_PX, load_segmentation, tiles
from dscope_blink.records import Residual
from tests.builders.networks import segmenting


def residual_of(shape=(300, 420), radius_px=100.0, **changes):
    """Nothing but noise on a window of a face."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    rho = np.hypot(x - shape[1] / 2, y - shape[0] / 2) / np.float32(radius_px)
    noise = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
    plain = {
        "gray": noise * np.float32(0.01),
        "snr": noise,
        "edge_snr": noise,
        "background": np.full(shape, 0.5, np.float32),
        "rho": rho,
        "inside": (np.abs(rho - 1) * radius_px > 3.5) & (rho < 1.4),
    }
    return Residual((0, 0), (1.0, 1.0), cladding_radius_px=radius_px, blur_px=1.5, **plain | changes)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "n.onnx"
    path.write_bytes(segmenting())
    return load_segmentation(path)


def test_the_kinds_are_none_and_those_of_the_records():
    assert KINDS == ("none", "scratch", "pit_dig", "contamination", "crack", "chip")


def test_a_network_is_shown_sigmas_and_zones():
    field = residual_of()
    field = residual_of(snr=field.snr * 100, edge_snr=np.full_like(field.snr, 7.5))
    shown = network_input(field)
    assert shown.shape == (2, *field.snr.shape)
    assert shown.dtype == np.float32
    assert np.abs(shown[0]).max() == SNR_CLIP / SNR_SCALE
    edge = np.abs(field.rho - 1) * 100 < 3.0
    assert (shown[0][edge] == 1.5).all()
    assert (shown[0][field.rho > 1.4] == 0).all()
    assert np.allclose(shown[1], np.minimum(field.rho, 2) / 2)


def test_what_cannot_be_seen_is_not_shown():
    field = residual_of()
    hidden = np.zeros(field.snr.shape, bool)
    hidden[100:150] = True
    shown = network_input(residual_of(unseen=hidden))
    assert (shown[0][hidden] == 0).all()
    assert shown[0][~hidden].any()


@pytest.mark.parametrize("size", [1, 127, 128, 129, 192, 193, 300, 401, 830])
@pytest.mark.parametrize("side", [128, 256, 512])
def test_tiles_keep_each_pixel_once_and_none_near_a_cut(size, side):
    kept = np.zeros((size, 200), int)
    for tile in tiles(kept.shape, side):
        kept[tile.kept] += 1
        for taken, part, whole in zip(tile.taken, tile.kept, kept.shape, strict=True):
            assert taken.stop - taken.start == side
            assert taken.start == 0 or part.start - taken.start >= MARGIN_PX
            assert part.stop == whole or taken.stop - part.stop >= MARGIN_PX
    assert (kept == 1).all()


def test_probabilities_are_those_of_the_whole_window_whatever_the_tiles(network):
    field = residual_of()
    snr = field.snr.copy()
    snr[90:94, 200:206] = 9
    field = residual_of(snr=snr)
    found = network.probabilities(field)
    assert found.shape == (6, *field.snr.shape)
    seen = network_input(field)
    near = is_near(seen) & searched(field)
    assert near.sum() > 30000
    assert np.allclose(found[2][near], pixel_by_pixel(seen)[near], atol=1e-5)
    assert np.allclose(found.sum(axis=0), 1, atol=1e-5)
    assert (found[0][~searched(field)] == 1).all()


def pixel_by_pixel(seen):
    """What the one layer of `segmenting` says."""
    return 1 / (1 + np.exp(8 - 10 * np.abs(seen[0])))


def test_what_lies_around_the_fiber_is_looked_at_in_half_the_scale(network):
    field = residual_of()
    snr = field.snr.copy()
    snr[20:40, 200:220] = 9
    field = residual_of(snr=snr)
    seen, found = network_input(field), network.probabilities(field)[2]
    far = searched(field) & ~is_near(seen)
    told = np.repeat(np.repeat(pixel_by_pixel(halved(seen)), 2, 0), 2, 1)
    assert far.sum() > 20000
    inner = np.s_[22:38, 202:218]  # straight lines between equal answers
    assert np.allclose(found[inner], told[inner], atol=1e-5)
    assert found[inner].min() > 0.99
    assert (found[~searched(field)] == 0).all()


@pytest.mark.parametrize("shape", [(6, 8), (7, 8), (6, 9), (7, 9), (1, 1)])
def test_what_is_halved_and_doubled_lies_where_it_lay(shape):
    slope = np.broadcast_to(np.arange(shape[1], dtype=np.float32), (1, *shape))
    half = halved(slope)
    assert half.shape == (1, -(-shape[0] // 2), -(-shape[1] // 2))
    back = doubled(half[0], shape)
    assert back.shape == shape
    assert np.allclose(back[:, 1:-2], slope[0, :, 1:-2])


def test_a_face_that_fills_no_window_is_asked_in_one_view():
    asked = []

    def say(view):
        asked.append(view.shape)
        return np.full((6, *view.shape[1:]), np.float32(1 / 6))

    far_off = np.ones((2, 40, 50), np.float32)
    found = by_views(far_off, np.ones((40, 50), bool), say)
    assert asked == [(2, 20, 25)]
    assert np.allclose(found, 1 / 6)
    near = np.zeros((2, 40, 50), np.float32)
    assert np.allclose(by_views(near, np.ones((40, 50), bool), say), 1 / 6)
    assert asked[1:] == [(2, 40, 50)]


def test_sums_that_are_a_little_off_leave_no_probability_below_0():
    near = np.zeros((2, 40, 50), np.float32)
    found = by_views(near, np.ones((40, 50), bool), lambda view: np.full((6, *view.shape[1:]), np.float32(0.2004)))
    assert found[0].min() == 0


def test_a_window_smaller_than_a_tile_is_looked_at_whole(network):
    field = residual_of((60, 75), radius_px=25.0)
    assert network.probabilities(field).shape == (6, 60, 75)
