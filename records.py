"""The nouns that pass between the modules, and the errors a user sees.

Everything here is a frozen record checked where it is made. Names put x before y, `(H, W)` is an image shape, a name
ends in its unit, and arrays inside a record are read-only. "Nothing found" is an empty value of the full type, "could
not be measured" is a value with a reason; only misuse raises.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

PROGRAM = "D-Scope Blink"
VERSION = "0.1.0"
RECORD_SCHEMA = "dscope-blink/inspection/1"

FloatImage: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]
Labels: TypeAlias = NDArray[np.uint8]
Points: TypeAlias = NDArray[np.float64]
Recorded = TypeVar("Recorded", bound="Scale | Ellipse | Defect")

Status = Literal["PASS", "FAIL", "NOT_GRADED"]
Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW"]
ScaleSource = Literal["user_cladding", "calibration", "assumed_cladding"]
SizeMeasure = Literal["width", "length", "diameter"]
ZoneRule = Literal["touched", "centroid"]

# From the most to the least critical: the order of the zones decides which one takes a mark that touches several.
ZONE_LETTERS = ("A", "B", "C", "D")
ZONE_NAMES = MappingProxyType({"A": "core", "B": "cladding", "C": "adhesive", "D": "contact"})
CLASSIFICATIONS = ("scratch", "pit_dig", "contamination", "crack", "chip")
ID_LETTERS = MappingProxyType({"scratch": "S", "pit_dig": "P", "contamination": "C", "crack": "K", "chip": "E"})


UNCONFIRMED = "These limits are not confirmed: {}"  # edition and class


class UserError(Exception):
    """A mistake of the user's that one line explains; the program ends with exit code 2 and no traceback."""


class ConfigError(UserError):
    """Everything that is wrong with a configuration, each problem a line of its own with its JSON path."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UnreadableImage(UserError):
    """A picture file that cannot be decoded; the message says why."""


# Decimals that a record keeps by unit, the last part of a name; anything else keeps DIGITS significant digits. What a
# verdict rests on is rounded where it is measured, so that the verdict can be reproduced from the stored record.
DECIMALS = MappingProxyType(
    {"px": 3, "um": 3, "um2": 3, "pct": 3, "deg": 2, "um_per_px": 9, "um_per_px_x": 9, "um_per_px_y": 9}
)
DIGITS = 5


def rounded(name: str, value: float) -> float:
    """A finite `value` as a record keeps it, by the unit in `name`."""
    decimals = _decimals(name)
    return float(f"{value:.{DIGITS}g}") if decimals is None else round(value, decimals)


@lru_cache(maxsize=1024)
def _decimals(name: str) -> int | None:
    """A record has thousands of numbers under a few names."""
    return DECIMALS.get(name, DECIMALS.get(name.rpartition("_")[2]))


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _as_recorded(record: Recorded, *names: str) -> Recorded:
    values = {name: getattr(record, name) for name in names}
    return replace(record, **{name: _rounded_values(name, value) for name, value in values.items()})


def _rounded_values(name: str, value: Any) -> Any:
    if value is None:
        return None
    return tuple(rounded(name, item) for item in value) if isinstance(value, tuple) else rounded(name, value)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, slots=True)
class Scale:
    """Micrometres per pixel along each axis; pixels need not be square."""

    um_per_px_x: float
    um_per_px_y: float
    source: ScaleSource
    uncertainty: float | None = None  # of a calibration: relative, standard; None where it states none
    square_assumed: bool = False  # a calibration along one axis, taken for both

    def __post_init__(self) -> None:
        for name in ("um_per_px_x", "um_per_px_y"):
            value = getattr(self, name)
            _require(math.isfinite(value) and value > 0, f"{name} must be a positive number, got {value}")

    @property
    def um_per_px(self) -> float:
        """Geometric mean of the two axes: the side of a square pixel of the same area."""
        return math.sqrt(self.um_per_px_x * self.um_per_px_y)

    @property
    def pixel_aspect_ratio(self) -> float:
        """um_per_px_x / um_per_px_y."""
        return self.um_per_px_x / self.um_per_px_y

    @property
    def known_aspect_ratio(self) -> float | None:
        """The same where both axes were measured."""
        return None if self.square_assumed else self.pixel_aspect_ratio

    def as_recorded(self) -> Scale:
        """The scale as a stored record gives it back."""
        return _as_recorded(self, "um_per_px_x", "um_per_px_y")


@dataclass(frozen=True, slots=True)
class Calibration:
    """The scale of one camera and objective, as calibration.json gives it."""

    scale: Scale
    sha256: str  # of the file
    picture_size_px: tuple[int, int] | None = None  # width and height of the pictures it was measured in
    camera: str | None = None  # that took them, as CameraReading.label has it
    warnings: tuple[str, ...] = ()  # about the file


@dataclass(frozen=True, slots=True)
class Ellipse:
    """Centre, FULL axes and angle in pixels, as OpenCV's fitEllipse gives them.

    `angle_deg` runs from the x axis to the first of `axes_px`, clockwise on the screen (y points down).
    """

    center_px: tuple[float, float]
    axes_px: tuple[float, float]
    angle_deg: float

    def __post_init__(self) -> None:
        values = (*self.center_px, *self.axes_px, self.angle_deg)
        _require(all(map(math.isfinite, values)), f"an ellipse must have finite values, got {values}")
        _require(min(self.axes_px) > 0, f"axes_px must be positive, got {self.axes_px}")

    @property
    def mean_diameter_px(self) -> float:
        return (self.axes_px[0] + self.axes_px[1]) / 2

    @property
    def extent_px(self) -> tuple[float, float]:
        """Width and height of the upright box around it."""
        t, (a, b) = math.radians(self.angle_deg), self.axes_px
        return math.hypot(a * math.cos(t), b * math.sin(t)), math.hypot(a * math.sin(t), b * math.cos(t))

    def scaled(self, factor: float) -> Ellipse:
        """The concentric ellipse with both axes multiplied by `factor`."""
        return Ellipse(self.center_px, (self.axes_px[0] * factor, self.axes_px[1] * factor), self.angle_deg)

    def as_recorded(self) -> Ellipse:
        """The ellipse as a stored record gives it back."""
        return _as_recorded(self, "center_px", "axes_px", "angle_deg")


@dataclass(frozen=True, slots=True, eq=False)
class TargetFeatures:
    """Where the features of a calibration target were found in a picture: dots, pieces of ticks, points of an edge."""

    points_px: Points  # (N, 2)
    residuals_px: Points  # (N, 2) from the place that the fit gives each
    used: Mask  # (N,) False: left out of the fit


@dataclass(frozen=True, slots=True)
class FitUncertainty:
    """Standard uncertainty (k = 1) of a fitted ellipse, from the scatter of its edge points."""

    center_px: float
    diameter_px: float  # of the mean diameter
    axes_px: float  # of the difference of its axes


@dataclass(frozen=True, slots=True)
class CladdingFit:
    """The cladding edge: fitted ellipse and the evidence for it."""

    ellipse: Ellipse
    rms_px: float  # of the edge points that support the fit
    support: float  # share of the circumference with an edge point on the ellipse, 0..1
    contrast: float  # median step across the edge, grey levels 0..1, signed: ferrule minus cladding
    method: Literal["hough", "contour"]
    blur_px: float  # sigma of the edge
    uncertainty: FitUncertainty


@dataclass(frozen=True, slots=True)
class CoreFit:
    """The core edge; `nominal` when it cannot be seen and the known diameter ratio stands in, with the reason."""

    ellipse: Ellipse
    source: Literal["measured", "nominal"]
    reason: str = ""
    rms_px: float | None = None
    support: float | None = None
    uncertainty: FitUncertainty | None = None


@dataclass(frozen=True, slots=True)
class FiberGeometry:
    """What was located; `core` is None when it is neither seen nor known."""

    cladding: CladdingFit
    core: CoreFit | None
    warnings: tuple[str, ...] = ()  # what else the picture could be read as

    def as_recorded(self) -> FiberGeometry:
        """With both ellipses as a stored record gives them back."""
        cladding = replace(self.cladding, ellipse=self.cladding.ellipse.as_recorded())
        core = self.core and replace(self.core, ellipse=self.core.ellipse.as_recorded())
        return replace(self, cladding=cladding, core=core)


@dataclass(frozen=True, slots=True)
class NotLocated:
    """No fiber could be located; `reason` carries the evidence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured value and its expanded uncertainty (k = 2), in the same unit; None: not measured, or not known."""

    value: float | None
    uncertainty: float | None = None


@dataclass(frozen=True, slots=True)
class ZoneOutline:
    """The outer border of one zone in the picture."""

    letter: str
    outer: Ellipse
    around: Literal["core", "cladding"] = "cladding"  # whose centre and shape it has

    def __post_init__(self) -> None:
        _require(self.letter in ZONE_LETTERS, f"a zone letter must be one of {ZONE_LETTERS}, got {self.letter!r}")

    @property
    def name(self) -> str:
        return ZONE_NAMES[self.letter]

    @property
    def radius_px(self) -> float:
        """Mean radius."""
        return self.outer.mean_diameter_px / 2


@dataclass(frozen=True, slots=True)
class Zones:
    """ONE label image, so zones cannot overlap: 0 outside, else 1 + index in ZONE_LETTERS."""

    labels: Labels  # (H, W) uint8
    outlines: tuple[ZoneOutline, ...]  # from the innermost to the outermost

    def __post_init__(self) -> None:
        _require(self.labels.ndim == 2 and self.labels.dtype == np.uint8, "zone labels must be a 2-D uint8 array")
        object.__setattr__(self, "labels", _read_only(self.labels))

    def mask(self, letter: str) -> Mask:
        """The pixels of one zone, (H, W) bool."""
        return self.labels == 1 + ZONE_LETTERS.index(letter)


@dataclass(frozen=True, slots=True)
class Residual:
    """What the fiber itself does not explain, on a window of the picture; all arrays are (h, w) float32 or bool.

    `snr` is what most detectors read: the smoothed residual in its own local sigmas, so that a threshold means the same
    in sharp, compressed and enlarged pictures; near zero on a clean face, its borders included.
    """

    origin_px: tuple[int, int]  # x, y of the window in the working picture
    pixel_px: tuple[float, float]  # pixels of the stored picture per pixel of the working picture, x and y
    gray: FloatImage  # picture minus background, grey levels 0..1
    snr: FloatImage  # smoothed gray / its local noise
    edge_snr: (
        FloatImage  # smoothed gray / noise beside the cladding edge, which a broken edge does not raise; 0 far off
    )
    background: FloatImage
    rho: FloatImage  # distance from the cladding centre in cladding radii
    cladding_radius_px: float
    blur_px: float  # sigma with which snr shows an edge: that of the optics and of the smoothing
    inside: Mask  # where marks are looked for: within reach and clear of the cladding edge's guard band

    def __post_init__(self) -> None:
        for name in ("gray", "snr", "edge_snr", "background", "rho", "inside"):
            array = getattr(self, name)
            _require(
                array.shape == self.snr.shape, f"{name} of shape {array.shape} must match snr of shape {self.snr.shape}"
            )
            object.__setattr__(self, name, _read_only(array))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One region that the detectors agree on, in pixels of the working picture; not yet measured or judged."""

    bbox_px: tuple[int, int, int, int]  # x, y, width, height
    mask: Mask  # (height, width) bool inside bbox_px
    evidence: Mapping[str, float]  # detector -> share of the region it supports, 0..1
    on_edge: bool = False  # found by the walk along the cladding edge

    def __post_init__(self) -> None:
        _require(
            self.mask.shape == self.bbox_px[:1:-1],
            f"a mask of shape {self.mask.shape} does not fill its box {self.bbox_px}",
        )
        object.__setattr__(self, "mask", _read_only(self.mask))


@dataclass(frozen=True, slots=True)
class SizeBand:
    """Marks from `min_um` to `max_um`: at most `max_count` of them (None: any number)."""

    min_um: float
    min_inclusive: bool
    max_um: float | None  # None: no upper end
    max_inclusive: bool
    max_count: int | None

    def holds(self, size_um: float) -> bool:
        above = size_um >= self.min_um if self.min_inclusive else size_um > self.min_um
        if self.max_um is None:
            return above
        return above and (size_um <= self.max_um if self.max_inclusive else size_um < self.max_um)

    @property
    def in_words(self) -> str:
        """Which sizes it holds."""
        if self.min_um == 0 and self.min_inclusive and self.max_um is None:
            return "of any size"
        low = f"{'>=' if self.min_inclusive else '>'} {self.min_um:g} um"
        high = "" if self.max_um is None else f"{'<=' if self.max_inclusive else '<'} {self.max_um:g} um"
        if not high:
            return low
        return high if self.min_um == 0 else f"{low} and {high}"


@dataclass(frozen=True, slots=True)
class ZoneCriteria:
    """The outer diameter of one zone and its limits; an empty band list means no limit.

    The diameter is `times` x (core or cladding diameter) + `plus_um`, or `plus_um` alone when `of` is "fixed".
    """

    letter: str
    of: Literal["fixed", "core", "cladding"]
    times: float
    plus_um: float
    scratches: tuple[SizeBand, ...]
    defects: tuple[SizeBand, ...]

    @property
    def border_in_words(self) -> str:
        """The rule for its outer diameter."""
        if self.of == "fixed":
            return f"{self.plus_um:g} um"
        base = self.of if self.times == 1 else f"{self.times:g} x {self.of}"
        return f"{base} {'+' if self.plus_um > 0 else '-'} {abs(self.plus_um):g} um" if self.plus_um else base


@dataclass(frozen=True, slots=True)
class Criteria:
    """The limits of one connector class in one edition."""

    edition: str
    fiber_class: str
    title: str
    source: str
    confirmed: bool
    scratch_classes: tuple[str, ...]
    scratch_size_by: SizeMeasure
    defect_size_by: SizeMeasure
    zone_rule: ZoneRule
    zones: tuple[ZoneCriteria, ...]


@dataclass(frozen=True, slots=True)
class Defect:
    """One measured, classified mark. `_um` values are None without a scale; `_px` twins are always there.

    Pixel sizes are in pixels of the stored picture; micrometre sizes account for non-square pixels.
    """

    id: str
    zone: str
    classification: str
    confidence: float
    centroid_px: tuple[float, float]
    bbox_px: tuple[int, int, int, int]
    contour_px: Points  # (N, 2) float64, x and y of the outer outline
    rect_px: tuple[tuple[float, float], tuple[float, float], float]  # minimum-area rectangle: centre, size, angle
    area_px: float
    perimeter_px: float
    length_px: float
    width_px: float
    diameter_px: float  # smallest enclosing circle
    r_min_px: float  # nearest and farthest distance from the centre of the cladding, as shares of its ellipse count,
    r_max_px: float  # times its mean radius
    orientation_deg: float  # of the long axis, from x, clockwise on the screen, 0 <= angle < 180
    circularity: float  # 4 pi area / perimeter^2, 1 for a disc
    aspect_ratio: float  # length / width, at least 1
    contrast: float  # (mark - background) / background, signed, at the peak
    zones_touched: tuple[str, ...]
    detected_by: tuple[str, ...]
    features: Mapping[str, float]  # what the classification was decided on
    area_um2: float | None = None
    length_um: float | None = None
    width_um: float | None = None
    diameter_um: float | None = None
    r_min_um: float | None = None
    r_max_um: float | None = None
    r_core_px: float | None = None  # nearest distance from the centre of the core, in the same way; None without one
    uncertainty: Mapping[str, float] = field(default_factory=dict)  # expanded (k = 2), of the values of these names
    evidence: Mapping[str, float] = field(default_factory=dict)  # detector -> share of the mark it supports, 0..1
    counted: bool = False
    severity: Severity = "LOW"

    def __post_init__(self) -> None:
        _require(
            self.classification in CLASSIFICATIONS,
            f"a classification must be one of {CLASSIFICATIONS}, got {self.classification!r}",
        )
        _require(0 <= self.confidence <= 1, f"confidence must lie in 0..1, got {self.confidence}")
        object.__setattr__(self, "contour_px", _read_only(self.contour_px))

    def as_recorded(self) -> Defect:
        """With all that a verdict rests on as a stored record gives it back."""
        unsure = {name: rounded(name, value) for name, value in self.uncertainty.items()}
        return replace(_as_recorded(self, *JUDGED), uncertainty=unsure)


JUDGED = ("centroid_px", "r_min_px", "r_core_px", "length_um", "width_um", "diameter_um")


@dataclass(frozen=True, slots=True)
class Cell:
    """One of the 3 x 3 cells of the box around a zone, and what the zone's pixels in it are like: NaN without any.

    Grey levels are those of the inspected picture, 0..255 whatever its bits.
    """

    zone: str
    row: int  # 1..3 from the top
    column: int  # 1..3 from the left
    corner_px: tuple[float, float]  # left and top
    size_px: tuple[float, float]  # width and height
    pixel_count: int
    gray_mean: float
    gray_deviation: float  # standard
    entropy_bits: float  # of the histogram of grey levels
    gradient_x: float  # mean, grey levels per pixel
    gradient_y: float
    responses: Mapping[str, float]  # detector -> share of the pixels that it marks, 0..1
    defect_count: int  # marks put in this zone whose centroid lies in this cell
    defect_area_px: float
    defect_area_um2: float | None  # None without a scale


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: what was measured, what is allowed, which defects did it."""

    zone: str
    rule: str
    measured: str
    allowed: str
    defects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One limit held against the marks of its zone: at most `max_count` of them from `limit_um` on.

    `size_um` is that of the mark that decides, the one after the `max_count` largest; None when there are not so many.
    """

    zone: str
    rule: str
    count: int
    max_count: int
    size_um: float | None
    limit_um: float
    defects: tuple[str, ...]  # ids of those counted

    @property
    def broken(self) -> bool:
        return self.count > self.max_count

    @property
    def margin_um(self) -> float | None:
        """How far it and all larger marks are from breaking the limit together; below 0: how much it is too large."""
        return None if self.size_um is None else rounded("um", self.limit_um - self.size_um)

    @property
    def nearness(self) -> float:
        """Share of what breaks the limit: by the size of the mark that decides, or by the number of marks."""
        by_count = self.count / (self.max_count + 1)
        if self.size_um is None or self.broken or self.limit_um == 0:  # above 0: a mark without size is not near it
            return by_count
        return max(self.size_um / self.limit_um, by_count)

    @property
    def in_words(self) -> str:
        """What was measured beside what is allowed."""
        count = f"{self.count}, allowed {self.max_count or 'none'}"
        if self.size_um is None:
            return f"Zone {self.zone}: {self.rule}: {count}"
        side = "over" if self.broken else "below"
        size = f"mark that decides {self.size_um:.1f} um, {abs(self.limit_um - self.size_um):.1f} um {side}"
        return f"Zone {self.zone}: {self.rule}: {count}; {size}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """PASS, FAIL or NOT_GRADED, with the reasons in words, every limit that was held, and how sure it is."""

    status: Status
    reasons: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
    checks: tuple[Check, ...] = ()
    marginal: tuple[str, ...] = ()  # what would change the verdict within the uncertainty of the sizes and places

    @property
    def closest(self) -> Check | None:
        """Of a PASS the limit that holds with the least to spare; None when no mark comes near one."""
        held = (
            [] if self.status != "PASS" else [check for check in self.checks if not check.broken and check.nearness > 0]
        )
        return max(held, key=lambda check: check.nearness, default=None)

    def __post_init__(self) -> None:
        _require(self.status == "PASS" or bool(self.reasons), f"a {self.status} verdict must give a reason")


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
class CameraReading:
    """The settings with which a picture was taken, as read back from the camera; None: it has no such setting."""

    model: str
    serial: str
    name: str  # that its user gave it, or empty
    pixel_format: str
    exposure_us: float | None
    gain: float | None  # dB; in older cameras steps of their own
    gamma: float | None
    frames_averaged: int
    taken: str  # ISO 8601 with offset

    @property
    def label(self) -> str:
        """Which camera it is."""
        return f"{self.model} {self.serial}"


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """The picture file; the sizes are None when it could not be decoded, the hash when it could not be read."""

    file: str  # relative to the input folder, with forward slashes
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    camera: CameraReading | None = None  # None: the file does not say


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which program, settings and calibration gave this result."""

    program: str
    profile: str
    config_sha256: str
    calibration_sha256: str | None
    started: str  # ISO 8601 with offset
    flat_field_sha256: str | None = None  # None: none was used


# Beyond these lies no fiber and no camera, but a slip of the pen that would ask for pictures of any size.
PLAUSIBLE = MappingProxyType(
    {"core_diameter_um": (0.5, 10_000.0), "cladding_diameter_um": (1.0, 10_000.0), "pixel_aspect_ratio": (0.1, 10.0)}
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of one image, after the manifest row has overridden the command line."""

    edition: str
    fiber_class: str
    core_diameter_um: float | None = None
    cladding_diameter_um: float | None = None
    pixel_aspect_ratio: float | None = None
    fiber_is_angled: bool | None = None  # None: nobody says
    zones: tuple[str, ...] = tuple(ZONE_NAMES.values())  # names of the zones to inspect
    carried: Mapping[str, str] = field(default_factory=dict)  # other manifest columns: serial, operator ...

    def __post_init__(self) -> None:
        for name, (low, high) in PLAUSIBLE.items():
            value = getattr(self, name)
            _require(
                value is None or low <= value <= high, f"{name} must lie between {low:g} and {high:g}, got {value}"
            )
        core, cladding = self.core_diameter_um, self.cladding_diameter_um
        _require(
            core is None or cladding is None or core < cladding,
            f"core_diameter_um must be less than cladding_diameter_um, got {core} and {cladding}",
        )


@dataclass(frozen=True, slots=True)
class Clipping:
    """Pixels of rings around the cladding centre, and those that are black or saturated, where no mark can be seen."""

    ring_width: float  # in cladding radii
    pixels: tuple[int, ...]  # from the centre outwards
    clipped: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """What the picture itself is worth; empty when it could not be decoded."""

    focus: float | None = None
    saturated_fraction: float | None = None
    warnings: tuple[str, ...] = ()
    clipping: Clipping | None = None  # None where no mark was sought
    search_pixel_px: float | None = None  # pixels of the picture that one pixel spans in which marks were sought


@dataclass(frozen=True, slots=True)
class Inspection:
    """The whole record of one image: what is written as NAME_result.json."""

    image: ImageInfo
    provenance: Provenance
    request: Request
    criteria: Criteria
    quality: Quality
    verdict: Verdict
    scale: Scale | None = None
    geometry: FiberGeometry | None = None
    measurements: Mapping[str, Measured] = field(default_factory=dict)  # of the geometry, the unit in the name
    zones: tuple[ZoneOutline, ...] = ()
    defects: tuple[Defect, ...] = ()
    cells: tuple[Cell, ...] = ()  # only when they are asked for
    # As `image_processing.confidence_map` gives it; in no record, but for the picture that is drawn of it.
    confidence: FloatImage | None = field(default=None, compare=False)
    timings_s: Mapping[str, float] = field(default_factory=dict)
