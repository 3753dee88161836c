"""The settings, one class for each section of config.json.

A new setting is a field of its section below, a property in config.schema.json and a value in config.json. The limits
themselves are nouns of `records.criteria`.
"""

from __future__ import annotations

import copyreg
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from dscope_blink.config.checking import Json, must_be_one_of
from dscope_blink.config.gate_settings import GateSettings
from dscope_blink.records import (
    ConnectorLayout,
    Criteria,
    Engine,
    Request,
    Severity,
    StructureDescription,
    UserError,
    criteria_from,
)


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """How pictures are taken: section `camera` of the configuration; None is the choice of the camera or program."""

    serial: str | None  # None: the first camera
    pixel_format: str
    exposure_us: float
    gain: float | None  # None: the lowest
    gamma: float
    frames_averaged: int
    timeout_ms: int
    retries: int
    play_files: Path | None  # for pylon's emulator only


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Grey levels, and what the picture itself is worth."""

    flat_field_image: Path | None
    illumination_tail: float
    illumination_max_share: float
    saturation_level: float
    saturation_max_fraction: float
    clipped_max_zone: float
    clipped_warning_zone: float
    missing_min_share: float
    min_levels: int
    bits_per_pixel: int | None  # of 16; None: what the file says
    focus_min: float
    sharp_px: float
    max_pixels: int
    settle_s: float
    settle_max_wait_s: float


@dataclass(frozen=True, slots=True)
class Localization:
    """Finding the cladding edge, and when to say that there is no fiber."""

    seed_short_px: int
    clahe_clip_limit: float
    clahe_tiles: int
    hough_dp: float
    hough_edge_threshold: float
    hough_roundness: float
    hough_min_distance_share: float
    min_radius_share: float
    max_radius_share: float
    max_seeds: int
    angles: int
    outer_edge_share: float
    rival_size: float
    rival_score: float
    min_axis_ratio: float
    min_contrast: float
    judging_share: float
    tolerance_share: float
    min_support: float
    max_rms_share: float
    max_rms_px: float
    layer_min_contrast: float
    max_dark_share: float
    min_disc_darkness: float
    granular_min_spread: float
    large_core: float
    min_far_share: float
    min_far_support: float
    faint_min_support: float
    faint_max_rms_share: float
    max_size_error: float
    max_rings: int
    ratio_match: float
    border_min_ratio: float
    border_max_ratio: float


@dataclass(frozen=True, slots=True)
class CoreSettings:
    """Finding the core inside the cladding."""

    angles: int
    angular_blur_deg: float
    search_share: float
    min_contrast: float
    min_support: float
    max_rms_share: float
    max_rms_px: float
    max_scatter: float
    max_darkness: float
    max_darkness_unknown: float
    shining_min_contrast: float
    shining_min_support: float
    max_offset_share: float
    min_axis_ratio: float
    ratio_tolerance: float
    relative_tolerance: float


@dataclass(frozen=True, slots=True)
class ScaleSettings:
    """From pixels to micrometres."""

    pixel_aspect_ratio: float | None
    fiber_is_angled: bool | None
    assume_cladding_um: float | None
    max_disagreement_pct: float
    elliptical_warning_pct: float
    cladding_tolerance_um: float
    calibration_uncertainty_pct: float
    edge_uncertainty_blurs: float
    target_tolerance_pct: float
    max_target_blur: float
    max_scale_uncertainty_pct: float
    outlying_picture_pct: float


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """What becomes of a calibration.json that is not as it should be."""

    valid_days: int | None
    expired: Literal["warn", "refuse"]
    edited: Literal["warn", "refuse"]
    foreign: Literal["warn", "refuse"]


@dataclass(frozen=True, slots=True)
class ResidualSettings:
    """The picture less what the fiber itself explains, and the noise that is left."""

    max_cladding_px: float
    pixels_per_limit: float
    doubled_from_px: float
    doubled_below_px: float
    polar_angles: int
    radial_step_px: float
    polar_reach: float
    harmonics: int
    edge_harmonics: int
    edge_px: float
    rounds: int
    clip_sigma: float
    core_darkness: float
    nominal_core_darkness: float
    core_dip: float
    core_peak: float
    cladding_dip: float
    cladding_peak: float
    centre_share: float
    centre_dip: float
    dip_share: float
    centre_wave: float
    smooth_px: float
    ferrule_from: float
    trend_reduction: int
    trend_kernel_px: int
    pooled_px: float
    min_noise: float
    contrast_floor: float
    least_texture: float
    texture_sigmas: float
    max_texture: float
    darkest_level: float
    edge_jitter_px: float
    cladding_jitter_px: float
    guard_px: float
    frame_level: float
    frame_margin_px: int


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What every detector has, and its own `settings`, which only that detector reads (lists are tuples)."""

    enabled: bool
    weight: float  # times its support, 0..1, it adds to the confidence
    settings: Mapping[str, object]

    @classmethod
    def from_json(cls, entry: Mapping[str, Json]) -> DetectorSettings:
        """The entry of one detector in config.json, already checked against the schema."""
        own = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items() if k not in ("enabled", "weight")}
        return cls(entry["enabled"], float(entry["weight"]), MappingProxyType(own))


@dataclass(frozen=True, slots=True)
class Fusion:
    """From what the detectors support to candidate regions."""

    threshold: float
    grow: bool
    weak_snr: float
    peak_px: int
    outline_level: float
    split_min_drop: float
    split_max_saddle: float
    dash_min_aspect_ratio: float
    dash_max_gap_um: float
    dash_max_turn_deg: float
    cross_min_arm_px: float
    edge_band_share: float
    edge_min_share: float
    min_area_px: float
    min_mark_snr: float
    min_speck_snr: float


@dataclass(frozen=True, slots=True)
class SizeUncertainty:
    """Standard uncertainty of one size, beside that of the scale."""

    blurs: float
    faintness: float


@dataclass(frozen=True, slots=True)
class SizeUncertainties:
    """Of each size of one kind of mark."""

    diameter: SizeUncertainty
    width: SizeUncertainty
    length: SizeUncertainty
    r_min: SizeUncertainty


@dataclass(frozen=True, slots=True)
class Measurement:
    """How the size of a mark is measured."""

    join_px: int
    darkest_level: float
    min_pixels_per_limit: float
    min_blurs_per_limit: float
    coverage_rule: Literal["area", "border"]
    min_seen: Mapping[str, float]
    min_coverage: float
    min_coverage_outer: float
    size_uncertainty: Mapping[str, SizeUncertainties]


@dataclass(frozen=True, slots=True)
class Classification:
    """What tells the kinds of marks apart."""

    scratch_min_aspect_ratio: float
    crack_min_jaggedness_px: float
    crack_min_jaggedness: float
    min_probability: float
    min_agreement: float
    detectors_of: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SeverityRow:
    """What a mark of one of these types in one of these zones is, if it is surely smaller."""

    types: tuple[str, ...]
    zones: tuple[str, ...]  # by name
    below_um: float | None  # None: of any size
    severity: Severity


@dataclass(frozen=True, slots=True)
class SeveritySettings:
    """How severe marks are beyond what the criteria make of them: the first row that fits."""

    table: tuple[SeverityRow, ...]


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How the images of a batch are shared out."""

    workers: int | None
    time_limit_s: float
    retries: int
    watch_interval_s: float


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """How pictures are shared out by their physical faces."""

    train: float  # shares of the pictures, relative to their sum
    validation: float
    test: float
    folds: int  # of a cross validation


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """What a data set for training holds, and how it is shared out."""

    not_graded: Literal["zones", "leave_out"]
    face_columns: tuple[str, ...]
    seed: int
    padding_px: int
    splits: SplitSettings
    licence: str  # of the data set, as its card says; empty: nobody says
    painted_marks: int  # at most, on one face that is rendered, or into one photograph
    zone_minor_from: Severity
    zone_major_from: Severity
    image_folders: Literal["none", "links", "copies"]
    mask_arrays: bool
    shard_pictures: int
    hdf5: bool
    feature_maps: tuple[str, ...]
    cluster_algorithm: Literal["auto", "k_means", "agglomerative", "dbscan", "hdbscan"]
    clusters_min: int
    clusters_max: int
    cluster_marks: int
    types_file: str
    library_by_severity: bool
    review_margin: float
    severity_full_size_um: float
    severity_zone_weights: Mapping[str, float]
    severity_type_weights: Mapping[str, float]
    severity_tiers: Mapping[str, float]
    exports: tuple[str, ...]
    crops: int
    crop_px: int
    crops_clean_share: float


@dataclass(frozen=True, slots=True)
class AggregationSettings:
    """How detections of one face are brought together: when marks are one, and what the score makes of them."""

    face_columns: tuple[str, ...]
    eps_um: float
    eps_px: float  # without a scale
    dense_marks: int  # more than these are dense ...
    dense_eps_px: float  # ... and lie no farther apart than this
    types_within_px: float
    compatible_types: tuple[tuple[str, ...], ...]
    type_order: tuple[str, ...]  # the most severe first
    type_names: Mapping[str, str]  # of other programs: the kind that each is
    unknown_type: Literal[
        "scratch", "pit_dig", "contamination", "crack", "chip"
    ]  # the kind of a name that is not among them
    unknown_confidence: float  # of a mark of another program that says none
    out_of_picture: Literal["reject", "clamp"]
    penalties: Mapping[str, float]
    max_critical: int
    max_high: int
    min_score: float
    heat_sigma_um: float
    figure_format: Literal["png", "svg", "none"]


@dataclass(frozen=True, slots=True)
class ReferenceSettings:
    """How good faces are learned from, and what is a departure from them."""

    model: Path | None  # that pictures are compared with; None: with none
    subtract_archetype: bool  # before marks are sought
    radius_px: int  # of the cladding in the frame
    false_alarm_rate: float  # share of good faces that may be called anomalous
    absolute_limit: float  # share of the median light; less is no departure, however little the references vary
    learn_marks: bool  # those of references, and references that FAIL by them
    own_symmetry_limit: float  # times the spread of a ring of the face itself, where there is no model
    edge_ignore_um: float  # on either side of the edges of cladding and core, where nothing is compared
    mark_margin_px: float  # of the frame, around marks that are not to teach what is normal
    min_diameter_um: float
    confidence_from: Mapping[str, float]  # confidence -> least score
    deviations: int  # the most deviant features that are named of a face
    named_deviations: int  # of these, in a reason
    valid_days: int  # 0: for ever
    keep_faces: bool  # in the model, so that faces can be added to it
    figure_format: Literal["png", "svg", "none"]


@dataclass(frozen=True, slots=True)
class LearnedSettings:
    """Which engine looks for marks, and the network that was trained to."""

    engine: Engine
    network: Path
    sha256: str | None  # that its file must have; None: any


@dataclass(frozen=True, slots=True)
class Reporting:
    """What is written beside the tables."""

    annotated_format: Literal["png", "jpeg"]
    annotated_view: Literal["crop", "whole", "both"]
    jpeg_quality: int
    plots: bool
    plot_format: Literal["png", "svg", "pdf"]
    severity_weights: Mapping[str, float]
    heat_spread_share: float
    cells: bool
    zone_images: bool
    agreement: bool
    json_lines: bool
    pdf: bool
    excel: bool
    markdown: bool
    csv_style: Literal["international", "continental"]
    report: bool
    report_embed_max_mb: float
    view_max_px: int
    view_quality: int


@dataclass(frozen=True, slots=True)
class ModbusSettings:
    """A Modbus TCP server that is told of each picture."""

    host: str
    port: int
    device_id: int
    register: int  # the first of the holding registers


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """An MQTT broker that is told of each picture."""

    host: str
    port: int
    topic: str
    username: str | None  # None: anonymous
    tls: bool


@dataclass(frozen=True, slots=True)
class SignalSettings:
    """Who is told of each picture while a run goes on."""

    heartbeat_s: float
    fresh_s: float  # how long a result holds
    timeout_s: float  # of an answer
    modbus: ModbusSettings | None
    mqtt: MqttSettings | None


@dataclass(frozen=True, slots=True)
class FlatFieldSettings:
    """What is a picture of a blank surface, and how many are averaged."""

    frames: int
    min_level: float
    max_saturated_share: float
    max_structure: float
    max_structure_share: float


@dataclass(frozen=True, slots=True)
class ConnectorSearch:
    """How the fibers of a connector are found, and what makes their places doubtful."""

    min_cladding_px: int
    min_evidence: float
    min_place_evidence: float
    max_turn_deg: float
    max_offset_share: float  # of the pitch
    max_size_error: float
    max_scale_disagreement: float
    min_level_share: float
    window_share: float  # of the pitch
    contact_margin_um: float
    residue_sigmas: float
    residue_smooth_um: float
    residue_min_um: float


@dataclass(frozen=True, slots=True)
class CriteriaBook:
    """The acceptance criteria of every edition and connector class, and which of them are the default.

    `cores_um` are the smallest and largest core of the fibers that a class is for; of a class it does not name, any.
    """

    default_edition: str
    default_class: str
    table: Mapping[str, Mapping[str, Criteria]]
    cores_um: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, entry: Mapping[str, Json]) -> CriteriaBook:
        """The section `criteria` of config.json, already checked against the schema."""
        table = {key: _classes(key, edition) for key, edition in entry["editions"].items()}
        cores = {key: (float(low), float(high)) for key, (low, high) in entry.get("cores_um", {}).items()}
        return cls(entry["default_edition"], entry["default_class"], MappingProxyType(table), MappingProxyType(cores))

    def editions(self) -> tuple[str, ...]:
        """Keys of the editions, in the order of the file."""
        return tuple(self.table)

    def classes(self, edition: str) -> tuple[str, ...]:
        """Keys of the connector classes of one edition, in the order of the file; UserError if it is absent."""
        if edition not in self.table:
            raise UserError(f"edition: {must_be_one_of(self.table, edition)}")
        return tuple(self.table[edition])

    def find(self, edition: str, fiber_class: str) -> Criteria:
        """The limits of one connector class in one edition; UserError if the edition, or the class in it, is absent."""
        if fiber_class not in self.classes(edition):
            raise UserError(f"fiber class in edition {edition}: {must_be_one_of(self.table[edition], fiber_class)}")
        return self.table[edition][fiber_class]

    def fits(self, fiber_class: str, core_um: float | None) -> bool:
        """Whether a class is for fibers with a core of this diameter; None: nobody says what it is."""
        if core_um is None or fiber_class not in self.cores_um:
            return True
        low, high = self.cores_um[fiber_class]
        return low <= core_um <= high

    def class_for(self, edition: str, core_um: float) -> str:
        """The first class of an edition that is said to be for such a core; UserError if there is none."""
        fitting = (key for key in self.classes(edition) if key in self.cores_um and self.fits(key, core_um))
        found = next(fitting, None)
        if found is None:
            text = f"fiber class: none of edition {edition} is for a core of {core_um:g} um, so it has to be named"
            raise UserError(f"{text}: {', '.join(self.classes(edition))}")
        return found


REFERENCE_DETECTOR = "reference"
LEARNED_DETECTOR = "learned"


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one profile. Fields are the sections of config.json, their fields its keys."""

    profile: str
    sha256: str
    folder: Path  # of the file, where detectors find the files that their settings name; absolute
    preprocessing: Preprocessing
    localization: Localization
    core: CoreSettings
    scale: ScaleSettings
    calibration: CalibrationSettings
    residual: ResidualSettings
    detectors: Mapping[str, DetectorSettings]
    fusion: Fusion
    measurement: Measurement
    classification: Classification
    severity: SeveritySettings
    criteria: CriteriaBook
    reporting: Reporting
    batch: BatchSettings
    training: TrainingSettings
    aggregation: AggregationSettings
    reference: ReferenceSettings
    learned: LearnedSettings
    camera: CameraSettings
    flat_field: FlatFieldSettings
    gates: GateSettings
    signals: SignalSettings
    fiber_structures: Mapping[str, StructureDescription]
    connectors: Mapping[str, ConnectorLayout]
    connector_search: ConnectorSearch

    @property
    def engine(self) -> Engine:
        """What looks for marks; to switch the detector `learned` on is to ask for both."""
        asked, learned = self.learned.engine, self.detectors.get(LEARNED_DETECTOR)
        return "both" if asked == "classical" and learned is not None and learned.enabled else asked

    def with_engine(self, engine: Engine) -> Config:
        """The same settings with another engine."""
        detectors = dict(self.detectors)
        if LEARNED_DETECTOR in detectors:
            detectors[LEARNED_DETECTOR] = replace(detectors[LEARNED_DETECTOR], enabled=False)
        learned = replace(self.learned, engine=engine)
        return replace(self, learned=learned, detectors=MappingProxyType(detectors))

    @property
    def engaged_detectors(self) -> Mapping[str, DetectorSettings]:
        """All detectors, those switched on that the engine uses.

        Where the network looks alone it makes a mark wherever it rather sees one than none, whatever the threshold.
        """
        if self.engine == "classical":
            return self.detectors
        engaged = dict(self.detectors)
        if self.engine == "dl":
            engaged = {name: replace(one, enabled=False) for name, one in engaged.items()}
            engaged[LEARNED_DETECTOR] = replace(engaged[LEARNED_DETECTOR], weight=2 * self.fusion.threshold)
        engaged[LEARNED_DETECTOR] = replace(engaged[LEARNED_DETECTOR], enabled=True)
        return MappingProxyType(engaged)

    @property
    def uses_of_model(self) -> tuple[str, ...]:
        """What is switched on that no picture can be inspected without a reference model for."""
        reference = self.engaged_detectors.get(REFERENCE_DETECTOR)
        uses = {
            f"detectors.{REFERENCE_DETECTOR}": reference is not None and reference.enabled,
            "reference.subtract_archetype": self.reference.subtract_archetype,
        }
        return tuple(name for name, is_on in uses.items() if is_on)

    def without_model(self) -> Config:
        """The same settings, with no reference model and nothing that uses one: for learning what is normal."""
        detectors = dict(self.detectors)
        if REFERENCE_DETECTOR in detectors:
            detectors[REFERENCE_DETECTOR] = replace(detectors[REFERENCE_DETECTOR], enabled=False)
        reference = replace(self.reference, model=None, subtract_archetype=False)
        return replace(self, reference=reference, detectors=MappingProxyType(detectors))

    def structure_of(self, request: Request) -> StructureDescription | None:
        """The structure that is asked for, or else the first that says that the class has it; None without any."""
        if request.fiber_structure is not None:
            return self.fiber_structures[request.fiber_structure]
        found = (one for one in self.fiber_structures.values() if request.fiber_class in one.classes)
        return next(found, None)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A checked configuration file: every profile, and the sha256 of the bytes it was read from.

    One that extends another has the sha256 of the digests of both.
    """

    path: Path
    sha256: str
    default_profile: str
    profiles: Mapping[str, Config]
    notes: tuple[str, ...] = ()  # on keys of earlier versions that were read as those of today

    def profile(self, name: str) -> Config:
        """The settings of one profile; UserError if there is none of that name."""
        if name not in self.profiles:
            raise UserError(f"profile in {self.path.name}: {must_be_one_of(self.profiles, name)}")
        return self.profiles[name]


def _classes(edition: str, entry: Json) -> Mapping[str, Criteria]:
    classes = entry["classes"].items()
    return MappingProxyType(
        {key: criteria_from(edition, key, f"{entry['title']}: {c['title']}", c) for key, c in classes}
    )


def _frozen(items: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(items)


# Settings travel to worker processes, and Python pickles no mapping proxy by itself.
copyreg.pickle(MappingProxyType, lambda proxy: (_frozen, (dict(proxy),)))
