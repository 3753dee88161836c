"""The photographs beside the project, inspected as a user would and scored against what a person saw in them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from dscope_blink.config.settings import Config
from dscope_blink.files.decoding import Picture, decode_image
from dscope_blink.files.manifest import read_manifest
from dscope_blink.models.segmentation import SegmentationNetwork
from dscope_blink.pipeline import inspect_image
from dscope_blink.records import ImageInfo, Inspection, Provenance, Request
from dscope_blink.reporting.picture_files import write_result

Figures: TypeAlias = dict[str, Any]
REGIONS = ("A", "B", "edge", "D")
END_FACES, OTHER_SCOPES = "endfaces", "other_scopes"


@dataclass(frozen=True, slots=True)
class Photograph:
    """One labelled photograph and what is known of its fiber."""

    path: Path
    request: Request
    label: Mapping[str, Any]  # as labels.json of the photographs has it

    def is_clean(self, region: str) -> bool:
        """Whether a person saw no blemish in this region: A, B, edge or D."""
        return bool(self.label["zones"][region] == 0)

    def picture(self, config: Config) -> Picture:
        """Its pixels as stored."""
        return decode_image(self.path.read_bytes(), config.preprocessing.max_pixels)


def labelled(shared: Path, config: Config, of: str = END_FACES) -> tuple[Photograph, ...]:
    """The photographs in the order of their labels; `shared` is the folder that holds them, `of` one in it."""
    folder = shared / of
    asked = read_manifest(
        folder / "manifest.csv", config.criteria, Request(config.criteria.default_edition, "custom")
    ).requests
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    return tuple(Photograph(folder / label["name"], asked[label["name"]], label) for label in labels)


def inspect_picture(
    picture: Picture, name: str, request: Request, config: Config, network: SegmentationNetwork | None = None
) -> Inspection:
    """The record of one picture; the network where the engine of the settings asks one."""
    info = ImageInfo(name, None, picture.shape[1], picture.shape[0])
    provenance = Provenance("benchmark", config.profile, "", {"config": config.sha256})
    return inspect_image(picture, info, request, config, None, provenance, network=network)


def inspect_photograph(
    photograph: Photograph, config: Config, network: SegmentationNetwork | None = None
) -> Inspection:
    """The record of one photograph."""
    return inspect_picture(photograph.picture(config), photograph.path.name, photograph.request, config, network)


def scored(shared: Path, results: Iterable[tuple[Photograph, Inspection]]) -> Figures:
    """What the scorer that lies beside the photographs says of these records."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _run_scorer(shared / "tools" / "score.py", folder, results, "--json", str(folder / "figures.json"))
        figures: Figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    return figures


def scored_scopes(shared: Path, results: Iterable[tuple[Photograph, Inspection]]) -> tuple[str, ...]:
    """What the scorer of photographs of other microscopes says of these records, line by line; counts come last."""
    with TemporaryDirectory() as name:
        return tuple(_run_scorer(shared / "tools" / "score_scopes.py", Path(name), results).splitlines())


def _run_scorer(script: Path, folder: Path, results: Iterable[tuple[Photograph, Inspection]], *more: str) -> str:
    labels = []
    for photograph, inspection in results:
        write_result(folder / f"{photograph.path.stem}_result.json", inspection)
        labels.append(photograph.label)
    (folder / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    command = [sys.executable, str(script), str(folder), str(folder / "labels.json"), *more]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
