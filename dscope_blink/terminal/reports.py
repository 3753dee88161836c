"""Writes the reports of stored results: `python reporting.py RESULTS_DIR`, or `report` in the terminal."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial

from dscope_blink.analysis.rejudging import load_row
from dscope_blink.batch.run_manifest import renewing_all
from dscope_blink.reporting.batch_reports import (
    ReportsNotWritten,
    certificates_of,
    reports_of,
    write_batch_reports,
    write_certificates,
)
from dscope_blink.reporting.stored_results import StoredResults, kept_apart
from dscope_blink.terminal.arguments import checked_reports
from dscope_blink.terminal.comparing import compare_results
from dscope_blink.terminal.log_file import log_file
from dscope_blink.terminal.options import add_report
from dscope_blink.terminal.parsing import Parser
from dscope_blink.terminal.running import told
from dscope_blink.terminal.tables import console_of, print_line

ALONE = "reporting.py"  # the program that does nothing else


def main(words: Sequence[str] | None = None) -> int:
    """Write the reports of a folder of results; returns the exit code, as `report` in the terminal has it."""
    return told(ALONE, lambda: write_reports(_parser().parse_args(words)))


def _parser() -> argparse.ArgumentParser:
    text = "Writes the reports of stored results once more: page, certificates, workbook, records."
    parser = Parser(prog=ALONE, description=text, allow_abbrev=False)
    add_report(parser)
    return parser


def write_reports(arguments: argparse.Namespace) -> int:
    """Write the reports of stored results, or compare two batches, and print where each is; returns the exit code."""
    if arguments.compare:
        return compare_results(arguments)
    wanted = checked_reports(arguments)
    console = console_of(arguments.quiet)
    for warning in wanted.warnings:
        print_line(console, f"Warning: {warning}")
    renewal = renewing_all(wanted.folder, wanted.config, "report", within=wanted.config.reporting.pdf)
    with log_file(wanted.folder), renewal as manifests:
        load = partial(load_row, settings=wanted.settings)
        results, own = kept_apart(wanted.folder, wanted.results, load), StoredResults(wanted.results, load)
        # A certificate is of one record, whose run has listed its hash: it calls the picture as that one does.
        certificates, problems = write_certificates(own) if wanted.config.reporting.pdf else (0, {})
        try:
            write_batch_reports(wanted.folder, results, wanted.config)
        except ReportsNotWritten as error:
            problems = {**problems, **error.problems}
        reports = reports_of(wanted.folder, wanted.config.reporting)
        manifests.wrote((*reports, *(certificates_of(wanted.results) if certificates else ())))
        for path in reports:
            if path not in problems:
                print_line(console, f"Report: {path}")
        if certificates:
            print_line(console, f"Certificates beside the records: {certificates}")
        if problems:
            raise ReportsNotWritten(problems)
    return 0
