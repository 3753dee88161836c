"""The photographs in ../shared: fibers located, blemishes seen where a person sees them, other surfaces refused."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from config_loader import Config, load_config
from decoding import decode_image
from manifest import read_manifest
from pipeline import inspect_image
from records import ImageInfo, Inspection, Provenance, Request
from reporting import write_result
from tests.conftest import SHARED

pytestmark = pytest.mark.accuracy

SETTINGS = load_config(Path(__file__).parents[1] / "config.json")
every_profile = pytest.mark.parametrize("profile", ["deep_inspection", "fast_scan"])

# One of each: clean and lit, clean and unlit, dirty, chipped, a pit in everything, a ferrule darker than the fiber,
# from both microscopes and the video camera.
FEW = (
    "mm50_018.jpg",
    "mm50_020.jpg",
    "mm50_042.jpg",
    "mm91_084.jpg",
    "pal_089.jpg",
    "pal_091.jpg",
    "pal_098.jpg",
    "pal_147.jpg",
)

Figures = dict[str, Any]


def inspect(path: Path, request: Request, config: Config) -> Inspection:
    picture = decode_image(path.read_bytes(), config.preprocessing.max_pixels)
    info = ImageInfo(path.name, None, picture.shape[1], picture.shape[0])
    provenance = Provenance("D-Scope Blink", config.profile, config.sha256, None, "")
    return inspect_image(picture, info, request, config, None, provenance)


@cache
def scorer() -> ModuleType:
    """The program that scores a folder of results against the labels, as it lies beside the photographs."""
    spec = importlib.util.spec_from_file_location("score", SHARED / "tools" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def labels(names: Sequence[str] | None = None) -> list[Figures]:
    every: list[Figures] = json.loads((SHARED / "endfaces" / "labels.json").read_text())
    return [label for label in every if names is None or label["name"] in names]


def figures(folder: Path, config: Config, names: Sequence[str] | None, monkeypatch: pytest.MonkeyPatch) -> Figures:
    """What the scorer says of the labelled photographs with these names (all by default)."""
    asked = read_manifest(
        SHARED / "endfaces" / "manifest.csv", config.criteria, Request(config.criteria.default_edition, "custom")
    ).requests
    for label in labels(names):
        inspection = inspect(SHARED / "endfaces" / label["name"], asked[label["name"]], config)
        write_result(folder / f"{Path(label['name']).stem}_result.json", inspection)
    (folder / "labels.json").write_text(json.dumps(labels(names)))
    words = ["score.py", str(folder), str(folder / "labels.json"), "--json", str(folder / "figures.json")]
    monkeypatch.setattr("sys.argv", words)
    scorer().main()
    found: Figures = json.loads((folder / "figures.json").read_text())
    return found


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Figures]:
    """Figures over all photographs by profile, each profile inspected once."""

    @cache
    def of(profile: str) -> Figures:
        with pytest.MonkeyPatch.context() as patch:
            return figures(tmp_path_factory.mktemp(profile), SETTINGS.profile(profile), None, patch)

    return of


def test_a_few_photographs_of_every_sort_are_seen_as_a_person_sees_them(tmp_path, monkeypatch):
    found = figures(tmp_path, SETTINGS.profile("deep_inspection"), FEW, monkeypatch)
    assert (found["located"], found["within_tol"]) == (len(FEW), len(FEW)), found["outside_tol"]
    assert found["core_ratio_ok"] == found["core_labelled"]
    for zone in ("A", "B", "edge"):
        assert found["misses"][zone] == {"missed": [], "false": []}, zone


@pytest.mark.parametrize(
    "name", ["surface_04.png", "surface_11.png", "surface_36.png", "surface_40.png", "surface_59.png"]
)
def test_a_photograph_of_another_surface_is_not_graded(name):
    for config in map(SETTINGS.profile, ("deep_inspection", "fast_scan")):
        request = Request(config.criteria.default_edition, config.criteria.default_class, 9.0, 125.0)
        verdict = inspect(SHARED / "not_a_fiber" / name, request, config).verdict
        assert verdict.status == "NOT_GRADED"
        assert verdict.reasons[0].startswith("Localization Failed: ")


def test_another_surface_is_not_graded_when_nothing_is_known_of_the_fiber():
    request = Request(SETTINGS.profile("deep_inspection").criteria.default_edition, "multimode")
    for path in sorted((SHARED / "not_a_fiber").iterdir()):
        verdict = inspect(path, request, SETTINGS.profile("deep_inspection")).verdict
        assert verdict.reasons[0].startswith("Localization Failed: "), path.name


@pytest.mark.slow
@every_profile
def test_fibers_are_located_within_the_tolerance_of_their_labels(scored, profile):
    found = scored(profile)
    assert found["scored"] == found["labelled"] == 57
    assert found["located"] >= 55
    assert found["within_tol"] >= 55, found["outside_tol"]
    assert found["core_ratio_ok"] >= 36
    assert found["centre_error_px_median"] <= 0.15
    assert found["axis_error_px_median"] <= 0.25


# Images that must be right, of those labelled dirty and of those labelled clean.
BOUNDS = {"A": (7, 35), "B": (20, 7), "edge": (14, 6), "D": (21, 7)}


@pytest.mark.slow
@every_profile
@pytest.mark.parametrize("zone", BOUNDS)
def test_blemishes_are_reported_where_a_person_sees_them_and_only_there(scored, profile, zone):
    found = scored(profile)
    hits = found[f"zone_{zone}"]
    assert (hits["sens"][0] >= BOUNDS[zone][0], hits["spec"][0] >= BOUNDS[zone][1]) == (True, True), found["misses"][
        zone
    ]


@pytest.mark.slow
@every_profile
def test_the_core_zone_of_clean_fibers_is_clean(scored, profile):
    right, labelled = scored(profile)["zone_A"]["spec"]
    assert right / labelled >= 0.9


@pytest.mark.slow
@every_profile
def test_one_fiber_turned_in_its_holder_keeps_its_diameter(scored, profile):
    spreads = {name: s["relative_spread"] for name, s in scored(profile)["sequences"].items()}
    assert len(spreads) >= 8
    assert max(spreads.values()) <= 0.003, spreads
