"""The words of the command line: which commands there are and what each may be told; `arguments` checks them."""

from __future__ import annotations

import argparse
from typing import Any, Protocol

from dscope_blink.config.loading import load_config
from dscope_blink.config.shipped import calibration_file, shipped
from dscope_blink.records import ENGINES, PROGRAM, VERSION, ZONE_NAMES
from dscope_blink.terminal.calibrate import add_calibration
from dscope_blink.terminal.completion import SHELLS
from dscope_blink.terminal.configuration import add_configuration
from dscope_blink.terminal.dataset_options import add_dataset
from dscope_blink.terminal.parsing import Parser
from dscope_blink.terminal.starting import CHECKOUT

CONFIG = shipped("config.json")
ZONES = tuple(ZONE_NAMES.values())


def make_parser(program: str = CHECKOUT) -> Parser:
    """The parser of the command line; `command` of what it returns is its first word.

    Parameters
    ----------
    program : how it was started, for help and complaints
    """
    text = f"{PROGRAM} {VERSION}: inspects photographs of optical-fiber end faces. Without a command it asks questions."
    parser = Parser(prog=program, description=text, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_inspect(commands.add_parser("inspect", help="inspect a folder of pictures", allow_abbrev=False))
    _add_nightly(commands.add_parser("nightly", help="inspect a folder, for a script at night", allow_abbrev=False))
    _add_regrade(commands.add_parser("regrade", help="judge stored results again, without images", allow_abbrev=False))
    add_report(commands.add_parser("report", help="write the reports of stored results", allow_abbrev=False))
    brought = commands.add_parser("aggregate", help="bring several detections of a face together", allow_abbrev=False)
    add_aggregate(brought)
    good = commands.add_parser("learn", help="learn from good faces what is normal", allow_abbrev=False)
    _add_learn(good)
    beside = commands.add_parser("analyze", help="compare faces with what is normal", allow_abbrev=False)
    _add_analyze(beside)
    sheets = commands.add_parser("gates", help="judge printed sheets, OK or NG", allow_abbrev=False)
    _add_gates(sheets)
    show = commands.add_parser("show", help="print one stored result", allow_abbrev=False)
    show.add_argument("result", metavar="RESULT.json", help="NAME_result.json")
    _add_capture(commands.add_parser("capture", help="take pictures with the camera", allow_abbrev=False))
    _add_flat_field(commands.add_parser("flatfield", help="take the flat field of a blank surface", allow_abbrev=False))
    _add_cameras(commands.add_parser("cameras", help="list the cameras", allow_abbrev=False))
    demo = commands.add_parser("demo", help="render sample end faces and inspect them", allow_abbrev=False)
    demo.add_argument("--output-dir", default="demo_output", metavar="DIR", help="default: %(default)s")
    _add_model(demo)
    demo.add_argument("--gates", action="store_true", help="render printed sheets instead, and judge them OK or NG")
    add_calibration(commands.add_parser("calibrate", help="measure the scale with a target", allow_abbrev=False))
    add_configuration(commands.add_parser("config", help="check, show or compare a configuration", allow_abbrev=False))
    training = commands.add_parser("dataset", help="make data sets for training", allow_abbrev=False)
    add_dataset(training, _add_asked, _add_settings)
    completion = commands.add_parser("completion", help="print the completion script of a shell", allow_abbrev=False)
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help=" or ".join(SHELLS))
    return parser


def _add_inspect(parser: Parser) -> None:
    parser.epilog_of = _help_with_limits
    what = parser.add_argument_group("pictures and results")
    what.add_argument("inputs", metavar="PATH", nargs="*", help="pictures, and folders of pictures")
    what.add_argument("--input-dir", metavar="DIR", help="folder of the pictures, as a PATH is")
    what.add_argument("--camera", action="store_true", help="take one picture with the camera instead")
    what.add_argument("--output-dir", metavar="DIR", help="folder of the results, made if need be")
    what.add_argument("--watch", action="store_true", help="go on inspecting what comes until stopped")
    what.add_argument("--resume", action="store_true", help="keep what an earlier run has finished")
    _add_reference(what)
    _add_connector(parser)
    _add_asked(parser)
    _add_told(parser)


def _add_connector(parser: argparse.ArgumentParser) -> None:
    many = parser.add_argument_group("connectors of many fibers")
    many.add_argument("--connector", metavar="KEY", help="each picture shows one: mpo8, mpo12, mpo16, mpo24 or another")
    many.add_argument("--first-lane", metavar="N", help="lane of the first fiber that is seen whole; of partial views")


def _add_told(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("what is printed")
    how.add_argument("--json-progress", action="store_true", help="print JSON lines instead (progress.schema.json)")
    how.add_argument("--progress-to", metavar="PLACE", help="JSON lines into a file, or to tcp://HOST:PORT, as well")
    how.add_argument("--hook", metavar="COMMAND", help="run for each picture; {record}, {file}, {status} are filled in")
    how.add_argument("--quiet", action="store_true", help="print nothing but errors")


def _help_with_limits() -> str:
    """Examples, and the editions and classes of the configuration that ships."""
    settings = load_config(CONFIG)
    criteria = settings.profile(settings.default_profile).criteria
    editions = "\n".join(f"  {edition}: {', '.join(criteria.classes(edition))}" for edition in criteria.editions())
    return f"""examples:
  %(prog)s --output-dir results --cladding-diameter-um 125 pictures
  %(prog)s --output-dir results --core-diameter-um 50 --cladding-diameter-um 125 a.png b.png
  %(prog)s --output-dir results --manifest faces.csv --recursive --pdf pictures

editions and classes of the configuration that ships (by default {criteria.default_edition}, {criteria.default_class}):
{editions}"""


def _add_nightly(parser: Parser) -> None:
    parser.epilog_of = _help_with_limits
    what = parser.add_argument_group("pictures and results")
    what.add_argument("--input-dir", metavar="DIR", help="folder of the pictures")
    what.add_argument("--results-dir", metavar="DIR", help="folder of the nights, each in a folder YYYY-MM-DD")
    what.add_argument("--keep-nights", metavar="N", help="remove all nights but the newest N; default: keep all")
    what.add_argument("--night", metavar="YYYY-MM-DD", help="night to begin or to resume; default: today")
    _add_reference(what)
    parser.set_defaults(camera=False, watch=False, resume=True, inputs=[], connector=None, first_lane=None)
    _add_asked(parser)


def _add_asked(parser: argparse.ArgumentParser) -> None:
    """What is asked of the pictures of a folder."""
    fiber = parser.add_argument_group("which fiber, scale and limits")
    add_request(fiber)
    fiber.add_argument("--manifest", metavar="FILE.csv", help="what overrides these options for single pictures")
    written = parser.add_argument_group("what is written")
    written.add_argument("--no-plots", action="store_true", help="write no histograms")
    written.add_argument("--zone-images", action="store_true", help="cut each zone out as a picture of its own")
    written.add_argument("--agreement", action="store_true", help="write how far the detectors agree on each image")
    written.add_argument("--cells", action="store_true", help="write the table of the 3 x 3 cells of each zone")
    _add_reports(written)
    how = parser.add_argument_group("how it runs")
    how.add_argument("--recursive", action="store_true", help="look in subfolders as well")
    _add_workers(how)
    how.add_argument("--fail-exit", action="store_true", help="exit code 3 when a picture FAILs")


def _add_workers(parser: Options) -> None:
    parser.add_argument(
        "--workers", metavar="N", help="processes of this machine; default: one for each processor; 0: none but this"
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="use the workers of this Dask scheduler, tcp://HOST:PORT"
    )


class Options(Protocol):
    """What takes options: a parser, or a group of one."""

    def add_argument(self, *names: str, **what: Any) -> object:
        """As argparse has it."""


def add_request(parser: Options) -> None:
    """What is asked of one picture."""
    parser.add_argument(
        "--profile", metavar="NAME", help="fast_scan, deep_inspection or another profile of the configuration"
    )
    _add_model(parser)
    parser.add_argument("--fiber-class", metavar="KEY", help="connector class whose limits apply")
    parser.add_argument("--edition", metavar="KEY", help="edition of the acceptance criteria")
    parser.add_argument("--core-diameter-um", metavar="X", help="known diameter of the core")
    parser.add_argument("--cladding-diameter-um", metavar="Y", help="known diameter of the cladding; gives the scale")
    parser.add_argument(
        "--fiber", metavar="WHICH", help="of several in view: only, none is graded (default); middle, the nearest to it"
    )
    parser.add_argument("--fiber-structure", metavar="NAME", help="what it has by its description in the configuration")
    parser.add_argument("--config", metavar="FILE", default=str(CONFIG), help="default: the one that ships")
    parser.add_argument(
        "--calibration", metavar="FILE", default=str(calibration_file()), help="default: the one of this station"
    )
    parser.add_argument(
        "--zones", metavar="NAME,...", default=",".join(ZONES), help="zones to inspect; default: %(default)s"
    )


def _add_model(parser: Options) -> None:
    what = "what looks for marks: the detectors (classical), a learned model (dl), or both; default: learned.engine"
    parser.add_argument("--model", choices=ENGINES, help=what)


def _add_reports(parser: Options) -> None:
    parser.add_argument("--no-report", action="store_true", help="write no report.html, and none of its pictures")
    _add_more_reports(parser)


def _add_more_reports(parser: Options) -> None:
    parser.add_argument("--json-lines", action="store_true", help="write all records into one file, one line each")
    parser.add_argument("--pdf", action="store_true", help="write a certificate of each image and of the batch")
    parser.add_argument("--excel", action="store_true", help="write an Excel workbook of the batch")
    parser.add_argument("--markdown", action="store_true", help="write totals and what does not pass as Markdown")


def add_report(parser: argparse.ArgumentParser) -> None:
    """What is asked of the reports of stored results."""
    parser.add_argument("results_dir", metavar="RESULTS_DIR", help="folder of stored results, subfolders included")
    parser.add_argument("after_dir", metavar="AFTER_DIR", nargs="?", help="with --compare: the later batch")
    _add_settings(parser)
    _add_reports(parser)
    compared = parser.add_argument_group("two batches side by side, before and after cleaning, say")
    compared.add_argument("--compare", action="store_true", help="compare RESULTS_DIR with AFTER_DIR, face by face")
    compared.add_argument(
        "--by",
        metavar="COLUMN",
        default="serial",
        help="manifest column that names a face, else its file; default: %(default)s",
    )
    compared.add_argument("--output-dir", metavar="DIR", help="folder of the comparison; default: AFTER_DIR")
    compared.add_argument(
        "--fail-exit", action="store_true", help="exit code 3 when a face passes no longer, or is gone"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def add_aggregate(parser: Parser) -> None:
    """What is asked of several detections of faces."""
    parser.epilog = "The options of fiber and limits are for pictures of which there is no record of this program."
    what = parser.add_argument_group("sources and results")
    what.add_argument("sources", metavar="SOURCE_DIR", nargs="+", help="folder of results or of foreign reports")
    what.add_argument("--output-dir", metavar="DIR", help="folder of the results, made if need be; in no SOURCE_DIR")
    what.add_argument(
        "--input-dir", metavar="DIR", help="folder of the pictures, which are drawn, and located if need be"
    )
    what.add_argument("--image", metavar="NAME", help="only this face or picture")
    what.add_argument("--resume", action="store_true", help="keep what an earlier run has finished")
    fiber = parser.add_argument_group("which fiber, scale and limits")
    add_request(fiber)
    fiber.add_argument("--manifest", metavar="FILE.csv", help="what overrides these options for single pictures")
    written = parser.add_argument_group("what is written")
    written.add_argument("--no-plots", action="store_true", help="write no histograms")
    written.add_argument("--zone-images", action="store_true", help="cut each zone out as a picture of its own")
    _add_reports(written)
    how = parser.add_argument_group("how it runs")
    _add_workers(how)
    how.add_argument("--fail-exit", action="store_true", help="exit code 3 when a face FAILs")
    _add_told(parser)


def _add_learn(parser: Parser) -> None:
    parser.epilog = "There is no --resume: what is interrupted is begun anew, and writes no model."
    what = parser.add_argument_group("good faces and model")
    _add_pictures(what)
    what.add_argument("--output", metavar="FILE.dscope", help="file of the model; with --update default: the same")
    what.add_argument("--update", metavar="FILE.dscope", help="add the pictures to this model")
    what.add_argument("--show", metavar="FILE.dscope", help="write the card of this model beside it; no pictures")
    what.add_argument("--microscope", metavar="NAME", default="", help="what the pictures were taken with")
    parser.set_defaults(camera=False, watch=False, resume=False)
    _add_asked(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def _add_analyze(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("pictures and results")
    _add_pictures(what)
    _add_reference(what, "; without one each face is compared with its own symmetry")
    what.add_argument("--output-dir", metavar="DIR", help="folder of the results, made if need be")
    what.add_argument("--resume", action="store_true", help="keep what an earlier run has finished")
    parser.set_defaults(camera=False, watch=False)
    _add_asked(parser)
    _add_told(parser)


def _add_gates(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("pictures and results")
    what.add_argument("--input-dir", metavar="DIR", help="folder of the pictures")
    what.add_argument("--output-dir", metavar="DIR", help="folder of the results, made if need be")
    what.add_argument(
        "--layout",
        metavar="FILE.json",
        action="append",
        default=[],
        help="a layout; may be given again",
    )
    what.add_argument("--route", choices=("off", "copy", "move"), help="whether pictures go into a folder by status")
    what.add_argument("--watch", action="store_true", help="go on judging what comes until stopped")
    what.add_argument("--resume", action="store_true", help="keep what an earlier run has finished")
    how = parser.add_argument_group("how it runs")
    how.add_argument("--recursive", action="store_true", help="look in subfolders as well")
    _add_workers(how)
    how.add_argument("--fail-exit", action="store_true", help="exit code 3 when a picture is NG")
    how.add_argument("--quiet", action="store_true", help="print nothing but errors")
    _add_settings(parser)
    actions = parser.add_subparsers(dest="action", metavar="calibrate")
    learn = actions.add_parser("calibrate", help="learn a layout from good sheets", argument_default=argparse.SUPPRESS)
    learn.add_argument("--input-dir", metavar="DIR", help="folder of pictures of good sheets, all of one layout")
    learn.add_argument(
        "--output", metavar="FILE.json", default=None, help="file of the layout, with its card beside it"
    )
    learn.add_argument("--name", metavar="NAME", default=None, help="what results call it; default: that of its file")
    learn.add_argument("--recursive", action="store_true", help="look in subfolders as well")
    learn.add_argument("--quiet", action="store_true", help="print nothing but errors")
    learn.add_argument("--config", metavar="FILE", help="default: the one that ships")
    learn.add_argument("--profile", metavar="NAME", help="profile of the configuration")


def _add_pictures(parser: Options) -> None:
    parser.add_argument("inputs", metavar="PATH", nargs="*", help="pictures, and folders of pictures")
    parser.add_argument("--input-dir", metavar="DIR", help="folder of the pictures, as a PATH is")


def _add_reference(parser: Options, otherwise: str = "") -> None:
    what = f"model of good faces, as `learn` writes it, to compare with{otherwise}"
    parser.add_argument("--reference", metavar="FILE.dscope", help=what)


def _add_capture(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output-dir", metavar="DIR", help="folder of the pictures, made if need be")
    parser.add_argument("--count", metavar="N", default="1", help="number of pictures; default: %(default)s")
    parser.add_argument(
        "--interval", metavar="S", default="0", help="seconds from one to the next; default: %(default)s"
    )
    _add_settings(parser)


def _add_flat_field(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", metavar="FILE", help="PNG file; default: the one that the configuration names")
    _add_settings(parser)


def _add_cameras(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--save-user-set",
        metavar="NAME",
        help="store the configured settings in the camera under NAME, as UserSet1, and let it start with them",
    )
    _add_settings(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", default=str(CONFIG), help="default: the one that ships")
    parser.add_argument("--profile", metavar="NAME", help="profile of the configuration")


def _add_regrade(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Without --edition, --fiber-class and --config each result is judged by the limits that it holds."
    parser.add_argument("results_dir", metavar="RESULTS_DIR", help="folder of stored results, subfolders included")
    parser.add_argument("--edition", metavar="KEY", help="edition of the criteria; default: that of each result")
    parser.add_argument("--fiber-class", metavar="KEY", help="connector class; default: that of each result")
    parser.add_argument("--config", metavar="FILE", help="limits; default: the one that ships, see below")
    parser.add_argument("--compare", action="store_true", help="only count who passes under every edition and class")
    parser.add_argument("--report", action="store_true", help="write report_KEY.html too, KEY as in the summary")
    _add_more_reports(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
