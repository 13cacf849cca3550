"""A stanza of pgBackRest: what its repository holds, and the program that fills it and reads it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from integrations.runner import processes
from integrations.runner.pgbackrest.configuration import Configuration
from integrations.runner.pgbackrest.owner import Owner
from integrations.runner.reasons import ended, first_errors
from integrations.runner.report import Problem, Step

STOPPED = 62
"""Exit code while the stanza is stopped: no backup, no archiving, and no log for a recovery."""

_LOOK_S = 0.3
_LARGEST_PIECE = 1 << 20
_PASSING = {50, 56, 82, 102, 103}  # locks, the database's connection, archiving and files that may come back
_PERCENT = re.compile(r"restore file .*?, ([0-9.]+)%\)")
_ERROR = re.compile(r"(?:ERROR|ASSERT): (?:\[\d+\]: )?(.*)")
_COUNT = re.compile(r"(?:missing|checksum invalid|size invalid|other): (\d+)")


@dataclass(frozen=True, slots=True)
class Repository:
    """One stanza in one repository, reached as its configuration file says, for one data directory."""

    program: Path
    config: Path
    stanza: str
    number: str
    data: Path
    owner: Owner
    jobs: str = "2"

    @property
    def configuration(self) -> Configuration:
        """Return what its configuration file says."""
        return Configuration(self.config, self.stanza)

    def info(self) -> Mapping[str, Any]:
        """Return what the repository says of the stanza."""
        found = json.loads(self.said("info", "--output=json", f"--repo={self.number}"))
        known: Mapping[str, Any] = next((each for each in found if each.get("name") == self.stanza), {})
        if not known or not known.get("db"):
            raise Problem(f"The repository knows no stanza {self.stanza}; create it with `stanza-create`.")
        return known

    def version(self) -> str:
        """Return which pgBackRest this is."""
        with self._running("version", reach=()) as (process, output, errors):
            process.wait()
            self._must("version", process, errors)
            return _read(output).strip()

    def listed(self, folder: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the files under a folder of the repository by their path, with `size` and unix `time`."""
        words = ("--output=json", "--recurse", f"--repo={self.number}", folder)
        found: Mapping[str, Mapping[str, Any]] = json.loads(self.said("repo-ls", *words))
        return {path: each for path, each in found.items() if each.get("type") == "file"}

    def text(self, path: str) -> str:
        """Return the content of a small file of the repository."""
        return self.said("repo-get", f"--repo={self.number}", path)

    def fetch(self, segment: str, place: Path) -> None:
        """Write a segment of the archived log to a file."""
        words = (f"--pg1-path={self.data}", f"--repo={self.number}", segment, str(place))
        with self._running("archive-get", *words) as (process, _, errors):
            process.wait()
            if process.returncode == 1:
                raise Problem(f"The segment {segment} of the log is not in the repository.")
            self._must("archive-get", process, errors)

    def backup(self, kind: str, labels: Mapping[str, str]) -> Iterator[Step]:
        """Take a backup with its labels; pgBackRest 2.45 does not say how far it is."""
        annotations = [f"--annotation={name}={value}" for name, value in labels.items() if value]
        words = (f"--type={kind}", f"--repo={self.number}", f"--process-max={self.jobs}", *annotations)
        yield from self._worked("backing up", "backup", *words)

    def restore(self, *words: str, total: int) -> Iterator[Step]:
        """Restore with the options given, reporting bytes inside the phase."""
        common = (f"--repo={self.number}", f"--process-max={self.jobs}")
        yield from self._worked("copying", "restore", *common, *words, total=total)

    def annotate(self, label: str, name: str, value: str) -> None:
        """Write a note onto a backup; an empty value removes it."""
        self.said("annotate", f"--set={label}", f"--repo={self.number}", f"--annotation={name}={value}")

    def check(self, patience_s: int) -> None:
        """Let the server switch to a new segment and wait until the one before is archived."""
        self.said("check", f"--archive-timeout={patience_s}")

    def pause(self) -> bool:
        """Stop backups and archiving of the stanza; False when somebody else stopped them before."""
        with self._running("stop", level="warn") as (process, output, errors):
            process.wait()
            self._must("stop", process, errors)
            return "already exists" not in _read(output)

    def resume(self) -> None:
        """Allow backups and archiving again."""
        self.said("start")

    def damage(self, label: str) -> str:
        """Read the whole repository and return what is wrong with a backup, empty when nothing is.

        The exit code of `verify` is 0 whatever it finds, so its report is read.
        """
        report = self.said("verify", "--output=text", "--verbose", f"--repo={self.number}")
        return _damage(report, label)

    def said(self, command: str, *words: str) -> str:
        """Run a command and return what it wrote."""
        with self._running(command, *words) as (process, output, errors):
            process.wait()
            self._must(command, process, errors)
            return _read(output)

    @property
    def reach(self) -> tuple[str, ...]:
        """Return the options by which every command finds the stanza."""
        return (f"--config={self.config}", f"--stanza={self.stanza}")

    def _worked(self, phase: str, command: str, *words: str, total: int | None = None) -> Iterator[Step]:
        yield Step(phase, 0, total)
        with self._running(command, *words, level="detail") as (process, output, errors):
            done, read, written = 0, 0, _Written(process.pid)
            while process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_S)
                share, read = _share(output, read)
                done = max(done, written.bytes(), int(share * (total or 0)))
                yield Step(phase, min(done, total) if total else 0, total, by_figures=bool(total))
            self._must(command, process, errors, said=output)

    @contextmanager
    def _running(
        self, command: str, *words: str, level: str = "off", reach: Sequence[str] | None = None
    ) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]]:
        logs = (f"--log-level-console={level}", "--log-level-stderr=error", "--log-level-file=off")
        own = (*self.reach, *logs, "--no-log-timestamp") if reach is None else reach
        # Files, as a pipe that nobody reads would stop a program that has much to say.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    [self.program, *own, command, *words],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    cwd="/",
                    env=self.owner.environment(),
                    **self.owner.identity,
                )
            except OSError as error:
                raise Problem(f"{self.program} cannot be run: {error.strerror}.") from error
            with process:
                yield process, output, errors

    def _must(
        self,
        command: str,
        process: subprocess.Popen[bytes],
        errors: IO[bytes],
        *,
        said: IO[bytes] | None = None,
    ) -> None:
        code = process.returncode
        if code == 0:
            return
        if code == STOPPED:
            raise Problem(
                f"pgBackRest is stopped for {self.stanza}: it takes no backup, archives and gives no log. "
                f"Find out who stopped it, then run `pgbackrest --stanza={self.stanza} start`.",
                permanent=False,
            )
        words = self._reason(code, _read(errors), _read(said) if said else "")
        raise Problem(f"pgbackrest {command}: {words}", permanent=code not in _PASSING)

    def _reason(self, code: int, *outputs: str) -> str:
        """Return its errors; what it did last stands in their place only where it is called that."""
        secrets = self.configuration.secrets()
        for output in outputs:
            if found := first_errors(_ERROR.findall(output), secrets):
                return found
        lines = [line for output in outputs for line in output.splitlines() if line.strip()]
        return ended(code, first_errors(lines[-1:], secrets))


class _Written:
    """Bytes that the workers of a program have written; what ended workers wrote stays counted."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seen: dict[int, int] = {}

    def bytes(self) -> int:
        for worker in processes.children(self._pid):
            self._seen[worker] = max(self._seen.get(worker, 0), processes.written(worker))
        return sum(self._seen.values())


def _share(output: IO[bytes], read: int) -> tuple[float, int]:
    """Return the share of the bytes that pgBackRest last said, and up to where its words were read."""
    # Read beside the place where the program writes, which it shares with this file.
    text = os.pread(output.fileno(), _LARGEST_PIECE, read)
    whole = text[: text.rfind(b"\n") + 1]
    found = _PERCENT.findall(whole.decode("utf-8", "replace"))
    return (float(found[-1]) / 100 if found else 0.0), read + len(whole)


def _damage(report: str, label: str) -> str:
    """Return the first bad line about the archive or one backup in the text of `verify`."""
    if "status:" not in report:
        return "pgBackRest said nothing about it"
    known = False
    subject = ""
    for line in report.splitlines():
        text = line.strip()
        if text.startswith(("archiveId:", "backup:")):
            subject = text.split(",")[0]
            known = known or subject == f"backup: {label}"
        of_others = subject.startswith("backup:") and subject != f"backup: {label}"
        if subject and not of_others and _bad(text):
            return f"{subject}: {text}" if not text.startswith(subject) else text
    return "" if known else "pgBackRest did not look at it"


def _bad(text: str) -> bool:
    if text.startswith("backup:"):
        return "status: valid" not in text
    return any(int(count) for count in _COUNT.findall(text))


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
