"""What is asked at the terminal of who gives no arguments: answers -> the command line that says the same."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from dscope_blink.config.loading import load_config
from dscope_blink.files.manifest import positive_number
from dscope_blink.records import PROGRAM, VERSION, UserError
from dscope_blink.terminal.arguments import CONFIG, ZONES, check_images, check_output_folder, parse_zones
from dscope_blink.terminal.starting import program_name


def ask_everything() -> list[str]:
    """Ask for what is needed and return the command line that says the same."""
    settings = load_config(CONFIG)
    criteria = settings.profile(settings.default_profile).criteria
    classes, profiles = ", ".join(criteria.classes(criteria.default_edition)), ", ".join(settings.profiles)
    words = ["inspect"]

    def ask(option: str, question: str, check: Callable[[str], object], default: str | None = None) -> str:
        answer = _ask(question, check, default)
        words.append(f"--{option}={answer}")
        return answer

    print(f"{PROGRAM} {VERSION}: inspection of optical-fiber end faces")
    ask("input-dir", "Folder of the pictures", lambda text: check_images(text, False, Path(os.devnull)))
    ask("output-dir", "Folder of the results", check_output_folder, f"results_{datetime.now():%Y%m%d_%H%M%S}")
    known = "Do you want to provide known fiber dimensions (microns) for this batch? (y/n)"
    if _ask(known, _yes, "n").lower().startswith("y"):
        core = ask(
            "core-diameter-um", "Core diameter in microns", lambda text: positive_number("the core diameter", text)
        )
        ask("cladding-diameter-um", "Cladding diameter in microns", lambda text: _cladding(core, text))
    ask(
        "fiber-class",
        f"Fiber class ({classes})",
        lambda text: criteria.find(criteria.default_edition, text),
        criteria.default_class,
    )
    ask("profile", f"Profile ({profiles})", settings.profile, settings.default_profile)
    ask("zones", f"Zones to inspect ({', '.join(ZONES)})", parse_zones, ",".join(ZONES))
    print(f"Running: {program_name()} {shlex.join(words)}")
    return words


def _ask(question: str, check: Callable[[str], object], default: str | None = None) -> str:
    """Ask until the answer passes its check; at the end of input the default is the answer."""
    prompt = f"{question} [{default}]: " if default is not None else f"{question}: "
    while True:
        try:
            answer = input(prompt).strip().strip("\"'") or default or ""
        except EOFError:
            return _at_end_of_input(question, check, default)
        try:
            check(answer)
        except UserError as error:
            print(f"  {error}")
        else:
            return answer


def _at_end_of_input(question: str, check: Callable[[str], object], default: str | None) -> str:
    print()
    if default is None:
        raise UserError(f'the input ended before "{question}" was answered')
    check(default)
    return default


def _yes(text: str) -> bool:
    if text.lower() not in ("y", "yes", "n", "no"):
        raise UserError(f"please answer y or n, got {text!r}")
    return text.lower().startswith("y")


def _cladding(core: str, text: str) -> None:
    if positive_number("the cladding diameter", text) <= float(core):
        raise UserError(f"the cladding diameter must be greater than the core diameter {core}, got {text}")
