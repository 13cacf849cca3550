"""What people read of a program that failed: its first errors, never its last line in their place."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from integrations.runner.pgbackrest.owner import Owner
from integrations.runner.pgbackrest.repository import Repository
from integrations.runner.reasons import ended, first_errors, without_secrets
from integrations.runner.report import Problem
from integrations.runner.restic.repository import Repository as Snapshots
from tests.integrations.uploads import ABSENT
from tests.required import missing

_CONFIG = """
[global]
repo1-path=/srv/repo
repo1-cipher-pass=Zaubertrank-27

[orders]
repo1-s3-key-secret=abc/def+ghi
"""


def _stanza(home: Path, says: str) -> Repository:
    """Return a repository whose program says and does what a test wants."""
    program = home / "pgbackrest"
    program.write_text(f"#!/bin/sh\n{says}\n")
    program.chmod(0o700)
    config = home / "pgbackrest.conf"
    config.write_text(_CONFIG)
    me = pwd.getpwuid(os.geteuid())
    owner = Owner(me.pw_name, me.pw_uid, me.pw_gid, str(home))
    return Repository(program, config, "orders", "1", home / "data", owner)


def _refused(repository: Repository) -> str:
    with pytest.raises(Problem) as refused:
        list(repository.restore(total=10))
    return str(refused.value)


def test_a_program_that_was_killed_says_so_and_not_what_it_did_last(tmp_path: Path) -> None:
    said = _refused(_stanza(tmp_path, "echo 'P01 DETAIL: restore file /d/1 (8KB, 1.00%)'; kill -9 $$"))
    assert said == (
        "pgbackrest restore: it was ended by SIGKILL, by somebody or for want of memory, and gave no reason; "
        "the last it said: P01 DETAIL: restore file /d/1 (8KB, 1.00%)"
    )


def test_the_first_errors_are_told_and_how_many_more_there_were(tmp_path: Path) -> None:
    lines = "\n".join(
        f"P0{n}  ERROR: [029]: page {n} is broken\n       HINT: look at it" for n in (1, 1, 2, 3, 4)
    )
    said = _refused(_stanza(tmp_path, f"cat >&2 <<'E'\n{lines}\nP00   INFO: aborted\nE\nexit 29"))
    told = "page 1 is broken; page 2 is broken; page 3 is broken; and 1 more"
    assert said == f"pgbackrest restore: {told}"


def test_a_failed_assertion_is_the_reason_and_not_the_line_that_ends_its_trace(tmp_path: Path) -> None:
    trace = "P00 ASSERT: [025]: a block is longer than it is\n       STACK TRACE:\n       main:1\n-------"
    said = _refused(_stanza(tmp_path, f"cat >&2 <<'E'\n{trace}\nE\nexit 25"))
    assert said == "pgbackrest restore: a block is longer than it is"


def test_no_secret_of_its_configuration_or_of_an_address_is_told(tmp_path: Path) -> None:
    line = (
        "P00  ERROR: [039]: Zaubertrank-27, abc/def+ghi, https://u:pw@host/x?sig=q1w2, token=t0k3n, refused"
    )
    said = _refused(_stanza(tmp_path, f"echo '{line}' >&2; exit 39"))
    assert said == ("pgbackrest restore: •••, •••, https://u:•••@host/x?sig=•••, token=•••, refused")


def test_a_configuration_that_cannot_be_read_hides_no_reason(tmp_path: Path) -> None:
    repository = _stanza(tmp_path, "echo 'P00  ERROR: [032]: no section' >&2; exit 32")
    repository.config.write_text("repo1-path=/srv\n")
    assert _refused(repository) == "pgbackrest restore: no section"


def test_errors_are_told_in_bounded_length() -> None:
    assert len(first_errors([f"{n}" + "x" * 1000 for n in range(3)])) <= 600
    assert first_errors(["", "  "]) == ""


def test_an_end_without_a_reason_is_said() -> None:
    assert ended(3) == "it ended with code 3 and gave no reason"
    assert ended(-250).startswith("it was ended by signal 250, ")
    assert without_secrets("no secret: at all") == "no secret: at all"


def _packs(repository: Path) -> list[Path]:
    return sorted((repository / "data").rglob("*"), key=lambda path: -path.stat().st_size)


def test_the_errors_behind_the_count_that_restic_ends_with_are_told(tmp_path: Path) -> None:
    program = Path(shutil.which("restic") or missing("restic", ABSENT))
    folder, repository, password = tmp_path / "connections", tmp_path / "repository", tmp_path / "password"
    folder.mkdir()
    password.write_text("s3cret-word")
    for name in ("a", "b"):
        (folder / name).write_bytes(os.urandom(3_000_000))
    words = (program, f"--repo={repository}", f"--password-file={password}", "--quiet")
    for more in (("init",), ("backup", folder)):
        subprocess.run([*words, *more], check=True, capture_output=True)
    for pack in [path for path in _packs(repository) if path.is_file()][:2]:
        content = bytearray(pack.read_bytes())
        content[200_000:202_000] = bytes(2_000)
        pack.chmod(0o600)
        pack.write_bytes(content)
    what = Snapshots(program, str(repository), password, folder, tmp_path / "notes", folder)
    (snapshot,) = what.snapshots()

    with pytest.raises(Problem) as refused:
        list(what.restore(snapshot, _made(tmp_path / "under")))

    assert str(refused.value).startswith("A piece of the backup is damaged in the repository ")
    assert f"ignoring error for {folder}/" in str(refused.value)
    assert "ciphertext verification failed" in str(refused.value)
    # The folder's name is no sign of a connection that may come back.
    assert refused.value.permanent


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_snapshot_that_is_not_there_is_told_without_the_password_of_its_server(tmp_path: Path) -> None:
    program = tmp_path / "restic"
    program.write_text("#!/bin/sh\necho '[]'\n")
    program.chmod(0o700)
    url = "rest:https://u:pw@host/"
    folder = tmp_path / "folder"
    what = Snapshots(program, url, tmp_path / "password", folder, tmp_path / "notes", folder)
    with pytest.raises(Problem, match=r"There is no snapshot x of .* in rest:https://u:•••@host/\."):
        what.snapshot("x")
