"""The front door: everything that can be asked of the program at a terminal.

A technician starts it without a word and answers its questions; a script at night gives it a command line and reads
one line and an exit code. Both end in the same place: a folder of pictures goes in, and for each picture come out
where core, cladding and ferrule are, every mark in micrometres, and PASS, FAIL or NOT_GRADED with the reason.

    python main.py                                  asks for everything in turn
    python main.py demo                             renders ten end faces and inspects them: no data needed
    python main.py inspect --input-dir A --output-dir B
    python main.py --help                           the other commands

Once installed (`pip install .`), the same program is the command `dscope-blink`.

Behind this door lie the wings `terminal` (words to a checked request, results to tables and exit codes) and `batch`
(many pictures in processes, on a cluster, night after night; one that fails never stops the rest). What becomes of
one picture is told by `dscope_blink/pipeline.py`: read that first.
"""

import sys

from dscope_blink.terminal.starting import needed_by

with needed_by("main.py", __name__):
    from dscope_blink.terminal.commands import main, run_program

__all__ = ["main", "run_program"]

if __name__ == "__main__":
    sys.exit(run_program())
