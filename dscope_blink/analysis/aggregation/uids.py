"""Names of merged marks that survive: a rerun, a source more, and as far as its marks are the same any other run."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count

from dscope_blink.records import KnownUids, Source, SourceMark

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
    kept = _kept(groups, _earlier_members(sources, known))
    taken, uids = set(kept.values()), []
    for place, members in enumerate(groups):
        uid = kept.get(place) or _new(members, by_key, taken)
        taken.add(uid)
        uids.append(uid)
    return tuple(uids)


def _earlier_members(sources: Sequence[Source], known: KnownUids) -> Mapping[tuple[str, str], str]:
    """The uids by source and id as they are called now: a source is told by its content, else by its file."""
    left, renamed = dict(known.sources), dict[str, str]()
    for tells in (
        lambda source: (source.sha256, source.file),
        lambda source: (source.sha256, None),
        lambda source: (None, source.file),
    ):
        for source in sorted((one for one in sources if one.key not in renamed.values()), key=lambda one: one.key):
            sha256, file = tells(source)
            fits = (key for key, (s, f) in sorted(left.items()) if sha256 in (None, s) and file in (None, f))
            earlier = next(fits, None)
            if earlier is not None:
                renamed[earlier] = source.key
                del left[earlier]
    return {(renamed[key], name): uid for (key, name), uid in known.uids.items() if key in renamed}


def _kept(groups: Sequence[Sequence[SourceMark]], earlier: Mapping[tuple[str, str], str]) -> Mapping[int, str]:
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
