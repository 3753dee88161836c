"""Hand-made inspection records that the tests of the reports share."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from dscope_blink.records import (
    ANOMALY,
    LIMIT_BROKEN,
    Anomaly,
    CameraReading,
    Cell,
    Check,
    CladdingFit,
    Clipping,
    Comparison,
    CoreFit,
    Criteria,
    Defect,
    Deviation,
    Ellipse,
    FiberGeometry,
    FitUncertainty,
    ImageInfo,
    Inspection,
    Measured,
    Notice,
    Provenance,
    Quality,
    Rectangle,
    ReferenceDistances,
    Request,
    Scale,
    SizeBy,
    Verdict,
    Violation,
    WholeFace,
    ZoneOutline,
    as_recorded,
    notice,
    recorded,
)

WIDTH, HEIGHT = 1000, 850
CENTER = (480.0, 430.0)
SCALE = Scale(0.5, 0.4, "user_cladding")  # pixels that are not square
CRITERIA = Criteria(
    edition="iec_61300_3_35_2022",
    fiber_class="single_mode_upc",
    title="IEC 61300-3-35:2022, edition 3: Single mode PC/UPC",
    source="IEC 61300-3-35:2022 (edition 3)",
    confirmed=False,
    scratch_classes=("scratch",),
    size_by=SizeBy("width", "diameter"),
    zone_rule="touched",
    zones=(),
)
HOSTILE_FILE = "=cmd()/<script>\n図.png"


def circle_um(diameter_um: float) -> Ellipse:
    """The ellipse in the picture that a circle around the fiber centre makes."""
    return Ellipse(CENTER, (diameter_um / SCALE.um_per_px_x, diameter_um / SCALE.um_per_px_y), 0.0)


ZONES = tuple(ZoneOutline(letter, circle_um(d)) for letter, d in zip("ABCD", (25, 110, 135, 250), strict=True))
UNCERTAINTY = FitUncertainty(center_px=0.02, diameter_px=0.03, axes_px=0.05)


def cladding_fit(ellipse: Ellipse, contrast: float = 0.31) -> CladdingFit:
    """A cladding edge of good evidence."""
    return CladdingFit(ellipse, 0.21, 0.97, contrast, "hough", blur_px=1.2, standard_uncertainty=UNCERTAINTY)


GEOMETRY = FiberGeometry(
    cladding_fit(circle_um(125)),
    CoreFit(circle_um(9), "measured", rms_px=0.3, support=0.9, standard_uncertainty=UNCERTAINTY),
)


def mark(name: str, classification: str, offset_px: tuple[float, float], size_px: float, **changes: Any) -> Defect:
    """A round mark of `size_px`, or a scratch of that length and a tenth of the width, rising at 30 degrees."""
    x, y = CENTER[0] + offset_px[0], CENTER[1] + offset_px[1]
    width_px = size_px / 10 if classification == "scratch" else size_px
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    along, across = size_px / 2 * np.cos(t), width_px / 2 * np.sin(t)
    c, s = math.cos(math.radians(-30)), math.sin(math.radians(-30))
    contour = np.stack([x + along * c - across * s, y + along * s + across * c], axis=1)
    distance = math.hypot(*offset_px)
    defect = Defect(
        id=name,
        zone="cladding",
        classification=classification,
        confidence=0.83,
        centroid_px=(x, y),
        bbox_px=(int(x - size_px / 2), int(y - size_px / 2), int(size_px) + 1, int(size_px) + 1),
        contour_px=contour,
        rect=Rectangle((x, y), (size_px, width_px), -30.0),
        area_px=math.pi * size_px * width_px / 4,
        perimeter_px=3 * size_px,
        length_px=size_px,
        width_px=width_px,
        diameter_px=size_px,
        r_min_px=max(distance - size_px / 2, 0.0),
        r_max_px=distance + size_px / 2,
        orientation_deg=150.0,
        circularity=0.98,
        aspect_ratio=size_px / width_px,
        contrast=-0.271828182,
        zones_touched=("cladding", "adhesive"),
        detected_by=("do2mr", "lei"),
        features={"edge_sharpness": math.nan, "straightness": 0.99},
        area_um2=size_px * width_px * 0.157,
        length_um=size_px * 0.45,
        width_um=width_px * 0.45,
        diameter_um=size_px * 0.45,
        r_min_um=distance * 0.4,
        r_max_um=distance * 0.5,
        r_core_px=max(distance - size_px / 2 - 2, 0.0),
        uncertainty={"length_um": 0.81234, "width_um": 0.7, "diameter_um": 0.9, "r_min_px": 1.1},
        evidence={"do2mr": 0.75, "lei": 0.5},
    )
    return as_recorded(replace(defect, **changes))


VIOLATING = mark("S1", "scratch", (-60, -50), 80, counted=True, severity="CRITICAL", zone="core")
COUNTED = mark("P1", "pit_dig", (70, -60), 20, counted=True, severity="MEDIUM")
UNCOUNTED = mark("C1", "contamination", (-150, 200), 36, zone="contact", zones_touched=("contact",))
CRACK = mark("K1", "crack", (200, 60), 40, zone="contact")
CHIP = mark("E1", "chip", (120, 0), 24, zone="adhesive")
CELL = Cell(
    zone="core",
    row=1,
    column=2,
    corner_px=(446.66666, 398.75),
    size_px=(16.66666, 20.83333),
    pixel_count=347,
    gray_mean=120.123456,
    gray_deviation=4.5,
    entropy_bits=3.25,
    gradient_x=-0.25,
    gradient_y=0.5,
    responses={"do2mr": 0.125, "lei": 0.0},
    defect_count=1,
    defect_area_px=500.0,
    defect_area_um2=100.0,
)
EMPTY_CELL = replace(
    CELL,
    row=2,
    pixel_count=0,
    gray_mean=math.nan,
    gray_deviation=math.nan,
    entropy_bits=math.nan,
    gradient_x=math.nan,
    gradient_y=math.nan,
    responses={"do2mr": math.nan, "lei": math.nan},
    defect_count=0,
    defect_area_px=0.0,
    defect_area_um2=0.0,
)

HELD = (
    Check("core", "scratch width of any size", 1, 0, 3.6, 0.0, ("S1",), "scratch"),
    Check("cladding", "defect diameter >= 2 um and <= 10 um", 1, 5, None, 2.0, ("P1",), "defect"),
    Check("cladding", "defect diameter > 10 um", 0, 0, 9.0, 10.0, (), "defect"),
)
OTHER_DIMENSIONS = (
    *("core_cladding_offset_px", "core_offset_x_um", "core_offset_x_px", "core_offset_y_um", "core_offset_y_px"),
    *("cladding_non_circularity_pct", "core_non_circularity_pct", "face_tilt_deg", "pixel_aspect_ratio"),
    *("cladding_diameter_px", "core_diameter_px"),
)
CAMERA = CameraReading(
    "a2A2048-37gcBAS", "40012345", "bench 2", "Mono8", 10000.0, 0.0, 1.0, 4, "2026-01-31T08:00:00.123+00:00"
)
FAILED = recorded(
    Inspection(
        image=ImageInfo("tray/fiber_07.png", "ab" * 32, WIDTH, HEIGHT, CAMERA),
        provenance=Provenance(
            "D-Scope Blink 0.1.0", "deep_inspection", "2026-01-31T08:00:00+00:00", {"config": "cd" * 32}
        ),
        request=Request(
            CRITERIA.edition, CRITERIA.fiber_class, 9.0, 125.0, manifest={"serial": "0012", "operator": "=HYPERLINK(1)"}
        ),
        criteria=CRITERIA,
        quality=Quality(
            focus=12.345678,
            saturated_fraction=0.0123,
            warnings=(notice("poor_illumination", "93 % dark"),),
            clipping=Clipping(0.5, (12000, 36500, 61200, 85000), (0, 120, 61200, 3)),
            search_pixel_px=1.25,
        ),
        verdict=Verdict(
            "FAIL",
            (Notice(LIMIT_BROKEN, "Zone A: 1 scratch, none allowed (S1: 36.0 um long)"),),
            (Violation("core", "scratches", "1", "none", ("S1",)),),
            HELD,
        ),
        scale=SCALE,
        geometry=GEOMETRY,
        zones=ZONES,
        defects=(VIOLATING, COUNTED, CHIP, UNCOUNTED, CRACK),
        cells=(CELL, EMPTY_CELL),
        outputs={"fiber_07_report.csv": "ef" * 32},
        timings_s={"locate": 0.0123456, "total": 0.1234},
        measurements={
            "core_cladding_offset_um": Measured(0.12345, 0.0456),
            "cladding_diameter_um": Measured(125.0, 0.8083),
            "core_diameter_um": Measured(None),
            **dict.fromkeys(OTHER_DIMENSIONS, Measured(None)),
        },
    )
)
PASSED = replace(FAILED, verdict=Verdict("PASS"), defects=())
MARGINAL = replace(
    FAILED,
    verdict=Verdict(
        "PASS",
        checks=HELD[1:],
        doubts=("Zone cladding: defect diameter > 10 um may be broken: P1 of 9.0 ± 0.9 um in zone core or cladding",),
    ),
    defects=(COUNTED, CHIP, UNCOUNTED, CRACK),
)


def _in_pixels(defect: Defect) -> Defect:
    unknown: dict[str, Any] = dict.fromkeys(
        ("area_um2", "length_um", "width_um", "diameter_um", "r_min_um", "r_max_um")
    )
    return replace(defect, **unknown, uncertainty={}, counted=False, severity="LOW")


NO_SCALE = replace(
    FAILED,
    verdict=Verdict("NOT_GRADED", (notice("no_scale", "neither a known diameter nor a calibration"),)),
    scale=None,
    defects=tuple(map(_in_pixels, FAILED.defects)),
    measurements=dict.fromkeys(FAILED.measurements, Measured(None)),
)
UNSEARCHED = replace(FAILED.quality, clipping=None, search_pixel_px=None)
NOT_LOCATED = replace(
    FAILED,
    quality=UNSEARCHED,
    verdict=Verdict("NOT_GRADED", (notice("not_located", "21 % of the circumference supported, needs 50 %"),)),
    scale=None,
    geometry=None,
    zones=(),
    defects=(),
    timings_s={},
    measurements={},
)
UNREADABLE = replace(
    NOT_LOCATED,
    image=ImageInfo(HOSTILE_FILE),
    quality=Quality(),
    verdict=Verdict("NOT_GRADED", (notice("unreadable", "the file is empty"),)),
)
OUT_OF_FOCUS = replace(
    NOT_LOCATED,
    geometry=GEOMETRY,
    measurements=NO_SCALE.measurements,
    verdict=Verdict("NOT_GRADED", (notice("out_of_focus", "sharpness 1.2, needs 3"),)),
)
NOMINAL_CORE = replace(FAILED, geometry=replace(GEOMETRY, core=CoreFit(circle_um(9), "nominal", "cannot be seen")))
NO_CORE = replace(
    FAILED,
    geometry=replace(GEOMETRY, core=None),
    defects=tuple(replace(defect, r_core_px=None) for defect in FAILED.defects),
)

ANOMALIES = (
    Anomaly(
        *("N1", "scratch", "core", 3.41234567, VIOLATING.contour_px + 0.123456, 812.3, 81.2, 36.5, 0.9, "CRITICAL"),
        marks=("S1",),
    ),
    Anomaly("N2", ANOMALY, None, 1.2, CHIP.contour_px, 12.5, 4.2, None, 0.3, "LOW"),
)
NEAREST_FACE = ReferenceDistances("good/3.png", 4.25, 30.0, 0.5, None, 0.01, 1.5, 0.07)
WHOLE_FACE = WholeFace(9.0, 6.0, (Deviation("core_mean", 1.2, 1.0, 8.25),), (1.2, None), (NEAREST_FACE,))
OWN_PLACE = replace(ANOMALIES[1], id="N1", found_by="own_symmetry")
COMPARED = replace(
    FAILED,
    provenance=replace(FAILED.provenance, inputs={**FAILED.provenance.inputs, "reference": "ab" * 32}),
    reference=Comparison("ANOMALOUS", ("2 places depart",), "ab" * 32, 3.41234567, 0.7, ANOMALIES, 0.93, WHOLE_FACE),
)

BESIDE_ITSELF = replace(
    FAILED, reference=Comparison("NO_REFERENCE", ("no reference: 1 place departs",), "", 1.2, anomalies=(OWN_PLACE,))
)

EVERY_KIND = {
    "beside_itself": BESIDE_ITSELF,
    "compared": COMPARED,
    "failed": FAILED,
    "passed": PASSED,
    "marginal": MARGINAL,
    "no_scale": NO_SCALE,
    "not_located": NOT_LOCATED,
    "out_of_focus": OUT_OF_FOCUS,
    "unreadable": UNREADABLE,
    "nominal_core": NOMINAL_CORE,
    "no_core": NO_CORE,
}
