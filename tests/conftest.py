"""Temp directories in memory where there is such a place: the scripts under test call `sync`, and
dozens of them on a busy disk would cost half a minute.
"""

from __future__ import annotations

import os
from pathlib import Path

MEMORY = Path("/dev/shm")


def usable(folder: Path) -> bool:
    """Whether tests may write there and run small programs, which containers often forbid."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    return not os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0)


if usable(MEMORY):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
