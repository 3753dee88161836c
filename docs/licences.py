"""The licences of what the program is made of, in docs/third_party.md: `python -m docs.licences` writes them again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution

from docs.modules import ROOT

PAGE = ROOT / "docs" / "third_party.md"
REQUIREMENTS = (
    *("requirements.txt", "requirements-cluster.txt"),
    *("requirements-learn.txt", "requirements-gates.txt"),
)
# Where a package says it in another way than by an expression: from its own licence file.
BY_HAND = {
    "contourpy": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "matplotlib": "Matplotlib licence (as the PSF's)",
    "opencv-contrib-python": "Apache-2.0; FFmpeg in it: LGPL-2.1, Qt in it: LGPL-3.0",
    "pypylon": "BSD-3-Clause; pylon in it: Basler's own",
    "reportlab": "BSD-3-Clause",
    "rich": "MIT",
    "paho-mqtt": "EPL-2.0 or BSD-3-Clause",
    "scikit-image": "BSD-3-Clause",
    "scipy": "BSD-3-Clause; GCC's runtime in it: with the exception that lets any program use it",
    "shapely": "BSD-3-Clause; GEOS in it: LGPL-2.1",
    "shtab": "MPL-2.0",
    "watchdog": "Apache-2.0",
}


def named() -> Iterator[str]:
    """The packages that the requirements name, in their order, each once."""
    lines = [line for file in REQUIREMENTS for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    names = (re.split(r"[<>=!\[ ]", line)[0] for line in lines if line and not line.startswith(("#", "-r")))
    yield from dict.fromkeys(names)


def page() -> str:
    """The page in Markdown."""
    rows = "\n".join(f"| {name} | {_licence(distribution(name))} | {_home(distribution(name))} |" for name in named())
    return f"""# What the program is made of

Written by `python -m docs.licences`; do not edit. The packages that the program requires, each under its own licence,
whose text lies in the package (`*.dist-info`). None is under the GPL or the AGPL. They are installed beside the program
and are not part of it.

| package | licence | home |
|---|---|---|
{rows}
"""


def _licence(package: Distribution) -> str:
    name = package.metadata["Name"].lower()
    return BY_HAND.get(name) or package.metadata["License-Expression"] or package.metadata["License"]


def _home(package: Distribution) -> str:
    links = dict(link.split(", ", 1) for link in package.metadata.get_all("Project-URL") or ())
    found = {title.lower(): link for title, link in links.items()}
    home = package.metadata["Home-page"]
    return home or next((found[title] for title in ("homepage", "home", "source", "repository") if title in found), "")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
