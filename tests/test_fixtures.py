"""The shared fixtures keep their own promises."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests import postgres
from tests.clock import Clock
from tests.loopback import near
from tests.memory import another_disk, use_memory
from tests.required import missing, required

_NAMED = {"BACKSTOP_REQUIRE": "packaging, postgresql"}


async def test_every_test_gets_an_empty_database_that_works(database_url: str) -> None:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE only_here (n INTEGER)"))
        await connection.execute(text("INSERT INTO only_here VALUES (1)"))
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT n FROM only_here"))).scalars().all() == [1]
    await engine.dispose()


@pytest.mark.real
def test_postgresql_does_not_run_as_root(postgresql_server: postgres.Server) -> None:
    assert Path(f"/proc/{postgresql_server.pid}").stat().st_uid != 0


@pytest.mark.real
async def test_postgresql_listens_on_loopback_only(postgresql_url: str) -> None:
    engine = create_async_engine(postgresql_url)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SHOW listen_addresses"))).scalar() == "127.0.0.1"
        assert (await connection.execute(text("SHOW unix_socket_directories"))).scalar() == ""
    await engine.dispose()


@pytest.mark.real
def test_a_postgresql_server_leaves_neither_process_nor_files_behind() -> None:
    binaries = postgres.programs()
    if binaries is None:
        missing("postgresql", postgres.ABSENT)
    with postgres.server(binaries) as server:
        folder = Path(f"/proc/{server.pid}/cwd").readlink().parent
        assert folder.is_dir()
    assert not Path(f"/proc/{server.pid}").exists()
    assert not folder.exists()


def test_the_newest_postgresql_is_chosen_and_half_an_installation_is_none(tmp_path: Path) -> None:
    for version, names in {
        "9": ("initdb", "postgres"),
        "15": ("initdb", "postgres"),
        "16": ("initdb",),
    }.items():
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).touch(0o755)

    assert postgres.programs([tmp_path], path="") == tmp_path / "15" / "bin"
    assert postgres.programs([tmp_path / "none"], path=str(tmp_path / "16" / "bin")) is None


def test_a_missing_tool_skips_unless_it_is_required() -> None:
    with pytest.raises(pytest.skip.Exception, match="install it"):
        missing("postgresql", "install it", {})
    with pytest.raises(pytest.fail.Exception, match="install it"):
        missing("postgresql", "install it", _NAMED)
    assert required("packaging", _NAMED)
    assert not required("postgres", _NAMED)


def test_temporary_files_lie_where_somebody_said_or_where_there_is_room(tmp_path: Path) -> None:
    said = {"TMPDIR": "/srv"}
    use_memory(said)
    assert said == {"TMPDIR": "/srv"}

    nowhere: dict[str, str] = {}
    use_memory(nowhere, tmp_path / "no-such-folder")
    use_memory(nowhere, Path("/proc"))
    assert nowhere == {}

    here: dict[str, str] = {}
    use_memory(here, tmp_path, room=0)
    assert here == {"TMPDIR": str(tmp_path)}
    full: dict[str, str] = {}
    use_memory(full, tmp_path, room=1 << 60)
    assert full == {}


def test_another_disk_is_one(tmp_path: Path) -> None:
    assert another_disk(tmp_path).stat().st_dev != tmp_path.stat().st_dev


def test_the_clock_moves_only_when_told(clock: Clock) -> None:
    start = clock()
    assert clock() == start == datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
    assert clock.advance(90) == clock()
    assert (clock() - start).total_seconds() == 90


@pytest.mark.parametrize(
    "address", [("192.0.2.1", 80), ("0.0.0.0", 0), ("", 0), ("2001:db8::1", 80, 0, 0), ("slack.com", 443)]
)
def test_an_address_elsewhere_is_refused(address: tuple[str, int]) -> None:
    assert not near("socket.connect", (None, address))


@pytest.mark.parametrize(
    "address", [("127.0.0.1", 80), ("::1", 80, 0, 0), "/run/runner.sock", ("localhost", 1)]
)
def test_an_address_on_this_machine_is_not(address: tuple[str, int] | str) -> None:
    assert near("socket.connect", (None, address))


def test_a_test_that_tries_to_leave_the_machine_fails_even_when_it_hides_the_error(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.conftest import _stays_on_this_machine, pytest_configure\n"
    )
    (tmp_path / "test_it.py").write_text(
        "import contextlib, socket\n"
        "def test_leaves():\n"
        "    with contextlib.suppress(OSError), socket.socket() as place:\n"
        "        place.settimeout(1)\n"
        "        place.connect(('192.0.2.1', 80))\n"
        "def test_stays():\n"
        "    with socket.create_server(('127.0.0.1', 0)) as place:\n"
        "        socket.create_connection(place.getsockname()).close()\n"
    )
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "2 passed, 1 error" in told.stdout
    assert "the test tried to leave this machine: socket.connect" in told.stdout
