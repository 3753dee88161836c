"""Rows of defects.parquet with marks of three shapes that nobody mistakes for each other."""

from __future__ import annotations

from typing import Any

import numpy as np

COLUMNS = ("diameter_um", "mean_width_um", "aspect_ratio", "circularity")
SHAPES = {  # mean and spread of each column
    "scratch": ((80, 8), (1.2, 0.1), (40, 4), (0.1, 0.01)),
    "pit_dig": ((5, 0.4), (4, 0.3), (1.1, 0.03), (0.97, 0.01)),
    "contamination": ((25, 2), (9, 0.8), (2, 0.1), (0.4, 0.03)),
}
SOLID = {"scratch": 0.9, "pit_dig": 0.98, "contamination": 0.7}
CONTRAST = {"scratch": -0.2, "pit_dig": -0.5, "contamination": 0.3}


def mark_row(rng: np.random.Generator, kind: str, number: int, **changes: Any) -> dict[str, Any]:
    """What the types of marks read of a row."""
    row = {name: max(float(rng.normal(*at)), 1e-3) for name, at in zip(COLUMNS, SHAPES[kind], strict=True)}
    about = {
        "id": f"a_{number}",
        "image": f"picture {number % 10}",
        "kind": kind,
        "solidity": SOLID[kind] + rng.normal(0, 0.01),
        "straightness": 0.95 + rng.normal(0, 0.01),
        "contrast": CONTRAST[kind] + rng.normal(0, 0.02),
        "gray_mean": 0.4,
        "background_gray_mean": 0.5,
        "edge_gradient_mean_per_px": 0.05 + rng.normal(0, 0.002),
        "glcm_correlation": 0.5 + rng.normal(0, 0.02),
        "radius_in_claddings": float(rng.uniform(0.1, 0.8)),
        "evidence_do2mr": 0.8,
        "evidence_lei": None,
    }
    return {**row, **about, **changes}


def mark_rows(count: int = 120, seed: int = 1) -> list[dict[str, Any]]:
    """As many of each kind, one after another."""
    rng, kinds = np.random.default_rng(seed), list(SHAPES)
    return [mark_row(rng, kinds[number % len(kinds)], number) for number in range(count)]
