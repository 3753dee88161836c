"""NAME_sources.csv: which source has which mark of an aggregate, one row for each mark, one column for each source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from dscope_blink.config.settings import Reporting
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import Aggregate, MergedMark
from dscope_blink.reporting.csv_files import csv_bytes
from dscope_blink.reporting.tables import Column, Table, table_of

UNSEEN = "unseen"  # in place of ids: the source did not look there


def _of_defect(name: str, unit: str, dtype: str, meaning: str, key: str) -> Column:
    return Column(name, unit, dtype, meaning, lambda mark: getattr(mark.defect, key))


def _of_mark(name: str, dtype: str, meaning: str, key: str) -> Column:
    return Column(name, "", dtype, meaning, lambda mark: getattr(mark, key))


SOURCE_COLUMNS: tuple[Column, ...] = (
    _of_mark("UID", "object", "name of the mark in this and later aggregates of the face", "uid"),
    _of_defect("Defect_ID", "", "object", "its id in the record", "id"),
    _of_defect("Classification", "", "object", "its type", "classification"),
    _of_defect("Zone", "", "object", "zone that the criteria put it in; empty where none is known", "zone"),
    _of_mark("Severity", "object", "the worst that the criteria or a source give it", "severity"),
    _of_defect("Confidence_Score", "0..1", "float64", "of all its detections together", "confidence"),
    _of_mark("Votes", "int64", "independent detectors that found it", "votes"),
    Column("Sources", "", "int64", "sources that have it", lambda mark: len(mark.sources)),
)


def source_columns(aggregate: Aggregate) -> tuple[Column, ...]:
    """The columns for each source: the ids that the mark has there, nothing where it was missed, or `unseen`."""
    unseen = {score.key: frozenset(score.unseen) for score in aggregate.scores}
    names = _free_names([source.key for source in aggregate.sources])
    return tuple(
        Column(names[key], "", "object", f"ids in {key}", partial(_cell, key, unseen.get(key, frozenset())))
        for key in names
    )


def _free_names(keys: Sequence[str]) -> Mapping[str, str]:
    """A source may be called as a column is."""
    taken, names = {column.name for column in SOURCE_COLUMNS}, {}
    for key in keys:
        names[key] = key
        while names[key] in taken or (names[key] in keys and names[key] != key):
            names[key] += " (source)"
        taken.add(names[key])
    return names


def _cell(key: str, unseen: frozenset[str], mark: MergedMark) -> Any:
    ids = [member.id for member in mark.members if member.source == key]
    return ";".join(ids) or (UNSEEN if mark.defect.id in unseen else None)


def source_table(aggregate: Aggregate) -> Table:
    """One row per mark, in the order of the record."""
    return table_of((*SOURCE_COLUMNS, *source_columns(aggregate)), ((mark,) for mark in aggregate.marks))


def write_sources(path: Path, aggregate: Aggregate, settings: Reporting) -> None:
    """NAME_sources.csv; UserError if it cannot be written."""
    write_file(path, csv_bytes(source_table(aggregate), settings.csv_style))
