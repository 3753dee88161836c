"""What the terminal says in the cases that users meet: `python -m docs.transcripts` writes docs/transcripts.md again.

Every command runs in this process, on the pictures of the demo, in an empty folder.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from docs.modules import ROOT
from dscope_blink.synthetic.samples import write_samples
from dscope_blink.synthetic.scenes import DemoFace, demo_faces
from dscope_blink.terminal.commands import main

PAGE = ROOT / "docs" / "transcripts.md"
SHOWN = ("clean_multimode_lit", "dirty", "edge_chips")  # three multimode faces of 50/125 um, so that it takes no minute
PLAIN = "--workers=0 --no-plots --no-report"  # in this process, and nothing that takes long
QUICK = f"--profile fast_scan {PLAIN}"
OF_50_125 = "--core-diameter-um 50 --cladding-diameter-um 125"
NIGHTLY = "nightly --input-dir faces --results-dir nights --workers 0 --fiber-class multimode"
LINES_OF_A_TABLE = 3


@dataclass(frozen=True, slots=True)
class Command:
    """One command line of a transcript."""

    words: str  # as they are typed, behind the name of the program
    answers: tuple[str, ...] = ()  # to what it asks
    interrupted_at: str = ""  # Ctrl-C once it has printed this


@dataclass(frozen=True, slots=True)
class Listed:
    """What a command left: names of the files, or the first lines of one, cut."""

    place: str


@dataclass(frozen=True, slots=True)
class Altered:
    """One byte of a file exchanged for another."""

    place: str
    was: str
    becomes: str  # the same, but for one letter


@dataclass(frozen=True, slots=True)
class Try:
    """A case that users meet."""

    title: str
    says: str
    steps: tuple[Command | Listed | Altered, ...]


CTRL_C = "^C"  # as an answer

TRIES = (
    Try(
        "50/125 without a class",
        "The class follows from the core, and that is said before the first picture.",
        (Command(f"inspect faces --output-dir a {OF_50_125} {PLAIN}"),),
    ),
    Try(
        "Enter throughout",
        "Without a scale nothing can be graded: what to do is said where it is asked, and with each picture.",
        (Command("", ("faces/dirty.png", "b", "", "", "", "")),),
    ),
    Try(
        "Quotes, a comma, a folder that must not be written to, and back",
        "`<` goes back; the output folder must be another than that of the pictures.",
        (
            Command(
                "",
                (
                    "'faces'",
                    "faces",
                    "<",
                    "faces/dirty.png",
                    "?",
                    "c",
                    "y",
                    "50,0",
                    "<",
                    "50",
                    "125,0",
                    "",
                    "fast_scan",
                    "",
                ),
            ),
        ),
    ),
    Try(
        "A night without a scale, and with one",
        "A night in which nothing could be graded is no success.",
        (
            Command(f"{NIGHTLY} --night 2026-03-08"),
            Command(f"{NIGHTLY} --night 2026-03-09 --cladding-diameter-um 125"),
            Command(f"inspect faces --output-dir d --fail-exit --quiet {PLAIN}"),
        ),
    ),
    Try(
        "Two nights in one report",
        "Each picture is named with its night.",
        (Command("report nights --markdown --json-lines"), Listed("nights/summary_report.md")),
    ),
    Try(
        "Another class into the same folder",
        "Reports of the earlier run are moved aside: none contradicts the new summary.",
        (
            Command(
                "inspect faces --output-dir e --cladding-diameter-um 125 --pdf --excel --quiet --workers 0 --no-plots"
            ),
            Command(f"inspect faces --output-dir e --cladding-diameter-um 125 --fiber-class multimode --quiet {PLAIN}"),
            Listed("e"),
        ),
    ),
    Try(
        "A manifest with a slip",
        "A header that is nearly one the program knows is refused; missing files are named before the first picture.",
        (
            Command(f"inspect faces --output-dir f --manifest slip.csv {PLAIN}"),
            Command(f"inspect faces/dirty.png --output-dir f --manifest absent.csv {PLAIN}"),
        ),
    ),
    Try(
        "A configuration of three lines",
        "It says what it extends; keys that moved in a later version are read where they stand today.",
        (
            Command("config check alone.json"),
            Listed("site.json"),
            Command("config check site.json"),
            Command("config diff site.json"),
        ),
    ),
    Try(
        "Near words",
        "",
        (
            Command("inspekt faces"),
            Command("inspect faces --output-dir g --fiber-class mm"),
            Command("inspect faces --output-dir g --edition 2015"),
            Command("inspect faces --output-dir g --profile fast"),
            Command("inspect faces --output-dir g --zone core"),
            Command("inspect faces --output-dir ?"),
        ),
    ),
    Try(
        "Two profiles, one result for each face",
        "Whose verdict one source decides is said at the end; near names are suggested.",
        (
            Command(f"inspect faces --output-dir deep {OF_50_125} {PLAIN} --quiet"),
            Command(f"inspect faces --output-dir fast --profile fast_scan {OF_50_125} {PLAIN} --quiet"),
            Command(f"aggregate deep fast --output-dir together --input-dir faces {PLAIN}"),
            Listed("together"),
            Listed("together/integrity_log.csv"),
            Command(f"aggregate deep fast --output-dir together --image durty {PLAIN}"),
            Command(f"aggregate deep deep --output-dir deep/together {PLAIN}"),
        ),
    ),
    Try(
        "What normal looks like",
        "Which pictures teach nothing is named. The score and status of a face are no verdict: that is another.",
        (
            Command(f"learn faces --output model.dscope {OF_50_125} {QUICK}"),
            Command(f"learn good --output model.dscope --microscope bench_2 {OF_50_125} {QUICK}"),
            Command("learn --show model.dscope"),
            Command(f"analyze faces --output-dir k {OF_50_125} {QUICK}"),
            Command(f"analyze faces --output-dir k --reference absent.dscope {OF_50_125} {QUICK}"),
            Command(f"analyze faces --output-dir k --reference model.dscope {OF_50_125} {QUICK}"),
            Listed("k"),
            Listed("k/edge_chips_analysis.txt"),
            Command(f"analyze faces --output-dir k --reference model.dscope {OF_50_125} {QUICK} --resume"),
        ),
    ),
    Try(
        "Another edition for stored results",
        "Only what comes out otherwise has a row.",
        (
            Command("regrade a --edition iec_61300_3_35_2015"),
            Command("regrade a --fiber-class single_mode_upc"),
        ),
    ),
    Try(
        "One result in words",
        "A size has its uncertainty; one that the optics do not resolve is told as an upper bound.",
        (Command("show a/edge_chips_result.json"),),
    ),
    Try(
        "Signed results, and one byte of them altered",
        "Each file is held against the signed manifest; the verdict of a record that was altered is none.",
        (
            Command("keys make site.key"),
            Listed("signed.json"),
            Command(f"inspect faces --output-dir l --config signed.json {OF_50_125} --quiet {PLAIN}"),
            Command("verify l --key site.key.pub"),
            Altered("l/dirty_result.json", '"max_count": 0', '"max_count": 9'),
            Command("verify l --key site.key.pub"),
            Command("show l/dirty_result.json"),
            Command("verify faces"),
        ),
    ),
    Try(
        "Ctrl-C",
        "At the prompt nothing was begun. In a batch what is finished is kept.",
        (
            Command("", ("faces", CTRL_C)),
            Command(f"inspect faces --output-dir h {OF_50_125} {PLAIN}", interrupted_at="[2/3]"),
            Command(f"inspect faces --output-dir h {OF_50_125} {PLAIN} --resume --quiet --json-progress"),
        ),
    ),
    Try(
        "For another program",
        "One event in a line; `progress.schema.json` describes each.",
        (
            Command(f"inspect faces --output-dir i {OF_50_125} --json-progress {PLAIN}"),
            Command("inspect absent --output-dir i --json-progress"),
        ),
    ),
    Try(
        "Tables for an Excel that writes decimal commas",
        "",
        (
            Listed("commas.json"),
            Command(f"inspect faces --output-dir j {OF_50_125} --config commas.json --quiet {PLAIN}"),
            Listed("j/edge_chips_report.csv"),
        ),
    ),
)

FILES = {
    "slip.csv": "file,Fiber Class\ndirty.png,multimode\n",
    "absent.csv": "file,fiber_class\ndirty.png,multimode\nlost.png,multimode\n",
    "alone.json": json.dumps({"default_profile": "fast_scan", "fusion": {"threshold": 0.8}}),
    "site.json": '{"extends": "shipped",\n "default_profile": "fast_scan",\n "fusion": {"threshold": 0.8}}\n',
    "signed.json": '{"extends": "shipped", "signing": {"key": "site.key", "operator": "Ann"}}\n',
    "commas.json": '{"extends": "shipped", "reporting": {"csv_style": "continental"}}\n',
}


class _Answers(io.TextIOBase):
    """A terminal that somebody types into: what is typed shows."""

    def __init__(self, answers: Sequence[str]) -> None:
        self._left = list(answers)

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        if not self._left:
            return ""
        answer = self._left.pop(0)
        print(answer)
        if answer == CTRL_C:
            raise KeyboardInterrupt
        return f"{answer}\n"


class _Shown(io.StringIO):
    """What is printed, on either stream; Ctrl-C once a text was."""

    def __init__(self, interrupted_at: str) -> None:
        super().__init__()
        self._at = interrupted_at

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._at and self._at in text:
            self._at = ""
            raise KeyboardInterrupt
        return written


def page() -> str:
    """The text of docs/transcripts.md, as the program is now."""
    logging.getLogger().addHandler(logging.NullHandler())  # warnings are for the log of a batch
    with tempfile.TemporaryDirectory() as name, chdir(name):
        folder = Path(name).resolve()
        faces = [face for face in demo_faces() if face.name in SHOWN]
        write_samples(folder / "faces", folder / "manifest.csv", faces)
        write_samples(folder / "good", folder / "good.csv", [*_good_faces(faces[0])])
        for file, text in FILES.items():
            (folder / file).write_text(text, encoding="utf-8")
        return HEAD + "".join(_section(one, folder) for one in TRIES)


def _good_faces(clean: DemoFace) -> Iterator[DemoFace]:
    """The same kind of face, each in another place and in other light."""
    assert clean.spec is not None, "it shows a fiber"
    x, y = clean.spec.centre_px
    for number in range(1, GOOD_FACES + 1):
        light = 1 + 0.01 * (-1) ** number * number
        spec = replace(
            clean.spec,
            centre_px=(x + 3.3 * number, y - 2.7 * number),
            core=clean.spec.core * light,
            cladding=clean.spec.cladding * light,
            ferrule=clean.spec.ferrule * light,
        )
        yield replace(clean, name=f"good_{number}", spec=spec)


GOOD_FACES = 6

HEAD = """# What the terminal says

The cases that users meet, on three pictures of the demo, and on six good faces like one of them. A program runs these
commands and writes this page (`python -m docs.transcripts`), and a test compares both; times and dates are always the
same ones.
"""


def _section(one: Try, folder: Path) -> str:
    shown = "\n\n".join(_steady("\n".join(_step(step)), folder) for step in one.steps)
    says = f"{one.says}\n\n" if one.says else ""
    return f"\n## {one.title}\n\n{says}```text\n{shown}\n```\n"


def _step(step: Command | Listed | Altered) -> Iterator[str]:
    if isinstance(step, Command):
        yield f"$ python main.py {step.words}".rstrip()
        yield from _run(step)
    elif isinstance(step, Altered):
        yield f"$ sed -i '0,/{step.was}/s//{step.becomes}/' {step.place}"
        _alter(step)
    elif Path(step.place).is_dir():
        yield f"$ ls {step.place}"
        yield from sorted(path.name for path in Path(step.place).iterdir() if not path.name.startswith("."))
    else:
        yield f"$ head -n {LINES_OF_A_TABLE} {step.place}" if step.place.endswith(".csv") else f"$ cat {step.place}"
        lines = Path(step.place).read_text(encoding="utf-8-sig").splitlines()
        yield from (_cut(line) for line in (lines[:LINES_OF_A_TABLE] if step.place.endswith(".csv") else lines))


def _alter(step: Altered) -> None:
    path = Path(step.place)
    text = path.read_text(encoding="utf-8")
    assert step.was in text, f"{step.place} does not hold {step.was}"
    path.write_text(text.replace(step.was, step.becomes, 1), encoding="utf-8")


def _cut(line: str) -> str:
    """A line that is no wider than the page."""
    return line if len(line) <= WIDEST else f"{line[:WIDEST]} ..."


WIDEST = 180


def _run(step: Command) -> Iterator[str]:
    shown = _Shown(step.interrupted_at)
    typed = patch.object(sys, "stdin", _Answers(step.answers))
    words = patch.object(sys, "argv", ["main.py", *shlex.split(step.words)])
    with redirect_stdout(shown), redirect_stderr(shown), typed, words:
        try:
            code: int | str | None = main()
        except SystemExit as ended:
            code = ended.code
    yield from map(str.rstrip, shown.getvalue().splitlines())
    yield f"(exit code {code})"


# What no two runs have in common, and what is written for it.
_UNSTEADY = (
    (r"\d{8}_\d{6}", "20260309_021500"),
    (r"inspection_\d{4}-\d\d-\d\d", "inspection_2026-03-09"),
    (r"in \d+\.\d min", "in 0.1 min"),
    (r"(?ms)^Slowest stages.*?(?=\n\n|\Z)", "Slowest stages ..."),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", "2026-03-09T02:15:00+00:00"),
    (r"\b(made|until|added) \d{4}-\d\d-\d\d", r"\1 2026-03-09"),
    (r"sha256 [0-9a-f]{16}\b", "sha256 0123456789abcdef"),
    (r"\b[0-9a-f]{64}\b", "0123456789abcdef..."),
    (r"\b[0-9a-f]{4}(:[0-9a-f]{4}){3}\b", "0123:4567:89ab:cdef"),
    (r"(?<=by Ann on )[^,\n]+", "station"),
)


def _steady(text: str, folder: Path) -> str:
    text = text.replace(f"{folder}{os.sep}", "").replace(os.sep, "/")
    for pattern, always in _UNSTEADY:
        text = re.sub(pattern, always, text)
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
