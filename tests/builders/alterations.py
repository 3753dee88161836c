"""Stored records as somebody may alter them, to make a face pass that does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from dscope_blink.analysis.rejudging import graded_again
from dscope_blink.config.settings import Config
from dscope_blink.records.sealing import SEAL, sealed
from dscope_blink.records.stored import load_record, to_json

Json = dict[str, Any]
Seal = Literal["stale", "removed", "made anew"]
SEALS: tuple[Seal, ...] = ("stale", "removed", "made anew")
PASSING = {"status": "PASS", "reasons": [], "reason_kinds": [], "violations": [], "checks": [], "doubts": []}


def altered(path: Path, alter: Callable[[Json], Json], seal: Seal = "stale") -> None:
    """Alter a record; its seal is that of before, none, or one that fits."""
    record = alter(json.loads(path.read_text(encoding="utf-8")))
    if seal == "removed":
        record.pop(SEAL, None)
    path.write_text(json.dumps(sealed(record) if seal == "made anew" else record), encoding="utf-8")


def with_verdict(record: Json) -> Json:
    """A verdict that nothing in it supports."""
    return record | {"verdict": record["verdict"] | PASSING}


def with_verdict_and_checks(record: Json) -> Json:
    """The same with checks that agree with it: every limit held, against no mark."""
    unbroken = [check | {"count": 0, "defects": []} for check in record["verdict"]["checks"]]
    return record | {"verdict": record["verdict"] | PASSING | {"checks": unbroken}}


def without_marks(record: Json) -> Json:
    """No marks, and the verdict that follows from none."""
    return with_verdict_and_checks(record) | {"defects": []}


def with_larger_limits(path: Path, config: Config, seal: Seal, **changes: Any) -> None:
    """Limits that allow any mark, said to be confirmed; the verdict is that of the judge by them."""
    stored = load_record(path)
    zones = tuple(
        replace(
            zone,
            scratches=tuple(replace(band, max_count=99) for band in zone.scratches),
            defects=tuple(replace(band, max_count=99) for band in zone.defects),
        )
        for zone in stored.criteria.zones
    )
    criteria = replace(stored.criteria, zones=zones, **({"confirmed": True} | changes))
    passing = json.loads(json.dumps(to_json(graded_again(replace(stored, criteria=criteria), config, stored))))
    assert passing["verdict"]["status"] == "PASS"
    altered(path, lambda record: passing | ({SEAL: record[SEAL]} if SEAL in record else {}), seal)


ALTERATIONS: Mapping[str, Callable[[Json], Json]] = MappingProxyType(
    {
        "the verdict": with_verdict,
        "the verdict and its checks": with_verdict_and_checks,
        "the verdict and the marks": without_marks,
    }
)
