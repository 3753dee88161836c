"""The counting rules of the criteria, face by face, as the files in tests/analysis/cases tell them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dscope_blink.analysis.judging import Judgement, judge, placed
from dscope_blink.analysis.zoning import zone_outlines
from dscope_blink.config.loading import load_config
from dscope_blink.records import ZONE_NAMES, Criteria, Defect, Ellipse, Request, Scale, ZoneOutline, criteria_from
from tests.builders.faces import face_with, measured_core
from tests.builders.inspections import mark
from tests.builders.settings import CONFIG_FILE

Json = dict[str, Any]

BOOK = load_config(CONFIG_FILE).profile("deep_inspection").criteria
FILES = sorted((Path(__file__).parent / "cases").glob("*.json"))
CASES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FILES}
FACES = [(name, face) for name, case in CASES.items() for face in case["faces"]]
COMPANY_RULES = [name for name, case in CASES.items() if "company_rule" in case]

UM_PER_PX = 0.5
CENTER_PX = (300.0, 250.0)


# --- from a case to what the judge takes


def criteria_of(case: Json) -> Criteria:
    if "company_rule" not in case:
        return BOOK.find(case["edition"], case["class"])
    rule = case["company_rule"]
    return criteria_from("company", "rule", rule["title"], rule)


@cache
def outlines_of(name: str) -> tuple[ZoneOutline, ...]:
    core_um, cladding_um = (CASES[name]["fiber"][key] for key in ("core_um", "cladding_um"))
    criteria = criteria_of(CASES[name])
    request = Request(criteria.edition, criteria.fiber_class, core_um, cladding_um)
    geometry = face_with(_circle(cladding_um), measured_core(_circle(core_um)))
    return zone_outlines(geometry, criteria, request, Scale(UM_PER_PX, UM_PER_PX, "user_cladding"))


def _circle(diameter_um: float) -> Ellipse:
    return Ellipse(CENTER_PX, (diameter_um / UM_PER_PX, diameter_um / UM_PER_PX), 0.0)


def marks_of(face: Json) -> list[Defect]:
    return [_mark(name, entry) for entry in face["marks"] for name in entry["id"].split()]


def _mark(name: str, entry: Json) -> Defect:
    usual = entry["length_um" if entry["kind"] == "scratch" else "diameter_um"]
    sizes: dict[str, Any] = {key: entry.get(key, usual) for key in ("width_um", "length_um", "diameter_um")}
    near, far = entry["from_um"], entry["to_um"]
    centroid_um = entry.get("centroid_um", (near + far) / 2)
    return replace(
        mark(name, entry["kind"], (0, 0), 10),
        zone="not placed",
        centroid_px=(CENTER_PX[0] + centroid_um / UM_PER_PX, CENTER_PX[1]),
        r_min_px=near / UM_PER_PX,
        r_max_px=far / UM_PER_PX,
        r_core_px=near / UM_PER_PX,  # the core is concentric
        **sizes,
    )


def judged(name: str, face: Json) -> Judgement:
    criteria, zones = criteria_of(CASES[name]), face.get("inspected", list(ZONE_NAMES.values()))
    outlines = outlines_of(name)
    return judge(placed(marks_of(face), outlines, criteria, zones), criteria, zones, outlines)


def by(attribute: str, defects: tuple[Defect, ...]) -> Mapping[str, str]:
    """Ids of the defects by the value of one attribute, each list as a case writes it."""
    values = dict.fromkeys(getattr(d, attribute) for d in defects)
    return {value: " ".join(d.id for d in defects if getattr(d, attribute) == value) for value in values}


# --- the tests


@pytest.mark.parametrize(("name", "face"), FACES, ids=[f"{name}: {face['name']}" for name, face in FACES])
def test_a_face_is_judged_as_its_case_says(name: str, face: Json):
    judgement = judged(name, face)
    verdict, defects = judgement.verdict, judgement.defects
    assert by("zone", defects) == face["placed"]
    assert verdict.status == face["status"]
    found = [
        {"zone": v.zone, "rule": v.rule, "allowed": v.allowed, "marks": " ".join(v.defects)} for v in verdict.violations
    ]
    assert found == face["violations"]
    assert " ".join(d.id for d in defects if d.counted) == face["counted"]
    assert by("severity", defects) == face["severity"]


@pytest.mark.parametrize("name", COMPANY_RULES)
def test_a_company_rule_of_a_case_is_one_that_the_program_accepts(name: str, tmp_path: Path):
    document = json.loads(CONFIG_FILE.read_text(encoding="utf-8"))
    rule = CASES[name]["company_rule"]
    document["criteria"]["editions"]["company"] = {"title": "Company", "classes": {"rule": rule}}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    accepted = load_config(path).profile("deep_inspection").criteria.find("company", "rule")
    assert replace(accepted, title=rule["title"]) == criteria_of(CASES[name])


def test_every_published_class_has_a_case_that_passes_and_one_that_fails():
    results: dict[tuple[str, str], set[str]] = {}
    for name, face in FACES:
        criteria = criteria_of(CASES[name])
        results.setdefault((criteria.edition, criteria.fiber_class), set()).add(face["status"])
    of_2015 = [("iec_61300_3_35_2015", key) for key in BOOK.classes("iec_61300_3_35_2015")]
    others = [("iec_61300_3_35_2009", "single_mode_upc"), ("iec_61300_3_35_2022", "single_mode_upc")]
    assert all(results.get(key) == {"PASS", "FAIL"} for key in [*of_2015, *others])
