"""Which marks of several sources are one: clusters by the distance between their outlines, one mark of each source.

DBSCAN (Ester et al., KDD 1996; a mark alone is a core) over the distances between outlines of different sources gives
the groups that hang together. Each is then built up from its best pairs: a mark finds its place once, and only where
its outline and another cover each other substantially. What one source sees whole and another in pieces end to end is
one mark, with several members of that source.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from itertools import compress, pairwise, product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dscope_blink.analysis.aggregation.kinds_together import may_be_one
from dscope_blink.analysis.aggregation.line_pairs import are_bridged, spans_along
from dscope_blink.analysis.aggregation.mark_pairs import TELLING, Pairs, pairs_of
from dscope_blink.analysis.aggregation.mark_shapes import Shapes, lengths_of, shapes_of
from dscope_blink.analysis.measuring import LINEAR
from dscope_blink.config.settings import AggregationSettings
from dscope_blink.records import Closeness, Scale, SourceMark

Clusters: TypeAlias = tuple[tuple[int, ...], ...]  # places of the marks, each in one of them

FINENESS = 0.05  # eps, to which outlines are compared
LEAST_LINKED = 0.5  # of the pairs across two clusters that may be one: no chain of neighbours


def closeness_of(marks: Sequence[SourceMark], scale: Scale | None, settings: AggregationSettings) -> Closeness:
    """How near outlines must lie to be one mark: as the settings have it, and nearer in a dense face.

    The density is that of the single source with the most marks: looking again makes no face denser.
    """
    unit_px = 1.0 if scale is None else scale.um_per_px
    name, eps = ("eps_px", settings.eps_px) if scale is None else ("eps_um", settings.eps_um)
    why = f"{name} as configured" + (", there is no scale" if scale is None else "")
    most = int(np.unique([mark.source for mark in marks], return_counts=True)[1].max(initial=0))
    if most > settings.dense_marks and settings.dense_eps_px * unit_px < eps:
        eps = settings.dense_eps_px * unit_px
        why = f"a source has {most} marks, more than {settings.dense_marks}: {settings.dense_eps_px:g} px at most"
    return Closeness(eps, "px" if scale is None else "um", why)


def cluster(
    marks: Sequence[SourceMark], closeness: Closeness, scale: Scale | None, settings: AggregationSettings
) -> Clusters:
    """Bring together the marks of different sources that are one.

    Parameters
    ----------
    marks : of all sources, in pixels of one picture; their order does not matter
    closeness : how near their outlines must lie
    scale : of that picture; None: distances are in pixels
    settings : which kinds may be one, and how near they must lie

    Returns
    -------
    Clusters : in the order of their first marks
    """
    if not marks:
        return ()
    order = sorted(range(len(marks)), key=lambda place: marks[place].name)
    named = [marks[place] for place in order]
    axes = (1.0, 1.0) if scale is None else (scale.um_per_px_x, scale.um_per_px_y)
    shapes = shapes_of(named, axes, FINENESS * closeness.eps)
    types_within = settings.types_within_px * (1.0 if scale is None else scale.um_per_px)
    pairs = pairs_of(named, shapes, closeness.eps, types_within, settings)
    groups = hanging_together(len(named), pairs, closeness.eps)
    found = _Building(named, shapes, pairs, settings).clusters(groups)
    return tuple(sorted(tuple(sorted(order[place] for place in one)) for one in found))


def hanging_together(count: int, pairs: Pairs, eps: float) -> NDArray[np.intp]:
    """Labels of the marks by DBSCAN: equal for those that a chain of near pairs leads between; (count,)."""
    from scipy.sparse import coo_array
    from sklearn.cluster import DBSCAN

    rows, columns = np.concatenate([pairs.first, pairs.second]), np.concatenate([pairs.second, pairs.first])
    apart = coo_array((np.tile(pairs.apart, 2), (rows, columns)), shape=(count, count)).tocsr()
    return np.asarray(DBSCAN(eps=eps, min_samples=1, metric="precomputed").fit(apart).labels_)


class _Building:
    """Clusters built up from the best pairs."""

    def __init__(
        self, marks: Sequence[SourceMark], shapes: Shapes, pairs: Pairs, settings: AggregationSettings
    ) -> None:
        self.marks, self.shapes, self.settings = marks, shapes, settings
        couples = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
        self.one = set(compress(couples, pairs.one.tolist()))
        self.crossing = set(compress(couples, pairs.cross.tolist()))
        order = np.lexsort((pairs.second, pairs.first, -pairs.likeness))
        self.best_first = [couples[place] for place in order[pairs.one[order]].tolist()]

    def clusters(self, groups: NDArray[np.intp]) -> Iterator[Sequence[int]]:
        """The members of each; `groups` says which marks hang together at all."""
        of = {place: [place] for place in range(len(self.marks))}
        for first, second in self.best_first:
            mine, others = of[first], of[second]
            if mine is not others and groups[first] == groups[second] and self._may_join(mine, others):
                mine += others
                of.update(dict.fromkeys(others, mine))
        return iter({id(mine): mine for mine in of.values()}.values())

    def _may_join(self, mine: Sequence[int], others: Sequence[int]) -> bool:
        """Whether two clusters are one: their kinds fit, no two lines cross, and no source has seen both apart."""
        across = [(min(pair), max(pair)) for pair in product(mine, others)]
        again = [pair for pair in across if self._is_of_one_source(*pair)]
        other = [pair for pair in across if not self._is_of_one_source(*pair)]
        if not all(self._kinds_fit(*pair) for pair in other) or not self.crossing.isdisjoint(other):
            return False
        if again:
            return self._are_pieces({place for pair in again for place in pair}, [*mine, *others])
        told = [pair for pair in other if not self._are_lines(*pair)]
        return sum(pair in self.one for pair in told) >= LEAST_LINKED * len(told)

    def _is_of_one_source(self, first: int, second: int) -> bool:
        return self.marks[first].source == self.marks[second].source

    def _kinds_fit(self, first: int, second: int) -> bool:
        return may_be_one(self.marks[first], self.marks[second], self.settings)

    def _are_lines(self, first: int, second: int) -> bool:
        return bool(self.shapes.is_line[first] and self.shapes.is_line[second])

    def _are_pieces(self, pieces: Set[int], members: Sequence[int]) -> bool:
        """Whether what a source has seen apart lies along one line, and another has seen on over every gap."""
        lines = [place for place in members if self.shapes.is_line[place]]
        if not lines or not all(self.shapes.is_line[place] or self.marks[place].kind in LINEAR for place in pieces):
            return False
        spans = spans_along(self.shapes, members, self._longest(lines))
        for source in {self.marks[place].source for place in pieces}:
            mine = sorted(spans[place] for place in members if self.marks[place].source == source)
            others = [spans[place] for place in members if self.marks[place].source != source]
            if not all(are_bridged(pair, others) for pair in pairwise(mine)):
                return False
        return True

    def _longest(self, lines: Sequence[int]) -> int:
        return lines[int(lengths_of(self.shapes.middles[list(lines)]).round(TELLING).argmax())]
