"""What the documentation says is what the program does."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tomllib
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from docs import reference_features, tables, transcripts
from docs.modules import PAGE, ROOMS, page
from dscope_blink.config.loading import load_config
from dscope_blink.files.names import (
    ANNOTATED,
    BATCH_CERTIFICATE,
    CAMERA,
    CAPTURED,
    CELLS,
    CERTIFICATE,
    CHANGES_BY,
    COMPARED,
    COMPARED_MARKS,
    COMPARED_PAGE,
    COMPARISON,
    CONFIDENCE,
    HISTOGRAM,
    INTEGRITY_LOG,
    REPORT,
    RESULT,
    SUMMARY,
    SUMMARY_BY,
    TABLE,
    THUMBNAIL,
    VIEW,
    WORKBOOK,
    ZONE_IMAGES,
)
from dscope_blink.records import VERSION
from dscope_blink.terminal import calibrate, commands, configuration, judging, reports, stages
from dscope_blink.terminal.starting import INSTALLED_AS
from tests.builders.settings import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CRITERIA = (ROOT / "docs" / "criteria.md").read_text(encoding="utf-8")
OUTPUTS = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
TRAINING = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
AGGREGATION = (ROOT / "docs" / "aggregation.md").read_text(encoding="utf-8")
NIGHTLY = (ROOT / "docs" / "nightly.md").read_text(encoding="utf-8")
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
GATES = (ROOT / "docs" / "gates.md").read_text(encoding="utf-8")
STATION = (ROOT / "docs" / "station.md").read_text(encoding="utf-8")
REQUIREMENTS = (
    "requirements.txt",
    "requirements-dev.txt",
    *("requirements-cluster.txt", "requirements-learn.txt", "requirements-gates.txt"),
)
NAMES_OF_ANNOTATED, NAMES_OF_HISTOGRAM, NAMES_OF_ZONE_IMAGES = (
    tuple(f"NAME{end}" for end in ends.values()) for ends in (ANNOTATED, HISTOGRAM, ZONE_IMAGES)
)
NAMES_OF_CAPTURED = tuple(CAPTURED.format("TIME").replace(".png", end) for end in (".png", CAMERA))
ALONE = {
    "main.py": commands,
    "calibration.py": calibrate,
    "config_loader.py": configuration,
    "image_processing.py": stages,
    "analysis.py": judging,
    "reporting.py": reports,
}
PROGRAMS = (
    *(
        "main.py",
        "main.py inspect",
        "main.py nightly",
        "main.py regrade",
        "main.py report",
        "main.py show",
        "main.py demo",
        "main.py capture",
        "main.py flatfield",
        "main.py cameras",
        "main.py calibrate",
        "main.py completion",
        "main.py aggregate",
        "main.py gates",
        "main.py gates calibrate",
        "main.py learn",
        "main.py analyze",
        "main.py keys make",
        "main.py verify",
        "main.py config check",
        "main.py config show",
        "main.py config diff",
    ),
    *("calibration.py", "config_loader.py", "image_processing.py", "analysis.py", "reporting.py"),
)
# Options that the documentation names and other programs own, or a bench.
FOREIGN = {"--draw", "--file", "--finder", "--host", "--port", "--nworkers", "--nthreads", "--no-nanny"}


def options_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) - {"--help"}


def help_of(program: str) -> str:
    file, *words = program.split()
    with redirect_stdout(io.StringIO()) as printed, pytest.raises(SystemExit) as ended:
        ALONE[file].main([*words, "--help"])
    assert ended.value.code == 0
    return printed.getvalue()


@pytest.fixture(scope="module")
def offered() -> dict[str, set[str]]:
    return {program: options_in(help_of(program)) for program in PROGRAMS}


def tracked_texts() -> dict[str, str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout, so what belongs to the project is not known")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    contents = {path: path.read_bytes() for path in paths if path.is_file()}
    return {path.relative_to(ROOT).as_posix(): data.decode() for path, data in contents.items() if b"\0" not in data}


def requirement_lines(name: str) -> list[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").split("\n")
    return [line for line in lines if line and not line.startswith(("#", "-r "))]


# --- README


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.splitlines()) <= 150


def test_the_module_map_is_that_of_the_table_of_wings() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it again with `python -m docs.modules`"


@pytest.mark.parametrize(
    ("page", "folder"),
    [(README, ROOT), *((page, ROOT / "docs") for page in (OUTPUTS, STATION, NIGHTLY, API, AGGREGATION, REFERENCE))],
    ids=["README", "outputs", "station", "nightly", "api", "aggregation", "reference"],
)
def test_every_picture_and_page_that_is_linked_is_there(page: str, folder: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page)
    assert links
    assert [link for link in links if not (folder / link).exists()] == []


def test_every_make_target_that_is_named_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(re.findall(r"`[^`\n]+`|^ {4}.+$", README, re.MULTILINE))))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test", "validate"} <= named <= targets


# --- commands, files, columns


def test_every_option_that_is_named_exists(offered: dict[str, set[str]]) -> None:
    named = options_in(README + OUTPUTS + STATION + NIGHTLY + AGGREGATION + GATES + REFERENCE)
    assert named - set().union(*offered.values()) <= FOREIGN


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_option_that_exists_is_explained(program: str, offered: dict[str, set[str]]) -> None:
    assert offered[program] - options_in(OUTPUTS + GATES) == set()


def test_the_tables_of_columns_and_sheets_are_those_of_the_program() -> None:
    assert tables.page() == OUTPUTS, "write them again with `python -m docs.tables`"
    assert tables.training_page() == TRAINING, "write them again with `python -m docs.tables`"
    assert tables.aggregation_page() == AGGREGATION, "write them again with `python -m docs.tables`"
    assert tables.gates_page() == GATES, "write them again with `python -m docs.tables`"


def test_the_table_of_features_is_that_of_the_program() -> None:
    written = reference_features.PAGE.read_text(encoding="utf-8")
    assert reference_features.page() == written, "write it again with `python -m docs.reference_features`"


@pytest.mark.parametrize(
    "names",
    [
        (SUMMARY,),
        (COMPARISON,),
        (INTEGRITY_LOG,),
        (COMPARED_PAGE, COMPARED, COMPARED_MARKS),
        (BATCH_CERTIFICATE,),
        (WORKBOOK,),
        (REPORT,),
        tuple(f"NAME{end}" for end in (VIEW, THUMBNAIL, CONFIDENCE)),
        *((name.format("KEY"),) for name in (SUMMARY_BY, CHANGES_BY)),
        *((f"NAME{end}",) for end in (CELLS, CERTIFICATE, RESULT, TABLE)),
        NAMES_OF_ANNOTATED,
        NAMES_OF_HISTOGRAM,
        NAMES_OF_ZONE_IMAGES,
        NAMES_OF_CAPTURED,
    ],
    ids=lambda names: names[0],
)
def test_every_file_that_is_written_is_listed(names: tuple[str, ...]) -> None:
    row = f"| {', '.join(f'`{name}`' for name in names)} |"
    assert row in README
    assert row in OUTPUTS


# --- criteria.md


def test_the_rule_of_ones_own_that_is_shown_is_accepted(tmp_path: Path) -> None:
    shown = re.search(r"\n\n((?: {4}.*\n)+)\n- `outer`", CRITERIA)
    assert shown is not None
    config = json.loads((ROOT / "config.json").read_text(encoding="utf-8"))
    config["criteria"]["editions"] |= json.loads(f"{{{shown[1]}}}")
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    settings = load_config(tmp_path / "config.json")
    assert settings.profile("fast_scan").criteria.find("house", "trunk").source == "Company rule QA-7"


def test_the_editions_and_their_classes_are_those_of_the_configuration() -> None:
    book = load_config(ROOT / "config.json").profile("fast_scan").criteria
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(iec_\w+)` \| ([^|]+) \|", CRITERIA, re.MULTILINE)}
    assert set(rows) == set(book.editions())
    assert rows.pop("iec_61300_3_35_2022") == "the same as 2015"
    assert book.classes("iec_61300_3_35_2022") == book.classes("iec_61300_3_35_2015")
    assert {edition: tuple(re.findall(r"`(\w+)`", listed)) for edition, listed in rows.items()} == {
        edition: book.classes(edition) for edition in rows
    }


# --- the rest of the repository


def test_the_project_file_and_the_program_name_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION


def test_the_wheel_requires_what_a_checkout_requires() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dependencies"] == requirement_lines("requirements.txt")
    for extra in ("cluster", "gates", "learn"):
        assert project["optional-dependencies"][extra] == requirement_lines(f"requirements-{extra}.txt")


def test_the_changelog_keeps_its_headings() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert {"### Added", "### Changed results"} <= set(changelog.splitlines())


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_has_a_lower_and_an_upper_bound(name: str) -> None:
    assert [line for line in requirement_lines(name) if not re.fullmatch(r"[a-z0-9-]+>=[\d.]+,<[\d.]+", line)] == []


def test_conda_and_pip_install_the_same() -> None:
    listed = re.findall(r"^ {6}- (\S+)$", (ROOT / "environment.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == requirement_lines("requirements.txt")


def test_every_package_that_is_imported_is_required() -> None:
    files = [f"requirements{name}.txt" for name in ("", "-cluster", "-gates", "-learn", "-train")]
    required = {re.split("[>=]", line)[0] for name in files for line in requirement_lines(name)}
    assert {INSTALLED_AS.get(package, package) for package in ROOMS} == required


def test_no_file_names_a_package_host_or_a_place_on_somebodys_machine() -> None:
    hosts = "pypi" + r"\.org|python" + r"hosted\.org|anaconda" + r"\.(?:org|com)"
    places = "/(?:home|root|Users|work|mnt)/" + r"\w|[A-Z]:\\Users|/tmp/" + r"\w"
    found = {name: re.findall(f"(?:{hosts}|(?<![\\w.]){places})", text) for name, text in tracked_texts().items()}
    assert {name: hits for name, hits in found.items() if hits} == {}


@pytest.mark.parametrize("page", ["gates", "connectors", "signals"])
def test_the_configuration_that_a_page_shows_can_be_used(page: str, tmp_path: Path) -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "site.json").write_text(shown, encoding="utf-8")
    assert load_config(tmp_path / "site.json").profile("fast_scan")


@pytest.mark.slow
def test_the_transcripts_are_what_the_terminal_says() -> None:
    """But for the last digits of sizes, which another processor may round otherwise."""
    written, now = (
        re.sub(r"\d+[.,]\d+", "N", text) for text in (transcripts.PAGE.read_text("utf-8"), transcripts.page())
    )
    assert now == written, "write them again with `python -m docs.transcripts`"
