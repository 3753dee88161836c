"""A picture from its grey levels to candidates for marks, all in pixels."""

import sys

from dscope_blink.terminal.starting import needed_by

with needed_by("image_processing.py", __name__):
    from dscope_blink.terminal.running import as_program
    from dscope_blink.terminal.stages import ALONE, main

if __name__ == "__main__":
    sys.exit(as_program(ALONE, main))
