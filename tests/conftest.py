"""What all tests share: a clock, databases of both kinds, and the promise to stay on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import pgbackrest, postgres
from tests.clock import Clock
from tests.loopback import Watch
from tests.memory import use_memory
from tests.required import missing

_WATCH = Watch()

# A busy machine is no reason to fail: what takes long is measured by the benchmarks.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Refuse addresses outside loopback before any test module is imported, and wait for no disk."""
    _WATCH.start()
    use_memory()


@pytest.fixture(autouse=True)
def _lets_others_read_as_before() -> Iterator[None]:
    """The command line closes what it makes to others, for the rest of its process."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(autouse=True)
def _stays_on_this_machine() -> Iterator[None]:
    before = len(_WATCH.refused)
    yield
    refused = _WATCH.refused[before:]
    assert not refused, f"the test tried to leave this machine: {'; '.join(refused)}"


@pytest.fixture
def clock() -> Clock:
    """Return a clock that starts at 2026-11-23 02:10 UTC and stands still until it is moved."""
    return Clock()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgres.Server]:
    """Run one PostgreSQL server for the session, or say what is missing."""
    binaries = postgres.programs()
    if binaries is None:
        missing("postgresql", postgres.ABSENT)
    with postgres.server(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def _a_cluster_with_a_backup() -> Iterator[pgbackrest.Cluster]:
    binaries = postgres.programs()
    if binaries is None:
        missing("postgresql", postgres.ABSENT)
    with pgbackrest.template(binaries) as made:
        yield made


@pytest.fixture
def cluster(_a_cluster_with_a_backup: pgbackrest.Cluster) -> Iterator[pgbackrest.Cluster]:
    """Run a PostgreSQL cluster of orders of this test's own, which pgBackRest backs up."""
    with pgbackrest.copy_of(_a_cluster_with_a_backup) as own:
        yield own


@pytest.fixture
def postgresql_url(postgresql_server: postgres.Server) -> Iterator[str]:
    """Yield the address of an empty PostgreSQL database of this test's own."""
    with postgresql_server.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the address of an SQLite file of this test's own."""
    return f"sqlite+aiosqlite:///{tmp_path / 'backstop.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of an empty database: the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
