"""A program runs: what goes wrong is told in lines that begin with its name, and becomes its exit code."""

from __future__ import annotations

import io
import logging
import signal
import sys
from collections.abc import Callable

from dscope_blink.devices.camera import GrabFailed
from dscope_blink.devices.capturing import NotBlank
from dscope_blink.files.whole_files import WriteFailed
from dscope_blink.records import UserError, printable
from dscope_blink.reporting.batch_reports import ReportsNotWritten
from dscope_blink.terminal.standard_output import PatientOutput
from dscope_blink.terminal.starting import USER_ERROR, is_missing, what_is_missing

UNFINISHED, INTERRUPTED = 1, 130  # exit codes


def told(program: str, run: Callable[[], int]) -> int:
    """Run a program and return its exit code; errors that a user can mend are lines on the standard error.

    Parameters
    ----------
    program : its name, with which each line begins
    run : gives the exit code
    """
    try:
        return run()
    except KeyboardInterrupt as error:
        return complain(program, "; ".join(filter(None, ("interrupted", str(error)))), INTERRUPTED)
    except WriteFailed as error:
        return complain(program, f"{error}; what was finished is kept", UNFINISHED)
    except (GrabFailed, NotBlank, ReportsNotWritten) as error:
        return complain(program, str(error), UNFINISHED)
    except UserError as error:
        return complain(program, str(error), USER_ERROR)
    except ImportError as error:
        if not is_missing(error):
            raise
        return complain(program, what_is_missing(error), USER_ERROR)


def complain(program: str, message: str, code: int) -> int:
    """Print each line of a message as an error of the program; returns the code."""
    for line in message.splitlines():
        print(f"{program}: {printable(line)}", file=sys.stderr)
    return code


def as_program(program: str, main: Callable[[], int]) -> int:
    """Run `main` as a program of its own: signals, and an output that may end before it does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service is ended as Ctrl-C ends it
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a file name may hold what the terminal cannot show
    logging.captureWarnings(True)
    logging.getLogger().addHandler(logging.NullHandler())  # what libraries say is for the log file, where there is one
    sys.stdout = output = PatientOutput(sys.stdout)
    try:
        code = main()
    finally:
        output.flush()
    if output.problem is None or isinstance(output.problem, BrokenPipeError):
        return code
    return complain(program, f"standard output cannot be written: {output.problem.strerror}", code or UNFINISHED)
