"""The settings of the gates: section `gates` of config.json, one class for each part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dscope_blink.config.network_settings import NetworkSettings


@dataclass(frozen=True, slots=True)
class BlockKind:
    """Sizes of one kind of marker, as shares of the diagonal of the picture: least and most, both allowed."""

    long_side: tuple[float, ...]
    short_side: tuple[float, ...]
    aspect: tuple[float, ...]  # of the long side to the short one


@dataclass(frozen=True, slots=True)
class BlockSettings:
    """How dark blocks are found, and which of them are markers."""

    kinds: Mapping[str, BlockKind]
    levels: tuple[float, ...]  # shares of the paper's light that ink takes at which blocks are cut out
    min_paper: float  # of the light of the picture's paper
    min_fill: float
    min_rectangularity: float
    min_corners: float
    max_surround: float
    max_turn_deg: float


@dataclass(frozen=True, slots=True)
class PrimarySettings:
    """The first look at a sheet."""

    side_px: int
    confidence: float
    overlap: float


@dataclass(frozen=True, slots=True)
class RecoverySettings:
    """The second look, at sheets whose count fits no layout, and what of it may count."""

    side_px: int
    confidence: float
    overlap: float
    flips: bool
    scales: tuple[float, ...]
    accepts: Literal["placed", "expected", "all", "none"]
    min_darkness: float  # of the median of the same kind in the first look


@dataclass(frozen=True, slots=True)
class FellowSettings:
    """What a marker has of the others of its kind on the same sheet; each a share of theirs."""

    most_size_off: float  # of either side
    least_ink: float
    least_part: float  # of the ink of any sixteenth
    least_corners: float  # of the ink in the four corners, their mean
    most_around: float  # more ink around it, over that inside
    least_likeness: float
    sizes: tuple[float, float]  # areas of what is never other print: a blurred block too many is one still
    least_shape: float  # likeness of equal ink, less than which is other print


@dataclass(frozen=True, slots=True)
class DuplicateSettings:
    """When two findings are one marker."""

    overlap: float
    least_area_ratio: float
    most_area_ratio: float


@dataclass(frozen=True, slots=True)
class CountRules:
    """How many big markers a sheet has."""

    big_kind: str
    big_expected_any: tuple[int, ...]
    tolerance: Mapping[str, int]  # by the expected number: how many more or fewer


@dataclass(frozen=True, slots=True)
class VisibilityRules:
    """How many markers may be seen less well than good ones."""

    exceptions: Mapping[str, int]  # by the big markers of the layout


@dataclass(frozen=True, slots=True)
class DensityRules:
    """How ink is measured, and how many markers may have less than good ones."""

    exceptions: Mapping[str, int]  # by the big markers of the layout
    paper_margin: float  # of the box on each side, in which there is paper
    least_separation: float


@dataclass(frozen=True, slots=True)
class LayoutRules:
    """How a sheet may lie, and what the template lets pass."""

    files: tuple[Path, ...]
    kinds: tuple[str, ...]
    missing_allowed: Mapping[str, int]  # by the big markers of the layout
    max_turn_deg: float
    max_scale: float
    max_shift: float
    max_stretch: float
    max_perspective: float
    least_size: float
    most_size: float
    refuse_ambiguous: bool


@dataclass(frozen=True, slots=True)
class LayoutCalibration:
    """How a layout is learned from good sheets."""

    risk: float
    confidence: float
    held_back: float
    min_sheets: int
    most_left_out: float
    widening: float
    least_width: float
    least_gray: float
    least_tolerance: float
    tolerance_margin: float
    outlier: float


@dataclass(frozen=True, slots=True)
class RoutingRules:
    """Where pictures go by their status."""

    mode: Literal["off", "copy", "move"]
    good_folder: str
    no_good_folder: str


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Everything about OK or NG of known arrangements."""

    finder: str
    blocks: BlockSettings
    primary: PrimarySettings
    recovery: RecoverySettings
    fellows: FellowSettings
    duplicates: DuplicateSettings
    networks: Mapping[str, NetworkSettings]
    count_rules: CountRules
    visibility: VisibilityRules
    density: DensityRules
    layout: LayoutRules
    calibration: LayoutCalibration
    routing: RoutingRules
