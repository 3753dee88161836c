"""Compares two batches of stored results: `report RESULTS_DIR AFTER_DIR --compare`."""

from __future__ import annotations

import argparse

from dscope_blink.batch.comparing import Compared, compare_batches
from dscope_blink.batch.run_manifest import renewing_all
from dscope_blink.terminal.arguments import checked_comparison, checked_config
from dscope_blink.terminal.log_file import log_file
from dscope_blink.terminal.tables import console_of, face_table, outcome_table, print_line

WORSE = 3  # exit code, that of `inspect --fail-exit` where a picture fails


def compare_results(arguments: argparse.Namespace) -> int:
    """Compare, print what changed and where it is written.

    Returns
    -------
    Exit code: 0; with `--fail-exit` 3 where a face that passed does so no longer, or is not in the later batch
    """
    wanted = checked_comparison(arguments)
    console = console_of(arguments.quiet)
    for warning in wanted.warnings:
        print_line(console, f"Warning: {warning}")
    config = checked_config(arguments)
    with log_file(wanted.output), renewing_all(wanted.output, config, "report --compare") as manifests:
        done = compare_batches(wanted)
        manifests.wrote(done.paths)
    if done.unread:
        print_line(console, f"Warning: {done.unread} results cannot be read, see the log")
    console.print(outcome_table(done.outcomes))
    if changed := [row for row in done.rows if row["Outcome"] != "same" or row["Removed"] or row["New"]]:
        console.print("", face_table(changed))
    if done.undecided:
        print_line(
            console, f"{done.undecided} faces: the marks do not tell how they lie turned, only counts are compared"
        )
    for path in done.paths:
        print_line(console, f"Comparison: {path}")
    return WORSE if arguments.fail_exit and _is_worse(done) else 0


def _is_worse(done: Compared) -> bool:
    return bool(done.outcomes.get("worse") or done.outcomes.get("gone"))
