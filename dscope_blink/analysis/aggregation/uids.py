"""Names of merged marks that survive: a rerun, a source more, and as far as its marks are the same any other run."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import TypeAlias

import numpy as np

from dscope_blink.records import KnownUids, Points, Source, SourceMark, bounding_box

Name: TypeAlias = tuple[str, str]  # source and id of a member

LENGTH = 12  # characters: of 10,000 marks two have the same by chance in one of 5 million faces
_LATEST = "~"  # after every time that is said


def uids_of(groups: Sequence[Sequence[SourceMark]], sources: Sequence[Source], known: KnownUids) -> tuple[str, ...]:
    """The uid of each merged mark, no two alike.

    Parameters
    ----------
    groups : the members of each merged mark
    sources : of all members
    known : what an earlier aggregate of the face called its marks; empty where there is none

    Returns
    -------
    A mark keeps the uid of the earlier mark that it shares most members with. A new one is called by the first of its
    members, in the order of the times of their sources: one that comes later does not change it.
    """
    by_key = {source.key: source for source in sources}
    members = [member for group in groups for member in group]
    kept = _kept(groups, _earlier_uids(members, sources, known))
    taken, uids = {*known.uids.values()}, []
    for place, group in enumerate(groups):
        uid = kept.get(place) or _new(group, by_key, taken)
        taken.add(uid)
        uids.append(uid)
    return tuple(uids)


def _earlier_uids(members: Sequence[SourceMark], sources: Sequence[Source], known: KnownUids) -> Mapping[Name, str]:
    """The earlier uid of each member that has one.

    Of a source with the same content the ids tell which marks are the same; of one that was made anew in the same file
    the places do, for ids count marks by their sizes.
    """
    same, anew = _earlier_keys(sources, known)
    found = {m.name: known.uids.get((same[m.source], m.id)) for m in members if m.source in same}
    places = {key: _Places(then, known) for key, then in anew.items()}
    found |= {m.name: places[m.source].uid_at(m.outline_px) for m in members if m.source in anew}
    return {name: uid for name, uid in found.items() if uid is not None}


def _earlier_keys(sources: Sequence[Source], known: KnownUids) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """What each source was called then: those with the same content, and those made anew in the same file."""
    left, ordered = dict(known.sources), sorted(sources, key=lambda one: one.key)
    there = _paired(ordered, left, lambda source, then: (source.sha256, source.file) == then)
    moved = _paired(_without(ordered, there), left, lambda source, then: source.sha256 == then[0])
    same = there | moved
    return same, _paired(_without(ordered, same), left, lambda source, then: source.file == then[1])


def _without(sources: Sequence[Source], found: Mapping[str, str]) -> list[Source]:
    return [source for source in sources if source.key not in found]


def _paired(
    sources: Sequence[Source], left: dict[str, tuple[str, str]], fits: Callable[[Source, tuple[str, str]], bool]
) -> dict[str, str]:
    """Each source with the first earlier one that fits, which is then no longer left."""
    pairs = {}
    for source in sources:
        key = next((key for key, then in sorted(left.items()) if fits(source, then)), None)
        if key is not None:
            pairs[source.key] = key
            del left[key]
    return pairs


class _Places:
    """The marks of one source of before, by their places."""

    def __init__(self, key: str, known: KnownUids) -> None:
        self._uids = [known.uids[name] for name in known.boxes if name[0] == key]
        boxes = [box for name, box in known.boxes.items() if name[0] == key]
        self._low, self._high = _corners(np.array(boxes, np.float64).reshape(-1, 4))

    def uid_at(self, outline_px: Points) -> str | None:
        """The uid of the mark whose box overlaps most with that of an outline, by area over that of either; or None."""
        low, high = _corners(np.array([bounding_box(outline_px)]))
        common = np.prod(np.maximum(np.minimum(self._high, high) - np.maximum(self._low, low), 0.0), axis=1)
        either = np.prod(self._high - self._low, axis=1) + np.prod(high - low) - common
        if not common.any():
            return None
        return self._uids[int((common / either).argmax())]


def _corners(boxes: Points) -> tuple[Points, Points]:
    """Of (N, 4) boxes the first and the last corner; a side of less than a pixel counts as one."""
    return boxes[:, :2], boxes[:, :2] + np.maximum(boxes[:, 2:], 1.0)


def _kept(groups: Sequence[Sequence[SourceMark]], earlier: Mapping[Name, str]) -> Mapping[int, str]:
    """The uid of each group that takes one over: those that share most members come first."""
    names = [(place, member.name) for place, members in enumerate(groups) for member in members]
    shared = Counter((place, earlier[name]) for place, name in names if name in earlier)
    kept, given = dict[int, str](), set[str]()
    first = {place: min(member.name for member in members) for place, members in enumerate(groups)}
    for (place, uid), _ in sorted(shared.items(), key=lambda one: (-one[1], first[one[0][0]], one[0][1])):
        if place not in kept and uid not in given:
            kept[place] = uid
            given.add(uid)
    return kept


def _new(members: Sequence[SourceMark], sources: Mapping[str, Source], taken: set[str]) -> str:
    """Of two marks with the same name in files of the same name the second gets another number."""
    source, mark_id = min(((sources[m.source], m.id) for m in members), key=lambda one: (*_time(one[0]), one[1]))
    names = ("\0".join((source.file, mark_id, *([str(number)] if number else []))) for number in count())
    uids = (hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:LENGTH] for name in names)
    return next(uid for uid in uids if uid not in taken)


def _time(source: Source) -> tuple[str, str, str]:
    return source.timestamp or _LATEST, source.file, source.key
