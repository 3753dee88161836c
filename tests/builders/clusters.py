"""A Dask cluster of one worker, started as docs/nightly.md says."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def started_cluster(python: Path, folder: Path, processes: list[Any] | None = None) -> Iterator[str]:
    """The address of the scheduler; `python` is the program that starts both, in this folder.

    Both are added to `processes`, for whoever wants to end one.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, dask = f"tcp://127.0.0.1:{port}", [str(python), "-m", "dask"]
    own = ("scheduler", "--host", "127.0.0.1", "--port", str(port), "--dashboard-address", ":0")
    theirs = ("worker", address, "--nworkers", "1", "--nthreads", "1", "--dashboard-address", ":0")
    with ExitStack() as stack:
        for words in (own, theirs):
            process = subprocess.Popen([*dask, *words], cwd=folder, stderr=subprocess.DEVNULL)
            (processes if processes is not None else []).append(process)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        with pytest.importorskip("distributed").Client(address, timeout=60) as client:
            client.wait_for_workers(1, timeout=60)
        yield address
