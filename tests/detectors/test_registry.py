"""The detectors are those of the configuration: those that ship, and those of installed packages."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import re
import subprocess
import sys
from itertools import count

import numpy as np
import pytest

from dscope_blink.config.installed_detectors import installed_detector
from dscope_blink.config.loading import load_config
from dscope_blink.detectors import registry
from dscope_blink.detectors.registry import DETECTORS, find_detector
from dscope_blink.image_processing import fusion
from dscope_blink.records import ConfigError, UserError
from dscope_blink.synthetic.faces import Pit
from dscope_blink.terminal.commands import main
from tests.builders.packages import installed_package
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of
from tests.builders.residuals import FACE, field_of
from tests.builders.settings import CONFIG_FILE, ROOT

SHIPPED = json.loads(CONFIG_FILE.read_text(encoding="utf-8"))["detectors"]
DOCS = (ROOT / "docs" / "detectors.md").read_text(encoding="utf-8")

every_file = pytest.mark.parametrize("name", DETECTORS)


# --- those that ship


def test_the_detectors_are_those_of_the_configuration():
    assert list(DETECTORS) == list(SHIPPED)


@every_file
def test_the_settings_of_a_detector_are_the_keys_of_its_entry(name):
    residual_in, *asked = inspect.signature(DETECTORS[name]).parameters.values()
    assert residual_in.name == "residual"
    assert all(one.kind is one.KEYWORD_ONLY and one.default is one.empty for one in asked)
    assert {one.name for one in asked} == set(SHIPPED[name]) - {"enabled", "weight"}


@every_file
def test_each_detector_is_a_file_of_its_name(name):
    assert DETECTORS[name].__module__ == f"dscope_blink.detectors.{name}"


@every_file
def test_each_detector_is_described(name):
    assert f"`{name}`" in DOCS


# --- those of installed packages


def shown(after: str) -> str:
    """The first indented block of docs/detectors.md after these words."""
    block = re.search(r"\n\n((?: {4}.*\n|\n)+)", DOCS[DOCS.index(after) :])
    assert block is not None
    return re.sub("(?m)^ {4}", "", block[1])


EXAMPLE = shown("`departure.py`:")
ENTRY_POINT = shown("Its `pyproject.toml`").splitlines()[1].replace('"', "")
ENTRY = json.loads(f"{{{shown('it is configured like any other')}}}")["departure"]

numbers = count()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package for one test; `{module}` in its entry points is its module, which no other test has."""

    def package(source, entry_points):
        module = f"outside_{next(numbers)}"
        monkeypatch.syspath_prepend(installed_package(tmp_path / "site", module, source, entry_points(module)))
        return module

    yield package
    installed_detector.cache_clear()
    registry._asks_for_folder.cache_clear()


@pytest.fixture
def departure(install):
    """The example of the documentation, installed."""
    return install(EXAMPLE, lambda module: ENTRY_POINT.replace("departure:", f"{module}:"))


def configured(folder, changes=(), **detectors):
    """A configuration with these detectors beside those that ship, and the model of the example beside it."""
    document = json.loads(CONFIG_FILE.read_text(encoding="utf-8"))
    edition = document["criteria"]["default_edition"]  # the others are built alike, and checking them all takes long
    document["criteria"]["editions"] = {edition: document["criteria"]["editions"][edition]}
    document["detectors"] |= detectors
    for profile, part in changes:
        document["profiles"][profile] |= part
    (folder / "departure.json").write_text('{"low": 2, "high": 12}', encoding="utf-8")
    path = folder / "config.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def problems_of(path):
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return [line.removeprefix("config.json: ") for line in caught.value.problems]


def test_the_example_of_the_documentation_adds_its_support_to_the_evidence(departure, tmp_path):
    config = load_config(configured(tmp_path, departure=ENTRY)).profile("deep_inspection")
    field = field_of(FACE, Pit((-38.0, 18.0), 8.0, -0.5))
    evidence = fusion.gather_evidence(field, config.detectors, config.folder)
    expected = np.clip((np.abs(field.snr) - 2) / 10, 0, 1)
    np.testing.assert_allclose(evidence.supports["departure"], expected, rtol=1e-6)
    without = sum(
        config.detectors[name].weight * evidence.supports[name] for name in evidence.supports if name in DETECTORS
    )
    np.testing.assert_allclose(evidence.confidence, without + ENTRY["weight"] * expected, atol=1e-5)
    (candidate,) = fusion.find_candidates(field, evidence, config.fusion)
    x, y = np.subtract(candidate.bbox_px[:2], field.origin_px)
    under = expected[y : y + candidate.bbox_px[3], x : x + candidate.bbox_px[2]][candidate.mask]
    assert candidate.evidence["departure"] == pytest.approx(under.mean())
    assert 0 < candidate.evidence["departure"] < 1


def test_a_configuration_that_names_it_travels_to_another_process(departure, tmp_path):
    config = load_config(configured(tmp_path, departure=ENTRY)).profile("deep_inspection")
    assert pickle.loads(pickle.dumps(config)) == config
    assert config.folder == tmp_path


def test_a_profile_may_switch_it_on_and_a_kind_of_mark_may_name_it(departure, tmp_path):
    part = {
        "detectors": {"departure": {"enabled": True}},
        "classification": {"detectors_of": {"pit_dig": ["do2mr", "departure"]}},
    }
    path = configured(tmp_path, [("fast_scan", part)], departure=ENTRY | {"enabled": False})
    fast, deep = (load_config(path).profile(name) for name in ("fast_scan", "deep_inspection"))
    assert (fast.detectors["departure"].enabled, deep.detectors["departure"].enabled) == (True, False)
    assert fast.classification.detectors_of["pit_dig"] == ("do2mr", "departure")


@pytest.mark.parametrize(
    ("entry", "problems"),
    [
        (ENTRY | {"weight": 2}, ["$.detectors.departure.weight: must be at most 1, got 2"]),
        (
            {"enabled": True, "weight": 1, "modell": "x"},
            [
                "$.detectors.departure.model: missing: A setting that the detector asks for.",
                '$.detectors.departure.modell: unknown key, did you mean "model"?',
            ],
        ),
        (
            {"model": "x"},
            [
                "$.detectors.departure.enabled: missing: Whether the detector runs.",
                "$.detectors.departure.weight: missing: What the detector adds to the confidence map where its support "
                "is full, 0 to 1.",
            ],
        ),
        (ENTRY | {"config_dir": "x"}, ["$.detectors.departure.config_dir: unknown key"]),
        (7, ["$.detectors.departure: must be an object, got 7"]),
    ],
)
def test_an_entry_that_does_not_fit_is_told_like_that_of_any_other(departure, tmp_path, entry, problems):
    assert problems_of(configured(tmp_path, departure=entry)) == problems


def test_a_profile_names_its_own_mistakes(departure, tmp_path):
    part = {"detectors": {"departure": {"modell": "x"}, "departur": {"enabled": False}}}
    assert problems_of(configured(tmp_path, [("fast_scan", part)], departure=ENTRY)) == [
        "$.profiles.fast_scan.detectors.departur: unknown detector, neither shipped nor of an installed package, did "
        'you mean "departure"?',
        '$.profiles.fast_scan.detectors.departure.modell: unknown key, did you mean "model"?',
    ]


def test_a_kind_of_mark_names_only_detectors_that_there_are(departure, tmp_path):
    part = {"classification": {"detectors_of": {"chip": ["departures"]}}}
    (problem,) = problems_of(configured(tmp_path, [("fast_scan", part)]))
    assert problem.startswith('$.profiles.fast_scan.classification.detectors_of.chip[0]: must be one of "do2mr", ')
    assert problem.endswith(', "departure", got "departures", did you mean "departure"?')


GOOD = "def detect(residual, *, level): ..."
FORM = "must take the residual and then its settings by keyword only, (residual, *, ...), got"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import nowhere", "cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
        ("raise RuntimeError('no\\n  graphics card')", "cannot be imported: RuntimeError: no graphics card"),
        ("def detect(", "cannot be imported: SyntaxError: '(' was never closed ({0}.py, line 1)"),
        ("def detector(): ...", "cannot be imported: AttributeError: module '{0}' has no attribute 'detect'"),
        ("detect = 3", "must be a function, got int"),
        ("def detect(residual, level): ...", f"{FORM} (residual, level)"),
        ("def detect(): ...", f"{FORM} ()"),
        ("def detect(residual, **settings): ...", f"{FORM} (residual, **settings)"),
        ("def detect(residual, *, weight): ...", "must not ask for weight, which the fusion reads"),
    ],
    ids=["import", "any error", "syntax", "attribute", "no function", "positional", "no residual", "any key", "weight"],
)
def test_a_broken_detector_is_one_clear_line(install, tmp_path, source, problem):
    module = install(source, "mine = {0}:detect".format)
    path = configured(tmp_path, mine={"enabled": True, "weight": 0.1})
    where = f"$.detectors.mine: {module}:detect of the package {module}"
    assert problems_of(path) == [f"{where} {problem.format(module)}"]


def test_two_packages_with_a_detector_of_one_name_are_both_named(install, tmp_path):
    one, two = (install(GOOD, "mine = {0}:detect".format) for _ in range(2))
    path = configured(tmp_path, mine={"enabled": True, "weight": 0.1, "level": 3})
    text = f"more than one package has a detector of this name: {one} and {two}"
    assert problems_of(path) == [f"$.detectors.mine: {text}"]


def test_a_detector_with_the_name_of_one_that_ships_is_refused(install, tmp_path):
    module = install(GOOD, "lei = {0}:detect".format)
    text = f"a detector of this name ships with the program, and the package {module} has another"
    assert problems_of(configured(tmp_path)) == [f"$.detectors.lei: {text}"]


def test_what_is_wrong_with_one_does_not_hide_what_else_is_wrong(install, tmp_path):
    install("import nowhere", "mine = {0}:detect".format)
    part = {"fusion": {"treshold": 1}}
    assert len(problems_of(configured(tmp_path, [("fast_scan", part)], mine={"enabled": True, "weight": 7}))) == 3


def test_a_detector_that_no_configuration_names_is_not_imported(install, tmp_path):
    module = install("raise RuntimeError", "mine = {0}:detect".format)
    load_config(configured(tmp_path))
    assert module not in sys.modules


def test_a_detector_that_is_not_installed_where_it_is_asked_for_is_named():
    with pytest.raises(UserError, match="detector nowhere: unknown detector, neither shipped nor"):
        find_detector("nowhere")


def test_what_a_detector_may_not_return_is_told_with_its_name(install, tmp_path):
    install("def detect(residual, *, level): return residual.snr * 0 + level", "loud = {0}:detect".format)
    path = configured(tmp_path, loud={"enabled": True, "weight": 0.1, "level": 2})
    config = load_config(path).profile("fast_scan")
    with pytest.raises(ValueError, match="detector loud must return values of 0 to 1, got 2"):
        fusion.gather_evidence(field_of(FACE), config.detectors, config.folder)


# --- as a user starts it


@pytest.mark.slow
def test_an_inspection_in_processes_of_its_own_finds_marks_with_it(tmp_path):
    site = installed_package(tmp_path / "site", "departure", EXAMPLE, ENTRY_POINT)
    pictures = folder_of(tmp_path / "pictures", "one.png", "two.png", data=face_png(SCRATCH))
    config = configured(tmp_path, departure=ENTRY)
    words = ["inspect", f"--input-dir={pictures}", f"--output-dir={tmp_path / 'out'}", f"--config={config}"]
    command = [sys.executable, str(ROOT / "main.py"), *words, "--profile=fast_scan", "--workers=2", *MULTIMODE]
    environment = os.environ | {"PYTHONPATH": str(site)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
    for name in ("one", "two"):
        record = json.loads((tmp_path / "out" / f"{name}_result.json").read_text(encoding="utf-8"))
        scratch = next(defect for defect in record["defects"] if defect["classification"] == "scratch")
        assert "departure" in scratch["detected_by"]
        assert 0 < scratch["evidence"]["departure"] < 1


def test_a_wrong_entry_is_told_before_any_picture_is_read(departure, tmp_path, capsys):
    config = configured(tmp_path, departure={"enabled": True, "weight": 0.5})
    pictures = folder_of(tmp_path / "pictures", "one.png")
    words = [f"--input-dir={pictures}", f"--output-dir={tmp_path / 'out'}", f"--config={config}"]
    assert main(["inspect", *words, *MULTIMODE]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "main.py: config.json: $.detectors.departure.model: missing: A setting that the detector asks for."
    assert not (tmp_path / "out").exists()
