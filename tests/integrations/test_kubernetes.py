"""Deployments undone and scaled on the stand-in; real kubectl looks at what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from integrations.connections import Connections
from integrations.contract import (
    Call,
    IntegrationError,
    JobRef,
    JobState,
    Json,
    Phase,
    RecoveryPoint,
    Source,
    Target,
    ToPoint,
    ToRevision,
    ToTime,
)
from integrations.kubernetes import Kubernetes
from integrations.kubernetes.acts import NOTE
from integrations.kubernetes.deployment import tag_of
from tests.fakes.kube import Cluster, a_cluster, clients
from tests.integrations.host import until

GOOD, BAD = "registry:5000/checkout:2.3.0", "registry:5000/checkout:2.4.0"


@dataclass
class Shop:
    """A cluster where a bad release has replaced a good one, and the engine that looks at it."""

    cluster: Cluster
    moment: datetime = field(default_factory=lambda: datetime.now(UTC))
    settings: dict[str, Json] = field(
        default_factory=lambda: {"kubeconfig": "kubeconfig", "namespace": "shop"}
    )

    def __post_init__(self) -> None:
        self.engine = Kubernetes(Connections(secrets=self.cluster.home, now=lambda: self.moment))
        self.target = Target("checkout", "kubernetes", "production", settings=self.settings)
        self.source = Source("checkout", "kubernetes", self.settings)

    @property
    def image(self) -> str:
        containers = self.cluster.get("Deployment", "checkout")["spec"]["template"]["spec"]["containers"]
        return str(containers[0]["image"])

    @property
    def replicas(self) -> int:
        return int(self.cluster.get("Deployment", "checkout")["spec"]["replicas"])

    async def point(self, release: str) -> RecoveryPoint:
        return next(each for each in await self.engine.points(self.source) if each.release == release)

    async def undo(self, **params: Json) -> Call:
        point = await self.point("2.3.0")
        return Call("undo", target=self.target, params=params, point=point, source=self.source)

    def scale(self, replicas: int | str) -> Call:
        return Call("scale", target=self.target, params={"replicas": replicas})

    async def ended(self, ref: JobRef) -> JobState:
        async def look() -> JobState | None:
            state = await self.engine.poll(ref)
            return None if state.phase is Phase.RUNNING else state

        return await until(look)

    def change(self, part: str, **content: Json) -> None:
        kind = self.cluster.store.kind("Deployment")
        fresh = self.cluster.get("Deployment", "checkout")
        place = fresh["spec"] if part == "spec" else fresh["metadata"].setdefault(part, {})
        place |= content
        self.cluster.store.replace(kind, "shop", "checkout", fresh)

    async def kubectl(self, *words: str) -> str:
        done = await clients.run(
            clients.kubectl(), *words, kubeconfig=self.cluster.kubeconfig, home=self.cluster.home
        )
        assert done.code == 0, done.err
        return done.out


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with a_cluster(tmp_path) as cluster:
        cluster.deploy("checkout", GOOD, replicas=3, **{"backstop.dev/commit": "4f2c1aa"})
        await cluster.settled("checkout")
        cluster.deploy("checkout", BAD, **{"backstop.dev/commit": "9d0e7bb"})
        await cluster.settled("checkout")
        yield Shop(cluster)


async def test_a_rollout_is_undone_and_says_how_far_it_is(shop: Shop) -> None:
    shop.cluster.rollouts.open.clear()
    call = await shop.undo()
    ref = await shop.engine.start(call, key="RUN-1.app.1")
    state = await shop.engine.poll(ref)
    assert (state.phase, state.alive) == (Phase.RUNNING, True)
    assert state.progress is not None
    assert (state.progress.phase, state.progress.done, state.progress.total) == ("rollout", 0, 3)
    shop.cluster.rollouts.open.set()
    state = await shop.ended(ref)
    assert (state.phase, state.alive) == (Phase.SUCCEEDED, False)
    assert state.evidence == {"images": [GOOD], "replicas": 3, "revision": 3}
    assert shop.image == GOOD
    assert (await shop.engine.check(Call("rolled_out", target=shop.target))).found == snapshot(
        "3 of 3 replicas are updated and available"
    )


@pytest.mark.real
async def test_kubectl_reads_in_the_history_who_it_was(shop: Shop) -> None:
    await shop.ended(await shop.engine.start(await shop.undo(), key="RUN-1.app.1"))
    history = await shop.kubectl("rollout", "history", "deployment/checkout")
    assert "3         Backstop RUN-1.app.1: back to revision 1\n" in history
    assert "successfully rolled out" in await shop.kubectl("rollout", "status", "deployment/checkout")
    notes = shop.cluster.get("Deployment", "checkout")["metadata"]["annotations"]
    assert notes["backstop.dev/commit"] == "4f2c1aa"


async def test_what_is_approved_is_said_in_words(shop: Shop) -> None:
    prepared = await shop.engine.plan(await shop.undo())
    assert prepared.preview == snapshot(
        ("PATCH deployments/checkout in shop: spec.template of revision 1 (registry:5000/checkout:2.3.0)",)
    )
    assert prepared.by_hand == snapshot(
        "kubectl --namespace=shop rollout undo deployment/checkout --to-revision=1"
    )
    assert (prepared.effect, prepared.work) == ("reversible", {"rollout": 3})
    scaled = await shop.engine.plan(shop.scale(0))
    assert (scaled.preview, scaled.by_hand) == snapshot(
        (
            ("PATCH deployments/checkout in shop: spec.replicas 0",),
            "kubectl --namespace=shop scale deployment/checkout --replicas=0",
        )
    )


async def test_revisions_are_points_with_what_was_released(shop: Shop) -> None:
    newer, older = await shop.engine.points(shop.source)
    assert (newer.id, newer.release, newer.commit) == ("2", "2.4.0", "9d0e7bb")
    assert (older.id, older.release, older.commit, older.kind) == ("1", "2.3.0", "4f2c1aa", "revision")
    late = newer.finished_at + timedelta(seconds=1)
    assert await shop.engine.points(shop.source, since=late) == ()
    wanted = {
        "previous": (await shop.engine.resolve(shop.source, ToRevision())).point,
        "number": (await shop.engine.resolve(shop.source, ToRevision(1))).point,
        "point": (await shop.engine.resolve(shop.source, ToPoint("1"))).point,
    }
    assert wanted == {"previous": older, "number": older, "point": older}


@pytest.mark.parametrize(
    ("goal", "because"),
    [
        (ToRevision(), "revision 1 is the one before the current 2 (2.4.0)."),
        (ToRevision(7), "There is no revision 7; there are: 2, 1."),
        (
            ToTime(datetime(2026, 11, 23, tzinfo=UTC)),
            "kubernetes goes back to revisions: name one, or `previous`.",
        ),
    ],
)
async def test_a_goal_is_answered_with_its_reason(shop: Shop, goal: ToRevision, because: str) -> None:
    assert (await shop.engine.resolve(shop.source, goal)).because == because


async def test_the_first_revision_has_none_before_it(shop: Shop) -> None:
    shop.cluster.deploy("search", "registry/search:1")
    await shop.cluster.settled("search")
    found = await shop.engine.resolve(Source("search", "kubernetes", shop.settings), ToRevision())
    assert (found.point, found.because) == (None, "There is no revision before the current one.")


async def test_a_revision_that_was_renumbered_is_known_by_its_content(shop: Shop) -> None:
    call = await shop.undo()
    shop.cluster.deploy("checkout", GOOD)
    await shop.cluster.settled("checkout")
    ref = await shop.engine.start(call, key="K-1")
    assert (await shop.ended(ref)).phase is Phase.SUCCEEDED
    shop.cluster.deploy("checkout", BAD)
    await shop.cluster.settled("checkout")
    assert [each.id for each in await shop.engine.points(shop.source)] == ["4", "3"]
    again = await shop.engine.start(call, key="K-2")
    assert (await shop.ended(again)).phase is Phase.SUCCEEDED
    assert shop.image == GOOD


async def test_a_revision_that_is_gone_or_has_other_content_is_refused(shop: Shop) -> None:
    call = await shop.undo()
    assert call.point is not None
    for point in (replace(call.point, digest="0" * 64), replace(call.point, id="9", digest=None)):
        with pytest.raises(IntegrationError, match="is not there any more") as gone:
            await shop.engine.plan(replace(call, point=point))
        assert gone.value.permanent
        with pytest.raises(IntegrationError, match="is not there any more"):
            await shop.engine.start(replace(call, point=point), key="K-1")
    with pytest.raises(IntegrationError, match="undo needs a recovery point"):
        await shop.engine.plan(replace(call, point=None))
    assert shop.image == BAD


async def test_an_act_whose_answer_was_lost_is_found_and_not_done_again(shop: Shop) -> None:
    call = await shop.undo()
    shop.cluster.faults.lose.append("patch")
    with pytest.raises(IntegrationError) as lost:
        await shop.engine.start(call, key="K-1")
    assert not lost.value.permanent
    after_a_crash = Shop(shop.cluster)
    ref = await after_a_crash.engine.find(call, key="K-1")
    assert ref is not None
    assert (await after_a_crash.ended(ref)).phase is Phase.SUCCEEDED
    assert await after_a_crash.engine.start(call, key="K-1") == ref
    assert shop.cluster.acts("patch", "deployments") == 1


async def test_those_who_write_at_once_do_not_undo_each_other(shop: Shop) -> None:
    calls = [shop.scale(number) for number in (1, 2, 4, 5)]
    await asyncio.gather(*(shop.engine.start(call, key=f"K-{n}") for n, call in enumerate(calls)))
    assert {await shop.engine.find(call, key=f"K-{n}") is None for n, call in enumerate(calls)} == {False}
    await shop.cluster.settled("checkout")
    ref = await shop.engine.start(shop.scale("previous"), key="K-9")
    await shop.ended(ref)
    assert shop.replicas == 3


async def test_an_undo_by_hand_does_not_make_backstop_forget(shop: Shop) -> None:
    call = await shop.undo()
    ref = await shop.engine.start(call, key="K-1")
    await shop.ended(ref)
    await shop.kubectl("rollout", "undo", "deployment/checkout", "--to-revision=2")
    await shop.cluster.settled("checkout")
    assert NOTE not in shop.cluster.get("Deployment", "checkout")["metadata"]["annotations"]
    assert await shop.engine.find(call, key="K-1") == ref
    assert await shop.engine.start(call, key="K-1") == ref
    assert shop.image == BAD
    state = await shop.engine.poll(ref)
    assert (state.phase, state.because) == snapshot(
        (
            Phase.FAILED,
            "Somebody has changed the Deployment since; this act's change is replaced.",
        )
    )


async def test_a_stuck_rollout_fails_with_its_reason_and_the_way_back_does_not(shop: Shop) -> None:
    shop.cluster.rollouts.broken.add("registry:5000/checkout:broken")
    shop.cluster.deploy("checkout", "registry:5000/checkout:broken")
    await shop.cluster.settled("checkout")
    broken = replace(await shop.undo(), point=await shop.point("broken"))
    ref = await shop.engine.start(await shop.undo(), key="K-1")
    assert (await shop.ended(ref)).phase is Phase.SUCCEEDED
    ref = await shop.engine.start(broken, key="K-2")
    state = await shop.ended(ref)
    assert state.phase is Phase.FAILED
    assert state.because.startswith("The rollout is stuck at 0 of 3: ReplicaSet")
    logs = await shop.engine.logs(ref)
    assert 'ImagePullBackOff: Back-off pulling image "registry:5000/checkout:broken"' in logs.text
    assert await shop.engine.logs(ref, offset=logs.next_offset) == replace(logs, text="")
    shop.cluster.faults.forbidden.add(("list", "pods"))
    assert "ProgressDeadlineExceeded" in (await shop.engine.logs(ref)).text


async def test_an_older_deadline_says_nothing_of_a_new_rollout(shop: Shop) -> None:
    shop.cluster.rollouts.broken.add("registry:5000/checkout:broken")
    shop.cluster.deploy("checkout", "registry:5000/checkout:broken")
    await shop.cluster.settled("checkout")
    await shop.cluster.rollouts.close()
    ref = await shop.engine.start(await shop.undo(), key="K-1")
    stale = shop.cluster.get("Deployment", "checkout")
    stale["status"]["observedGeneration"] = stale["metadata"]["generation"]
    kind = shop.cluster.store.kind("Deployment")
    await shop.cluster.rollouts.close()
    shop.cluster.store.replace(kind, "shop", "checkout", stale, part="status")
    assert (await shop.engine.poll(ref)).phase is Phase.RUNNING


async def test_a_rollout_has_only_the_time_it_was_given(shop: Shop) -> None:
    shop.cluster.rollouts.open.clear()
    ref = await shop.engine.start(replace(await shop.undo(), timeout_s=60), key="K-1")
    shop.moment += timedelta(seconds=59)
    assert (await shop.engine.poll(ref)).phase is Phase.RUNNING
    shop.moment += timedelta(seconds=1)
    state = await shop.engine.poll(ref)
    assert (state.phase, state.alive) == (Phase.TIMED_OUT, False)


async def test_an_act_that_is_forbidden_on_its_way_is_followed_no_longer(shop: Shop) -> None:
    shop.cluster.rollouts.open.clear()
    call = await shop.undo()
    ref = await shop.engine.start(call, key="K-1")
    assert await shop.engine.forbid(call, key="K-1") == ref
    state = await shop.engine.poll(ref)
    assert (state.phase, state.alive) == (Phase.CANCELLED, False)
    assert "Kubernetes goes on" in state.because
    with pytest.raises(IntegrationError, match="was settled and can never start"):
        await shop.engine.start(call, key="K-1")


async def test_replicas_come_back_as_they_were_before_the_first_scaling(shop: Shop) -> None:
    for key, number in (("K-1", 0), ("K-2", 0), ("K-3", 1)):
        assert (
            await shop.ended(await shop.engine.start(shop.scale(number), key=key))
        ).phase is Phase.SUCCEEDED
        assert shop.replicas == number
    ref = await shop.engine.start(shop.scale("previous"), key="K-4")
    assert (await shop.ended(ref)).evidence["replicas"] == 3
    with pytest.raises(IntegrationError, match="Nobody noted how many replicas there were"):
        await shop.engine.start(shop.scale("previous"), key="K-5")


async def test_replicas_that_somebody_changed_since_are_not_guessed(shop: Shop) -> None:
    await shop.ended(await shop.engine.start(shop.scale(0), key="K-1"))
    shop.change("spec", replicas=5)
    await shop.cluster.settled("checkout")
    with pytest.raises(IntegrationError) as changed:
        await shop.engine.start(shop.scale("previous"), key="K-2")
    assert str(changed.value) == snapshot(
        "There are to be 5 replicas now, not the 0 that Backstop asked for: somebody changed that since. "
        "Before it there were 3; say the number."
    )
    await shop.ended(await shop.engine.start(shop.scale(0), key="K-3"))
    await shop.ended(await shop.engine.start(shop.scale("previous"), key="K-4"))
    assert shop.replicas == 5


async def test_what_git_would_put_back_is_refused_unless_somebody_insists(shop: Shop) -> None:
    shop.change("labels", **{"argocd.argoproj.io/instance": "checkout"})
    for call in (await shop.undo(), shop.scale(0)):
        with pytest.raises(IntegrationError) as refused:
            await shop.engine.plan(call)
        with pytest.raises(IntegrationError):
            await shop.engine.start(call, key="K-1")
    assert str(refused.value) == snapshot(
        "shop/checkout: Argo CD puts this Deployment back to what is in git soon after it is changed. Roll "
        "back there, or stop its automatic sync and say `although_managed: true`."
    )
    insisted = await shop.undo(although_managed=True)
    assert (await shop.engine.plan(insisted)).preview[1] == snapshot(
        "Argo CD may put back what is in git: its automatic sync must be stopped."
    )
    assert (await shop.ended(await shop.engine.start(insisted, key="K-1"))).phase is Phase.SUCCEEDED


async def test_what_helm_owns_is_done_with_a_warning(shop: Shop) -> None:
    shop.change("labels", **{"app.kubernetes.io/managed-by": "Helm"})
    shop.change("annotations", **{"meta.helm.sh/release-name": "shop"})
    assert (await shop.engine.plan(await shop.undo())).preview[1] == snapshot(
        "Helm release shop owns it: its next upgrade puts its own content back."
    )


async def test_a_paused_deployment_is_resumed_first(shop: Shop) -> None:
    call = await shop.undo()
    shop.change("spec", paused=True)
    with pytest.raises(IntegrationError, match="Its rollouts are paused; resume them first"):
        await shop.engine.start(call, key="K-1")
    health = await shop.engine.health(shop.target)
    assert (health.ok, health.problems) == snapshot(
        (False, ("The rollouts of shop/checkout are paused; resume them first.",))
    )


async def test_health_names_the_very_deployment_and_missing_rights(shop: Shop) -> None:
    before = await shop.engine.health(shop.target)
    assert before.ok
    shop.cluster.faults.forbidden.add(("patch", "deployments"))
    assert (await shop.engine.health(shop.target)).problems == (
        "These credentials may not patch deployments in shop.",
    )
    shop.cluster.faults.forbidden.clear()
    shop.cluster.store.delete(shop.cluster.store.kind("Deployment"), "shop", "checkout")
    with pytest.raises(IntegrationError, match="There is no Deployment shop/checkout in the cluster"):
        await shop.engine.health(shop.target)
    shop.cluster.deploy("checkout", GOOD)
    await shop.cluster.settled("checkout")
    assert (await shop.engine.health(shop.target)).identity != before.identity


async def test_an_older_token_is_refused(shop: Shop) -> None:
    await shop.ended(await shop.engine.start(shop.scale(1), key="K-1", token=7))
    with pytest.raises(IntegrationError, match="The token 6 is older than 7"):
        await shop.engine.start(shop.scale(2), key="K-2", token=6)
    await shop.ended(await shop.engine.start(shop.scale(2), key="K-3", token=7))


async def test_a_key_is_for_one_act(shop: Shop) -> None:
    await shop.engine.start(shop.scale(1), key="K-1")
    with pytest.raises(
        IntegrationError, match="The key K-1 was used for scale; another act needs another key"
    ):
        await shop.engine.start(await shop.undo(), key="K-1")


async def test_a_note_that_somebody_changed_is_named(shop: Shop) -> None:
    call = await shop.undo()
    shop.change("annotations", **{NOTE: "nothing"})
    with pytest.raises(
        IntegrationError, match=r"The note `backstop.dev/acts` on the Deployment cannot be read"
    ):
        await shop.engine.find(call, key="K-1")


@pytest.mark.parametrize(
    ("operation", "params", "ok", "found"),
    [
        ("image", {"image": BAD}, True, f"{BAD} runs"),
        ("image", {"tag": "2.3.0"}, False, f"{BAD} runs"),
        ("image", {"tag": "2.4.0", "container": "sidecar"}, False, "there is no container sidecar"),
        ("ready", {}, True, "3 replicas are ready, 3 are wanted"),
        ("ready", {"at_least": 4}, False, "3 replicas are ready, 4 are wanted"),
        ("rolled_out", {}, True, "3 of 3 replicas are updated and available"),
        ("one_version", {}, True, f"3 of {BAD}"),
    ],
)
async def test_checks_say_what_runs(
    shop: Shop, operation: str, params: dict[str, Json], ok: bool, found: str
) -> None:
    result = await shop.engine.check(Call(operation, target=shop.target, params=params))
    assert (result.ok, result.found) == (ok, found)


async def test_a_restart_brings_no_other_version_and_another_setting_does(shop: Shop) -> None:
    one_version = Call("one_version", target=shop.target)
    shop.cluster.rollouts.open.clear()
    for note, alone in (("kubectl.kubernetes.io/restartedAt", True), ("shop/flags", False)):
        template = shop.cluster.get("Deployment", "checkout")["spec"]["template"]
        template["metadata"].setdefault("annotations", {})[note] = "2026-11-23T02:10:00Z"
        shop.change("spec", template=template)
        await shop.cluster.looked("checkout")
        assert (await shop.engine.check(one_version)).ok is alone
    assert not (await shop.engine.check(Call("rolled_out", target=shop.target))).ok


async def test_an_image_that_is_only_wanted_does_not_run(shop: Shop) -> None:
    shop.cluster.rollouts.open.clear()
    await shop.engine.start(await shop.undo(), key="K-1")
    await shop.cluster.looked("checkout")
    result = await shop.engine.check(Call("image", target=shop.target, params={"tag": "2.3.0"}))
    assert (result.ok, result.found) == (False, f"{GOOD} is wanted, and 0 of 3 replicas are updated")


async def test_of_several_containers_one_must_be_named(shop: Shop) -> None:
    template = shop.cluster.get("Deployment", "checkout")["spec"]["template"]
    template["spec"]["containers"].append({"name": "sidecar", "image": "registry/proxy:1"})
    shop.change("spec", template=template)
    await shop.cluster.settled("checkout")
    asked = Call("image", target=shop.target, params={"tag": "1"})
    assert (
        await shop.engine.check(asked)
    ).found == "there are several containers, say which: checkout, sidecar"
    named = replace(asked, params={"tag": "1", "container": "sidecar"})
    assert (await shop.engine.check(named)).ok


@pytest.mark.parametrize(
    "params", [{"image": "a", "tag": "b"}, {}, {"replicas": -1}, {"replicas": "before"}, {"replicas": True}]
)
async def test_parameters_that_make_no_sense_are_refused(shop: Shop, params: dict[str, Json]) -> None:
    operation = "scale" if "replicas" in params else "image"
    with pytest.raises(IntegrationError) as refused:
        await shop.engine.plan(Call(operation, target=shop.target, params=params))
    assert refused.value.permanent


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("registry:5000/checkout:2.3.0", "2.3.0"),
        ("registry:5000/checkout", None),
        ("checkout:latest", None),
        ("checkout@sha256:aa", None),
        ("checkout:2.3.0@sha256:aa", "2.3.0"),
    ],
)
def test_a_tag_is_neither_a_port_nor_a_digest(image: str, tag: str | None) -> None:
    assert tag_of(image) == tag
