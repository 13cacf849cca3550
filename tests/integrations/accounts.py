"""Files of another account, for what a runner of this host may find that is not its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def a_home() -> Iterator[Path]:
    """Make a folder for one account alone, in one that everybody may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o755)
        closed = Path(place) / "home"
        closed.mkdir(mode=0o700)
        yield closed


@contextmanager
def of_another(closed: Path) -> Iterator[None]:
    """Act as an account that may not enter a folder."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    else:
        closed.chmod(0)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        else:
            closed.chmod(0o700)
