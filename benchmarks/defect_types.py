"""Types of marks without labels, beside the true kinds: each way of clustering, and the rule-based class.

python -m benchmarks.defect_types [--faces 300] [--workers 2]

The types are fitted on the marks of some rendered faces and applied to those of others, as a data set does it; no face
is on both sides. Purity: share of marks that are of the commonest true kind of their cluster (C. D. Manning,
P. Raghavan, H. Schuetze, "Introduction to Information Retrieval", 2008, section 16.3). Adjusted Rand index: L. Hubert,
P. Arabie, "Comparing partitions", Journal of Classification 2, 1985, DOI 10.1007/BF01908075.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks.marks.class_scenes import Job, bench_of, scene_of
from benchmarks.validation.bench import default_config
from dscope_blink.records import CLASSIFICATIONS
from dscope_blink.training.clustering import ALGORITHMS, NOISE
from dscope_blink.training.defect_types import DefectTypes, fit_types
from dscope_blink.training.faces import Face, label_of
from dscope_blink.training.labels import Row
from dscope_blink.training.mark_table import mark_rows
from dscope_blink.training.partitions import Table, adjusted_rand, purity


def rows_of(job: Job) -> list[Row]:
    """The rows of those reports of one face that mean one mark, with the true kind of that."""
    scene = scene_of(job)
    if scene is None or scene.inspection.image.width is None:
        return []
    true = {sample.mark: sample.kind for sample in scene.samples()}
    label = label_of(scene.inspection, f"{job.held_out:d}_{job.k}", "", (), "")
    rows = mark_rows(Face(label, scene.picture, b"", scene.inspection))
    return [{**row, "true": true[row["mark"]]} for row in rows if row["mark"] in true]


def rule_table(rows: Sequence[Row]) -> Table:
    """True kinds against the rule-based class."""
    return Counter((row["true"], row["kind"]) for row in rows)


def tables_of(types: DefectTypes, rows: Sequence[Row]) -> tuple[Table, Table]:
    """True kinds against clusters, and against the names of those."""
    clusters = types.predict(rows).tolist()
    named = Counter((row["true"], types.name_of(cluster)) for row, cluster in zip(rows, clusters, strict=True))
    return Counter((row["true"], cluster) for row, cluster in zip(rows, clusters, strict=True)), named


def share_right(table: Table) -> float:
    """Share of what has the same name both times."""
    return sum(count for (one, other), count in table.items() if one == other) / sum(table.values())


def _line(name: str, clusters: int, noise: float, table: Table, named: Table) -> str:
    return (
        f"| {name} | {clusters} | {100 * noise:.0f} % | {adjusted_rand(table):.2f} | {purity(table):.2f} "
        f"| {share_right(named):.2f} |"
    )


def confusion(table: Table) -> str:
    """True kinds against names in Markdown."""
    names = [*CLASSIFICATIONS, *sorted({str(name) for _, name in table} - {*CLASSIFICATIONS})]
    lines = ["| true kind | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for kind in CLASSIFICATIONS:
        lines.append(f"| {kind} | " + " | ".join(str(table.get((kind, name), 0)) for name in names) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables of docs/training.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--faces", type=int, default=300, help="half of them are fitted on, half applied to")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args(arguments)
    bench, settings = bench_of(asked.workers, None), default_config().training
    sides = [
        [row for some in bench.run(rows_of, [Job(held_out, k) for k in range(asked.faces // 2)]) for row in some]
        for held_out in (False, True)
    ]
    fitted, applied = sides
    print(f"{asked.faces} rendered faces; fitted on {len(fitted)} marks, applied to {len(applied)} of other faces.\n")
    print("| | clusters | like no others | adjusted Rand index | purity | name is the true kind |")
    print("|---" * 6 + "|")
    rules = rule_table(applied)
    print(_line("rule-based class", len({kind for _, kind in rules}), 0.0, rules, rules))
    for name in (*ALGORITHMS, "auto"):
        chosen: dict[str, Any] = {"cluster_algorithm": name}
        types = fit_types(fitted, replace(settings, **chosen))
        if types is None:
            raise SystemExit("too few marks: more faces are needed")
        table, named = tables_of(types, applied)
        noise = sum(count for (_, cluster), count in table.items() if cluster == NOISE) / len(applied)
        said = f"auto: {types.algorithm}" if name == "auto" else name
        print(_line(said, len(types.clusters), noise, table, named))
    print(f"\n{confusion(named)}")  # of auto, the last
    return 0


if __name__ == "__main__":
    sys.exit(main())
