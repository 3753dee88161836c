"""Which source decides the verdict: that there would be without each, and by each alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from dscope_blink.analysis.aggregation.joined_outlines import Areas
from dscope_blink.analysis.aggregation.merged_face import Group, group_of, grouped, status_of
from dscope_blink.analysis.aggregation.shots import Together, bring_together
from dscope_blink.config.settings import Config
from dscope_blink.records import Detection, Inspection, SourceMark, SourceScore, Status

NOBODY: Status = "NOT_GRADED"  # what a face is that no record has located


@dataclass(frozen=True, slots=True)
class Trial:
    """An aggregate as it came out, to be tried with fewer sources.

    Marks that were found to be one stay one, whichever of their sources are left, unless the picture that all lie in
    goes with the source: then the others are brought together anew.
    """

    given: Sequence[Detection]  # each in its own picture
    together: Together
    groups: Sequence[Group]
    config: Config
    bring: Callable[[Sequence[Detection]], Together] = bring_together
    areas: Areas = field(default_factory=Areas)  # that the marks were found to cover

    @property
    def base_key(self) -> str | None:
        """The source whose record the face is measured on; None where that is none of them."""
        records = (one for one in self.together.detections if one.inspection is not None)
        return next((one.source.key for one in records if _is_record(one, self.together.base)), None)

    def without(self, key: str) -> Status:
        """The verdict if this were no source."""
        left = [one for one in self.together.detections if one.source.key != key]
        if key != self.base_key:
            return self._status(self._kept(lambda member: member.source != key, self.together.base), left)
        given = [one for one in self.given if one.source.key != key]
        if all(one.inspection is None for one in given):
            return NOBODY
        anew = self.bring(given)
        if anew.base.image.sha256 not in (None, self.together.base.image.sha256):
            others, _ = grouped(anew, self.config.aggregation, self.areas)
            return status_of(others, anew.base, anew.detections, self.config)
        groups = self._kept(lambda member: member.source != key, anew.base)
        return status_of(groups, anew.base, left, self.config)

    def alone(self, detection: Detection) -> Status:
        """The verdict if this were the only source: a record's own where it is by the same criteria."""
        base, record = self.together.base, detection.inspection
        if record is not None and (record.criteria, record.request.zones) == (base.criteria, base.request.zones):
            return record.verdict.status
        groups = self._kept(lambda member: member.source == detection.source.key, base)
        return self._status(groups, [detection])

    def _status(self, groups: Sequence[Group], detections: Sequence[Detection]) -> Status:
        return status_of(groups, self.together.base, detections, self.config)

    def _kept(self, is_kept: Callable[[SourceMark], bool], base: Inspection) -> list[Group]:
        """The groups with the members that are kept; what loses none and lies on the same face is measured already."""
        same, settings, groups = _measure_alike(base, self.together.base), self.config.aggregation, []
        for group in self.groups:
            members = [member for member in group.members if is_kept(member)]
            if same and len(members) == len(group.members):
                groups.append(group)
            elif members:
                groups.append(group_of(members, base, settings, group.defect.id, self.areas))
        return groups


def decided(scores: Sequence[SourceScore], status: Status, trial: Trial) -> tuple[SourceScore, ...]:
    """The scores with the verdicts without and by each source.

    Parameters
    ----------
    scores : in the order of the sources
    status : of the aggregate
    trial : how it came out
    """
    detections = {one.source.key: one for one in trial.together.detections}
    found = [replace(score, status_alone=trial.alone(detections[score.key])) for score in scores]
    if len(found) < 2:
        return tuple(found)
    without = [trial.without(score.key) for score in found]
    return tuple(
        replace(score, status_without=other, flips=other != status) for score, other in zip(found, without, strict=True)
    )


def _is_record(detection: Detection, base: Inspection) -> bool:
    record = detection.inspection
    return record is base or (record is not None and (record.image, record.provenance) == (base.image, base.provenance))


def _measure_alike(first: Inspection, second: Inspection) -> bool:
    """Whether a mark on one face measures what it does on the other: two runs locate the fiber at the same place."""
    return all(getattr(first, part) == getattr(second, part) for part in ("geometry", "scale", "zones", "request"))
