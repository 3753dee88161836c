"""docs/reference_features.md, the features of a face from their declaration: `python -m docs.reference_features`."""

from __future__ import annotations

from collections import Counter

from docs.modules import ROOT
from dscope_blink.image_processing.face_features import FEATURES
from dscope_blink.models.family import GATES, Gate
from dscope_blink.records.features import Feature

PAGE = ROOT / "docs" / "reference_features.md"
BEGINNING = """# The features of a face

Generated from the program by `python -m docs.reference_features`; a test compares them.

A face is brought to one frame: the cladding a circle of {radius}, its median light 1. Core, cladding and ferrule are
measured apart, clear of the edges between them. `turn`, `brightness` and `scale`: what does not change the feature, up
to noise; tests hold them to it. `least`: a difference by which two pictures of one face differ anyway.

{count} features, by group: {groups}.

## Gates: what a face is of another family by

Dirt moves them little: a film or a haze over much of a face may still reach them. What is not seen says nothing.
Beyond the limit, that is learned from faces left out, a face is not of the family.
The spread of a gate is never less than the last column.

| feature | another | what it is | least spread |
|---|---|---|---|
"""
TABLE = """
## All features

| feature | unit | zone | group | least | turn | brightness | scale | meaning |
|---|---|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The text of the page."""
    groups = ", ".join(f"{name} {count}" for name, count in Counter(feature.group for feature in FEATURES).items())
    gates = "".join(f"| `{gate.name}` | {gate.other} | {gate.says} | {_least(gate)} |\n" for gate in GATES)
    start = BEGINNING.format(radius="a known radius", count=len(FEATURES), groups=groups)
    return start + gates + TABLE + "".join(map(_row, FEATURES))


def _least(gate: Gate) -> str:
    return f"{gate.least:g}" if gate.absolute else f"{gate.least:.1%} of the median"


def _row(one: Feature) -> str:
    laws = " | ".join("yes" if law else "" for law in (one.turn, one.brightness, one.scale))
    return f"| `{one.name}` | {one.unit} | {one.zone} | {one.group} | {one.least:g} | {laws} | {one.meaning} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
