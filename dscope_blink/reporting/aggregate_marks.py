"""A mark as one source reported it, in NAME_aggregate.json."""

from __future__ import annotations

from typing import Any

import numpy as np

from dscope_blink.records import SourceMark


def member_json(member: SourceMark) -> dict[str, Any]:
    """What is stored of a member of a merged mark: its outline in tenths of a pixel of the picture of the face."""
    return {
        "source": member.source,
        "id": member.id,
        "type": member.kind,
        "named": member.named,
        "severity": member.severity,
        "confidence": round(member.confidence, 4),
        "outline_px": np.round(member.outline_px, 1).tolist(),
    }
