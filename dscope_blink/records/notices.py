"""Why a face was not graded or failed, and what there is to warn of: values with a kind, worded in one place.

Nothing asks how a text begins; the titles tell only what kind the texts of a record of before were.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from dscope_blink.records.checks import require

LIMIT_BROKEN = "limit_broken"
# Kind -> the words that its text begins with.
TITLES = MappingProxyType(
    {
        # why a face is not graded
        "unreadable": "Unreadable",
        "unreadable_record": "Unreadable record",
        "record_altered": "Record does not verify",
        "internal_error": "Internal error",
        "time_limit": "Time limit",
        "not_located": "Localization Failed",
        "out_of_focus": "Out of focus",
        "few_levels": "Too few grey levels",
        "no_scale": "No scale",
        "no_limits": "No limits",
        "no_core": "No core",
        "no_zone": "No zone",
        "not_inspected": "Not inspected",
        "cut_by_border": "Fiber cut by the border",
        "clipped": "Clipped",
        "part_missing": "Part missing",
        "too_coarse": "Resolution too low",
        "structure_not_described": "Structure not described",
        "drawn_over": "Drawn over",
        "structure_not_found": "Described structure not found",
        "no_geometry": "No geometry",
        "no_source": "No source",
        # of a lane of a connector
        "row_not_found": "Row of fibers not found",
        "not_numbered": "Lanes cannot be numbered",
        "extra_fiber": "A fiber too many",
        "lattice_doubtful": "Places of the fibers do not fit",
        "lane_missing": "No fiber in the lane",
        "lane_cut": "Lane cut by the border",
        "lane_not_seen": "Lane not seen",
        "off_lattice": "Not at the place of its lane",
        # why it failed
        LIMIT_BROKEN: "Zone",
        # what there is to warn of
        "poor_illumination": "Poor Illumination Warning",
        "saturation": "Saturation Warning",
        "flat_field_not_applied": "Flat field not applied",
        "several_pictures": "Several pictures",
        "same_picture": "Same picture",
        "not_drawn": "Not drawn",
        "faint_cladding_edge": "Faint cladding edge",
        "two_borders": "Two borders",
        "dark_surroundings": "Dark surroundings",
        "core_contradiction": "Core contradiction",
        "maybe_core": "Maybe the core",
        "elliptical_cladding": "Elliptical cladding",
        "assumed_scale": "Assumed scale",
        "scale_disagreement": "Scale disagreement",
        "changed_calibration": "Changed calibration",
        "expired_calibration": "Expired calibration",
        "foreign_calibration": "Foreign calibration",
        "part_missing_beside": "Missing beside the fiber",
        "zone_cut": "Zone cut by the border",
        "zone_clipped": "Clipped zone",
        "zone_not_searched": "Searched in part",
        "shot_refused": "Shot left out",
        "failing_shot_refused": "A shot that fails is left out",
        # of what is not of the face
        "interlaced": "Interlaced",
        "speckle": "Laser speckle",
        "beyond_bits": "Beyond the bit depth",
        "hot_pixels": "Hot pixels",
        "assumed_bits": "Assumed bit depth",
        # of a learned reference
        "reference_not_used": "The reference supports no mark",
        "archetype_not_subtracted": "Archetype not subtracted",
        # of an aggregate
        "source_not_graded": "A source is not graded",
        "source_fails": "A source fails",
        "not_looked_at": "Not looked at",
        "mark_without_place": "A mark has no place",
        "mark_without_size": "A mark has no size",
        "shot_not_graded": "Another shot is not graded",
        "other": "",
    }
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One reason or warning; programs go by its kind, people read its text."""

    kind: str  # one of TITLES
    text: str

    def __post_init__(self) -> None:
        require(self.kind in TITLES, f"a notice must be of one of the kinds {', '.join(TITLES)}, got {self.kind!r}")

    @property
    def title(self) -> str:
        """The kind in words; of a text whose kind is not known, what stands before its details."""
        return TITLES[self.kind] or self.text.partition(":")[0]


def notice(kind: str, detail: str) -> Notice:
    """The notice whose text is the title of its kind and a detail."""
    return Notice(kind, f"{TITLES[kind]}: {detail}")


def texts(notices: Iterable[Notice]) -> list[str]:
    """What they say."""
    return [notice.text for notice in notices]


def kind_of(text: str) -> str:
    """The kind of a text in a record of before, which kept none."""
    fits = [kind for kind, title in TITLES.items() if text.startswith(title)]
    return max(fits, key=lambda kind: len(TITLES[kind]))
