"""How much memory a process that inspects pictures may take: beyond it one picture fails, not the machine."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path

OWN_MEMORY = re.compile(r"^VmData:\s+(\d+) kB$", re.MULTILINE)
MIB = 2**20


def limit_memory(budget_mb: int | None) -> None:
    """Let this process take at most so much more memory than it has now; what asks for more gets MemoryError.

    The limit is that of the data (RLIMIT_DATA), which since Linux 4.7 counts all private memory that can be written:
    that of the address space (RLIMIT_AS) would count libraries that are mapped and never touched. Other systems have
    no such limit, and there it is that of the machine.

    Parameters
    ----------
    budget_mb : in MiB; None: no limit
    """
    if budget_mb is None or sys.platform != "linux":
        return
    import resource  # which only some systems have

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = _taken() + budget_mb * MIB
    with suppress(OSError, ValueError):  # somebody has set a lower one
        resource.setrlimit(
            resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


def _taken() -> int:
    """Bytes of data that this process has; 0 where the system does not say."""
    with suppress(OSError):
        found = OWN_MEMORY.search(Path("/proc/self/status").read_text(encoding="ascii", errors="replace"))
        return int(found[1]) * 1024 if found else 0
    return 0
