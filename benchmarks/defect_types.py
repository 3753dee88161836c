"""Types of marks without labels, beside the true kinds: each way of clustering, and the rule-based class.

    python -m benchmarks.defect_types

The types are fitted on the marks of some rendered faces and applied to those of others, as a data set does it; no face
is on both sides. Purity: share of marks that are of the commonest true kind of their cluster (C. D. Manning,
P. Raghavan, H. Schuetze, "Introduction to Information Retrieval", 2008, section 16.3). Adjusted Rand index: L. Hubert,
P. Arabie, "Comparing partitions", Journal of Classification 2, 1985, DOI 10.1007/BF01908075.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.marks.class_scenes import Job, bench_of, scene_of
from dscope_blink.records import Inspection
from dscope_blink.training.faces import Face, label_of
from dscope_blink.training.mark_table import mark_rows


def rows_of(job: Job) -> list[dict[str, Any]]:
    """The rows of the marks of one face, with their true kinds."""
    scene = scene_of(job)
    if scene is None or scene.inspection.image.width is None:
        return []
    label = label_of(scene.inspection, f"{job.held_out:d}_{job.k}", "", (), "")
    true = {sample.mark: sample for sample in scene.samples()}
    rows = mark_rows(Face(label, scene.picture, b"", scene.inspection))
    return [{**row, "true": true[row["mark"]].kind, "made_as": true[row["mark"]].maker} for row in rows if row["mark"] in true]
