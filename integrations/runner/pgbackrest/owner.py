"""The account that owns a data directory: PostgreSQL and pgBackRest run as it, never as root."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.report import Problem


@dataclass(frozen=True, slots=True)
class Owner:
    """An account of this host, with what a program is given so that it runs as it."""

    name: str
    uid: int
    gid: int
    home: str

    @property
    def identity(self) -> Mapping[str, Any]:
        """Return the words for `Popen` that make a program run as this account."""
        if os.geteuid() == self.uid:
            return {}
        groups = os.getgrouplist(self.name, self.gid)
        return {"user": self.uid, "group": self.gid, "extra_groups": groups}

    def environment(self) -> dict[str, str]:
        """Return the environment of a program that belongs to this job."""
        own = {"HOME": self.home, "USER": self.name, "LOGNAME": self.name, "TZ": "UTC", "LC_ALL": "C"}
        return {**os.environ, **own}

    def environment_of_a_server(self) -> dict[str, str]:
        """Return that of a server, which outlives the job: nothing in it says that it belongs to one."""
        ours = ("BACKSTOP_", "PYTHON", "PG")
        return {name: value for name, value in self.environment().items() if not name.startswith(ours)}

    def make(self, folder: Path) -> None:
        """Make a directory that this account alone can enter, unless it is there."""
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, self.uid, self.gid)

    def mark(self, file: Path) -> None:
        """Make an empty file of this account that is there after a crash as well."""
        file.touch(mode=0o600)
        os.chown(file, self.uid, self.gid)
        files.sync(file.parent)


def owner_of(data: Path) -> Owner:
    """Return who owns a data directory, or the place where it is missing."""
    there = next((place for place in (data, data.parent) if place.exists()), None)
    if there is None:
        raise Problem(f"Neither {data} nor its directory is there.")
    uid = there.stat().st_uid
    try:
        found = pwd.getpwuid(uid)
    except KeyError as unknown:
        raise Problem(f"{there} belongs to the user {uid}, whom this host does not know.") from unknown
    if uid == 0:
        raise Problem(f"{there} belongs to root, and PostgreSQL does not run as root; chown it.")
    if os.geteuid() not in (0, uid):
        raise Problem(f"{there} belongs to {found.pw_name}: run the runner as {found.pw_name} or as root.")
    return Owner(found.pw_name, found.pw_uid, found.pw_gid, found.pw_dir)
