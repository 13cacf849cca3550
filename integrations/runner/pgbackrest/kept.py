"""The cluster that a restore replaced: its owner can look at it, and where it lies it is no danger.

It is of the same database as the one in its place and archives into the same stanza. Started by hand where it
lies it adds nothing to that; put back, it archives again, with everything that it wrote meanwhile.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from integrations.runner.pgbackrest import auto_settings
from integrations.runner.pgbackrest.cluster import Cluster
from integrations.runner.report import Problem

_NAME = "archive_command"
_NOTHING = "archives nothing there"
_WHY = "kept by Backstop: nothing is archived from here, only from "


def make_harmless(cluster: Cluster, kept: Path) -> str:
    """Let its owner come to a kept cluster and its log go nowhere, and return what people should know of it.

    Put back in its place it archives again by itself, unless its settings could not be read.
    """
    for folder in (kept.parent, kept.parent.parent):
        # Whoever knows the name may pass through, and nobody may look around.
        folder.chmod(folder.stat().st_mode | 0o011)
    try:
        own = replace(cluster, data=kept, settings_file=moved(cluster, kept)).configured(_NAME)
    except Problem:
        auto_settings.change(kept, {"archive_mode": "off"}, cluster.owner)
        return f"{_NOTHING}; take archive_mode out of its postgresql.auto.conf before it is put back"
    guard = _guard(cluster.data)
    if own and not own.startswith(guard):
        auto_settings.change(kept, {_NAME: f"{guard} {own}"}, cluster.owner)
    return _NOTHING


def _guard(place: Path) -> str:
    """Return what a command of the archiver begins with, so that it does nothing outside of a directory."""
    name = str(place).replace("%", "%%")
    return f"test . -ef {shlex.quote(name)} || {{ echo {shlex.quote(_WHY + name)} >&2; exit 1; }};"


def moved(cluster: Cluster, kept: Path) -> Path:
    """Return where the settings of a kept cluster lie: with it, unless they lay elsewhere before."""
    file = cluster.settings_file
    return kept / file.relative_to(cluster.data) if file.is_relative_to(cluster.data) else file
