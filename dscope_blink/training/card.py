"""The card of a data set, README.md and card.json: what it holds, where that comes from, and what it cannot teach."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from dscope_blink.config.settings import Config
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import PROGRAM, VERSION, ZONE_NAMES, read_file
from dscope_blink.records.json_reading import decode_json
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.json_text import json_bytes
from dscope_blink.training.labels import KINDS, Label
from dscope_blink.training.sides import SPLITS
from dscope_blink.training.tables import columns_that_tell

CARD_SCHEMA = "dscope-blink/dataset-card/1"
CARD, README = "card.json", "README.md"
FEW = 30  # marks of a kind: of fewer a network learns little, and a test says little
UNSURE = 0.6  # confidence below which the kind of a mark is hardly more than a guess
NOWHERE = "no zone"
ZONES = (*ZONE_NAMES.values(), NOWHERE)

Counts: TypeAlias = Mapping[str, int]


@dataclass(slots=True)
class Tally:
    """What is counted while the labels pass by, one by one."""

    pictures: Counter[str] = field(default_factory=Counter)  # by status
    picture_sources: Counter[str] = field(default_factory=Counter)
    mark_sources: Counter[str] = field(default_factory=Counter)
    balance: Counter[tuple[str, str]] = field(default_factory=Counter)  # zone and kind
    severities: Counter[str] = field(default_factory=Counter)
    without_scale: int = 0
    without_zones: int = 0
    clean: int = 0  # without a mark
    unknown: int = 0  # in which marks may have been missed
    unsure: int = 0  # marks
    injected: int = 0  # pictures with a background
    names: set[str] = field(default_factory=set)  # of who says so
    inputs: Any = field(default_factory=hashlib.sha256)

    def add(self, label: Label) -> None:
        """One more picture."""
        self.pictures[label.status] += 1
        self.picture_sources[label.source.by] += 1
        self.without_scale += label.um_per_px is None
        self.without_zones += not label.zones
        self.clean += not label.marks
        self.unknown += not label.marks_are_known
        self.injected += bool(label.background)
        self.inputs.update(f"{label.sha256} {label.file}\n".encode("utf-8", "backslashreplace"))
        self.names.add(f"{label.source.by}: {label.source.name}")
        for mark in label.marks:
            self.mark_sources[mark.source.by] += 1
            self.names.add(f"{mark.source.by}: {mark.source.name}")
            self.balance[mark.zone or NOWHERE, mark.kind] += 1
            self.severities[mark.severity or "not said"] += 1
            self.unsure += mark.confidence is not None and mark.confidence < UNSURE


def write_card(dataset: Dataset, config: Config) -> None:
    """Write card.json and README.md of all that is there; UserError where a file cannot be written."""
    tally = Tally()
    for labelled in dataset.labels():
        tally.add(labelled.label)
    card = _card(dataset, config, tally)
    write_file(dataset.folder / CARD, json_bytes(card))
    write_file(dataset.folder / README, _readme(card).encode("utf-8", "backslashreplace"))


def _card(dataset: Dataset, config: Config, tally: Tally) -> dict[str, Any]:
    splits = _splits(dataset.folder)
    return {
        "schema": CARD_SCHEMA,
        "program": f"{PROGRAM} {VERSION}",
        "licence": config.training.licence,
        "pictures": len(dataset.names),
        "problems": len(dataset.problems),
        "by_status": _sorted(tally.pictures),
        "without_marks": tally.clean,
        "marks": sum(tally.balance.values()),
        "balance": {zone: _row(tally, zone) for zone in _zones(tally)},
        "by_severity": _sorted(tally.severities),
        "sources": {
            "pictures": _sorted(tally.picture_sources),
            "marks": _sorted(tally.mark_sources),
            "who": sorted(tally.names),
            "inputs_sha256": tally.inputs.hexdigest(),
            "config_sha256": config.sha256,
            "profile": config.profile,
        },
        "settings": msgspec.to_builtins(config.training, enc_hook=dict),
        "splits": splits,
        "columns_that_tell_the_label": columns_that_tell(dataset.folder),
        "weaknesses": list(_weaknesses(tally, splits, len(dataset.problems))),
    }


def _splits(folder: Path) -> dict[str, Any]:
    path = folder / SPLITS
    said = decode_json(read_file(path)) if path.exists() else {}
    kept = {key: said[key] for key in ("seed", "pictures", "faces", "folds", "largest_face") if key in said}
    whys = Counter(join["why"] for join in said.get("joins", ()))
    return {**kept, "joins": _sorted(whys), "not_compared": len(said.get("not_compared", ()))} if said else {}


def _zones(tally: Tally) -> list[str]:
    found = {zone for zone, _ in tally.balance}
    return [*(zone for zone in ZONES if zone in found), *sorted(found - set(ZONES))]


def _row(tally: Tally, zone: str) -> dict[str, int]:
    return {kind: tally.balance[zone, kind] for kind in KINDS}


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return {key: counts[key] for key in sorted(counts)}


# --- what it cannot teach


def _weaknesses(tally: Tally, splits: Mapping[str, Any], problems: int) -> Iterator[str]:
    sources = tally.mark_sources
    if tally.picture_sources["program"] or sources["program"]:
        yield (
            f"{sources['program']} of {sources.total()} marks, and the zones of their pictures, were found by the "
            "program and seen by nobody: a network that is trained on them learns what the program misses and mistakes "
            "as well."
        )
    if sources["rendered"]:
        yield (
            "Rendered faces are simpler than real ones. Their masks are exact, and also where noise hides the mark: "
            "a mask is where it was painted, at least half of each pixel covered before blur."
        )
    if sources["injected"]:
        yield (
            f"Blemishes were painted into {tally.injected} photographs that passed. What the program did not find in "
            "these beforehand is there without a label; painted marks have not been through the camera's compression."
        )
    if tally.unknown:
        yield (
            f"{tally.unknown} pictures were not graded: they have zones and no marks, which does not "
            "mean that they are clean. Train marks without them (status in the tables)."
        )
    yield from _about_kinds(tally)
    if tally.without_scale:
        yield f"{tally.without_scale} pictures have no scale: sizes in um are empty there, those in px not comparable."
    if problems:
        yield f"{problems} pictures are not there, or in part: problems.csv says why."
    if splits:
        yield (
            "That two pictures show one physical face is known by the manifest, by identical bytes and by likeness. A "
            "clean face that was taken twice has nothing to be known by; name faces in the manifest where it matters."
        )
    if splits.get("not_compared"):
        yield f"{splits['not_compared']} pictures could not be compared with the others, since no fiber was located."


def _about_kinds(tally: Tally) -> Iterator[str]:
    kinds = Counter({kind: sum(tally.balance[zone, kind] for zone in _zones(tally)) for kind in KINDS[:-1]})
    few = [f"{kind} ({kinds[kind]})" for kind in KINDS[:-1] if kinds[kind] < FEW]
    if few:
        yield f"Fewer than {FEW} marks of: {', '.join(few)}."
    if tally.unsure:
        yield f"Of {tally.unsure} marks the kind is unsure: confidence below {UNSURE}."


# --- for people


def _readme(card: Mapping[str, Any]) -> str:
    return "\n".join((*_front_matter(card), *_said(card), *_balance(card), *_parts(card), "")) + "\n"


def _front_matter(card: Mapping[str, Any]) -> list[str]:
    licence = [f"license: {json.dumps(card['licence'], ensure_ascii=False)}"] if card["licence"] else []
    return ["---", *licence, "task_categories: [image-segmentation, object-detection]", "---", ""]


def _said(card: Mapping[str, Any]) -> list[str]:
    sources = card["sources"]
    return [
        "# Fiber end faces",
        "",
        f"{card['pictures']} pictures with {card['marks']} marks; {card['without_marks']} pictures without a mark; "
        f"{card['problems']} left out or there in part (`problems.csv`). {_counts(card['by_status'])}.",
        "",
        f"Licence: {card['licence'] or 'nobody has named one (setting `training.licence`)'}",
        "",
        "## Where it comes from",
        "",
        f"- made by {card['program']}, profile {sources['profile']}, configuration {_short(sources['config_sha256'])}",
        f"- pictures {_short(sources['inputs_sha256'])}: {_counts(sources['pictures'])}",
        f"- marks: {_counts(sources['marks']) or 'none'}",
        *(f"- who says so: {who}" for who in sources["who"]),
        "",
    ]


def _balance(card: Mapping[str, Any]) -> list[str]:
    balance: Mapping[str, Counts] = card["balance"]
    rows = [[zone, *(str(row[kind]) for kind in KINDS)] for zone, row in balance.items()]
    return ["## Marks by zone and kind", "", *_table(["zone", *KINDS], rows), ""]


def _parts(card: Mapping[str, Any]) -> list[str]:
    return [
        "## Splits",
        "",
        *_splits_in_words(card["splits"]),
        "",
        "## Weaknesses",
        "",
        *(f"- {one}" for one in card["weaknesses"]),
        "",
        "## Columns from which a label follows",
        "",
        "A model that is trained on them learns nothing but the rule by which the label was made.",
        "",
        *(f"- `{name}`: {', '.join(columns)}" for name, columns in card["columns_that_tell_the_label"].items()),
        "",
        "## Settings",
        "",
        *(f"- {name}: `{json.dumps(value, ensure_ascii=False)}`" for name, value in card["settings"].items()),
    ]


def _splits_in_words(splits: Mapping[str, Any]) -> list[str]:
    if not splits:
        return ["None were made."]
    rows = [[name, str(splits["pictures"][name]), str(splits["faces"][name])] for name in splits["pictures"]]
    why = _counts(splits["joins"]) or "none"
    return [
        *_table(["split", "pictures", "physical faces"], rows),
        "",
        f"By physical face, seed {splits['seed']}; {splits['folds']} folds of a cross validation. Pairs that stay "
        f"together: {why} (`splits.json` names each). Largest face: {splits['largest_face']} pictures.",
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    rule = ["---", *("---:" for _ in head[1:])]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]


def _counts(counts: Counts) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _short(sha256: str) -> str:
    return f"sha256 {sha256[:16]}"
