"""splits.json and splits.parquet: pictures shared out by physical face, and what says which show the same one.

Two pictures of one face on both sides of a split are a leak: a network is then tested on what it has learnt by heart.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from dscope_blink.config.settings import Config, SplitSettings
from dscope_blink.files.whole_files import write_file
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.json_text import json_bytes
from dscope_blink.training.labels import Label
from dscope_blink.training.same_face import find_same_faces, map_path, read_map
from dscope_blink.training.sides import SPLIT_OF, SPLITS_SCHEMA
from dscope_blink.training.sides import SPLITS as SPLITS_FILE
from dscope_blink.training.tables import Column, write_table

STEM = "splits"
FINEST = 20  # portions that the shares are made up of
NO_MARK = "none"  # as a stratum

Why: TypeAlias = Literal["same bytes", "same name of the face", "same background", "alike"]


@dataclass(frozen=True, slots=True)
class Join:
    """Why two pictures stay together."""

    first: str
    second: str
    why: Why
    likeness: float | None = None  # correlation of the unrolled faces, where that is the reason
    z: float | None = None
    turn_deg: float | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What of a label decides with which others its picture stays, and what it counts as."""

    name: str
    sha256: str
    face: str
    background: str  # `file` of itself where nothing was painted into it
    kinds: frozenset[str]  # of its marks


@dataclass(frozen=True, slots=True)
class Place:
    """Where one picture went."""

    name: str
    group: int  # number of the physical face, by its first picture
    split: str  # one of SPLITS
    fold: int  # of the cross validation that it is tested in
    stratum: str  # the rarest kind of its marks, by which the parts are made alike


SPLITS = ("train", "validation", "test")
COLUMNS = (
    Column("picture", "text", "name of its files"),
    Column("group", "whole", "number of the physical face: what has the same one never lies on two sides"),
    Column("split", "text", "train, validation or test"),
    Column("fold", "whole", "of a cross validation, the one that it is tested in; from 0"),
    Column("stratum", "text", "rarest kind of its marks, by which the parts are made alike", tells_label=True),
)


def write_splits(dataset: Dataset, config: Config) -> None:
    """Write splits.json and splits.parquet; UserError where a file cannot be written."""
    settings = config.training
    told = [told_of(labelled.label) for labelled in dataset.labels()]
    joins = [*named_joins(told), *alike_joins(dataset)]
    places = share_out(told, joins, settings.splits, settings.seed)
    rows = (
        {"picture": p.name, "group": p.group, "split": p.split, "fold": p.fold, "stratum": p.stratum} for p in places
    )
    write_table(dataset.folder / STEM, COLUMNS, rows)
    blind = [one.name for one in told if not map_path(dataset.folder, one.name).exists()]
    write_file(dataset.folder / SPLITS_FILE, json_bytes(_as_json(places, joins, blind, settings.splits, settings.seed)))


def told_of(label: Label) -> Told:
    """The part of a label that is kept while all of them are shared out."""
    kinds = frozenset(mark.kind for mark in label.marks)
    return Told(label.name, label.sha256, label.face, label.background or label.file, kinds)


# --- what belongs together


def named_joins(told: Sequence[Told]) -> Iterator[Join]:
    """Those of which the files, the manifest or the painter says so."""
    keys: tuple[tuple[Why, Callable[[Told], str]], ...] = (
        ("same bytes", lambda one: one.sha256),
        ("same name of the face", lambda one: one.face),
        ("same background", lambda one: one.background),
    )
    for why, key in keys:
        first: dict[str, str] = {}
        for one in told:
            named = key(one)
            if named and first.setdefault(named, one.name) != one.name:
                yield Join(first[named], one.name, why)


def alike_joins(dataset: Dataset) -> Iterator[Join]:
    """Those whose unrolled faces are alike: copies, and the same face turned or moved."""
    names = dataset.names
    for a, b, alike in find_same_faces(len(names), lambda k: read_map(dataset.folder, names[k])):
        yield Join(names[a], names[b], "alike", round(alike.share, 3), round(alike.z, 1), round(alike.turn_deg, 1))


def groups_of(names: Sequence[str], joins: Iterable[Join]) -> list[int]:
    """For each picture the number of its physical face, in the order of their first pictures."""
    at = {name: k for k, name in enumerate(names)}
    above = list(range(len(names)))

    def top(k: int) -> int:
        while above[k] != k:
            above[k] = above[above[k]]
            k = above[k]
        return k

    for join in joins:
        a, b = sorted((top(at[join.first]), top(at[join.second])))
        above[b] = a
    numbers = {first: number for number, first in enumerate(sorted({top(k) for k in range(len(names))}))}
    return [numbers[top(k)] for k in range(len(names))]


# --- who goes where


def share_out(told: Sequence[Told], joins: Iterable[Join], settings: SplitSettings, seed: int) -> list[Place]:
    """Every picture into a split and a fold, each physical face as a whole.

    Parameters
    ----------
    told : of each picture
    joins : which of them show one face
    settings, seed : shares, number of folds, and of what is drawn
    """
    groups = groups_of([one.name for one in told], joins)
    strata = _strata(told)
    portions = _folds(strata, groups, FINEST, seed)
    splits = _assigned(portions, settings)
    folds = _folds(strata, groups, settings.folds, seed)
    return [
        Place(one.name, group, splits[portion], fold, stratum)
        for one, group, portion, fold, stratum in zip(told, groups, portions, folds, strata, strict=True)
    ]


def _strata(told: Sequence[Told]) -> list[str]:
    count = Counter(kind for one in told for kind in one.kinds)
    return [min(one.kinds, key=lambda kind: (count[kind], kind), default=NO_MARK) for one in told]


def _folds(strata: Sequence[str], groups: Sequence[int], count: int, seed: int) -> list[int]:
    """The fold of each picture, no group in two; fewer of them where there are fewer groups."""
    from sklearn.model_selection import StratifiedGroupKFold

    there = min(count, len(set(groups)))
    if there < 2:
        return [0] * len(groups)
    kfold, fold = StratifiedGroupKFold(there, shuffle=True, random_state=seed), np.zeros(len(groups), int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a kind in fewer pictures than there are folds
        many = _enough(strata, there)
        for number, (_, tested) in enumerate(kfold.split(many, many, groups)):
            fold[tested] = number
    return fold.tolist()


def _enough(strata: Sequence[str], folds: int) -> list[str]:
    """Kinds too rare for every fold count as one; all as one where none is frequent enough, as the method demands."""
    count = Counter(strata)
    merged = [stratum if count[stratum] >= folds else "rare" for stratum in strata]
    return merged if max(Counter(merged).values()) >= folds else ["all"] * len(strata)


def _assigned(portions: Sequence[int], settings: SplitSettings) -> dict[int, str]:
    """The split of each portion: the largest first, always to the split that lacks most of its share."""
    size = Counter(portions)
    shares = {name: getattr(settings, name) for name in SPLITS if getattr(settings, name) > 0}
    left = {name: share / sum(shares.values()) * len(portions) for name, share in shares.items()}
    assigned = {}
    for portion in sorted(size, key=lambda portion: (-size[portion], portion)):
        wanting = max(left, key=lambda name: left[name])
        assigned[portion] = wanting
        left[wanting] -= size[portion]
    return assigned


# --- what is written


def _as_json(
    places: Sequence[Place], joins: Sequence[Join], blind: Sequence[str], settings: SplitSettings, seed: int
) -> Mapping[str, object]:
    groups = Counter(place.group for place in places)
    return {
        "schema": SPLITS_SCHEMA,
        "seed": seed,
        "shares": {name: getattr(settings, name) for name in SPLITS},
        "folds": 1 + max((place.fold for place in places), default=0),
        "pictures": {name: sum(place.split == name for place in places) for name in SPLITS},
        "faces": {name: len({place.group for place in places if place.split == name}) for name in SPLITS},
        "largest_face": max(groups.values(), default=0),
        "not_compared": list(blind),
        SPLIT_OF: {place.name: place.split for place in places},
        "joins": [{key: getattr(join, key) for key in Join.__slots__} for join in joins],
    }
