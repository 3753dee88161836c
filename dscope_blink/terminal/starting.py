"""A program is started: its name, and a package that is missing, told in one line; imports none that may be so."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

COMMAND, CHECKOUT = "dscope-blink", "main.py"
USER_ERROR = 2  # exit code
INSTALLED_AS = MappingProxyType(  # where the names differ
    {
        "paho": "paho-mqtt",
        "cv2": "opencv-contrib-python",
        "PIL": "pillow",
        "skimage": "scikit-image",
        "sklearn": "scikit-learn",
    }
)
REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"  # of a checkout
OTHER_REQUIREMENTS = MappingProxyType(  # file beside it -> packages that are not in that one
    {
        "requirements-learn.txt": ("shapely", "skimage", "sklearn"),
        "requirements-gates.txt": ("onnxruntime", "paho", "pymodbus", "scipy"),
    }
)


def program_name() -> str:
    """How the terminal was started: as the installed command, or from a checkout."""
    return COMMAND if Path(sys.argv[0]).stem == COMMAND else CHECKOUT


@contextmanager
def needed_by(program: str, module: str = "__main__") -> Iterator[None]:
    """Around the imports of a program: where one is missing, it ends with one line and exit code 2.

    Parameters
    ----------
    program : its name, with which the line begins
    module : `__name__` of the caller; one that is itself imported is told of what is missing by the ImportError
    """
    if module == "__main__" and not _is_there("numpy"):  # OpenCV, imported before it, prints a text of its own
        _end(program, _needs("numpy"))
    try:
        yield
    except ImportError as error:
        if module != "__main__" or not is_missing(error):
            raise
        _end(program, what_is_missing(error))


def _end(program: str, message: str) -> NoReturn:
    print(f"{program}: {message}", file=sys.stderr)
    sys.exit(USER_ERROR)


def is_missing(error: ImportError) -> bool:
    """Whether it is a package from outside that is missing or does not load, and no fault of this program."""
    return error.name is not None and error.name.partition(".")[0] != "dscope_blink"


def what_is_missing(error: ImportError) -> str:
    """One line: the package, and how to get it."""
    package = (error.name or "").partition(".")[0]
    if isinstance(error, ModuleNotFoundError):
        return _needs(package)
    return f"this program needs {package}, which does not load: {' '.join(str(error).split())}"


def _needs(package: str) -> str:
    other = (name for name, packages in OTHER_REQUIREMENTS.items() if package in packages)
    file = REQUIREMENTS.with_name(next(other, REQUIREMENTS.name))
    how = f"-r {file.name}" if file.exists() else INSTALLED_AS.get(package, package)
    return f"this program needs {package} (pip install {how})"


def missing_packages(packages: Iterable[str]) -> list[str]:
    """One line for each of these packages that is missing, without importing them."""
    return [_needs(package) for package in packages if not _is_there(package)]


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ImportError:
        return False
