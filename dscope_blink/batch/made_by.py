"""The program that runs, and where and for whom: what a manifest says of it."""

from __future__ import annotations

import getpass
import hashlib
import importlib.metadata
import os
import platform
from functools import cache
from pathlib import Path

from dscope_blink.config.settings import SigningSettings
from dscope_blink.config.shipped import PACKAGE
from dscope_blink.records import PROGRAM, VERSION, printable
from dscope_blink.records.batch_manifest import MadeBy

# What figures may depend on; what is not installed is not named.
LIBRARIES = (
    *("numpy", "opencv-contrib-python", "pillow", "simplejpeg", "msgspec", "cryptography"),
    *("scipy", "scikit-image", "scikit-learn", "shapely", "onnxruntime", "matplotlib", "reportlab"),
)
PROCESSORS = Path("/proc/cpuinfo")  # of Linux, where Python does not know which one it is
NOBODY = "unknown"


def made_by(settings: SigningSettings) -> MadeBy:
    """What is known of this process; the operator as the configuration has it, else the user of the system."""
    return MadeBy(
        PROGRAM,
        VERSION,
        code_sha256(),
        platform.python_version(),
        _versions(),
        printable(_processor()),
        printable(platform.node()) or NOBODY,
        settings.operator or _user(),
    )


@cache
def code_sha256(package: Path = PACKAGE) -> str:
    """The sha256 of all files of the package, by their names and contents; what Python makes of them is left out."""
    whole = hashlib.sha256()
    for path in sorted(path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{digest}  {path.relative_to(package).as_posix()}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


@cache
def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@cache
def _processor() -> str:
    try:
        lines = PROCESSORS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor() or NOBODY}, {platform.machine()}, {os.cpu_count()} processors"


def _user() -> str:
    try:
        return printable(getpass.getuser())
    except (OSError, KeyError, ImportError):  # of a container, whose user has no name
        return NOBODY
