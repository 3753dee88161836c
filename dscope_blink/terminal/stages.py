"""Draws every stage of one picture: `python image_processing.py PICTURE --output-dir DIR`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dscope_blink.batch.job import (
    Job,
    Loaded,
    calibration_of,
    flat_field_of,
    load,
    network_of,
    provenance_of,
    reference_of,
)
from dscope_blink.config.settings import Config
from dscope_blink.files.manifest import file_key
from dscope_blink.files.whole_files import write_file, writing
from dscope_blink.image_processing.edges import Edge
from dscope_blink.image_processing.ellipse_fit import points_along
from dscope_blink.pipeline import Search, Stages, all_stages
from dscope_blink.records import Request, UserError, texts
from dscope_blink.reporting.picture_files import write_annotated
from dscope_blink.reporting.stages import MARKS, EdgePoints, SearchSeen, StagesSeen, stage_pictures
from dscope_blink.terminal.arguments import check_output_folder, checked_request
from dscope_blink.terminal.options import add_request
from dscope_blink.terminal.parsing import Parser
from dscope_blink.terminal.running import UNFINISHED, told

ALONE = "image_processing.py"
DRAWN_BEFORE = "0[1-9]_*.png"  # by an earlier run, which may have come further


def main(words: Sequence[str] | None = None) -> int:
    """Draw the stages of one picture.

    Returns
    -------
    Exit code: 0 drawn, 1 drawn as far as the picture could be measured, 2 wrong arguments or no picture
    """
    return told(ALONE, lambda: draw_stages(_parser().parse_args(words)))


def _parser() -> argparse.ArgumentParser:
    text = "Draws every stage of one picture as PNG: edges, zones, background, residual, evidence, marks."
    parser = Parser(prog=ALONE, description=text, allow_abbrev=False)
    parser.add_argument("picture", metavar="PICTURE", help="PNG, JPEG, TIFF or BMP")
    parser.add_argument("--output-dir", metavar="DIR", help="folder of the drawings, made if need be")
    add_request(parser)
    parser.add_argument("--manifest", metavar="FILE.csv", help="what overrides these options for the picture")
    return parser


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One picture, what is asked of it and where its drawings go; all checked."""

    job: Job
    request: Request
    loaded: Loaded


def draw_stages(arguments: argparse.Namespace) -> int:
    """Draw the stages and print where each is; returns the exit code."""
    wanted = _checked(arguments)
    stages = _stages(wanted)
    for path in _write(wanted, stages):
        print(path)
    inspection = stages.inspection
    print(f"{inspection.verdict.status}  {'; '.join(texts(inspection.verdict.reasons))}".rstrip())
    return 0 if inspection.zones else UNFINISHED


def _checked(arguments: argparse.Namespace) -> _Wanted:
    """UserError with one line for every problem."""
    path, asked = Path(arguments.picture).expanduser(), checked_request(arguments)
    job = Job(
        check_output_folder(arguments.output_dir),
        asked.config,
        asked.calibration,
        *asked.hashes,
    )
    if not path.is_file():
        raise UserError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    loaded = load(path, path.name, job.config)
    if loaded.problem is not None:
        raise UserError(f"{path}: {loaded.problem.text}")
    return _Wanted(job, asked.manifest.requests.get(file_key(path.name), asked.request), loaded)


def _stages(wanted: _Wanted) -> Stages:
    job, loaded = wanted.job, wanted.loaded
    assert loaded.picture is not None, "it was checked"
    return all_stages(
        loaded.picture,
        loaded.info,
        wanted.request,
        job.config,
        calibration_of(job, loaded),
        provenance_of(job),
        flat_field_of(job),
        reference_of(job),
        network=network_of(job),
    )


def _write(wanted: _Wanted, stages: Stages) -> Iterator[Path]:
    """Write the drawings, and nothing of an earlier run is left beside them."""
    folder, config, picture = wanted.job.output_dir, wanted.job.config, wanted.loaded.picture
    assert picture is not None, "it was checked"
    marks = folder / f"{MARKS}.png"
    with writing(marks):
        for old in folder.glob(DRAWN_BEFORE):
            old.unlink()
        for name, data in stage_pictures(seen(stages, config)):
            write_file(folder / f"{name}.png", data)
            yield folder / f"{name}.png"
        write_annotated(marks, picture, stages.inspection, replace(config.reporting, annotated_format="png"))
        yield marks


# --- what the stages came to, as it is drawn


def seen(stages: Stages, config: Config) -> StagesSeen:
    """What the stages came to, without what only they need."""
    pairs = (("cladding", stages.fiber.cladding), ("core", stages.fiber.core))
    edges = tuple(_edge_points(name, edge) for name, edge in pairs if edge is not None)
    search = None if stages.search is None else _search_seen(stages.search, config)
    return StagesSeen(stages.gray, edges, stages.inspection, search)


def _edge_points(name: str, edge: Edge) -> EdgePoints:
    there = np.isfinite(edge.found)
    return EdgePoints(
        name,
        points_along(edge.form, edge.found),
        np.linspace(0, 360, len(edge.found), endpoint=False)[there],
        (edge.found[there] - 1) * edge.radius_px,
        np.isfinite(edge.rho[there]),
        edge.tolerance_px,
    )


def _search_seen(search: Search, config: Config) -> SearchSeen:
    evidence = search.evidence
    weights = {name: config.engaged_detectors[name].weight for name in evidence.supports}
    return SearchSeen(
        search.residual, evidence.supports, weights, evidence.confidence, config.fusion.threshold, search.candidates
    )
