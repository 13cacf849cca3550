"""A folder of a host that the real restic backs up."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from integrations.contract import Source, Target
from tests.integrations.host import Host
from tests.required import missing

ABSENT = "restic is not on this machine; install it with `apt-get install restic` and run the tests again."


class Uploads:
    """The folder, its repository, and what engines call them; the test is skipped where restic is missing."""

    def __init__(self, host: Host) -> None:
        self._restic = shutil.which("restic") or missing("restic", ABSENT)
        self._host = host
        self.path, self.kept = host.home / "uploads", host.home / "uploads.kept"
        self.repository = host.home / "repository"
        self.target = Target("uploads", "restic", "production")
        self.source = Source("uploads", "restic")
        (self.path / "2026").mkdir(parents=True)
        (self.path / "readme").write_text("good")
        (self.path / "2026" / "invoice").write_bytes(b"a long invoice " * 20_000)
        (self.path / "2026" / "naïve 🙂").write_text("good")
        (self.path / "newest").symlink_to("2026/invoice")
        self.restic("init")

    def restic(self, *words: str, cwd: Path | None = None) -> str:
        """Run restic as an operator does, in a directory."""
        reach = (f"--repo={self.repository}", f"--password-file={self._host.home / 'secret'}")
        done = subprocess.run(
            [self._restic, *reach, "--no-cache", *words], cwd=cwd, check=True, capture_output=True, text=True
        )
        return done.stdout

    def started(self, *words: str) -> subprocess.Popen[bytes]:
        """Start restic as an operator does, with its input open."""
        reach = (f"--repo={self.repository}", f"--password-file={self._host.home / 'secret'}")
        return subprocess.Popen(
            [self._restic, *reach, "--no-cache", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def forget_cache(self) -> None:
        """Let restic read from the repository again what it keeps beside the notes."""
        shutil.rmtree(self.kept / "notes" / "cache", ignore_errors=True)

    def damage(self) -> None:
        """Do what a bad release does."""
        (self.path / "readme").write_text("damaged")
        shutil.rmtree(self.path / "2026")

    def whole(self, folder: Path | None = None) -> bool:
        """Say whether everything is as it was backed up."""
        root = folder or self.path
        texts = [root / "readme", root / "2026" / "naïve 🙂"]
        return all(each.exists() and each.read_text() == "good" for each in texts) and (
            (root / "newest").read_bytes() == b"a long invoice " * 20_000
        )
