"""No single setting can take time or memory without end: the schema bounds every number and every list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dscope_blink.config.loading import load_config
from dscope_blink.config.shipped import shipped
from dscope_blink.records import UserError

SCHEMA = json.loads(shipped("config.schema.json").read_text(encoding="utf-8"))
OF_OTHERS = ("installed_detector",)  # settings that only a package of its own reads


def nodes(node: Any, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of the schema, with its place."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from nodes(value, f"{path}.{key}")
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from nodes(value, f"{path}[{place}]")


def kinds(node: dict[str, Any]) -> set[str]:
    kind = node.get("type", [])
    return {kind} if isinstance(kind, str) else {one for one in kind if isinstance(one, str)}


def lacks(node: dict[str, Any]) -> str | None:
    """Which bound a part of the schema lacks."""
    if kinds(node) & {"number", "integer"}:
        return next((b for b in ("inimum", "aximum") if not any(key.endswith(b) for key in node)), None)
    if "array" in kinds(node):
        return None if "maxItems" in node else "maxItems"
    free = "object" in kinds(node) and node.get("additionalProperties", False) is not False
    return "maxProperties" if free and "maxProperties" not in node else None


def test_the_schema_bounds_every_number_list_and_table() -> None:
    unbounded = {place: bound for place, node in nodes(SCHEMA) if (bound := lacks(node)) is not None}
    assert {place for place in unbounded if not place.endswith(OF_OTHERS)} == set()


@pytest.mark.parametrize(
    ("section", "settings", "told"),
    [
        ("residual", '{"radial_step_px": 1e-9}', "radial_step_px"),
        ("residual", '{"polar_angles": 1000000000}', "polar_angles"),
        ("residual", '{"max_cladding_px": 1e400}', "max_cladding_px"),
        ("detectors", '{"black_hat": {"kernels_px": [3,5,7,9,11,13,15,17,19,21,23]}}', "kernels_px"),
        ("detectors", '{"lei": {"lengths_px": [1000000]}}', "lengths_px"),
        ("connector_search", '{"residue_smooth_um": 1e6}', "residue_smooth_um"),
        ("aggregation", '{"heat_sigma_um": 1e9}', "heat_sigma_um"),
        ("gates", '{"recovery": {"scales": [1, 1, 1, 1, 1, 1, 1, 1, 1]}}', "scales"),
        ("gates", '{"primary": {"side_px": 1000000}}', "side_px"),
        ("preprocessing", '{"max_pixels": 1000000000000}', "max_pixels"),
        ("batch", '{"memory_mb": 1}', "memory_mb"),
    ],
)
def test_an_absurd_setting_is_refused_in_one_line(tmp_path: Path, section: str, settings: str, told: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(f'{{"extends": "shipped", "{section}": {settings}}}')
    with pytest.raises(UserError, match=told) as refused:
        load_config(path)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300
