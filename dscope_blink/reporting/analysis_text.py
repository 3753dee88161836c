"""NAME_analysis.txt: what a comparison of a face with good ones came to, in plain lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dscope_blink.models.reference import ReferenceCard, ReferenceFace
from dscope_blink.records import ANOMALY, Anomaly, Defect, Inspection, printable, texts
from dscope_blink.reporting.look import CLASS_TITLES

STATUS_WORDS = {
    "NORMAL": "NORMAL: no place and no ring departs from good faces by more than the limit",
    "ANOMALOUS": "ANOMALOUS: it departs from good faces",
    "NOT_OF_THIS_FAMILY": "NOT OF THIS FAMILY: the model knows no such faces, so no places were compared",
    "NOT_COMPARED": "NOT COMPARED",
    "NO_REFERENCE": "NO REFERENCE",
}
FEW_FACES = 10  # of fewer the bound of the false alarms is above a quarter
MOST_NAMED = 5  # features
OWN_SYMMETRY = (
    "Compared with its own symmetry: the median light of each ring of the face itself",
    "  it says nothing of what is the same all around the fiber: rings, films, haze, the size or light of the core",
)
SHORT = 16  # letters of a hash that no two models share


def text_bytes(face: Inspection, card: ReferenceCard | None) -> bytes:
    """The file; every line of it is one of `analysis_lines`, or of the tables behind them. `card` as there."""
    lines = (*analysis_lines(face, card), "", *_anomaly_lines(face), "", *_unmatched_lines(face))
    return ("\n".join(printable(line) for line in lines) + "\n").encode("utf-8", "replace")


def analysis_lines(face: Inspection, card: ReferenceCard | None) -> Iterator[str]:
    """What was compared with what, and what came out, without the single places; `card` is None without a model."""
    yield f"Picture: {face.image.file}"
    yield STATUS_WORDS[face.comparison.status]
    yield from (f"  {reason}" for reason in face.comparison.reasons)
    if face.comparison.score is not None:
        ring_score = face.comparison.ring_score
        rings = "not judged" if ring_score is None else f"{ring_score:.2f}"
        yield f"Score {face.comparison.score:.2f} (1 is the limit), of whole rings {rings}"
    if face.comparison.similarity is not None:
        yield f"Structural similarity with the archetype: {face.comparison.similarity:.3f}"
    if face.comparison.score is not None:
        named = sum(bool(one.marks) for one in face.comparison.anomalies)
        yield f"Places that depart: {len(face.comparison.anomalies)}, of these {named} where the inspection found marks"
    yield from _whole_lines(face)
    verdict = face.verdict
    reasons = "; ".join(texts(verdict.reasons))
    yield f"Verdict by the acceptance criteria, which is another: {verdict.status}{f' ({reasons})' if reasons else ''}"
    if card is None:
        yield from OWN_SYMMETRY
        return
    yield from card_lines(card)
    yield f"  sha256 {face.comparison.model_sha256[:SHORT]}"


def _whole_lines(face: Inspection) -> Iterator[str]:
    """The face as a whole; or that the model says nothing of it."""
    whole = face.comparison.whole
    if whole is not None:
        yield f"As a whole: distance {whole.distance:.2f}, {whole.score:.2f} of the limit; it deviates most by"
        yield from (f"  {one.in_words}" for one in whole.deviations[:MOST_NAMED])
        yield from (f"Nearest good face: {one.file}, distance {one.euclid:.1f} spreads" for one in whole.references[:1])
    elif face.comparison.why_not_whole:
        yield f"As a whole: not compared, {face.comparison.why_not_whole}; only places and rings are"


def card_lines(card: ReferenceCard) -> Iterator[str]:
    """A model in a few lines, with what it cannot say."""
    used = sum(face.used for face in card.faces)
    until = "for ever" if card.expires is None else f"until {card.expires[:10]}"
    yield f"Model: {used} of {len(card.faces)} faces, made {card.made[:10]}, holds {until}"
    if card.updated is not None:
        yield f"  faces were added {card.updated[:10]}"
    if card.microscope:
        yield f"  microscope: {card.microscope}"
    said = f"  {card.rate:.0%} of good faces may be called anomalous; its faces bound that to {card.rate_at_most:.0%}"
    yield said + (": too few to be sure" if used < FEW_FACES else "")


def expired(card: ReferenceCard, now: datetime) -> tuple[str, ...]:
    """A line for a model whose time is over; nothing for one that holds."""
    if card.expires is None or datetime.fromisoformat(card.expires) >= now:
        return ()
    return (f"EXPIRED {card.expires[:10]}: analyze refuses it, learn it anew",)


def face_line(face: ReferenceFace) -> str:
    """One picture that was offered, and what became of it."""
    score = "" if face.left_out_score is None else f", {face.left_out_score:.2f} of the limit by a model of the others"
    return f"{face.file}: {'used' if face.used else f'left out, {face.why_not}'}{score}"


def _anomaly_lines(face: Inspection) -> Iterator[str]:
    """A line for each place."""
    if not face.comparison.anomalies:
        return
    yield "Place  score  kind           severity  sure  zone       diameter   at x, y       marks"
    for one in face.comparison.anomalies:
        x, y = (one.outline_px.min(axis=0) + one.outline_px.max(axis=0)) / 2
        at = f"{x:.0f}, {y:.0f}"
        yield (
            f"{one.id:<6} {one.score:5.2f}  {place_kind(one):<13}  {one.severity:<8}  {one.confidence:4.1f}  "
            f"{one.zone or 'beyond':<9}  {place_diameter(one):<9}  {at:<12}  {', '.join(one.marks) or 'none'}"
        )


def place_kind(anomaly: Anomaly) -> str:
    """What kind of mark lies at a place, if one does."""
    return "no known kind" if anomaly.kind == ANOMALY else CLASS_TITLES.get(anomaly.kind, anomaly.kind)


def place_diameter(anomaly: Anomaly) -> str:
    """That of the circle around a place."""
    return f"{anomaly.diameter_px:.1f} px" if anomaly.diameter_um is None else f"{anomaly.diameter_um:.1f} um"


def _unmatched_lines(face: Inspection) -> Iterator[str]:
    """Marks of the inspection where the reference sees nothing: each sees what the other cannot."""
    if face.comparison.score is None:
        return
    alone = [mark.id for mark in unmatched(face)]
    if alone:
        yield f"Marks of the inspection in no place that departs: {', '.join(alone)}"
    yield "What a comparison cannot say: whether a departure matters. That is for the acceptance criteria to decide."


def unmatched(face: Inspection) -> tuple[Defect, ...]:
    """Marks of the inspection that lie in no place that departs."""
    seen = {name for one in face.comparison.anomalies for name in one.marks}
    return tuple(mark for mark in face.defects if mark.id not in seen)
