"""Where a folder lies in the tree of a snapshot.

restic notes the absolute path of what it backs up, and keeps the tree under the words it was given:
`restic backup d/data` in /srv notes /srv/d/data and keeps /d/data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from integrations.runner.report import Problem
from integrations.runner.restic.locks import LOOKING, Say

_ROOT = PurePosixPath("/")


def place(say: Say, snapshot: str, path: Path) -> PurePosixPath:
    """Return where a folder lies; Problem where the tree does not hold it, or where nobody can tell."""
    own = PurePosixPath(path)
    beside = _nodes(say, snapshot, own.parent)
    if any(node["path"] == str(own) and node["type"] == "dir" for node in beside):
        return own
    found = _ends(say, snapshot, own)
    # Where it holds one of its own name nobody can tell the folder from what lies in it.
    if len(found) == 1 and not (path / path.name).exists():
        return found[0]
    raise Problem(
        f"{snapshot[:8]} does not hold the folder {path}: it was taken from inside of it, or in other words, "
        f"and nobody can tell where it lies. Choose another snapshot, which `restic backup {path}` took, or "
        "restore this one by hand."
    )


def put(under: Path, place: PurePosixPath, path: Path) -> None:
    """Move a folder that was restored to where it lies in the tree to its own path below a directory."""
    own, there = under / path.relative_to("/"), under / place.relative_to(_ROOT)
    if own == there or not there.exists():
        return
    aside = under / ".restored"
    there.rename(aside)
    own.parent.mkdir(parents=True, exist_ok=True)
    aside.rename(own)


def _ends(say: Say, snapshot: str, own: PurePosixPath) -> list[PurePosixPath]:
    """Return which ends of a path the tree consists of, as long as it does not branch."""
    found, there = [], _ROOT
    for _ in own.parts[2:]:
        nodes = _nodes(say, snapshot, there)
        if len(nodes) != 1 or nodes[0]["type"] != "dir":
            break
        there = PurePosixPath(nodes[0]["path"])
        if own.parts[-len(there.parts) + 1 :] == there.parts[1:]:
            found.append(there)
    return found


def _nodes(say: Say, snapshot: str, place: PurePosixPath) -> list[Mapping[str, Any]]:
    """Return what lies directly in a directory of the tree."""
    said = [json.loads(line) for line in say("ls", "--json", snapshot, str(place), LOOKING).splitlines()]
    nodes = [each for each in said if each.get("struct_type") == "node"]
    return [node for node in nodes if PurePosixPath(node["path"]).parent == place and node["path"] != "/"]
