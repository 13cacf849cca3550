"""What every engine in the registry must do, whatever it drives. A new engine adds a case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pydantic import BaseModel

from integrations.connections import Connections
from integrations.contract import (
    Call,
    Cap,
    Effect,
    Engine,
    IntegrationError,
    JobRef,
    Json,
    Phase,
    Source,
    Target,
    ToPoint,
    ToTime,
)
from integrations.process import Runner
from integrations.registry import ENGINES, open_engines, operations
from tests import pgbackrest, postgres
from tests.fakes.argocd import argocd
from tests.fakes.aws import credentials, rds, vault
from tests.fakes.github import BAD, GOOD, github
from tests.fakes.kube import a_cluster
from tests.fakes.pipelines import pipelines
from tests.fakes.serving import served
from tests.integrations import ledger as ledgers
from tests.integrations.host import Host, a_host, reached, until
from tests.integrations.orders import orders_host
from tests.integrations.releases import a_release
from tests.integrations.uploads import Uploads
from tests.sshd import Sshd

CANARY = "canary-7d1f"


@dataclass
class Case:
    """An engine with a target, a call it can carry out, and a way to see how often that happened."""

    engine: Engine
    target: Target
    acts: Callable[[], int]
    step: Call | None = None
    check: Call | None = None
    failing_check: Call | None = None
    source: Source | None = None
    go: Callable[[], None] = lambda: None
    slow: bool = False
    token: int | None = None


@asynccontextmanager
async def _sqlite(home: Path, server: Sshd | None = None) -> AsyncIterator[Case]:
    async with a_host(home) as host, reached(host, server) as connections:
        engine = open_engines(connections)["sqlite"]
        source = Source("orders-db", "sqlite")
        ref = await engine.backup(source, key="B-1", labels={"release": "2.3.0"})
        await _ended(engine, ref)
        (point,) = await engine.points(source)
        step = Call("restore", target=host.target, point=point, source=source)
        yield Case(
            engine,
            host.target,
            acts=lambda: len(list(host.kept.glob("*/restore.json"))),
            step=step,
            check=Call("restored", target=host.target, point=point, source=source),
            source=source,
            token=1,
        )


@asynccontextmanager
async def _restic(home: Path) -> AsyncIterator[Case]:
    async with a_host(home) as host:
        uploads = Uploads(host)
        engine = open_engines(host.connections)["restic"]
        await _ended(engine, await engine.backup(uploads.source, key="B-1", labels={"release": "2.3.0"}))
        (point,) = await engine.points(uploads.source)
        yield Case(
            engine,
            uploads.target,
            acts=lambda: len(list(uploads.kept.glob("*/restore.json"))),
            step=Call("restore", target=uploads.target, point=point, source=uploads.source),
            check=Call("restored", target=uploads.target, point=point, source=uploads.source),
            source=uploads.source,
            token=1,
        )


@asynccontextmanager
async def _litestream(home: Path) -> AsyncIterator[Case]:
    async with a_host(home, ledgers.config(home)) as host:
        ledger = ledgers.Ledger(host)
        engine = open_engines(host.connections)["litestream"]
        with ledger.replicating():
            ledger.write(10, 20)
            ledger.replicated()
        point = (await engine.points(ledger.source))[0]
        yield Case(
            engine,
            ledger.target,
            acts=lambda: len(list(ledger.kept.glob("*/restore.json"))),
            step=Call("restore", target=ledger.target, point=point, source=ledger.source),
            check=Call("restored", target=ledger.target, point=point, source=ledger.source),
            source=ledger.source,
            token=1,
        )


@asynccontextmanager
async def _postgres(home: Path, server: postgres.Server) -> AsyncIterator[Case]:
    async with orders_host(server, home) as (host, orders):
        engine = open_engines(host.connections)["postgres"]
        await _ended(engine, await engine.backup(orders.source, key="B-1", labels={"release": "2.3.0"}))
        (point,) = await engine.points(orders.source)
        yield Case(
            engine,
            orders.target,
            acts=lambda: len(orders.databases("_replaced_")),
            step=Call("restore", target=orders.target, point=point, source=orders.source),
            check=Call("restored", target=orders.target, point=point, source=orders.source),
            source=orders.source,
            token=1,
        )


@asynccontextmanager
async def _pgbackrest(home: Path, cluster: pgbackrest.Cluster) -> AsyncIterator[Case]:
    async with a_host(home, cluster.runner_config()) as host:
        engine = open_engines(host.connections)["pgbackrest"]
        (point,) = await engine.points(cluster.source)
        yield Case(
            engine,
            cluster.target,
            acts=lambda: len(list(cluster.kept.glob("*/restore.json"))),
            step=Call("restore", target=cluster.target, point=point, source=cluster.source),
            check=Call("log_continuous", target=cluster.target, point=point, source=cluster.source),
            token=1,
            source=cluster.source,
        )


@asynccontextmanager
async def _command(home: Path) -> AsyncIterator[Case]:
    async with a_host(home) as host:
        yield Case(
            open_engines(host.connections)["command"],
            host.checkout,
            acts=lambda: sum(line.startswith("begin") for line in host.acts()),
            step=Call("run", target=host.checkout, params={"name": "act", "who": "bo"}),
            check=Call("check", target=host.checkout, params={"name": "env"}),
            failing_check=Call("check", params={"name": "leak"}),
            go=host.go,
            slow=True,
        )


@asynccontextmanager
async def _sql(home: Path) -> AsyncIterator[Case]:
    async with a_host(home) as host:
        query = "SELECT count(*) FROM orders"
        yield Case(
            open_engines(host.connections)["sql"],
            host.target,
            acts=lambda: 0,
            check=Call("check", target=host.target, params={"query": query, "equals": 500}),
            failing_check=Call("check", target=host.target, params={"query": query, "at_least": 501}),
        )


@asynccontextmanager
async def _http(home: Path) -> AsyncIterator[Case]:
    orders: list[str] = []

    async def place(request: web.Request) -> web.Response:
        orders.append(request.headers["Idempotency-Key"])
        return web.json_response({"token": request.headers.get("X-Token", "")}, status=201)

    async def healthy(request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "seen": request.headers.get("X-Token", "")})

    app = web.Application()
    app.router.add_post("/orders", place)
    app.router.add_get("/health", healthy)
    (home / "shop-token").write_text(CANARY + "\n")
    async with served(app) as url:
        connections = Connections(session=aiohttp.ClientSession, secrets=home)
        headers: Json = {"X-Token": "{secret:shop-token}"}
        yield Case(
            open_engines(connections)["http"],
            Target("checkout", "http", "production", settings={"health_url": f"{url}/health"}),
            acts=lambda: len(orders),
            step=Call(
                "call",
                params={"method": "POST", "url": f"{url}/orders", "status": 201, "headers": headers},
            ),
            check=Call("check", params={"url": f"{url}/health", "json_at": {"ok": True}, "headers": headers}),
            failing_check=Call("check", params={"url": f"{url}/nothing"}),
        )


@asynccontextmanager
async def _http_job(home: Path) -> AsyncIterator[Case]:
    (home / "gate-token").write_text(CANARY + "\n")
    async with pipelines(CANARY) as gate:
        connections = Connections(session=aiohttp.ClientSession, secrets=home)
        target = gate.target()
        yield Case(
            open_engines(connections)["http_job"],
            target,
            acts=lambda: len(gate.runs),
            step=Call("run", target=target, params={"name": "rollback", "release": "v2.3.0", "canaries": 2}),
            go=gate.go,
            slow=True,
        )


@asynccontextmanager
async def _github(home: Path) -> AsyncIterator[Case]:
    (home / "github-token").write_text(CANARY + "\n")
    async with github(CANARY, lambda: datetime.now(UTC)) as hub:
        hub.deploy(GOOD, "success")
        hub.deploy(BAD, "success")
        engine = open_engines(Connections(session=aiohttp.ClientSession, secrets=home))["github"]
        target, source = hub.target(listed_within_s=0), hub.source()
        bad, good = await engine.points(source)
        yield Case(
            engine,
            target,
            acts=lambda: len(hub.dispatched),
            step=Call(
                "dispatch",
                target=target,
                params={"name": "rollback", "pace": "fast"},
                point=good,
                source=source,
            ),
            check=Call("deployed", point=bad, source=source),
            failing_check=Call("deployed", point=good, source=source),
            source=source,
            go=hub.go,
            slow=True,
        )


@asynccontextmanager
async def _kubernetes(home: Path) -> AsyncIterator[Case]:
    async with a_cluster(home) as cluster:
        for tag in ("2.3.0", "2.4.0"):
            cluster.deploy("checkout", f"registry/checkout:{tag}")
            before = (await cluster.settled("checkout"))["metadata"]["generation"]
        settings: dict[str, Json] = {"kubeconfig": "kubeconfig", "namespace": "shop"}
        target, source = (
            Target("checkout", "kubernetes", "production", settings=settings),
            Source("checkout", "kubernetes", settings),
        )
        engine = open_engines(Connections(secrets=home))["kubernetes"]
        _, point = await engine.points(source)
        yield Case(
            engine,
            target,
            acts=lambda: cluster.get("Deployment", "checkout")["metadata"]["generation"] - before,
            step=Call("undo", target=target, point=point, source=source),
            check=Call("image", target=target, params={"tag": "2.4.0"}),
            failing_check=Call("ready", target=target, params={"at_least": 9}),
            source=source,
        )


@asynccontextmanager
async def _velero(home: Path) -> AsyncIterator[Case]:
    async with a_cluster(home) as cluster:
        cluster.velero.location()
        cluster.velero.backup("nightly")
        cluster.deploy("checkout", "registry/checkout:2.3.0")
        settings: dict[str, Json] = {"kubeconfig": "kubeconfig"}
        target = Target("shop", "velero", "production", settings={**settings, "lands_in": "shop-drill"})
        source = Source("shop", "velero", settings)
        engine = open_engines(Connections(secrets=home))["velero"]
        (point,) = await engine.points(source)

        def begun() -> list[str]:
            kept = cluster.store.list(cluster.store.kind("Restore"), "velero")
            return [one["metadata"]["name"] for one in kept if one["spec"]["backupName"] == "nightly"]

        def go() -> None:
            for name in begun():
                cluster.velero.begin(name)
                cluster.velero.end(name)

        yield Case(
            engine,
            target,
            acts=lambda: len(begun()),
            step=Call("restore", target=target, point=point, source=source),
            failing_check=Call("covered", target=target),
            source=source,
            go=go,
        )


@asynccontextmanager
async def _argocd(home: Path) -> AsyncIterator[Case]:
    (home / "argocd-token").write_text(CANARY + "\n")
    async with argocd(CANARY, lambda: datetime.now(UTC)) as argo:
        engine = open_engines(Connections(session=aiohttp.ClientSession, secrets=home))["argocd"]
        target, source = argo.target(), argo.source()
        bad, good = await engine.points(source)

        yield Case(
            engine,
            target,
            acts=lambda: argo.asked.count("rollback"),
            step=Call("rollback", target=target, point=good, source=source),
            check=Call("restored", target=target, point=bad, source=source),
            failing_check=Call("restored", target=target, point=good, source=source),
            source=source,
            go=argo.go,
        )


@asynccontextmanager
async def _helm(home: Path, major: str) -> AsyncIterator[Case]:
    async with a_release(home, major) as releases:
        releases.cluster.rollouts.open.clear()
        before = len(await releases.history())
        _, point = await releases.engine.points(releases.source)
        yield Case(
            releases.engine,
            releases.target,
            acts=lambda: len(releases.revisions()) - before,
            step=Call("rollback", target=releases.target, point=point, source=releases.source),
            check=Call("deployed", target=releases.target),
            failing_check=Call("restored", target=releases.target, point=point, source=releases.source),
            source=releases.source,
            go=releases.cluster.rollouts.open.set,
            slow=True,
            token=1,
        )


@asynccontextmanager
async def _person(_home: Path) -> AsyncIterator[Case]:
    yield Case(
        open_engines(Connections())["person"],
        Target("checkout", "people", "production"),
        acts=lambda: 0,
        step=Call("do", params={"do": ["Export the orders"], "confirm": ["The list is saved"]}),
        slow=True,
    )


@asynccontextmanager
async def _aws_rds(home: Path) -> AsyncIterator[Case]:
    credentials(home)
    async with rds() as cloud:
        await cloud.furnish()
        engine = open_engines(Connections(secrets=home))["aws-rds"]
        point = next(each for each in await engine.points(cloud.source) if each.id == "orders-2-3-0")
        yield Case(
            engine,
            cloud.target,
            acts=lambda: sum(asked.startswith("RestoreDBInstance") for asked in cloud.asked),
            step=Call(
                "restore", target=cloud.target, source=cloud.source, point=point, params={"into": "RUN-1"}
            ),
            check=Call("available", target=cloud.target),
            failing_check=Call("restored", target=cloud.target, point=point),
            source=cloud.source,
        )


@asynccontextmanager
async def _aws_backup(home: Path) -> AsyncIterator[Case]:
    credentials(home)
    async with vault() as kept:
        kept.add("orders-1", datetime.now(UTC) - timedelta(hours=1))
        engine = open_engines(Connections(secrets=home))["aws-backup"]
        (point,) = await engine.points(kept.source)
        yield Case(
            engine,
            kept.target,
            acts=lambda: len(kept.jobs),
            step=Call("restore", target=kept.target, source=kept.source, point=point),
            failing_check=Call("locked", target=kept.target),
            source=kept.source,
            go=kept.end,
        )


_CASES = {
    "litestream": _litestream,
    "aws-rds": _aws_rds,
    "aws-backup": _aws_backup,
    "sqlite": _sqlite,
    "restic": _restic,
    "command": _command,
    "sql": _sql,
    "http": _http,
    "kubernetes": _kubernetes,
    "http_job": _http_job,
    "github": _github,
    "argocd": _argocd,
    "velero": _velero,
    "person": _person,
}


@pytest.fixture(params=[*sorted({*ENGINES} - {"helm"}), "sqlite over ssh", "helm 3", "helm 4"])
def making(request: pytest.FixtureRequest, tmp_path: Path) -> AbstractAsyncContextManager[Case]:
    if request.param == "sqlite over ssh":
        return _sqlite(tmp_path, request.getfixturevalue("server"))
    if request.param.startswith("helm"):
        return _helm(tmp_path, request.param[-1])
    if request.param == "pgbackrest":
        return _pgbackrest(tmp_path, request.getfixturevalue("cluster"))
    if request.param == "postgres":
        return _postgres(tmp_path, request.getfixturevalue("postgresql_server"))
    return _CASES[request.param](tmp_path)


@pytest.fixture
async def case(making: AbstractAsyncContextManager[Case]) -> AsyncIterator[Case]:
    async with making as made:
        yield made


async def _ended(engine: Engine, ref: JobRef) -> Phase:
    async def look() -> Phase | None:
        state = await engine.poll(ref)
        return None if state.phase is Phase.RUNNING else state.phase

    return await until(look)


def _calls(case: Case) -> list[Call]:
    return [call for call in (case.step, case.check, case.failing_check) if call is not None]


def _step(case: Case) -> Call:
    if case.step is None:
        pytest.skip("the engine has no steps")
    return case.step


def test_every_engine_has_a_case_and_pure_operations() -> None:
    assert {*_CASES, "postgres", "pgbackrest", "helm"} == set(ENGINES)
    for name, operation in operations().items():
        assert name.split(".")[1] == operation.name
        assert issubclass(operation.params, BaseModel)


def test_an_unknown_engine_is_not_in_the_registry() -> None:
    engines = open_engines(Connections())
    assert set(engines) == set(ENGINES)
    assert engines.get("oracle") is None


async def test_health_says_which_thing_it_is_and_says_the_same_again(case: Case) -> None:
    first, again = await case.engine.health(case.target), await case.engine.health(case.target)
    assert first.ok
    assert first == again


async def test_points_are_listed_newest_first_with_aware_times(case: Case) -> None:
    points = await case.engine.points(case.source or Source("orders-db", case.engine.name))
    assert bool(points) is (Cap.POINTS in case.engine.caps)
    assert all(point.finished_at.tzinfo is not None for point in points)
    assert list(points) == sorted(points, key=lambda point: point.finished_at, reverse=True)


async def test_a_goal_that_cannot_be_reached_is_refused_with_a_reason(case: Case) -> None:
    resolution = await case.engine.resolve(case.source or Source("x", case.engine.name), ToPoint("never"))
    assert resolution.point is None
    assert resolution.because


async def test_a_plan_is_the_same_twice_and_carries_nothing_out(case: Case) -> None:
    for call in _calls(case):
        assert await case.engine.plan(call) == await case.engine.plan(call)
        assert (await case.engine.plan(call)).by_hand
    assert case.acts() == 0


async def test_unknown_parameters_and_operations_are_refused_for_good(case: Case) -> None:
    for call in _calls(case):
        for wrong in (
            replace(call, params={**call.params, "no_such_parameter": [CANARY]}),
            replace(call, operation="no-such-operation"),
        ):
            with pytest.raises(IntegrationError) as planned:
                await case.engine.plan(wrong)
            with pytest.raises(IntegrationError) as acted:
                await (
                    case.engine.check(wrong)
                    if call is not case.step
                    else case.engine.start(wrong, key="K-1", token=case.token)
                )
            assert planned.value.permanent
            assert acted.value.permanent
            assert CANARY not in f"{planned.value}{acted.value}"
    assert case.acts() == 0


async def test_find_has_no_side_effect_and_knows_a_started_job(case: Case) -> None:
    call = _step(case)
    assert await case.engine.find(call, key="K-1") is None
    assert case.acts() == 0
    ref = await case.engine.start(call, key="K-1", token=case.token)
    case.go()
    if case.engine.name != "person":
        assert await case.engine.find(call, key="K-1") == ref
        assert await _ended(case.engine, ref) is Phase.SUCCEEDED
        assert await case.engine.find(call, key="K-1") == ref


async def test_the_same_key_twice_is_one_act(case: Case) -> None:
    call = _step(case)
    refs = await asyncio.gather(*(case.engine.start(call, key="K-1", token=case.token) for _ in range(3)))
    assert refs[0] == refs[1] == refs[2]
    case.go()
    if case.engine.name != "person":
        assert await _ended(case.engine, refs[0]) is Phase.SUCCEEDED
        assert await case.engine.start(call, key="K-1", token=case.token) == refs[0]
        assert case.acts() == 1


async def test_a_restore_does_the_work_that_was_said_before_in_the_phases_that_were_named(case: Case) -> None:
    call = _step(case)
    if "prepare" not in case.engine.operations:
        pytest.skip("the engine makes no copies")
    work = (await case.engine.plan(call)).work
    ref = await case.engine.start(call, key="K-1", token=case.token)
    assert await _ended(case.engine, ref) is Phase.SUCCEEDED
    phases = {each.phase: each for each in (await case.engine.poll(ref)).phases}
    assert {name: phases[name].amount for name in work} == work
    assert sum(each.seconds for each in phases.values()) > 0


async def test_what_was_prepared_is_taken_by_the_restore_and_can_be_discarded(case: Case) -> None:
    call = _step(case)
    if "prepare" not in case.engine.operations:
        pytest.skip("the engine makes no copies beforehand")
    early = replace(call, operation="prepare")
    assert (await case.engine.plan(early)).effect is Effect.READ
    to_do = (await case.engine.plan(call)).work
    # Who cannot know how much there is says nothing of it.
    assert not to_do or to_do["copying"] > 0
    states = []
    for key in ("K-1", "K-2"):
        ref = await case.engine.start(early, key=key)
        assert await _ended(case.engine, ref) is Phase.SUCCEEDED
        states.append(await case.engine.poll(ref))
        if key == "K-1":
            undo = Call("discard", target=case.target)
            assert (await case.engine.plan(undo)).effect is Effect.READ
            gone = await case.engine.start(undo, key="K-1.undo")
            assert await _ended(case.engine, gone) is Phase.SUCCEEDED
    assert case.acts() == 0
    for state in states:
        assert call.point
        assert (state.evidence["point"], state.evidence["digest"]) == (call.point.id, call.point.digest)
        assert {"ready_at", "checked"} < state.evidence.keys()
    assert (await case.engine.plan(call)).work == dict.fromkeys(to_do, 0)
    ref = await case.engine.start(call, key="K-3", token=case.token)
    assert await _ended(case.engine, ref) is Phase.SUCCEEDED
    assert (await case.engine.poll(ref)).evidence["prepared"] is True
    assert case.acts() == 1


async def test_a_cancelled_job_leaves_nothing_alive(case: Case) -> None:
    call = _step(case)
    if Cap.CANCEL not in case.engine.caps or not case.slow:
        pytest.skip("the engine's jobs are over at once or cannot be cancelled")
    ref = await case.engine.start(call, key="K-1", token=case.token)
    await case.engine.cancel(ref)
    assert await _ended(case.engine, ref) is Phase.CANCELLED
    assert (await case.engine.poll(ref)).alive is False


async def test_a_forbidden_key_never_acts_however_late_its_start_arrives(case: Case) -> None:
    call = _step(case)
    ref = await case.engine.forbid(call, key="K-1")
    if case.engine.name == "http":
        assert (await case.engine.poll(ref)).phase is Phase.LOST
    else:
        settled = await case.engine.poll(ref)
        assert (settled.phase, settled.alive) == (Phase.CANCELLED, False)
    case.go()
    with suppress(IntegrationError):
        await case.engine.start(call, key="K-1", token=case.token)
    assert case.engine.name == "person" or await _ended(case.engine, ref) in {Phase.CANCELLED, Phase.LOST}
    assert case.acts() == 0
    assert (await case.engine.forbid(call, key="K-1")) == ref


async def test_forbidding_a_finished_job_leaves_its_end_as_it_was(case: Case) -> None:
    call = _step(case)
    if case.engine.name in {"person", "http"}:
        pytest.skip("the engine's target remembers no jobs")
    ref = await case.engine.start(call, key="K-1", token=case.token)
    case.go()
    await _ended(case.engine, ref)
    await case.engine.forbid(call, key="K-1")
    assert (await case.engine.poll(ref)).phase is Phase.SUCCEEDED


async def test_a_step_is_no_check_and_a_check_is_no_step(case: Case) -> None:
    if case.step is not None:
        with pytest.raises(IntegrationError) as refusal:
            await case.engine.check(case.step)
        assert refusal.value.permanent
    if case.check is not None:
        with pytest.raises(IntegrationError) as refusal:
            await case.engine.start(case.check, key="K-1")
        assert refusal.value.permanent
    assert case.acts() == 0


async def test_a_check_passes_or_fails_with_figures_and_is_no_error(case: Case) -> None:
    if case.failing_check is not None:
        failed = await case.engine.check(case.failing_check)
        assert not failed.ok
        assert failed.found
    if case.check is not None:
        assert (await case.engine.check(case.check)).ok


async def test_secrets_are_in_no_preview_evidence_or_log(case: Case) -> None:
    said: list[object] = []
    for call in _calls(case):
        said.append(await case.engine.plan(call))
        if call is not case.step:
            said.append(await case.engine.check(call))
    if case.step is not None:
        ref = await case.engine.start(case.step, key="K-1", token=case.token)
        case.go()
        if case.engine.name != "person":
            await _ended(case.engine, ref)
        said += [ref, await case.engine.poll(ref), await case.engine.logs(ref)]
    assert CANARY not in repr(said)
    assert "s3cr3t-canary" not in repr(said)


async def test_what_an_engine_has_not_it_refuses_for_good(case: Case) -> None:
    source = case.source or Source("orders-db", case.engine.name)
    missing: dict[Cap, Callable[[], Awaitable[object]]] = {
        Cap.MARK: lambda: case.engine.mark(case.target, "before-2.4.0"),
        Cap.BACKUP: lambda: case.engine.backup(source, key="B-2", labels={}),
    }
    for cap, asked in missing.items():
        if cap not in case.engine.caps:
            with pytest.raises(IntegrationError) as refusal:
                await asked()
            assert refusal.value.permanent


async def test_nobody_answering_is_an_error_that_may_pass(tmp_path: Path) -> None:
    engines = open_engines(Connections(runners={"local": Runner(tmp_path / "nobody.sock")}))
    for name in ("sqlite", "command", "sql"):
        with pytest.raises(IntegrationError, match="start it with") as silent:
            await engines[name].health(Target("orders-db", "x", "production"))
        assert not silent.value.permanent
    with pytest.raises(IntegrationError):
        await engines["sqlite"].find(Call("backup"), key="K-1")


async def test_a_point_can_be_proved_held_and_chosen_by_time(host: Host) -> None:
    engine = open_engines(host.connections)["sqlite"]
    source = Source("orders", "sqlite", {"target": "orders-db"})
    for key in ("B-1", "B-2"):
        assert await _ended(engine, await engine.backup(source, key=key, labels={})) is Phase.SUCCEEDED
    newer, older = await engine.points(source)
    assert (await engine.resolve(source, ToTime(older.finished_at))).point == older
    assert (await engine.resolve(source, ToTime(newer.finished_at))).point == newer
    assert (await engine.verify_point(source, newer)).ok
    await engine.hold(source, newer, until=newer.finished_at)
    proved = (await engine.points(source))[0]
    assert proved.health == "valid"
    assert proved.verified_at is not None
    assert proved.held_until == newer.finished_at
    content = host.points / f"{older.id}.db"
    content.write_bytes(content.read_bytes()[:-1])
    refused = await engine.resolve(source, ToTime(older.finished_at))
    assert refused.point is None
    assert [refusal.point.id for refusal in refused.refused] == [newer.id, older.id]


async def test_a_point_that_may_not_be_held_is_found_out_when_it_is_planned(host: Host) -> None:
    engine = open_engines(host.connections)["sqlite"]
    # The runner's rules of `readings` allow nothing but to look.
    readings = Source("readings", "sqlite")
    await _ended(engine, await engine.backup(Source("orders-db", "sqlite"), key="B-1", labels={}))
    (point,) = await engine.points(readings)
    call = Call("restore", target=host.target, point=point, source=readings, holds=True)

    with pytest.raises(IntegrationError, match=r"sqlite\.hold is not allowed for readings; its `allow`"):
        await engine.plan(call)

    assert await engine.plan(replace(call, source=Source("orders-db", "sqlite")))
    assert await engine.plan(replace(call, holds=False))


async def test_points_of_another_target_can_be_restored(host: Host) -> None:
    engine = open_engines(host.connections)["sqlite"]
    source = Source("readings", "sqlite")
    await _ended(engine, await engine.backup(Source("orders-db", "sqlite"), key="B-1", labels={}))
    (point,) = await engine.points(source)
    call = Call("restore", target=host.target, point=point, source=source)
    ref = await engine.start(call, key="R-1", token=4)
    assert await _ended(engine, ref) is Phase.SUCCEEDED
    state = await engine.poll(ref)
    assert state.evidence["digest"] == point.digest
    assert state.progress is not None
    assert state.progress.phase == "done"
    assert "::progress" not in (await engine.logs(ref)).text
    assert (await engine.check(replace(call, operation="restored"))).found == "identical to the point"


async def test_a_restore_without_point_or_target_or_token_is_refused(host: Host) -> None:
    engine = open_engines(host.connections)["sqlite"]
    for call in (Call("restore", target=host.target), Call("restore")):
        with pytest.raises(IntegrationError, match="needs a"):
            await engine.plan(call)
    await _ended(engine, await engine.backup(Source("orders-db", "sqlite"), key="B-1", labels={}))
    (point,) = await engine.points(Source("orders-db", "sqlite"))
    with pytest.raises(IntegrationError, match="fencing token"):
        await engine.start(Call("restore", target=host.target, point=point), key="R-1")
