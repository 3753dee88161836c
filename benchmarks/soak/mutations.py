"""Stored records that were damaged or altered: no reader may fail on one, and none may call a PASS what was a FAIL."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rendered import ROOT
from benchmarks.soak.part import Asked, Part, timed
from benchmarks.soak.program import BARE, command, completed, draw_faces
from dscope_blink.analysis.rejudging import load_row
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import ConfigFile
from dscope_blink.files.names import RESULT
from dscope_blink.records import UserError
from dscope_blink.records.sealing import SEAL, sealed
from dscope_blink.terminal.commands import main

PICTURES = 8
FOLDERS, PER_FOLDER = 10, 40  # folders of damaged records for the commands, and records in each
HOSTILE: tuple[Any, ...] = (
    *(0, -1, 1, 1e308, -1e308, 1e-320, 2**53 + 1, 10**400, float("nan"), float("inf")),
    *(None, True, False, "", "x", "PASS", "FAIL", "\0", "\ud800", [], {}, [[]], [{"a": 1}], {"a": []}),
)
LIKELY = {"status": ("PASS", "FAIL", "NOT_GRADED"), "confirmed": (True,), "counted": (False,)}
EMPTIED = ("defects", "violations", "checks", "reasons", "zones")


def soak_mutations(asked: Asked) -> Part:
    """Damage records so many times, and read each; some hundreds also by the commands."""
    with timed(Part("record mutations")) as part:
        pictures, out = draw_faces(asked.folder / "pictures", PICTURES, asked.rng), asked.folder / "out"
        code, said = completed(command(pictures, out, *BARE), asked.folder / "said.txt")
        if code != 0:
            part.lose("first run", [f"exit code {code}: {said[-300:]}"])
            return part
        sound = {path.name: path.read_bytes() for path in sorted(out.glob(f"*{RESULT}"))}
        settings = load_config(ROOT / "config.json")
        given = dict.fromkeys(("PASS", "FAIL", "NOT_GRADED"), 0)
        for data in sound.values():
            given[json.loads(data)["verdict"]["status"]] += 1
        part.notes.append(f"{len(sound)} sound records: {given}")
        names = list(sound)
        for number in range(asked.count):
            name = names[number % len(names)]
            what, data = mutated(sound[name], asked.rng)
            _read_one(part, asked.folder / "one" / name, data, sound[name], settings, what)
        for number in range(min(FOLDERS, asked.count // PER_FOLDER)):
            _read_folder(part, asked, out, sound, f"folder {number + 1}")
    return part


def mutated(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """One damage: what was done, and the bytes."""
    if rng.random() < 0.1:
        return _bytes_damaged(data, rng)
    record = json.loads(data)
    told = [_changed(record, rng) for _ in range(int(rng.integers(1, 4)))]
    seal = str(rng.choice(["stale", "removed", "made anew"]))
    if seal != "stale":
        record.pop(SEAL, None)
    if seal == "made anew":
        with contextlib.suppress(ValueError, TypeError, UnicodeEncodeError):
            record = sealed(record)
    return f"{', '.join(told)}, seal {seal}", json.dumps(record).encode("utf-8", "surrogatepass")


def _bytes_damaged(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    at = int(rng.integers(len(data)))
    if rng.random() < 0.5:
        return f"cut at {at}", data[:at]
    return f"byte {at}", data[:at] + rng.bytes(1) + data[at + 1 :]


def _changed(record: Any, rng: np.random.Generator) -> str:
    """One place of the record changed, in place; what was done."""
    places = list(_places(record))
    path, holder, key = places[int(rng.integers(len(places)))]
    if rng.random() < 0.3:  # what somebody would alter who wants a PASS
        wanted = [place for place in places if place[2] in LIKELY or place[2] in EMPTIED]
        path, holder, key = wanted[int(rng.integers(len(wanted)))]
    value, way = holder[key], rng.random()
    if key in LIKELY and way < 0.7:
        holder[key] = LIKELY[key][int(rng.integers(len(LIKELY[key])))]
    elif key in EMPTIED and way < 0.7:
        holder[key] = []
    elif way < 0.15:
        del holder[key]
        return f"{path} removed"
    elif way < 0.5 and isinstance(value, int | float) and not isinstance(value, bool):
        holder[key] = value * float(rng.choice([0.5, 0.9, 0.999, 1.001, 2.0, -1.0]))
    elif way < 0.6 and isinstance(value, list):
        holder[key] = value * 2
    else:
        holder[key] = deepcopy(HOSTILE[int(rng.integers(len(HOSTILE)))])  # which a later change may go into
    return f"{path} = {str(holder[key])[:30]}"


def _places(value: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(min(len(value), 4))
    for key in keys:
        yield f"{path}.{key}", value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key], f"{path}.{key}")


def _read_one(part: Part, path: Path, data: bytes, sound: bytes, settings: ConfigFile, what: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    was = json.loads(sound)["verdict"]["status"]
    try:
        status = load_row(path, settings).verdict.status
    except Exception as error:
        part.done["raised"] += 1
        part.lose(f"{path.name}: {what}", [f"{type(error).__name__}: {str(error)[:200]}"])
        return
    part.done[f"{was} read as {status}"] += 1
    if status == "PASS" and was != "PASS":
        part.lose(f"{path.name}: {what}", [f"{was} became PASS"])


# --- the commands


def _read_folder(part: Part, asked: Asked, out: Path, sound: dict[str, bytes], place: str) -> None:
    """`report`, `regrade` and `show` on a folder that holds damaged records and whole ones."""
    folder = asked.folder / "folder"
    was: dict[str, str] = {}
    for number in range(PER_FOLDER):
        name = list(sound)[number % len(sound)]
        home = folder / str(number)
        home.mkdir(parents=True)
        data = sound[name] if number < len(sound) else mutated(sound[name], asked.rng)[1]
        (home / name).write_bytes(data)
        was[f"{number}/{name}"] = json.loads(sound[name])["verdict"]["status"]
    shown = next(iter(was))
    for words in (
        ("report", str(folder), "--quiet", "--no-report"),
        ("regrade", str(folder), "--quiet"),
        ("show", str(folder / list(was)[-1])),
        ("show", str(folder / shown)),
    ):
        part.lose(f"{place}: {words[0]}", _asked(list(words)))
        part.done[f"{words[0]} of a folder" if words[0] != "show" else "show"] += 1
    part.lose(place, _passing_rows(folder, was))
    shutil.rmtree(folder)


def _asked(words: list[str]) -> list[str]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            main(words)
        except UserError as error:
            return [] if words[0] == "show" else [f"it stopped: {str(error)[:200]}"]
        except (Exception, SystemExit) as error:
            return [f"{type(error).__name__}: {str(error)[:200]}"]
    return []


def _passing_rows(folder: Path, was: dict[str, str]) -> list[str]:
    """Rows of tables that say PASS of what did not pass, and records that are in none."""
    problems = []
    for table in folder.glob("summary_report*.csv"):
        with table.open(encoding="utf-8-sig", newline="") as file:
            found = list(csv.DictReader(file))
        if len(found) < len(was):
            problems.append(f"{table.name} has {len(found)} rows of {len(was)}")
        passing = sum(row.get("status") == "PASS" for row in found)
        if passing > sum(status == "PASS" for status in was.values()):
            problems.append(f"{table.name} says PASS {passing} times")
    return problems
