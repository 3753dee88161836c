"""Libraries that draw, as they ship: what a user has set for them neither changes a report nor makes it fail.

matplotlib reads a `matplotlibrc` and MPLBACKEND, reportlab `~/.reportlab_settings`, a module `reportlab_settings` and
variables RL_...; whatever they hold, a report is the same bytes.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any, Final

BACKEND, RC, RC_FILE = "MPLBACKEND", "MATPLOTLIBRC", "matplotlibrc"
BACKEND_KEY: Final = "backend"  # to ask matplotlib for it imports pyplot
REPORTLAB_VARIABLE = "RL_"  # its beginning
REPORTLAB_SETTINGS = ("reportlab.local_rl_settings", "reportlab_settings")  # found, no file in the home is looked for

_importing = RLock()


@contextmanager
def matplotlib_as_shipped() -> Iterator[None]:
    """Around everything that makes or stores a figure: matplotlib's own defaults; also a decorator.

    The backend stays the user's: no figure here is drawn by it, and whoever asks for it imports it.
    """
    _import_matplotlib()
    from matplotlib import rc_context

    with ExitStack() as stack:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of keys that a later version drops
            stack.enter_context(rc_context(_set_by_the_user()))
        yield


def _set_by_the_user() -> dict[Any, Any]:
    """The defaults of what is otherwise now: most users have set nothing, and to set all takes milliseconds."""
    from matplotlib import rcParams, rcParamsDefault

    keys = (key for key in rcParamsDefault if key != BACKEND_KEY)
    return {key: rcParamsDefault[key] for key in keys if rcParams[key] != rcParamsDefault[key]}


def _import_matplotlib() -> None:
    """Import it by its own settings, on which its colour maps depend, and then set those of the user again."""
    with _importing:
        found = find_spec("matplotlib")
        if "matplotlib" in sys.modules or found is None or found.origin is None:
            return
        shipped = Path(found.origin).parent / "mpl-data" / RC_FILE
        with ExitStack() as stack:
            stack.enter_context(_environment({BACKEND: None, RC: str(shipped)}))
            if Path(RC_FILE).is_file():  # one in the working folder comes before all others
                stack.enter_context(chdir(shipped.parent))
            import matplotlib
        with suppress(Exception):  # they are the user's, and so is what is wrong with them
            if not os.path.samefile(matplotlib.matplotlib_fname(), shipped):
                theirs = matplotlib.rc_params()
                matplotlib.rcParams.update({key: theirs[key] for key in theirs if key != BACKEND_KEY})
            if os.environ.get(BACKEND):
                matplotlib.rcParams[BACKEND_KEY] = os.environ[BACKEND]


@contextmanager
def reportlab_as_shipped() -> Iterator[None]:
    """Around the first import of reportlab: its own settings."""
    with _importing, ExitStack() as stack:
        if "reportlab.rl_config" not in sys.modules:
            variables = [name for name in os.environ if name.startswith(REPORTLAB_VARIABLE)]
            stack.enter_context(_environment(dict.fromkeys(variables)))
            stack.enter_context(_empty_modules(REPORTLAB_SETTINGS))
        yield


@contextmanager
def _environment(values: dict[str, str | None]) -> Iterator[None]:
    """Variables of the environment for a while; None takes one away."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def _empty_modules(names: tuple[str, ...]) -> Iterator[None]:
    """Modules of these names that hold nothing, for a while."""
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update({name: ModuleType(name) for name in names})
    try:
        yield
    finally:
        for name, module in before.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module
