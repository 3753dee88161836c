"""A located face beside what good ones are like: of their family or not, where it departs, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dscope_blink.analysis.anomaly_names import confidence_of, marks_in, severity_of, zone_at
from dscope_blink.config.settings import ReferenceSettings
from dscope_blink.image_processing.anomalies import Region, regions_of
from dscope_blink.image_processing.departures import FaceScore, score_face
from dscope_blink.image_processing.face_features import FEATURE_NAMES, FaceNumbers, face_features
from dscope_blink.image_processing.face_frame import FaceFrame
from dscope_blink.models.family import Family, NoFamily, compare_with_family, why_drifted
from dscope_blink.models.reference import ReferenceModel
from dscope_blink.records import ANOMALY, Anomaly, Comparison, Inspection, WholeFace

MOST_APART = 0.1  # of the core ratio of the references: faces of other fibers
MOST_SCALED = 1.5  # times the size of the fiber in the references, or one over it: another microscope
DEVIANT = 10  # features that are named of a face
MOST_NAMED = 3  # of these, in a reason


@dataclass(frozen=True, slots=True)
class ComparedFace:
    """A face beside good ones, and what it was told by."""

    comparison: Comparison
    regions: tuple[Region, ...] = ()  # of the frame, that its anomalies are
    score: FaceScore | None = None  # None: it was not compared place by place


def compare(
    inspection: Inspection,
    frame: FaceFrame,
    model: ReferenceModel,
    settings: ReferenceSettings,
    numbers: FaceNumbers | None = None,
) -> ComparedFace:
    """Say how far a face departs from good ones, and where.

    Parameters
    ----------
    inspection : of its picture, located
    frame : the face in the frame of the model
    model : what normal is
    settings : what is a departure, and what it is called
    numbers : features of the face, where they are known, as when it is compared with several models
    """
    whole, foreign = _whole(inspection, frame, model, numbers)
    family = family_of(model)
    known = Comparison(
        "NOT_OF_THIS_FAMILY",
        foreign,
        inspection,
        model_sha256=model.sha256,
        whole=whole,
        why_not_whole=family.reason if isinstance(family, NoFamily) else "",
    )
    if foreign:
        return ComparedFace(known)
    score = score_face(frame, model, settings.absolute_limit)
    pairs = [(region, _anomaly(region, inspection, settings)) for region in regions_of(frame, score)]
    kept = [pair for pair in pairs if pair[1].diameter_um is None or pair[1].diameter_um >= settings.min_diameter_um]
    anomalies = tuple(replace(anomaly, id=f"N{number}") for number, (_, anomaly) in enumerate(kept, 1))
    reasons = _reasons(anomalies, score, whole)
    done = replace(
        known,
        status="ANOMALOUS" if reasons else "NORMAL",
        reasons=reasons,
        score=round(score.worst, 3),
        ring_score=round(score.ring, 3),
        anomalies=anomalies,
    )
    return ComparedFace(done, tuple(region for region, _ in kept), score)


def family_of(model: ReferenceModel) -> Family | NoFamily:
    """What a face as a whole is compared with; not that of another version, whose features mean something else."""
    if isinstance(model.family, Family) and model.family.names != FEATURE_NAMES:
        return NoFamily("its features are those of another version of the program, learn it anew")
    return model.family


def drift_of(comparisons: Sequence[Comparison], model: ReferenceModel) -> tuple[str, ...]:
    """What says that a batch as a whole has moved away from the model; empty: nothing."""
    family = family_of(model)
    rows = [one.whole.values for one in comparisons if one.whole is not None]
    if isinstance(family, NoFamily) or not rows:
        return ()
    return why_drifted(rows, family)


def _whole(
    inspection: Inspection, frame: FaceFrame, model: ReferenceModel, numbers: FaceNumbers | None
) -> tuple[WholeFace | None, tuple[str, ...]]:
    """The face as a whole, and in what it is none of those that the model knows.

    A model that knows no family is asked by plain rules.
    """
    family, geometry = family_of(model), inspection.geometry
    if isinstance(family, NoFamily) or geometry is None:
        return None, _why_foreign(inspection, model)
    values = (numbers or face_features(frame, geometry, inspection)).values
    found = compare_with_family(values, family, DEVIANT)
    return WholeFace(found.distance, found.limit, found.deviations, tuple(values.tolist())), found.why_not


def _why_foreign(inspection: Inspection, model: ReferenceModel) -> tuple[str, ...]:
    """In what a picture is none of those that the model knows; empty: in nothing."""
    assert inspection.geometry is not None, "it was located"
    card, cladding = model.card, inspection.geometry.cladding.ellipse
    reasons = []
    size = cladding.mean_diameter_px / card.cladding_px
    if not 1 / MOST_SCALED <= size <= MOST_SCALED:
        reasons.append(
            f"the cladding measures {cladding.mean_diameter_px:.0f} px, in the references {card.cladding_px:.0f}"
        )
    core = inspection.geometry.core
    if card.core_ratio is not None and core is not None:
        ratio = core.ellipse.mean_diameter_px / cladding.mean_diameter_px
        if abs(ratio / card.core_ratio - 1) > MOST_APART:
            reasons.append(f"core over cladding is {ratio:.3f}, in the references {card.core_ratio:.3f}")
    return tuple(reasons)


def _anomaly(region: Region, inspection: Inspection, settings: ReferenceSettings) -> Anomaly:
    scale = inspection.scale
    diameter_um = None if scale is None else region.diameter_px * scale.um_per_px
    zone = zone_at(region.outline_px, inspection.zones)
    marks = marks_in(region.outline_px, inspection)
    return Anomaly(
        id="",
        kind=marks[0].classification if marks else ANOMALY,
        zone=zone,
        score=round(region.score, 3),
        outline_px=region.outline_px,
        area_px=round(region.area_px, 1),
        diameter_px=round(region.diameter_px, 2),
        diameter_um=None if diameter_um is None else round(diameter_um, 2),
        confidence=confidence_of(region.score, settings),
        severity=severity_of(diameter_um, zone, settings),
        marks=tuple(mark.id for mark in marks),
    )


def _reasons(anomalies: tuple[Anomaly, ...], score: FaceScore, whole: WholeFace | None) -> tuple[str, ...]:
    reasons = []
    if anomalies:
        worst = anomalies[0]
        reasons.append(f"{len(anomalies)} places depart, the worst {worst.score:.1f} times the limit ({worst.id})")
    if score.ring > 1:
        reasons.append(f"whole rings depart, the worst {score.ring:.1f} times the limit")
    if whole is not None and whole.score > 1:
        most = ", ".join(one.in_words for one in whole.deviations[:MOST_NAMED])
        reasons.append(f"as a whole it lies {whole.score:.1f} times the limit from the references, most by {most}")
    return tuple(reasons)
