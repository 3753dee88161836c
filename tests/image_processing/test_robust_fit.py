from __future__ import annotations

import numpy as np

from dscope_blink.image_processing.robust_fit import robust_fit

BASIS = np.stack([np.ones(200), np.linspace(-1, 1, 200)], axis=1).astype(np.float32)


def test_few_odd_values_bend_nothing() -> None:
    values = (BASIS @ np.array([2.0, -1.0])).astype(np.float32)
    values += np.random.default_rng(1).normal(0, 0.01, 200).astype(np.float32)
    values[::10] += 5
    np.testing.assert_allclose(robust_fit(BASIS, values), [2.0, -1.0], atol=0.01)


def test_columns_that_say_the_same_are_no_error() -> None:
    twice = np.concatenate([BASIS, BASIS[:, :1]], axis=1)
    found = robust_fit(twice, np.full(200, 3.0, np.float32))
    np.testing.assert_allclose(twice @ found, 3.0, atol=1e-3)
