"""NAME_aggregate.json: it obeys its schema, says both verdicts and who found what, and gives back names of marks."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from dscope_blink.analysis.aggregation.aggregating import aggregate
from dscope_blink.records import (
    AGGREGATE_SCHEMA,
    CLASSIFICATIONS,
    SEVERITIES,
    ZONE_NAMES,
    Aggregate,
    KnownUids,
    LogLine,
    Pattern,
    Rejected,
    Score,
    Status,
    Turn,
    notice,
)
from dscope_blink.records.sealing import BROKEN, SEAL
from dscope_blink.reporting.aggregate_json import aggregate_bytes, known_uids
from tests.builders.found_marks import CONFIG, SMALL, SPECK, SURE, face, member, refused, seen_by, source, told_by
from tests.builders.settings import ROOT

SCHEMA = json.loads((ROOT / "aggregate.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
STARTED = "2026-02-01T08:00:00+00:00"
HOSTILE = '=cmd()/<script>\n図\udcff"\\'


def aggregated(*detections, base=None) -> Aggregate:
    return aggregate("tray/face", detections, CONFIG, STARTED, base=base)


FOUND = aggregated(
    seen_by("a", face(SMALL)),
    seen_by("b", face(SMALL, SPECK)),
    told_by("c", member(SURE, "c", severity="CRITICAL", is_box=True, named="linear thing"), region="cladding"),
)


def without_seal(aggregate: Aggregate) -> bytes:
    """The file as programs of before have written it."""
    record = json.loads(aggregate_bytes(aggregate))
    del record[SEAL]
    return json.dumps(record).encode()


LOST = refused(notice("not_located", "21 % supported"))
BARE = replace(SMALL, **dict.fromkeys(("area_um2", "length_um", "width_um", "diameter_um"), None))  # type: ignore[arg-type]
ODD = {
    "found": FOUND,
    "clean": aggregated(seen_by("a", face())),
    "not located": aggregated(told_by("c", member(SURE, "c")), base=LOST),
    "nothing at all": aggregated(seen_by("a", LOST)),
    "no scale": aggregated(seen_by("a", face(BARE, scale=None))),
    "not graded": aggregated(seen_by("a", face(SURE)), seen_by("b", LOST)),
    "names that are no text": replace(
        FOUND,
        name=HOSTILE,
        sources=tuple(replace(one, file=HOSTILE, picture=HOSTILE, status=HOSTILE) for one in FOUND.sources),
        rejected=(Rejected(HOSTILE, HOSTILE, HOSTILE),),
    ),
    "numbers that are none": replace(
        FOUND,
        scores=tuple(replace(one, sensitivity=math.nan, specificity=math.inf) for one in FOUND.scores),
        pairs=tuple(replace(one, kappa=math.nan) for one in FOUND.pairs),
        sources=tuple(replace(one, turn=Turn(None, "no mark")) for one in FOUND.sources),
    ),
    "numbers of NumPy": replace(
        FOUND,
        scores=tuple(
            replace(one, specificity=np.float64(1), sensitivity=np.float64(0.123456789)) for one in FOUND.scores
        ),
    ),
    "patterns": replace(FOUND, patterns=(Pattern("ring", ("P1", "P2"), "two marks in a ring", "polishing"),)),
    "an outline without points": replace(
        FOUND,
        marks=(replace(FOUND.marks[0], members=(replace(FOUND.marks[0].members[0], outline_px=np.empty((0, 2))),)),),
    ),
}
WHOLE = replace(
    FOUND,
    patterns=ODD["patterns"].patterns,
    rejected=(Rejected("a", "P9", "gone"),),
    log=(LogLine("b", "of before", "info"),),
)
every_kind = pytest.mark.parametrize("found", ODD.values(), ids=ODD)


def _no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


def read(found: Aggregate) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(aggregate_bytes(found), parse_constant=_no_constant)
    return told


def problems(told: Any) -> list[str]:
    return [f"{list(error.path)}: {error.message[:200]}" for error in VALIDATOR.iter_errors(told)]


# --- the form


@every_kind
def test_every_aggregate_obeys_the_schema(found):
    assert problems(read(found)) == []


def test_the_schema_itself_is_valid_and_names_what_records_allow():
    Draft202012Validator.check_schema(SCHEMA)
    parts, named = SCHEMA["properties"], SCHEMA["$defs"]
    assert parts["schema"]["const"] == AGGREGATE_SCHEMA
    assert tuple(named["mark"]["properties"]["type"]["enum"]) == CLASSIFICATIONS
    assert tuple(named["mark"]["properties"]["severity"]["enum"]) == SEVERITIES
    assert tuple(named["mark"]["properties"]["zone"]["enum"]) == (*ZONE_NAMES.values(), None)
    assert set(get_args(get_type_hints(Pattern)["kind"])) <= set(named["pattern"]["properties"]["kind"]["enum"])
    assert tuple(parts["summary"]["properties"]["status"]["enum"]) == Status.__args__  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "place",
    [
        *((), ("summary",), ("verdict_by_criteria",), ("verdict_by_score",), ("counts",), ("closeness",), ("picture",)),
        *(("sources", 0), ("marks", 0), ("marks", 0, "members", 0), ("who_found_what", 0), ("pairs", 0)),
        *(("patterns", 0), ("rejected", 0), ("integrity_log", 0)),
    ],
)
def test_the_schema_refuses_a_key_that_it_does_not_know_and_misses_every_one(place):
    told = read(WHOLE)
    part: Any = told
    for key in place:
        part = part[key]
    for name in part.keys() - {SEAL}:  # files of before have none
        kept = part.pop(name)
        assert not VALIDATOR.is_valid(told), name
        part[name] = kept
    assert problems(told) == []
    part["surprise"] = 1
    assert not VALIDATOR.is_valid(told)


def test_the_same_aggregate_is_the_same_file_whatever_the_order_of_its_sources():
    sources = [seen_by("a", face(SMALL)), seen_by("b", face(SPECK)), told_by("c", member(SURE, "c"))]
    assert aggregate_bytes(aggregated(*sources)) == aggregate_bytes(aggregated(*sources[::-1]))


def test_each_mark_stands_on_a_line_of_its_own():
    lines = aggregate_bytes(FOUND).decode().splitlines()
    assert sum('"uid"' in line for line in lines) == len(FOUND.marks)


def test_numbers_are_rounded_by_their_units():
    third = replace(FOUND.marks[0].defect, centroid_px=(1 / 3, 2 / 3), confidence=1 / 3, area_um2=1e4 / 3)
    told = read(replace(FOUND, marks=(replace(FOUND.marks[0], defect=third),)))["marks"][0]
    assert (told["centroid_px"], told["confidence"], told["area_um2"]) == ([0.333, 0.667], 0.33333, 3333.333)


# --- what it says


def test_both_verdicts_are_named_and_neither_overrides_the_other():
    told = read(FOUND)
    assert told["verdict_by_criteria"]["status"] == told["summary"]["status"] == "FAIL"
    assert told["verdict_by_criteria"]["reasons"][0].startswith("Zone cladding: defect diameter > 5 um")
    assert told["verdict_by_criteria"]["reason_kinds"] == ["limit_broken"]
    poor = read(replace(FOUND, score=Score(12.5, False, ("too many", "too poor"))))["verdict_by_score"]
    assert poor == {"status": "FAIL", "score": 12.5, "reasons": ["too many", "too poor"]}
    ungraded = read(ODD["not graded"])
    assert {ungraded[f"verdict_by_{way}"]["status"] for way in ("criteria", "score")} == {"FAIL", "PASS"}


def test_the_summary_counts_what_came_in_and_what_came_out():
    told = read(FOUND)["summary"]
    assert (told["sources"], told["reported"]) == (3, 4)
    assert told["merged"] == told["found_by_one_source"] + told["found_by_several_sources"] == len(FOUND.marks)
    assert told["decided_by"] == ["c"]


def test_a_mark_says_what_it_is_and_whose_it_is():
    told = next(mark for mark in read(FOUND)["marks"] if mark["breaks_limit"])
    assert (told["type"], told["zone"], told["votes"]) == ("pit_dig", "cladding", 1)
    assert (told["severity"], told["severity_by_criteria"]) == ("HIGH", "HIGH")
    (own,) = told["members"]
    assert (own["source"], own["id"], own["named"], own["severity"]) == ("c", "P1", "linear thing", "CRITICAL")
    assert (own["is_box"], own["detectors"]) == (True, ["c"])
    x, y, width, height = own["bbox_px"]
    assert (x + width / 2, y + height / 2) == pytest.approx(SURE.centroid_px, abs=0.5)


def test_counts_name_what_there_is_none_of():
    counts = read(FOUND)["counts"]
    assert counts["type"].keys() == set(CLASSIFICATIONS)
    assert counts["severity"].keys() == set(SEVERITIES)
    assert counts["region"].keys() == set(ZONE_NAMES.values())
    assert counts["source"]["c"] == 1
    assert read(ODD["clean"])["counts"]["source"] == {"a": 0}


def test_of_a_face_that_was_not_located_the_region_is_unknown_and_no_severity_by_the_criteria_is():
    told = read(ODD["not located"])
    assert told["counts"]["region"]["unknown"] == 1
    assert (told["marks"][0]["zone"], told["marks"][0]["severity_by_criteria"]) == (None, None)


def test_who_found_what_and_who_decides():
    scores = {score["key"]: score for score in read(FOUND)["who_found_what"]}
    assert scores["c"]["flips"]
    assert (scores["c"]["status_without"], scores["c"]["status_alone"]) == ("PASS", "FAIL")
    assert len(scores["a"]["missed"]) + scores["a"]["found"] == len(FOUND.marks)
    pairs = [(pair["first"], pair["second"]) for pair in read(FOUND)["pairs"]]
    assert pairs == [("a", "b"), ("a", "c"), ("b", "c")]


def test_a_source_is_told_in_full():
    told = read(replace(FOUND, sources=(source("a", offset_px=(3.0, 4.0), turn=Turn(None, "no mark"), region="core"),)))
    (own,) = told["sources"]
    assert (own["offset_px"], own["region"], own["kind"]) == ([3.0, 4.0], "core", "record")
    assert (own["turn_deg"], own["why_no_turn"]) == (None, "no mark")


# --- what marks were called


@every_kind
def test_names_are_read_back_as_they_were_written(found, tmp_path):
    path = tmp_path / "face_aggregate.json"
    path.write_bytes(aggregate_bytes(found))
    known, log = known_uids(path)
    assert log == ()
    assert dict(known.uids) == {m.name: mark.uid for mark in found.marks for m in mark.members}
    assert known.boxes.keys() == known.uids.keys()
    assert known.sources.keys() == {one.key for one in found.sources}


def test_what_was_read_back_keeps_every_name_though_another_source_is_added(tmp_path):
    sources = [seen_by("m", face(SMALL)), told_by("n", member(SURE, "n"))]
    path = tmp_path / "face_aggregate.json"
    path.write_bytes(aggregate_bytes(aggregated(*sources)))
    known, _ = known_uids(path)
    more = aggregate("face", [seen_by("a", face(SPECK)), *sources], CONFIG, STARTED, known=known)
    before, after = (
        {m.name: mark.uid for mark in one.marks for m in mark.members} for one in (aggregated(*sources), more)
    )
    assert after == after | before


def test_no_file_is_no_name_and_no_problem(tmp_path):
    assert known_uids(tmp_path / "face_aggregate.json") == (KnownUids(), ())


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no aggregate"),
        (b"{", "no aggregate"),
        (b"[]", "no aggregate"),
        (b"[" * 100_000, "no aggregate"),
        (b'{"schema": "other/1", "sources": [], "marks": []}', "its schema must be dscope-blink/aggregate/1"),
        (b'{"schema": "dscope-blink/aggregate/1", "sources": []}', "no aggregate, Object missing"),
        (aggregate_bytes(FOUND)[:-40], "no aggregate"),
        (aggregate_bytes(FOUND).replace(b'"uid": "', b'"uid": "x'), f"no aggregate, {BROKEN}"),
        (without_seal(FOUND).replace(b'"uid": "', b'"uid": 1, "x": "'), "no aggregate, Expected `str`"),
    ],
)
def test_a_broken_file_gives_no_name_and_one_line_that_says_so(data, problem, tmp_path):
    path = tmp_path / "face_aggregate.json"
    path.write_bytes(data)
    known, (line,) = known_uids(path)
    assert known == KnownUids()
    assert (line.file, line.severity) == ("face_aggregate.json", "warning")
    assert line.problem.startswith(problem)
    assert line.problem.endswith("its marks get new uids")


def test_a_file_that_cannot_be_read_gives_none_either(tmp_path):
    folder = tmp_path / "face_aggregate.json"
    folder.mkdir()
    known, (line,) = known_uids(Path(folder))
    assert known == KnownUids()
    assert line.problem.startswith("cannot be read, ")


def test_outlines_are_those_of_the_sources_in_tenths():
    (own,) = next(mark for mark in read(FOUND)["marks"] if mark["breaks_limit"])["members"]
    assert np.array(own["outline_px"]) == pytest.approx(SURE.contour_px, abs=0.0501)
