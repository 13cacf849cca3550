"""A real Git repository in which the hours of one day pass as they are said to."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_WHO = {"GIT_AUTHOR_NAME": "ci", "GIT_AUTHOR_EMAIL": "ci@shop.example"}
_WHO |= {
    "GIT_COMMITTER_NAME": "ci",
    "GIT_COMMITTER_EMAIL": "ci@shop.example",
    "GIT_CONFIG_GLOBAL": os.devnull,
}
_DAY = datetime(2026, 11, 23, tzinfo=UTC)


def at(hour: float) -> datetime:
    """Return an hour of the day."""
    return _DAY + timedelta(hours=hour)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository in a folder of its own."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> Repository:
        """Return a repository with nothing in it."""
        folder.mkdir()
        repository = cls(folder)
        repository.git("init", "-q")
        return repository

    def git(self, *words: str, hour: float = 0) -> str:
        """Run Git at an hour of the day, and return what it says."""
        moment = at(hour).isoformat()
        env = {**os.environ, **_WHO, "GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
        command, where = ["git", *words], self.folder
        done = subprocess.run(command, cwd=where, env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def released(self, tag: str, *, hour: float) -> str:
        """Commit something and tag it with a note; return the commit."""
        self.git("commit", "-q", "--allow-empty", "-m", tag, hour=hour)
        self.git("tag", "-a", tag, "-m", "out", hour=hour)
        return self.git("rev-parse", "HEAD")
