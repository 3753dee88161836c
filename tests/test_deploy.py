"""What ships to start the program with: it must ask for what a night needs, in words that the program takes."""

from __future__ import annotations

import re
import shlex
from xml.etree import ElementTree

import pytest

from docs.licences import named
from dscope_blink.terminal.options import make_parser
from tests.builders.settings import ROOT

DEPLOY = ROOT / "deploy"
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def of_cron() -> str:
    (line,) = (line for line in text("dscope-blink.cron").splitlines() if "nightly.sh" in line)
    return "nightly" + line.partition("nightly.sh")[2]


def of_systemd() -> str:
    found = re.search(r"^ExecStart=\S*nightly\.sh(.*)$", text("dscope-blink.service"), re.MULTILINE)
    assert found
    return "nightly" + found[1]


def of_windows() -> str:
    found = ElementTree.fromstring(text("dscope-blink-task.xml")).find(f".//{TASK}Arguments")
    assert found is not None
    assert found.text is not None
    return found.text.replace("\\", "/")


def of_container() -> str:
    (line,) = (line for line in text("Containerfile").splitlines() if "dscope-blink nightly" in line)
    return line.partition("dscope-blink ")[2]


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [of_cron(), of_systemd(), of_windows(), of_container()])
def test_a_night_has_a_scale_and_a_class(words):
    asked = make_parser().parse_args(shlex.split(words))
    assert asked.command == "nightly"
    assert float(asked.cladding_diameter_um) == 125
    assert asked.fiber_class == "single_mode_upc"


def commands_shown() -> list[str]:
    """The command lines in README and docs that inspect a folder of somebody's own."""
    pages = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.stem != "transcripts")]
    texts = (page.read_text(encoding="utf-8").replace("\\\n", "") for page in pages)
    line = re.compile(r"^ +(?:python main\.py|dscope-blink) ((?:inspect|nightly) .*)$", re.MULTILINE)
    return [found[1] for text in texts for found in line.finditer(text)]


@pytest.mark.parametrize("words", commands_shown())
def test_a_command_that_is_shown_has_a_scale_and_a_class(words):
    asked = make_parser().parse_args(shlex.split(words))
    assert asked.connector or float(asked.cladding_diameter_um)  # the layout of a connector has that of its fibers
    assert asked.fiber_class


def test_the_container_runs_the_command_and_not_as_root():
    steps = [line.split(maxsplit=1) for line in text("Containerfile").splitlines() if line[:1].isupper()]
    assert [rest for step, rest in steps if step == "ENTRYPOINT"] == ['["dscope-blink"]']
    assert [rest for step, rest in steps if step == "USER"] == ["1000"]


def test_every_requirement_is_listed_with_its_licence():
    page = (ROOT / "docs" / "third_party.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\S+) \| (.+?) \|", page, re.MULTILINE))
    assert [name for name in named() if not rows.get(name)] == []
    assert [name for name, licence in rows.items() if re.search(r"\bA?GPL", licence)] == []
