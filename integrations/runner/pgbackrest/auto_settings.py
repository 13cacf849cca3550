"""postgresql.auto.conf, where pgBackRest writes how a recovery runs, changed whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from integrations.runner import files
from integrations.runner.pgbackrest.owner import Owner

_NAME = re.compile(r"\s*([a-z_]+)\s*=")
_QUOTED = re.compile(r"\s*[a-z_]+\s*=\s*'((?:[^']|'')*)'")


def change(data: Path, settings: Mapping[str, str | None], owner: Owner) -> None:
    """Set some settings and remove those that are None; the others stay as they are."""
    path = data / "postgresql.auto.conf"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if _name(line) not in settings]
    new = [
        f"{name} = '{value.replace(chr(39), chr(39) * 2)}'"
        for name, value in settings.items()
        if value is not None
    ]
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text("\n".join([*kept, *new]) + "\n", encoding="utf-8")
    fresh.chmod(0o600)
    os.chown(fresh, owner.uid, owner.gid)
    files.sync(fresh)
    fresh.replace(path)
    files.sync(data)


def setting(data: Path, name: str) -> str | None:
    """Return what a setting is there, None where it is not."""
    path = data / "postgresql.auto.conf"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = [_QUOTED.match(line) for line in lines if _name(line) == name]
    last = found[-1] if found else None
    return last[1].replace("''", "'") if last else None


def _name(line: str) -> str:
    found = _NAME.match(line)
    return found[1] if found else ""
