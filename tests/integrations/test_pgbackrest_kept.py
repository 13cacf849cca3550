"""The cluster that a restore replaced can be looked at, searched and put back, and does no harm meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integrations.contract import Call, Phase, ToTime
from integrations.registry import open_engines
from integrations.runner import servers
from tests.integrations.acts import Acts
from tests.integrations.host import Host, a_host, until
from tests.pgbackrest import SIDE_PORT, Cluster

pytestmark = pytest.mark.real


@pytest.fixture
async def host(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Host]:
    async with a_host(tmp_path, cluster.runner_config()) as made:
        yield made


@pytest.fixture
def acts(host: Host, cluster: Cluster) -> Acts:
    return Acts(open_engines(host.connections)["pgbackrest"], cluster)


def _segments(cluster: Cluster, timeline: int) -> set[str]:
    found = (cluster.home / "repo/archive/orders/15-1").rglob(f"{timeline:08X}*.lz4")
    return {path.name for path in found}


def _archives_wherever_it_lies(cluster: Cluster) -> None:
    """Let the command name the directory, which pgBackRest would otherwise refuse as another's."""
    config = cluster.home / "pgbackrest.conf"
    command = f'pgbackrest --config={config} --stanza=orders --pg1-path="$PWD" archive-push %p'
    with cluster.connect() as connection:
        connection.execute(f"ALTER SYSTEM SET archive_command = '{command}'")
    cluster.reload()


def _start_by_hand(cluster: Cluster, data: Path) -> None:
    beside = f"-c port={SIDE_PORT} -c unix_socket_directories={cluster.home}/s"
    words = (cluster.binaries / "pg_ctl", "-D", data, "-w", "-l", cluster.home / "kept.log", "-o", beside)
    cluster.run(*words, "start")


@pytest.mark.parametrize("operation", ["restore_in_place", "restore"])
async def test_a_kept_cluster_is_its_owners_archives_nothing_where_it_lies_and_does_again_once_put_back(
    acts: Acts, cluster: Cluster, operation: str
) -> None:
    _archives_wherever_it_lies(cluster)
    bad = cluster.release_badly()
    damaged = cluster.rows()
    (owner,) = cluster.run("stat", "--format=%U", cluster.data).split()

    state = await acts.done(operation, ToTime(bad.began))

    kept = Path(str(state.evidence["kept"]))
    assert cluster.run("stat", "--format=%U", kept).split() == [owner]
    assert cluster.run("cat", kept / "PG_VERSION") == "15\n"
    about = f"what it replaced is kept in {kept} and archives nothing there"
    assert state.evidence["about_kept"] == about
    told = await acts.engine.check(await acts.call("restored", ToTime(bad.began)))
    assert told.found.endswith(about)

    before = _segments(cluster, 1)
    _start_by_hand(cluster, kept)
    with cluster.connect(SIDE_PORT) as connection:
        connection.execute("INSERT INTO orders (total) VALUES (4711)")
        connection.execute("SELECT pg_switch_wal()")
    refused = "SELECT failed_count > 0 FROM pg_stat_archiver"
    await until(lambda: _answered(cluster.ask(refused, SIDE_PORT)), seconds=30)
    assert _segments(cluster, 1) == before
    words = f"kept by Backstop: nothing is archived from here, only from {cluster.data}"
    assert words in (cluster.home / "kept.log").read_text()
    cluster.stop(kept)

    cluster.put_back(kept)
    cluster.archived()
    assert _segments(cluster, 1) > before
    assert len(cluster.rows()) == len(damaged) + 1


@pytest.mark.parametrize("operation", ["restore_in_place", "restore"])
async def test_rows_that_only_a_kept_cluster_has_are_found_in_it(
    acts: Acts, cluster: Cluster, operation: str
) -> None:
    with cluster.connect() as connection:
        connection.execute("CREATE DATABASE ledger")
    bad = cluster.release_badly()
    with cluster.connect() as connection:
        connection.execute("CREATE DATABASE later")
    with cluster.connect(database="later") as connection:
        connection.execute("CREATE TABLE entries AS SELECT 7 AS amount")
    await acts.done(operation, ToTime(bad.began))
    (kept,) = cluster.kept.glob("*/data")

    params = {"restore": "RUN-1/act/1"}
    state = await acts.ended(Call("salvage", target=cluster.target, params=params))

    assert state.phase is Phase.SUCCEEDED, state.because
    folder = Path(str(state.evidence["folder"]))
    assert {name: state.evidence[name] for name in ("compared", "only", "differ", "unread")} == {
        "compared": 2,
        "only": 4,
        "differ": 1001,
        "unread": 0,
    }
    assert _rows_of(folder / "001-later-public-entries.only.csv") == ['"7"']
    assert len(_rows_of(folder / "002-postgres-public-orders.only.csv")) == 3
    assert servers.pid_in(kept) is None
    assert cluster.rows() == bad.good

    one = await acts.ended(
        Call("salvage", target=cluster.target, params={**params, "table": "public.entries"})
    )
    assert (one.evidence["compared"], one.evidence["only"]) == (1, 1)
    none = await acts.ended(Call("salvage", target=cluster.target, params={**params, "table": "public.nope"}))
    assert "The kept copy has no table public.nope; it has: later.public.entries, " in none.because


async def test_a_kept_cluster_that_somebody_started_is_not_searched(acts: Acts, cluster: Cluster) -> None:
    bad = cluster.release_badly()
    state = await acts.done("restore", ToTime(bad.began))
    kept = Path(str(state.evidence["kept"]))
    _start_by_hand(cluster, kept)

    found = await acts.ended(Call("salvage", target=cluster.target, params={"restore": "RUN-1/act/1"}))

    assert found.phase is Phase.FAILED
    assert f"Somebody started the cluster in {kept}: stop it, and ask again." in found.because
    assert servers.pid_in(kept) is not None
    cluster.stop(kept)


async def test_a_kept_cluster_that_is_gone_is_said(acts: Acts, cluster: Cluster) -> None:
    bad = cluster.release_badly()
    state = await acts.done("restore", ToTime(bad.began))
    shutil.rmtree(str(state.evidence["kept"]))
    found = await acts.ended(Call("salvage", target=cluster.target, params={"restore": "RUN-1/act/1"}))
    assert found.phase is Phase.FAILED
    assert "RUN-1/act/1 kept none, or it was moved since." in found.because


async def test_a_search_that_is_cancelled_leaves_no_server_of_what_was_kept(
    acts: Acts, cluster: Cluster
) -> None:
    bad = cluster.release_badly()
    state = await acts.done("restore", ToTime(bad.began))
    kept = Path(str(state.evidence["kept"]))
    call = Call("salvage", target=cluster.target, params={"restore": "RUN-1/act/1"})
    with cluster.connect() as connection, connection.transaction():
        # Nobody reads the orders before this ends.
        connection.execute("LOCK TABLE orders")
        ref = await acts.engine.start(call, key="RUN-1/salvage/1")
        await until(lambda: _answered(servers.pid_in(kept)), seconds=60)
        await acts.engine.cancel(ref)
        ended = await acts.over(ref)
    assert (ended.phase, servers.pid_in(kept)) == (Phase.CANCELLED, None)
    assert not list(kept.parent.glob("salvage-*"))

    again = await acts.ended(call)
    assert (again.phase, again.evidence["only"]) == (Phase.SUCCEEDED, 3), again.because


def _rows_of(file: Path) -> list[str]:
    return file.read_text().splitlines()[1:]


async def _answered(found: object) -> bool | None:
    return True if found else None


async def test_a_kept_cluster_whose_settings_cannot_be_read_archives_nothing_and_says_how_that_ends(
    acts: Acts, cluster: Cluster
) -> None:
    bad = cluster.release_badly()
    settings = cluster.data / "postgresql.conf"
    cluster.stop()
    settings.write_text(settings.read_text() + "\nno such setting\n")

    state = await acts.done("restore_in_place", ToTime(bad.began))

    kept = Path(str(state.evidence["kept"]))
    assert "archive_mode = 'off'" in (kept / "postgresql.auto.conf").read_text()
    told = str(state.evidence["about_kept"])
    assert told.endswith("take archive_mode out of its postgresql.auto.conf before it is put back")
    assert cluster.rows() == bad.good
