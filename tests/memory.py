"""Temporary files of tests lie in memory where there is room, as every commit would wait for a disk.

What a disk does when power fails is proven by no test.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

FOLDER = Path("/dev/shm")
ROOM = 6 << 30
"""What a run takes at most, clusters of PostgreSQL and all; with less than this free it stays on the disk."""


def use_memory(
    environment: MutableMapping[str, str] = os.environ, folder: Path = FOLDER, room: int = ROOM
) -> None:
    """Let temporary files of this process and of those it starts lie in memory, unless TMPDIR says where."""
    if "TMPDIR" not in environment and _fits(folder, room):
        environment["TMPDIR"] = str(folder)
        tempfile.tempdir = None  # looked up anew when it is next wanted


def _fits(folder: Path, room: int) -> bool:
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        return False
    # Tests run programs that they wrote; a container often forbids it there.
    runs = not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return runs and shutil.disk_usage(folder).free >= room


def another_disk(than: Path) -> Path:
    """Return a folder for temporary files that is on another disk than a path."""
    candidates = (FOLDER, Path("/var/tmp"))
    return next(each for each in candidates if each.is_dir() and each.stat().st_dev != than.stat().st_dev)
