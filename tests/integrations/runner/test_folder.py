"""A folder is put back whole, the replaced one is never lost, and a kill at any stage changes neither."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integrations.runner.attempts import Attempt, last
from integrations.runner.report import PartlyDone, Problem, Step
from integrations.runner.restic.folder import Swap, _exchange, done, obstacles, put_back
from tests.memory import another_disk

KEY = "RUN-1/restore/1"
_STAGES = ("copying", "proved", "swapped", "kept", "done")
_DIE_AT = """
import os, signal, sys
from pathlib import Path
from integrations.runner.attempts import Attempt
from integrations.runner.restic.folder import Swap, put_back
from tests.integrations.runner.test_folder import filling

path, kept, key, stage = sys.argv[1:]
for step in put_back(Swap(Path(path), Attempt(Path(kept), key, "P1")), filling(Path(path))):
    if step.phase == stage:
        os.kill(os.getpid(), signal.SIGKILL)
"""


class filling:  # noqa: N801 - a function with a memory of how often it was asked
    """Writes what the recovery point holds."""

    def __init__(self, path: Path) -> None:
        self._path, self.times = path, 0

    def __call__(self, under: Path) -> Iterator[Step]:
        self.times += 1
        root = under / self._path.relative_to("/")
        root.mkdir(parents=True)
        (root / "first").write_text("good")
        yield Step("copying", 4, 8)
        (root / "second").write_text("good")


class Uploads:
    """A folder with damaged files."""

    def __init__(self, home: Path) -> None:
        self.path, self.kept = home / "uploads", home / "kept"
        self.path.mkdir()
        (self.path / "first").write_text("bad")
        self.fill = filling(self.path)

    def what(self, key: str = KEY, point: str = "P1") -> Swap:
        return Swap(self.path, Attempt(self.kept, key, point))

    def die_at(self, stage: str, key: str = KEY) -> None:
        places = (self.path, self.kept, key, stage)
        ended = subprocess.run([sys.executable, "-c", _DIE_AT, *map(str, places)], check=False)
        assert ended.returncode == -signal.SIGKILL

    def holds(self, folder: Path | None = None) -> dict[str, str]:
        return {each.name: each.read_text() for each in (folder or self.path).iterdir()}

    def beside(self) -> list[str]:
        return [each.name for each in self.path.parent.iterdir() if each.name.startswith(".uploads")]


GOOD = {"first": "good", "second": "good"}
BAD = {"first": "bad"}


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path)


def test_a_restore_puts_the_files_back_and_keeps_the_damaged_folder(uploads: Uploads) -> None:
    assert tuple(step.phase for step in put_back(uploads.what(), uploads.fill)) == _STAGES
    assert uploads.holds() == GOOD
    assert uploads.holds(uploads.what().old) == BAD
    assert uploads.beside() == []
    assert last(uploads.kept, "P1")["done_at"]
    assert last(uploads.kept, "P2") == {}


@pytest.mark.parametrize("stage", _STAGES)
def test_a_restore_killed_at_any_stage_is_finished_by_the_next_under_the_same_key(
    uploads: Uploads, stage: str
) -> None:
    uploads.die_at(stage)
    assert uploads.holds() in (GOOD, BAD)
    list(put_back(uploads.what(), uploads.fill))
    assert uploads.holds() == GOOD
    assert uploads.holds(uploads.what().old) == BAD
    assert uploads.beside() == []
    # What was whole and read back is not restored a second time.
    assert uploads.fill.times == (1 if stage == "copying" else 0)


@pytest.mark.parametrize("stage", _STAGES)
def test_a_restore_killed_at_any_stage_loses_nothing_when_another_follows(
    uploads: Uploads, stage: str
) -> None:
    uploads.die_at(stage)
    list(put_back(uploads.what("RUN-1/restore/2"), uploads.fill))
    assert uploads.holds() == GOOD
    kept = [uploads.holds(each) for each in sorted(uploads.kept.glob("*/uploads"))]
    assert BAD in kept
    assert all(each in (GOOD, BAD) for each in kept)
    assert uploads.beside() == []


@pytest.mark.parametrize("stage", ["swapped", "kept"])
def test_an_exchange_that_was_broken_off_is_finished_by_the_next_attempt_and_the_damaged_folder_is_named(
    uploads: Uploads, stage: str
) -> None:
    uploads.die_at(stage)
    what = uploads.what("RUN-1/restore/2")

    assert [step.phase for step in put_back(what, uploads.fill)] == ["swapped", "kept", "done"]

    said = done(what)
    assert uploads.fill.times == 0
    assert (uploads.holds(), uploads.holds(Path(said["kept"]))) == (GOOD, BAD)
    assert said["goes_on_from"] == [KEY]
    assert len([*uploads.kept.glob("*/uploads")]) == 1
    assert uploads.beside() == []
    list(put_back(what, uploads.fill))
    assert done(what) == said


def test_what_was_written_after_a_broken_off_exchange_is_kept_as_well(uploads: Uploads) -> None:
    uploads.die_at("swapped")
    (uploads.path / "third").write_text("an order of today")
    what = uploads.what("RUN-1/restore/2")

    list(put_back(what, uploads.fill))

    said = done(what)
    assert (uploads.holds(), said["goes_on_from"]) == (GOOD, [])
    assert uploads.holds(Path(said["kept"])) == {**GOOD, "third": "an order of today"}
    assert uploads.holds(uploads.what().old) == BAD


def test_a_replaced_folder_that_was_not_kept_yet_is_kept_whatever_happened_to_the_new_one(
    uploads: Uploads,
) -> None:
    uploads.die_at("swapped")
    uploads.path.rename(uploads.path.with_name("elsewhere"))
    list(put_back(uploads.what(), uploads.fill))
    assert uploads.holds() == GOOD
    assert uploads.holds(uploads.what().old) == BAD


def test_a_folder_that_is_gone_is_restored(uploads: Uploads) -> None:
    (uploads.path / "first").unlink()
    uploads.path.rmdir()
    list(put_back(uploads.what(), uploads.fill))
    assert uploads.holds() == GOOD


def test_a_tree_that_cannot_be_made_whole_changes_nothing(uploads: Uploads) -> None:
    def broken(under: Path) -> Iterator[Step]:
        yield from uploads.fill(under)
        raise Problem("a piece is missing")

    def other(under: Path) -> Iterator[Step]:
        (under / "else").mkdir()
        yield Step("copying")

    with pytest.raises(Problem, match="a piece is missing"):
        list(put_back(uploads.what(), broken))
    assert uploads.holds() == BAD
    with pytest.raises(Problem, match="P1 does not hold the folder"):
        list(put_back(uploads.what(), other))
    assert uploads.holds() == BAD


def test_where_names_cannot_be_exchanged_nothing_is_changed(tmp_path: Path) -> None:
    # /proc refuses like a file system that does not know the exchange.
    what = Swap(Path("/proc/self/fdinfo"), Attempt(tmp_path / "kept", KEY, "P1"))
    with pytest.raises(Problem, match="cannot be exchanged with what was restored"):
        _exchange(what)


def test_one_key_restores_one_point_once(uploads: Uploads) -> None:
    list(put_back(uploads.what(), uploads.fill))
    (uploads.path / "first").write_text("newer")
    assert [step.phase for step in put_back(uploads.what(), uploads.fill)] == ["done"]
    assert uploads.holds()["first"] == "newer"
    with pytest.raises(Problem, match="another restore needs another key"):
        list(put_back(uploads.what(point="P2"), uploads.fill))


@contextmanager
def _open_in(folder: Path) -> Iterator[int]:
    code = "import sys; file = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder / "first")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout
        assert process.stdin
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def test_a_folder_in_use_is_not_touched(uploads: Uploads) -> None:
    with _open_in(uploads.path) as pid, pytest.raises(Problem, match=f"process {pid}") as refused:
        list(put_back(uploads.what(), uploads.fill))
    assert not refused.value.permanent
    assert uploads.fill.times == 0
    assert uploads.holds() == BAD


def test_whoever_still_works_in_the_replaced_folder_is_named(uploads: Uploads) -> None:
    steps = put_back(uploads.what(), uploads.fill)
    while next(steps).phase != "kept":
        pass
    with _open_in(uploads.what().old), pytest.raises(PartlyDone, match="restart it"):
        list(steps)
    assert uploads.holds() == GOOD


def test_two_restores_of_one_folder_do_not_meet(uploads: Uploads) -> None:
    steps = put_back(uploads.what(), uploads.fill)
    next(steps)
    with pytest.raises(Problem, match="Another restore"):
        list(put_back(uploads.what("RUN-2/restore/1"), uploads.fill))
    list(steps)
    assert uploads.holds() == GOOD


def test_what_keeps_a_folder_from_being_swapped_is_said_before(uploads: Uploads) -> None:
    assert obstacles(uploads.path, uploads.kept) == []
    assert "mount point" in obstacles(Path("/proc"), uploads.kept)[0]
    linked = uploads.path.with_name("linked")
    linked.symlink_to(uploads.path)
    assert "symbolic link" in obstacles(linked, uploads.kept)[0]
    assert "lies inside" in obstacles(uploads.path, uploads.path / "kept")[0]
    assert "missing" in obstacles(uploads.kept / "no" / "where", uploads.kept)[0]
    assert "another disk" in obstacles(uploads.path, another_disk(uploads.path) / "kept")[0]
