"""Namespaces restored by Velero on the stand-in, which takes what Velero's own models take; kubectl looks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from integrations.connections import Connections
from integrations.contract import (
    Call,
    CheckResult,
    Effect,
    IntegrationError,
    Json,
    Phase,
    Source,
    Target,
    ToPoint,
    ToRevision,
    ToTime,
)
from integrations.velero import Velero
from integrations.velero.objects import KEY, label_of, name_of
from tests.fakes.kube import Cluster, a_cluster, clients, deployment
from tests.integrations.host import until

THE_KEY = "RUN-1.back.1.0a1b2c3d"
NAME = name_of(THE_KEY)


@dataclass
class Shop:
    """A namespace with backups, and the engine that restores it into another one."""

    cluster: Cluster
    moment: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(seconds=1))

    def __post_init__(self) -> None:
        self.engine = self.anew()
        self.source = Source("shop", "velero", {"kubeconfig": "kubeconfig"})

    def anew(self) -> Velero:
        """Return the engine of another process."""
        return Velero(Connections(secrets=self.cluster.home, now=lambda: self.moment))

    def target(self, **changed: Json) -> Target:
        settings: dict[str, Json] = {"kubeconfig": "kubeconfig", "lands_in": "shop-drill", **changed}
        return Target("shop", "velero", "production", settings=settings)

    async def restore(self, **changed: Json) -> Call:
        point = (await self.engine.points(self.source))[0]
        return Call("restore", target=self.target(**changed), point=point, source=self.source)

    def kept(self, name: str = NAME) -> Any:
        return self.cluster.get("Restore", name, "velero")

    def created(self) -> int:
        return self.cluster.acts("create", "restores")

    def landed(self, name: str, backup: str, *, image: str = "registry/checkout:2.3.0") -> None:
        """Put a deployment there as Velero labels what it restores."""
        body = deployment(name, image)
        body["metadata"] |= {"namespace": "shop-drill"}
        body["metadata"]["labels"]["velero.io/backup-name"] = label_of(backup)
        self.cluster.store.create(self.cluster.store.kind("Deployment"), "shop-drill", body)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with a_cluster(tmp_path) as cluster:
        cluster.velero.location()
        cluster.velero.backup("nightly-1", completionTimestamp="2026-11-22T02:00:00Z")
        cluster.velero.backup("nightly-2", completionTimestamp="2026-11-23T02:00:00Z")
        yield Shop(cluster)


async def test_points_are_the_backups_that_have_the_whole_namespace(shop: Shop) -> None:
    velero = shop.cluster.velero
    velero.backup("of-others", ["stocks"], completionTimestamp="2026-11-23T03:00:00Z")
    velero.backup("half", phase="PartiallyFailed", completionTimestamp="2026-11-23T04:00:00Z", errors=3)
    velero.backup("lame", phase="Failed", completionTimestamp="2026-11-23T05:00:00Z")
    velero.backup("old", completionTimestamp="2026-11-01T02:00:00Z", expiration="2026-11-08T02:00:00Z")
    half, newer, older, old = await shop.engine.points(shop.source)
    assert [point.id for point in (half, newer, older, old)] == ["half", "nightly-2", "nightly-1", "old"]
    assert [point.health for point in (half, newer, old)] == ["partial", "unknown", "stranded"]
    assert newer.held_until == datetime(2036, 1, 1, tzinfo=UTC)
    assert newer.digest
    assert await shop.engine.points(shop.source, since=newer.finished_at) == (half, newer)

    found = await shop.engine.resolve(shop.source, ToTime(datetime(2026, 11, 23, tzinfo=UTC)))
    assert (found.point, found.because) == (older, "the newest at or before 2026-11-23 00:00:00Z")
    assert {refusal.because for refusal in found.refused} == {
        "later than the goal",
        "Velero could not back everything up",
        "it has expired, or its storage cannot be reached",
    }
    assert (await shop.engine.resolve(shop.source, ToPoint("half"))).point is None
    assert "no revisions" in (await shop.engine.resolve(shop.source, ToRevision())).because


async def test_backups_in_a_storage_that_cannot_be_reached_are_stranded(shop: Shop) -> None:
    kind = shop.cluster.store.kind("BackupStorageLocation")
    place = shop.cluster.get("BackupStorageLocation", "default", "velero")
    shop.cluster.store.replace(kind, "velero", "default", {**place, "status": {"phase": "Unavailable"}})
    assert {point.health for point in await shop.engine.points(shop.source)} == {"stranded"}
    health = await shop.engine.health(shop.target())
    assert list(health.problems) == ["No storage location of Velero in velero is available."]


async def test_a_restore_is_an_object_of_a_name_made_of_its_key(shop: Shop) -> None:
    call = await shop.restore()
    ref = await shop.engine.start(call, key=THE_KEY)
    assert await shop.engine.start(call, key=THE_KEY) == ref
    later = shop.anew()
    assert await later.find(call, key=THE_KEY) == ref
    assert await later.start(call, key=THE_KEY) == ref
    assert shop.created() == 1
    made = shop.kept()
    assert NAME.startswith("bs-run-1-back-1-0a1b2c3d-")
    assert made["metadata"]["annotations"] == {KEY: THE_KEY}
    assert made["spec"] == {
        "backupName": "nightly-2",
        "existingResourcePolicy": "none",
        "includedNamespaces": ["shop"],
        "namespaceMapping": {"shop": "shop-drill"},
        "restorePVs": True,
    }


async def test_a_second_creation_under_the_name_attaches(shop: Shop) -> None:
    call = await shop.restore()
    other = shop.anew()
    await other.start(call, key=THE_KEY)
    # Both have looked and found nothing; the cluster takes the name once.
    ref = await shop.engine._begin(call, THE_KEY)
    assert (await shop.engine.poll(ref)).phase is Phase.RUNNING
    assert len(shop.cluster.store.list(shop.cluster.store.kind("Restore"), "velero")) == 1


async def test_the_phases_of_a_restore_are_told_with_its_items(shop: Shop) -> None:
    velero = shop.cluster.velero
    ref = await shop.engine.start(await shop.restore(), key=THE_KEY)
    new = await shop.engine.poll(ref)
    assert (new.phase, new.because) == (
        Phase.RUNNING,
        "Velero has not taken it up yet; is its server running?",
    )
    velero.begin(NAME, total=40)
    velero.advance(NAME, 10, total=50)
    running = await shop.engine.poll(ref)
    assert running.progress is not None
    assert (running.progress.phase, running.progress.done, running.progress.total) == ("in progress", 10, 50)
    for word, said in (
        ("WaitingForPluginOperations", "waiting for plugin operations"),
        ("FinalizingPartiallyFailed", "finalizing"),
    ):
        velero.phase(NAME, word)
        waiting = await shop.engine.poll(ref)
        assert waiting.progress is not None
        assert (waiting.phase, waiting.progress.phase) == (Phase.RUNNING, said)
    velero.end(NAME)
    ended = await shop.engine.poll(ref)
    assert (ended.phase, ended.alive) == (Phase.SUCCEEDED, False)
    assert ended.ended_at is not None


@pytest.mark.parametrize(
    ("phase", "status", "expected", "because"),
    [
        (
            "PartiallyFailed",
            {"errors": 2, "warnings": 1},
            Phase.PARTIAL,
            "2 errors and 1 warnings; `velero restore describe",
        ),
        ("Completed", {"warnings": 4}, Phase.PARTIAL, "4 warnings, as of objects that were there already"),
        ("Failed", {"failureReason": "disk full"}, Phase.FAILED, "disk full"),
        ("FailedValidation", {"validationErrors": ["no such backup"]}, Phase.REFUSED, "no such backup"),
    ],
)
async def test_only_a_whole_restore_is_a_success(
    shop: Shop, phase: str, status: dict[str, Any], expected: Phase, because: str
) -> None:
    ref = await shop.engine.start(await shop.restore(), key=THE_KEY)
    shop.cluster.velero.begin(NAME)
    shop.cluster.velero.end(NAME, phase, **status)
    state = await shop.engine.poll(ref)
    assert (state.phase, state.alive) == (expected, False)
    assert state.because.startswith(because)


async def test_warnings_that_are_expected_are_let_pass(shop: Shop) -> None:
    ref = await shop.engine.start(await shop.restore(warnings_allowed=4), key=THE_KEY)
    shop.cluster.velero.begin(NAME)
    shop.cluster.velero.end(NAME, warnings=4)
    assert (await shop.engine.poll(ref)).phase is Phase.SUCCEEDED


async def test_a_server_that_restarts_fails_what_was_in_progress(shop: Shop) -> None:
    ref = await shop.engine.start(await shop.restore(), key=THE_KEY)
    shop.cluster.velero.begin(NAME)
    shop.cluster.velero.restart()
    state = await shop.engine.poll(ref)
    assert state.phase is Phase.FAILED
    assert "during the server starting" in state.because


async def test_a_restore_that_somebody_deleted_is_lost(shop: Shop) -> None:
    ref = await shop.engine.start(await shop.restore(), key=THE_KEY)
    shop.cluster.store.delete(shop.cluster.store.kind("Restore"), "velero", NAME)
    assert (await shop.engine.poll(ref)).phase is Phase.LOST


async def test_a_restore_over_what_is_there_is_refused_because_velero_would_skip_it(shop: Shop) -> None:
    shop.cluster.deploy("checkout", "registry/checkout:2.4.0")
    with pytest.raises(IntegrationError) as refusal:
        await shop.engine.plan(await shop.restore(lands_in=None))
    assert str(refusal.value) == (
        "shop has 1 deployments already (checkout), which Velero leaves as they are: nothing of them would "
        "be restored. Say `existing: update`, or name another namespace as `lands_in`."
    )
    state = await shop.engine.poll(await shop.engine.start(await shop.restore(lands_in=None), key=THE_KEY))
    assert (state.phase, state.because) == (Phase.REFUSED, str(refusal.value))
    assert shop.created() == 0
    plan = await shop.engine.plan(await shop.restore(lands_in=None, existing="update"))
    assert plan.effect is Effect.DESTRUCTIVE
    assert '"existingResourcePolicy": "update"' in plan.preview[0]


async def test_volumes_that_are_there_are_never_overwritten_and_that_is_said(shop: Shop) -> None:
    kind = shop.cluster.store.kind("PersistentVolumeClaim")
    shop.cluster.store.create(kind, "shop", {"metadata": {"name": "orders"}, "spec": {}})
    with pytest.raises(
        IntegrationError, match=r"shop has 1 volumes already \(orders\), whose content Velero never"
    ):
        await shop.engine.plan(await shop.restore(lands_in=None, existing="update"))
    plan = await shop.engine.plan(await shop.restore(lands_in=None, existing="update", volumes=False))
    assert '"restorePVs": false' in plan.preview[0]


async def test_a_plan_shows_the_object_and_how_much_there_is_to_do(shop: Shop) -> None:
    call = await shop.restore()
    plan = await shop.engine.plan(call)
    assert plan == await shop.engine.plan(call)
    assert plan.preview[0].startswith(
        'kubectl create -f - <<< {"apiVersion": "velero.io/v1", "kind": "Restore"'
    )
    assert plan.by_hand == (
        "velero restore create --from-backup nightly-2 --include-namespaces shop "
        "--namespace-mappings shop:shop-drill -n velero"
    )
    assert (plan.effect, plan.cancel.value, plan.work) == (Effect.REVERSIBLE, "none", {"in progress": 40})
    assert shop.created() == 0


async def test_a_backup_that_is_gone_is_refused(shop: Shop) -> None:
    call = await shop.restore()
    shop.cluster.store.delete(shop.cluster.store.kind("Backup"), "velero", "nightly-2")
    with pytest.raises(IntegrationError, match="Velero has no backup nightly-2 with shop in it any more"):
        await shop.engine.plan(call)


async def test_what_has_begun_cannot_be_cancelled_and_is_waited_for(shop: Shop) -> None:
    call = await shop.restore()
    ref = await shop.engine.start(replace(call, timeout_s=60), key=THE_KEY)
    shop.cluster.velero.begin(NAME)
    with pytest.raises(IntegrationError, match="cannot cancel what Velero has begun"):
        await shop.engine.cancel(ref)
    assert await shop.engine.forbid(replace(call, timeout_s=60), key=THE_KEY) == ref
    assert (await shop.engine.poll(ref)).alive is True
    shop.moment += timedelta(seconds=90)
    slow = await shop.engine.poll(ref)
    assert slow.phase is Phase.RUNNING
    assert slow.because.startswith("It takes longer than it may, and goes on")
    shop.cluster.velero.end(NAME)
    assert (await shop.engine.poll(ref)).phase is Phase.SUCCEEDED


async def test_a_settled_key_is_refused_by_the_cluster_itself_however_late_it_comes(shop: Shop) -> None:
    call = await shop.restore()
    frozen = shop.anew()
    ref = await shop.engine.forbid(call, key=THE_KEY)
    assert (await shop.engine.poll(ref)).phase is Phase.CANCELLED
    # A process that was frozen between looking and creating wakes up and creates.
    woken = await frozen._begin(call, THE_KEY)
    assert (await frozen.poll(woken)).phase is Phase.CANCELLED
    assert shop.cluster.velero.begin(NAME)["status"]["phase"] == "FailedValidation"
    assert (await frozen.poll(woken)).phase is Phase.CANCELLED


async def test_a_cluster_that_does_not_allow_it_is_no_doubt(shop: Shop) -> None:
    call = await shop.restore()
    shop.cluster.faults.forbidden.add(("create", "restores"))
    state = await shop.engine.poll(await shop.engine.start(call, key=THE_KEY))
    assert state.phase is Phase.REFUSED


async def test_a_backup_is_taken_under_a_key_and_says_what_it_is_of(shop: Shop) -> None:
    ref = await shop.engine.backup(shop.source, key="B-1", labels={"release": "2.4.0", "commit": "abc"})
    assert await shop.engine.backup(shop.source, key="B-1", labels={}) == ref
    shop.cluster.velero.begin(name_of("B-1"), kind="Backup")
    assert (await shop.engine.poll(ref)).phase is Phase.RUNNING
    shop.cluster.velero.end(name_of("B-1"), kind="Backup", expiration="2036-01-01T00:00:00Z")
    assert (await shop.engine.poll(ref)).phase is Phase.SUCCEEDED
    point = next(one for one in await shop.engine.points(shop.source) if one.id == name_of("B-1"))
    assert (point.release, point.commit) == ("2.4.0", "abc")
    with pytest.raises(IntegrationError, match="`colour` is no label of a backup"):
        await shop.engine.backup(shop.source, key="B-2", labels={"colour": "red"})


async def test_a_namespace_that_nobody_backs_up_is_named(shop: Shop) -> None:
    check = Call("covered", target=shop.target())
    shop.cluster.deploy("checkout", "registry/checkout:2.3.0")
    assert (await shop.engine.check(check)).found == "nobody backs up shop"
    shop.cluster.velero.schedule("by-labels", ["shop"])
    schedule = shop.cluster.get("Schedule", "by-labels", "velero")
    schedule["spec"]["template"]["labelSelector"] = {"matchLabels": {"app": "other"}}
    shop.cluster.store.replace(shop.cluster.store.kind("Schedule"), "velero", "by-labels", schedule)
    shop.cluster.velero.schedule("new", ["shop"], phase="New")
    assert not (await shop.engine.check(check)).ok
    shop.cluster.velero.schedule("nightly", [])
    found = await shop.engine.check(check)
    assert (found.ok, found.found) == (True, "all 1 namespaces in use are backed up")
    assert found.evidence == {"schedules": {"shop": ["nightly"]}}
    assert (await shop.engine.plan(check)).by_hand


async def test_what_landed_is_compared_with_the_backup_it_should_be_from(shop: Shop) -> None:
    check = replace(await shop.restore(), operation="restored")
    namespaces = shop.cluster.store.kind("Namespace")
    shop.cluster.store.create(namespaces, "", {"metadata": {"name": "shop-drill"}})
    assert (await shop.engine.check(check)).found == "shop-drill has no deployments"
    shop.landed("checkout", "nightly-2")

    async def ready() -> CheckResult | None:
        found = await shop.engine.check(check)
        return found if found.ok else None

    assert (await until(ready)).found == "1 of 1 deployments are from nightly-2"
    shop.cluster.rollouts.broken.add("registry/stocks:gone")
    shop.landed("stocks", "nightly-1", image="registry/stocks:gone")
    found = await shop.engine.check(check)
    assert (found.ok, found.found) == (False, "1 of 2 deployments are from nightly-2; not ready: stocks")
    assert found.evidence == {"others": ["stocks"], "not_ready": ["stocks"]}


def test_long_names_are_cut_as_velero_cuts_them() -> None:
    assert label_of("n" * 63) == "n" * 63
    assert len(label_of("n" * 64)) == 63
    assert label_of("n" * 64)[:57] == "n" * 57
    assert len(name_of("RUN-1." + "very-long-" * 20)) <= 63


async def test_the_identity_is_the_clusters_and_the_namespaces(shop: Shop) -> None:
    health = await shop.engine.health(shop.target())
    assert health.ok
    assert health.identity.startswith("velero:")
    assert health.identity.endswith(":shop")


@pytest.mark.real
async def test_real_kubectl_reads_what_was_created(shop: Shop) -> None:
    program = clients.kubectl()
    await shop.engine.start(await shop.restore(), key=THE_KEY)
    said = await clients.run(
        program,
        *("get", "restores.velero.io", NAME, "-n", "velero", "-o", "json"),
        kubeconfig=shop.cluster.kubeconfig,
        home=shop.cluster.home,
    )
    assert json.loads(said.out)["spec"]["backupName"] == "nightly-2", said.err


async def test_wrong_settings_are_named(shop: Shop) -> None:
    with pytest.raises(IntegrationError, match="Settings of shop: `existing`"):
        await shop.engine.plan(await shop.restore(existing="overwrite"))
