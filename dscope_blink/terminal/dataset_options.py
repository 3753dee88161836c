"""The words of the command `dataset`: a function of OPTIONS for each of its actions."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeAlias

from dscope_blink.config.shipped import shipped
from dscope_blink.training.exporting import EXPORTS
from dscope_blink.training.foreign_marks import READERS

AddAsked: TypeAlias = Callable[[argparse.ArgumentParser], None]  # what is asked of the pictures, as `inspect` has it


def add_dataset(parser: argparse.ArgumentParser, add_asked: AddAsked, add_settings: AddAsked) -> None:
    """The actions of the command `dataset`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    build = actions.add_parser("build", help="inspect pictures, or take stored results, and make a data set of them")
    _add_build(build, add_asked)
    render = actions.add_parser("render", help="make a data set of rendered faces, whose marks are known to the pixel")
    _add_render(render, add_settings)
    inject = actions.add_parser("inject", help="paint blemishes into clean photographs, and make a data set of them")
    _add_build(inject, add_asked)
    inject.add_argument("--count", metavar="N", default="100", help="painted copies; default: %(default)s")
    _add_export(actions.add_parser("export", help="write a data set in the formats of other programs"))
    _add_crops(actions.add_parser("crops", help="cut crops at full scale out of a data set"))
    _add_import(actions.add_parser("import", help="take back the marks that people corrected elsewhere"))
    _add_agree(actions.add_parser("agree", help="say how far two annotators agree"))


def _add_render(parser: argparse.ArgumentParser, add_settings: AddAsked) -> None:
    parser.add_argument("--count", metavar="N", default="100", help="faces; default: %(default)s")
    parser.add_argument("--output-dir", metavar="DATASET", help="folder of the data set, made if need be")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--annotate", action="store_true", help="cut crops out of it as well, as `dataset crops` does")
    add_settings(parser)
    parser.add_argument("--workers", metavar="N", help="processes of this machine; 0: none but this")


def _add_build(parser: argparse.ArgumentParser, add_asked: AddAsked) -> None:
    what = parser.add_argument_group("pictures and data set")
    what.add_argument("inputs", metavar="PATH", nargs="*", help="pictures, and folders of pictures")
    what.add_argument("--input-dir", metavar="DIR", help="folder of the pictures, as a PATH is")
    what.add_argument(
        "--results", metavar="DIR", help="take the stored results of this folder; PATH has their pictures"
    )
    what.add_argument("--output-dir", metavar="DATASET", help="folder of the data set, made if need be")
    what.add_argument(
        "--corrections", metavar="DIR", help="what people said of the pictures; default: DATASET/corrections"
    )
    what.add_argument("--annotate", action="store_true", help="also cut crops, into DATASET/crops")
    what.add_argument("--quiet", action="store_true", help="print nothing but errors")
    add_asked(parser)
    parser.set_defaults(camera=False, watch=False, resume=True)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="folder of the data set")
    parser.add_argument("--to", metavar="FORMATS", required=True, help=f"by commas: {', '.join(EXPORTS)}; or all")
    _add_settings(parser)
    _add_quiet(parser)


def _add_crops(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="folder of the data set")
    parser.add_argument("--output-dir", metavar="CROPS", required=True, help="folder of the crops, made if need be")
    _add_settings(parser)
    _add_quiet(parser)


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="folder of the data set")
    parser.add_argument("file", metavar="FILE", help="what the other program exported")
    parser.add_argument("--from", dest="form", required=True, choices=tuple(READERS), help="the other program")
    parser.add_argument("--author", metavar="NAME", default="", help="who did it; default: as the file says")
    parser.add_argument("--corrections", metavar="DIR", help="where to store it; default: DATASET/corrections")
    _add_settings(parser)
    _add_quiet(parser)


def _add_agree(parser: argparse.ArgumentParser) -> None:
    what = "a data set with its corrections, or a folder of corrections"
    parser.add_argument("first", metavar="A", help=what)
    parser.add_argument("second", metavar="B", help=what)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", default=str(shipped("config.json")), help="default: the one that ships"
    )
    parser.add_argument("--profile", metavar="NAME", help="profile of the settings")


def _add_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
