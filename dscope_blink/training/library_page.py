"""library.html: all marks of a data set on one page to browse, with their clusters and what is worth a look.

It needs no network. What a data set says reaches it as JSON of which the script makes text; the policy of the page lets
nothing else run than its own script. Patches are linked, and loaded as they come into view.
"""

from __future__ import annotations

import html
import math
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from dscope_blink.files.whole_files import write_parts
from dscope_blink.records import PROGRAM, SEVERITIES, VERSION
from dscope_blink.reporting.page_safety import policy_hash, script_json
from dscope_blink.training.classes import MARK_PALETTE, MARK_VALUES, ZONE_CLASSES
from dscope_blink.training.defect_types import DefectTypes
from dscope_blink.training.labels import KINDS, Row
from dscope_blink.training.partitions import adjusted_rand, purity
from dscope_blink.training.type_features import FEATURES
from dscope_blink.training.type_names import RULES

TEMPLATES = Path(__file__).resolve().parent / "templates"
SPOOLED_BYTES = 8 * 2**20  # marks beyond wait in a file, so that memory does not grow with the data set
ZONES = ZONE_CLASSES[1:]
LASTING = ("permanent", "transient", "unknown")
TRUTH = {"rendered": "truth", "injected": "truth", "person": "what people say"}  # else the program's own class


class LibraryPage:
    """What is kept of every mark until the page is written; to be closed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder  # of the page
        self.marks = 0
        self.pictures: dict[str, int] = {}  # number of each name
        self.tables: dict[str, Counter[tuple[str, int]]] = {}  # kind and cluster, by who says the kind
        self._rows = tempfile.SpooledTemporaryFile(max_size=SPOOLED_BYTES)  # noqa: SIM115 - closed with the page

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.close()

    def add(self, row: Row) -> None:
        """Take up one row of the index."""
        self._rows.write(script_json(self._shown(row)) + b"\n")
        self.marks += 1
        if row["cluster"] is not None:
            said_by = TRUTH.get(row["labelled_by"], "the rule-based class")
            self.tables.setdefault(said_by, Counter())[row["kind"], row["cluster"]] += 1

    def _shown(self, row: Row) -> list[Any]:
        """Without names, for there are as many of them as marks; library.js has them in the same order."""
        return [
            row["id"],
            quote(os.fsencode(os.path.relpath(row["file"], self.folder).replace(os.sep, "/")), safe="/"),
            self.pictures.setdefault(row["image"], len(self.pictures)),
            KINDS.index(row["kind"]),
            row["cluster"],
            row["inferred"],
            None if row["severity_tier"] is None else SEVERITIES.index(row["severity_tier"]),
            ZONES.index(row["zone"]) if row["zone"] in ZONES else None,
            row["patch_width_px"],
            row["patch_height_px"],
            row["map_x"],
            row["map_y"],
            row["severity_score"],
            row["size_um"],
            row["doubt"].split("; ") if row["doubt"] else [],
            LASTING.index(row["lasts"]),
            row["labelled_by"],
        ]

    def write(self, path: Path, types: DefectTypes | None) -> None:
        """Write the page; UserError where the system refuses."""
        style = f":root{{{_colours()}}}\n" + (TEMPLATES / "library.css").read_text(encoding="utf-8")
        script = (TEMPLATES / "library.js").read_text(encoding="utf-8")
        frame = Template((TEMPLATES / "library.html").read_text(encoding="utf-8")).substitute(
            style=style,
            script=script,
            style_hash=policy_hash(style),
            script_hash=policy_hash(script),
            program=html.escape(f"{PROGRAM} {VERSION}"),
            total=f"{self.marks} marks of {len(self.pictures)} pictures",
        )
        write_parts(path, self._parts(frame, types))

    def _parts(self, frame: str, types: DefectTypes | None) -> Iterator[bytes]:
        before, _, after = frame.partition(DATA)
        yield before.encode("utf-8", "replace")
        yield b'{"marks":[\n'
        self._rows.seek(0)
        for number, line in enumerate(self._rows):
            yield (b",\n" if number else b"") + line.rstrip()
        words = {
            "kinds": KINDS,
            "tiers": SEVERITIES,
            "zones": ZONES,
            "lasting": LASTING,
            "pictures": list(self.pictures),
            "types": None if types is None else _of_types(types),
            "tables": [_table(said_by, table, types) for said_by, table in self.tables.items() if types is not None],
        }
        yield b"\n]," + script_json(words)[1:]
        yield after.encode("utf-8", "replace")


DATA = "@data@"  # where the template has the marks


def _colours() -> str:
    named = {kind: MARK_PALETTE[MARK_VALUES[kind]] for kind in KINDS}
    return "".join(f"--{kind}:rgb({','.join(map(str, colour))});" for kind, colour in named.items())


def _of_types(types: DefectTypes) -> Mapping[str, Any]:
    return {
        "algorithm": types.algorithm,
        "fitted": f"{types.marks} marks" + (" of the training side" if types.fitted_on == "train" else ""),
        "shares": types.map.shares,
        "features": [[feature.name, feature.meaning] for feature in FEATURES],
        "rules": list(map(str, RULES)),
        "clusters": [
            [one.number, one.name, one.rule, one.marks, list(one.centroid.values())] for one in types.clusters
        ],
        "trials": [
            [one.algorithm, one.parameter, one.clusters, one.noise, one.silhouette, one.stability, round(one.score, 4)]
            for one in types.trials
        ],
    }


def _table(said_by: str, table: Counter[tuple[str, int]], types: DefectTypes) -> Mapping[str, Any]:
    """Kinds against clusters, and how well they agree."""
    clusters = sorted({cluster for _, cluster in table})
    kinds = [kind for kind in KINDS if any(one == kind for one, _ in table)]
    named = sum(count for (kind, cluster), count in table.items() if types.name_of(cluster) == kind)
    return {
        "against": said_by,
        "clusters": [[cluster, types.name_of(cluster)] for cluster in clusters],
        "rows": [[kind, [table[kind, cluster] for cluster in clusters]] for kind in kinds],
        "agree": round(named / table.total(), 4),
        "purity": round(purity(table), 4),
        "rand": _finite(adjusted_rand(table)),
    }


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
