"""The builder of hostile files keeps its promises, and no decoder falls over what it builds."""

from __future__ import annotations

from itertools import islice

import pytest

from benchmarks.soak.bombs import BOMBS
from benchmarks.soak.hostile_files import hostile_files


@pytest.mark.slow
def test_hostile_files_are_the_same_for_a_seed_and_no_two_alike():
    some = list(hostile_files(3, 140))
    assert some == list(hostile_files(3, 140))
    assert len({name for name, _ in some}) == len({data for _, data in some}) == 140
    assert list(islice(hostile_files(4, 140), 110, None)) != some[110:]


def test_there_are_bombs_of_every_format():
    kinds = [name.split("_")[0] for name in BOMBS]
    assert len(kinds) >= 60
    assert {"png", "tiff", "jpeg", "bmp", "json"} <= set(kinds)
