"""Packages with detectors, as an installer leaves them: modules beside the folder that says what they bring."""

from __future__ import annotations

from pathlib import Path


def installed_package(folder: Path, package: str, source: str, entry_points: str) -> Path:
    """A package of one module, `package`, in a folder that is to be on the path.

    Parameters
    ----------
    folder : where it is installed
    package : its name, and that of its module
    source : of the module
    entry_points : its detectors, lines as `name = module:function`
    """
    folder.mkdir(exist_ok=True)
    (folder / f"{package}.py").write_text(source, encoding="utf-8")
    about = folder / f"{package}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(f"[dscope_blink.detectors]\n{entry_points}\n", encoding="utf-8")
    return folder
