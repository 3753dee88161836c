"""Under which names results are stored."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dscope_blink.records import ZONE_NAMES

SUMMARY, SUMMARY_BY, CHANGES_BY = "summary_report.csv", "summary_report_{}.csv", "changes_{}.csv"
EARLIER = "earlier_reports_{}"  # folder of those that a later run into the same folder does not write
COMPARISON, JSON_LINES, REPORT = "compare_editions.csv", "records.jsonl", "report.html"
BATCH_CERTIFICATE, WORKBOOK, MARKDOWN = "certificate.pdf", "report.xlsx", "summary_report.md"
COMPARED, COMPARED_MARKS, COMPARED_PAGE = "compare_batches.csv", "compare_marks.csv", "compare_batches.html"
MANIFEST = "batch_manifest.json"  # of the run, with the hashes of all that lies there
MANIFESTS = "manifests"  # folder of those of the runs before, each under its number
LOCK = ".dscope-blink.lock"
HELD = ".dscope-blink.held"  # there while a run goes on, where the file system cannot lock the other
RUN = ".dscope-blink.run"  # there while a run goes on: which one it is
PICTURE_FOLDERS = ".dscope-blink.pictures"  # which folders the pictures of the results lay in
CAPTURED, CAMERA = "capture_{}.png", "_camera.json"
CAMERA_TEXT = "dscope-blink/camera"  # key of the text in a PNG file that says how it was taken

RESULT, TABLE, CERTIFICATE = "_result.json", "_report.csv", "_certificate.pdf"
AGREEMENT, CELLS = "_agreement.csv", "_cells.csv"
ANOMALY_MASK = "_defect_mask.npy"
DISTANCES = "_distances.csv"
ANALYSIS_TEXT, ANALYSIS_FIGURE = "_analysis.txt", {"png": "_analysis.png", "svg": "_analysis.svg"}
MODEL_CARD = "_card.html"  # beside the model
COMPARED_WITH_REFERENCE = "compare_reference.csv"
AGGREGATE, SOURCES = "_aggregate.json", "_sources.csv"
INTEGRITY_LOG = "integrity_log.csv"  # of a run that aggregates
CONNECTOR, CONNECTORS = "_connector.json", "connectors.csv"  # of each connector, and the table of all
LANES = "_lanes.png"  # a picture of a connector with its lanes
CONNECTORS_BY = "connectors_{}.csv"
FOREIGN_REPORT = "_report.json"  # of marks that another program found, as foreign_report.schema.json has it
AGGREGATE_FIGURE = {"png": "_aggregate.png", "svg": "_aggregate.svg"}
GATE, GATE_PICTURE = "_gate.json", {"png": "_gate.png", "jpeg": "_gate.jpg"}  # of a sheet
GATE_TABLE, GATE_PAGE = "gates.csv", "gates.html"
VIEW, THUMBNAIL, CONFIDENCE = "_view.jpg", "_thumbnail.jpg", "_confidence.png"  # of the report
# By the format that the configuration names: its choice may be another than that of the run before.
ANNOTATED = {"png": "_annotated.png", "jpeg": "_annotated.jpg"}
HISTOGRAM = {"png": "_histogram.png", "svg": "_histogram.svg", "pdf": "_histogram.pdf"}
ZONE_IMAGES = {zone: f"_zone_{zone}.png" for zone in ZONE_NAMES.values()}


@dataclass(frozen=True, slots=True)
class ResultFile:
    """What one picture's results may hold: the ends of its names, and how the page links it, if it does."""

    ends: tuple[str, ...]
    drawn: bool = False  # a picture, which is not one to be inspected
    title: str = ""


# In the order in which they are written: the table, which says of the pictures beside it that they are drawn ones,
# first; the record, which says that the others are complete, last. They are removed the other way round.
RESULT_FILES = (
    ResultFile((TABLE,), title="Marks (CSV)"),
    ResultFile(tuple(ANNOTATED.values()), drawn=True, title="Annotated picture"),
    ResultFile(tuple(HISTOGRAM.values()), drawn=True, title="Maps"),
    ResultFile((VIEW, THUMBNAIL, CONFIDENCE), drawn=True),
    ResultFile((LANES,), drawn=True, title="Lanes of the connector"),
    ResultFile((AGREEMENT,)),
    ResultFile((CELLS,)),
    ResultFile(tuple(ZONE_IMAGES.values()), drawn=True),
    ResultFile((CERTIFICATE,), title="Certificate"),
    ResultFile(tuple(AGGREGATE_FIGURE.values()), drawn=True, title="Who found what"),
    ResultFile((SOURCES,), title="Who found what (CSV)"),
    ResultFile((AGGREGATE,), title="Sources (JSON)"),
    ResultFile(tuple(ANALYSIS_FIGURE.values()), drawn=True, title="Beside good faces"),
    ResultFile((ANALYSIS_TEXT,), title="Beside good faces (text)"),
    ResultFile((DISTANCES,), title="Distances to good faces (CSV)"),
    ResultFile((RESULT,), title="Record (JSON)"),
)
DRAWN = tuple(end for file in RESULT_FILES if file.drawn for end in file.ends)

# Of all files that a run writes for one picture, sheet, face or connector.
OWN_ENDS = (*(end for file in RESULT_FILES for end in file.ends), CONNECTOR, GATE, *GATE_PICTURE.values())
OF_RUN = re.compile(
    r"^(?:summary_report|changes|connectors|gates|compare_|integrity_log|certificate|report|records)"
    r"[^/]*\.(?:csv|html|pdf|xlsx|jsonl|md)$"
)
LOG = re.compile(r"^inspection_\d{4}-\d\d-\d\d\.log$")

RESERVED = SUMMARY.removesuffix(TABLE)  # the table of a picture of this name would be the summary of the batch
NAMELESS = "face"  # of what is called nothing, or `.`
LONGEST_NAME = 200  # bytes; file systems end at 255, and what is appended needs the rest
LONGEST_PATH = 4000  # bytes; Linux ends at 4095


class Names:
    """The names of results, of which no two are alike, whatever the case of their letters."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def give(self, files: Sequence[str]) -> list[str]:
        """Name the results of each picture.

        Parameters
        ----------
        files : paths relative to the input folder, with forward slashes

        Returns
        -------
        The path without extension where no other of them and none before has it; NAME_EXT (a counter after it if need
        be) where one has
        """
        plain = [_without_extension(file) for file in files]
        times = Counter(map(_key, plain))
        unique = [times[_key(n)] == 1 and _key(n) != RESERVED and _key(n) not in self._taken for n in plain]
        self._taken |= {_key(name) for name, alone in zip(plain, unique, strict=True) if alone}
        named = []
        for file, name, alone in zip(files, plain, unique, strict=True):
            named.append(name if alone else _free_name(f"{name}_{PurePosixPath(file).suffix[1:]}", self._taken))
            self._taken.add(_key(named[-1]))
        return named


def may_lie_at(path: Path, file: str, lane: int | None = None) -> bool:
    """Whether the record at a path may be that of a picture, or of a face that is called so.

    Parameters
    ----------
    path : NAME_result.json
    file : of the picture, relative to the input folder
    lane : of a connector, whose records have names of their own
    """
    name = path.name.removesuffix(RESULT)
    if lane is not None:
        name = name.removesuffix(f"_lane{lane:02d}")
    if name == f"long_path_{_mark_of(file)}":
        return True
    places = path.absolute().parts[:-1]
    for given in dict.fromkeys((file, _fit(file), f"{_fit(file)}.1")):
        *folders, plain = (_key(part) for part in PurePosixPath(_without_extension(given)).parts)
        with_ending = _key(f"{plain}_{PurePosixPath(given).suffix[1:]}")
        fits = re.fullmatch(rf"(?:{re.escape(plain)}|{re.escape(with_ending)})(?:_\d+)?", _key(name))
        stem = PurePosixPath(given).stem
        if len(stem.encode()) > LONGEST_NAME:  # shortened, with a mark of what it was then
            fits = fits or re.match(re.escape(_key(stem[:40])), _key(name))
        if fits and tuple(map(_key, places[len(places) - len(folders) :])) == tuple(folders):
            return True
    return False


def _without_extension(file: str) -> str:
    path = PurePosixPath(file)
    if not path.name:
        return NAMELESS
    stem, mark = path.stem, f"_{_mark_of(path.name)}"
    if len(stem.encode()) > LONGEST_NAME:
        stem = stem.encode()[: LONGEST_NAME - len(mark)].decode(errors="ignore") + mark
    return path.with_name(stem).as_posix()


def _mark_of(file: str) -> str:
    """Sixteen characters of its own for each name, the same in every run."""
    return hashlib.sha256(file.encode()).hexdigest()[:16]


def in_reach(name: str, file: str, output_dir: Path) -> str:
    """The name, or where the path of its results would be too long, one that says nothing but is short."""
    path = os.fsencode(output_dir.absolute() / name)
    return name if len(path) <= LONGEST_PATH else f"long_path_{_mark_of(file)}"


def safe_names(names: Sequence[str], output_dir: Path) -> list[str]:
    """Names of results from what somebody calls the faces: within the output folder, and fit for any file system.

    Parameters
    ----------
    names : with forward slashes between folders; of any letters
    output_dir : where the results go
    """
    plain = [_fit(name) for name in names]
    given = Names().give([f"{name}.{number}" for number, name in enumerate(plain, 1)])
    return [in_reach(name, name, output_dir) for name in given]


def _fit(name: str) -> str:
    """Without what leads out of a folder, and without signs that some file system does not take."""
    text = os.fsencode(name).decode("utf-8", "replace")
    folders = ("".join("_" if sign in UNFIT or not sign.isprintable() else sign for sign in p) for p in text.split("/"))
    parts = [part.strip() for part in folders if part.strip(" .")]
    return "/".join(parts) or NAMELESS


def is_of_results(name: str) -> bool:
    """Whether a file is named as this program names what it writes; `name` is relative to the folder of the results."""
    return name.endswith(OWN_ENDS) or OF_RUN.match(name) is not None


def is_earlier_report(name: str) -> str:
    """Under which name a report was written that lies among those of an earlier run; empty: it is none of them."""
    folder, _, file = name.partition("/")
    return file if folder.startswith(EARLIER.format("")) else ""


UNFIT = frozenset('<>:"|?*\\')  # on Windows, or in its paths


def _free_name(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while _key(free) in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _key(file: str) -> str:
    """Equal for names that some file system holds for one."""
    return unicodedata.normalize("NFC", file).casefold()
