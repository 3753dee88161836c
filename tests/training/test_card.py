"""The card: what it counts, what it warns of, and the same bytes each time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dscope_blink.training.card import write_card
from dscope_blink.training.dataset import Dataset, Problem, label_path
from dscope_blink.training.labels import Label, LabelFile, Mark, Source, write_label
from dscope_blink.training.tables import Column, write_table
from tests.builders.settings import SETTINGS

CONFIG = SETTINGS.profile("fast_scan")
PROGRAM, RENDERED = Source("program", "D-Scope Blink 0"), Source("rendered", "D-Scope Blink 0")
SQUARE = np.array([[2.0, 2.0], [6.0, 2.0], [6.0, 6.0]])


def mark(name: str, kind: str, zone: str, source: Source, **changes: object) -> Mark:
    return replace(Mark(name, kind, zone, SQUARE, source), **changes)  # type: ignore[arg-type]


def label(name: str, status: str, source: Source, *marks: Mark, **changes: object) -> Label:
    made = Label(name, f"{name}.png", f"pixel_level/images/{name}.png", "0" * 64, 20, 20, status, source, marks=marks)
    return replace(made, **changes)  # type: ignore[arg-type]


def dataset_of(folder: Path, *labels: Label, problems: tuple[Problem, ...] = ()) -> Dataset:
    for one in labels:
        path = label_path(folder, one.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_label(path, LabelFile(one))
    return Dataset(folder, tuple(one.name for one in labels), problems)


FOUND = label("a", "FAIL", PROGRAM, mark("S1", "scratch", "core", PROGRAM, confidence=0.4), um_per_px=(0.4, 0.4))
UNGRADED = label("b", "NOT_GRADED", PROGRAM)
DRAWN = label("c", "PASS", RENDERED, mark("P1", "pit_dig", "contact", RENDERED), um_per_px=(0.4, 0.4))


def card_of(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "card.json").read_text(encoding="utf-8")))


def test_the_card_counts_what_is_there(tmp_path: Path) -> None:
    write_card(dataset_of(tmp_path, FOUND, UNGRADED, DRAWN, problems=(Problem("d", "no fiber"),)), CONFIG)
    card = card_of(tmp_path)
    assert card["by_status"] == {"FAIL": 1, "NOT_GRADED": 1, "PASS": 1}
    assert (card["pictures"], card["marks"], card["without_marks"], card["problems"]) == (3, 2, 1, 1)
    assert {zone: sum(row.values()) for zone, row in card["balance"].items()} == {"core": 1, "contact": 1}  # type: ignore[attr-defined]
    assert card["sources"]["marks"] == {"program": 1, "rendered": 1}  # type: ignore[index]


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (FOUND, "found by the program and seen by nobody"),
        (FOUND, "Of 1 marks the kind is unsure"),
        (UNGRADED, "1 pictures were not graded"),
        (UNGRADED, "1 pictures have no scale"),
        (DRAWN, "Rendered faces are simpler"),
        (DRAWN, "pit_dig (1)"),
    ],
)
def test_weaknesses_are_told_where_they_are(tmp_path: Path, one: Label, said: str) -> None:
    write_card(dataset_of(tmp_path, one), CONFIG)
    assert said in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_weaknesses_are_not_told_where_they_are_not(tmp_path: Path) -> None:
    write_card(dataset_of(tmp_path, DRAWN), CONFIG)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "seen by nobody" not in text
    assert "not graded" not in text


def test_columns_from_which_a_label_follows_are_named(tmp_path: Path) -> None:
    columns = (Column("count", "whole", "of marks", tells_label=True), Column("radius_um", "number", "of the core"))
    write_table(tmp_path / "region_level" / "zones", columns, [])
    write_card(dataset_of(tmp_path, DRAWN), CONFIG)
    assert card_of(tmp_path)["columns_that_tell_the_label"] == {"region_level/zones.parquet": ["count"]}


def test_the_licence_is_a_setting(tmp_path: Path) -> None:
    licensed = replace(CONFIG, training=replace(CONFIG.training, licence="CC BY 4.0: ours"))
    write_card(dataset_of(tmp_path, DRAWN), licensed)
    assert 'license: "CC BY 4.0: ours"' in (tmp_path / "README.md").read_text(encoding="utf-8")
    write_card(dataset_of(tmp_path, DRAWN), CONFIG)
    assert "license:" not in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_the_same_data_set_has_the_same_card(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        write_card(dataset_of(tmp_path / name, FOUND, DRAWN), CONFIG)
        written.append([(tmp_path / name / file).read_bytes() for file in ("card.json", "README.md")])
    assert written[0] == written[1]


def test_an_empty_data_set_has_a_card(tmp_path: Path) -> None:
    write_card(dataset_of(tmp_path), CONFIG)
    assert card_of(tmp_path)["marks"] == 0
