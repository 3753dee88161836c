"""What is asked at the terminal of who gives no arguments: answers -> the command line that says the same."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from dscope_blink.calibration.scale_file import load_calibration
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config, ConfigFile, CriteriaBook
from dscope_blink.config.shipped import calibration_file
from dscope_blink.files.keys import known_key
from dscope_blink.files.manifest import positive_number
from dscope_blink.records import PROGRAM, VERSION, UserError
from dscope_blink.records.user_paths import user_path
from dscope_blink.terminal.arguments import check_images, check_output_folder, parse_zones
from dscope_blink.terminal.options import CONFIG, ZONES
from dscope_blink.terminal.starting import program_name

BACK, HELP = "<", "?"
NO_SCALE = (
    "Without the cladding diameter, and without a calibration of this microscope, no picture can be graded: "
    "go back (<) and give the diameters, or calibrate first (calibrate --help)"
)
INPUT, OUTPUT, KNOWN, CORE, CLADDING = (
    "input-dir",
    "output-dir",
    "known",
    "core-diameter-um",
    "cladding-diameter-um",
)
CLASS, PROFILE, ZONES_ASKED = "fiber-class", "profile", "zones"

Answers: TypeAlias = dict[str, str]  # by option


@dataclass(frozen=True, slots=True)
class _Question:
    """One thing that is asked; what it asks may depend on what was answered before."""

    option: str
    text: str
    check: Callable[[str, Answers], str | None]  # UserError if it is no answer; else what there is to say of it
    default: Callable[[Answers], str | None] = lambda answers: None
    is_asked: Callable[[Answers], bool] = lambda answers: True
    clean: Callable[[str], str] = lambda text: text


def ask_everything() -> list[str]:
    """Ask for what is needed and return the command line that says the same."""
    questions = list(_questions(load_config(CONFIG)))
    print(f"{PROGRAM} {VERSION}: inspection of optical-fiber end faces ({BACK} goes back, {HELP} explains)")
    answers: Answers = {}
    asked: list[int] = []  # in their order
    number = 0
    while number < len(questions):
        question = questions[number]
        if question.is_asked(answers):
            answer = _ask(question, answers)
            if answer == BACK:
                number = asked.pop() if asked else number
                continue
            answers[question.option] = answer
            asked.append(number)
        else:
            answers.pop(question.option, None)
        number += 1
    words = ["inspect", *(f"--{option}={answer}" for option, answer in answers.items() if option != KNOWN)]
    print(f"Running: {program_name()} {shlex.join(words)}")
    return words


def _questions(settings: ConfigFile) -> Iterator[_Question]:
    config = settings.profile(settings.default_profile)
    criteria = config.criteria
    classes, profiles = ", ".join(criteria.classes(criteria.default_edition)), ", ".join(settings.profiles)
    known = "Do you want to provide known fiber dimensions (microns) for this batch? (y/n)"
    results = f"results_{datetime.now():%Y%m%d_%H%M%S}"
    yield _Question(INPUT, "Folder of the pictures", lambda text, _: _pictures(text), clean=_path)
    yield _Question(OUTPUT, "Folder of the results", _output, lambda _: results, clean=_path)
    yield _Question(KNOWN, known, lambda text, _: None if _yes(text) else _without_scale(config), lambda _: "n")
    yield _Question(CORE, "Core diameter in microns", lambda text, _: _core(text), is_asked=_dimensions)
    yield _Question(CLADDING, "Cladding diameter in microns", _cladding, is_asked=_dimensions)
    yield _Question(CLASS, f"Fiber class ({classes})", _class(criteria), lambda answers: _fitting(criteria, answers))
    yield _Question(
        PROFILE,
        f"Profile ({profiles})",
        lambda text, _: _checked(settings.profile, text),
        lambda _: settings.default_profile,
    )
    yield _Question(
        ZONES_ASKED,
        f"Zones to inspect ({', '.join(ZONES)})",
        lambda text, _: _checked(parse_zones, text),
        lambda _: ",".join(ZONES),
    )


def _ask(question: _Question, answers: Answers) -> str:
    """Ask until the answer passes its check; at the end of input the default is the answer."""
    default = question.default(answers)
    prompt = f"{question.text} [{default}]: " if default is not None else f"{question.text}: "
    while True:
        try:
            answer = question.clean(input(prompt).strip()) or default or ""
        except EOFError:
            return _at_end_of_input(question, answers, default)
        if answer == BACK:
            return answer
        if answer == HELP:
            print(f"  Enter takes what stands in brackets, {BACK} goes back, Ctrl-C ends it")
            continue
        try:
            said = question.check(answer, answers)
        except UserError as error:
            print(f"  {error}")
        else:
            if said:
                print(f"  {said}")
            return answer


def _at_end_of_input(question: _Question, answers: Answers, default: str | None) -> str:
    print()
    if default is None:
        raise UserError(f'the input ended before "{question.text}" was answered')
    question.check(default, answers)
    return default


# --- the checks of the answers


def _path(text: str) -> str:
    """A path as it is typed, or dragged into a terminal: quoted, with ~, or with a backslash before each space."""
    text = text.strip("\"'")
    if "\\" in text and not os.path.exists(user_path(text)):
        with suppress(ValueError):
            words = shlex.split(text)
            text = words[0] if len(words) == 1 and os.name != "nt" else text
    return str(user_path(text)) if text.startswith("~") else text


def _checked(check: Callable[[str], object], text: str) -> None:
    check(text)


def _pictures(text: str) -> str:
    count = len(check_images([text] if text else [], False, Path(os.devnull)).files)
    return f"{count} picture{'s' if count != 1 else ''}"


def _output(text: str, answers: Answers) -> None:
    pictures = Path(answers[INPUT]).absolute()
    if check_output_folder(text).resolve() == (pictures if pictures.is_dir() else pictures.parent).resolve():
        raise UserError(f"output folder {text}: is the folder of the pictures; results need one of their own")


def _yes(text: str) -> bool:
    if text.lower() not in ("y", "yes", "n", "no"):
        raise UserError(f"please answer y or n, got {text!r}")
    return text.lower().startswith("y")


def _without_scale(config: Config) -> str | None:
    """What there is to say when no diameter is given."""
    calibration = load_calibration(
        calibration_file(), datetime.now().astimezone().date(), config.calibration, known_key(config.signing)
    )
    return NO_SCALE if calibration is None else None


def _dimensions(answers: Answers) -> bool:
    return _yes(answers[KNOWN])


def _core(text: str) -> None:
    positive_number("the core diameter", text)


def _cladding(text: str, answers: Answers) -> None:
    if positive_number("the cladding diameter", text) <= positive_number("the core diameter", answers[CORE]):
        raise UserError(f"the cladding diameter must be greater than the core diameter {answers[CORE]}, got {text}")


def _core_um(answers: Answers) -> float | None:
    return positive_number("the core diameter", answers[CORE]) if CORE in answers else None


def _fitting(criteria: CriteriaBook, answers: Answers) -> str:
    """The class that is offered: the default, or the one that is for such a core."""
    core_um = _core_um(answers)
    if core_um is None or criteria.fits(criteria.default_class, core_um):
        return criteria.default_class
    with suppress(UserError):
        return criteria.class_for(criteria.default_edition, core_um)
    return criteria.default_class


def _class(criteria: CriteriaBook) -> Callable[[str, Answers], str | None]:
    def check(text: str, answers: Answers) -> str | None:
        criteria.find(criteria.default_edition, text)
        core_um = _core_um(answers)
        return None if criteria.fits(text, core_um) else f"Note: {text} is not for a core of {core_um:g} um"

    return check
