"""The door to the settings: every threshold, class and limit, read once and checked before anything is done.

What may be changed stands in config.json, and nowhere else: no number has a second default in the code. The file is
held against config.schema.json, which says of each key what it means and between which values it must lie; a key that
nobody knows is an error with a hint, not silence. All problems of a file are told at once, each with its place, so
that it is mended in one go.

A profile is the document with some keys changed: `deep_inspection` has all detectors, `fast_scan` the cheap ones on a
smaller picture. The editions of the standard and their connector classes are data too, so that a rule of one's own is
written and not programmed.

    python config_loader.py                 checks the file that ships, and says what it holds
    python config_loader.py my_config.json  the same of another; exit code 2 where something is wrong with it

`load_config` gives a `ConfigFile`; its `profile(name)` is the `Config` that every stage reads, frozen, with one class
for each section of the file. The wing behind this door is `dscope_blink/config/`.
"""

import sys

from dscope_blink.terminal.starting import needed_by

with needed_by("config_loader.py", __name__):
    from dscope_blink.config.loading import load_config
    from dscope_blink.config.settings import Config, ConfigFile
    from dscope_blink.records import ConfigError, Criteria
    from dscope_blink.terminal.configuration import ALONE, main
    from dscope_blink.terminal.running import as_program

__all__ = ["Config", "ConfigError", "ConfigFile", "Criteria", "load_config"]

if __name__ == "__main__":
    sys.exit(as_program(ALONE, main))
