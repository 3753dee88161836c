"""Judges one stored result again: `python analysis.py NAME_result.json --edition KEY`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from dscope_blink.analysis.rejudging import NoFace
from dscope_blink.batch.regrading import Asked, judge_again
from dscope_blink.config.loading import load_config
from dscope_blink.records import UNCONFIRMED, Inspection, UserError, check_in_words, texts
from dscope_blink.terminal.arguments import checked_record
from dscope_blink.terminal.options import CONFIG
from dscope_blink.terminal.parsing import Parser
from dscope_blink.terminal.running import told
from dscope_blink.terminal.tables import console_of, print_line

ALONE = "analysis.py"  # the program that does nothing else


def main(words: Sequence[str] | None = None) -> int:
    """Judge a stored result and print verdict, reasons and every limit that was held.

    Returns
    -------
    Exit code: 0 whatever the verdict, 2 for wrong arguments or a file that is no record
    """
    return told(ALONE, lambda: judge(_parser().parse_args(words)))


def _parser() -> argparse.ArgumentParser:
    text = "Judges one stored result again, without its picture, and prints every limit that was held."
    parser = Parser(prog=ALONE, description=text, allow_abbrev=False)
    parser.add_argument("result", metavar="RESULT.json", help="NAME_result.json")
    parser.add_argument("--edition", metavar="KEY", help="edition of the criteria; default: that of the result")
    parser.add_argument("--fiber-class", metavar="KEY", help="connector class; default: that of the result")
    parser.add_argument("--config", metavar="FILE", help="limits; default: the one that ships, see below")
    parser.epilog = "Without --edition, --fiber-class and --config the result is judged by the limits that it holds."
    return parser


def judge(arguments: argparse.Namespace) -> int:
    """Judge and print; returns the exit code."""
    before = checked_record(arguments)
    settings = load_config(Path(arguments.config or CONFIG))
    own = arguments.edition is arguments.fiber_class is arguments.config is None
    asked = Asked(arguments.edition, arguments.fiber_class, own)
    asked.check(settings.profile(settings.default_profile).criteria)
    try:
        after = judge_again(before, asked, settings)
    except NoFace as error:
        raise UserError(f"{arguments.result}: no record: {error}") from None
    _print(console_of(), before, after)
    return 0


def _print(console: Console, before: Inspection, after: Inspection) -> None:
    verdict, limits = after.verdict, after.criteria
    print_line(console, f"{verdict.status}  {after.title}", "bold")
    was = f"{before.verdict.status} by {before.criteria.edition} {before.criteria.fiber_class}"
    print_line(console, f"by {limits.edition} {limits.fiber_class}; it was {was}")
    if not limits.confirmed and limits.zones:
        print_line(console, UNCONFIRMED.format(f"{limits.edition} {limits.fiber_class}"))
    _print_list(console, "Reasons", texts(verdict.reasons))
    _print_list(console, "MARGINAL", verdict.doubts)
    told = ((check, check_in_words(check, limits, after.defects)) for check in verdict.checks)
    _print_list(console, "Checks", [f"{'broken' if check.broken else 'held':<8}{words}" for check, words in told])


def _print_list(console: Console, title: str, lines: Sequence[str]) -> None:
    if lines:
        print_line(console, f"{title}:")
    for line in lines:
        print_line(console, f"  {line}")
