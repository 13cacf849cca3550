"""What the clients of the stand-in do not show: faults, watches, versions, and Velero's phases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.kube import TOKEN, Cluster, a_cluster, certificate, protobuf
from tests.fakes.kube.store import ApiError

RESTORES = "/apis/velero.io/v1/namespaces/velero/restores"


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with a_cluster(tmp_path) as made:
        yield made


@pytest.fixture
async def http(cluster: Cluster) -> AsyncIterator[aiohttp.ClientSession]:
    server = json.loads(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    context = certificate.trusting()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(server, headers=headers, connector=connector) as session:
        yield session


def restore(name: str, **spec: object) -> dict[str, object]:
    return {"metadata": {"name": name}, "spec": {"backupName": "nightly", **spec}}


async def test_a_restore_goes_through_its_phases(cluster: Cluster, http: aiohttp.ClientSession) -> None:
    cluster.velero.backup("nightly")
    made = await http.post(RESTORES, json=restore("r", existingResourcePolicy="update"))
    assert made.status == 201
    twice = await http.post(RESTORES, json=restore("r"))
    assert (twice.status, (await twice.json())["reason"]) == (409, "AlreadyExists")
    cluster.velero.begin("r", total=10)
    cluster.velero.advance("r", 4, total=12)
    status = cluster.get("Restore", "r", "velero")["status"]
    assert (status["phase"], status["progress"]) == ("InProgress", {"itemsRestored": 4, "totalItems": 12})
    cluster.velero.end("r", "PartiallyFailed", errors=2, warnings=1)
    status = cluster.get("Restore", "r", "velero")["status"]
    assert (status["phase"], status["errors"]) == ("PartiallyFailed", 2)
    assert status["completionTimestamp"]


async def test_a_restarted_server_marks_what_was_in_progress_as_failed(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    cluster.velero.backup("nightly")
    for name in ("under-way", "new"):
        await http.post(RESTORES, json=restore(name))
    cluster.velero.begin("under-way")
    cluster.velero.restart()
    status = cluster.get("Restore", "under-way", "velero")["status"]
    assert status["phase"] == "Failed"
    assert "during the server starting" in status["failureReason"]
    assert "status" not in cluster.get("Restore", "new", "velero")


async def test_a_restore_of_a_missing_backup_or_with_an_unknown_field_is_refused(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    await http.post(RESTORES, json=restore("r"))
    status = cluster.velero.begin("r")["status"]
    assert status["phase"] == "FailedValidation"
    assert "nightly" in status["validationErrors"][0]
    unknown = await http.post(RESTORES, json=restore("s", existingResourcesPolicy="update"))
    assert (unknown.status, (await unknown.json())["message"]) == (
        400,
        'strict decoding error: unknown field "spec.existingResourcesPolicy"',
    )


async def test_a_watch_tells_what_is_there_and_what_changes(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    cluster.velero.backup("nightly")
    await http.post(RESTORES, json=restore("r"))
    asked = {"watch": "true", "sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    async with http.get(RESTORES, params={**asked, "fieldSelector": "metadata.name=r"}) as watch:
        there, mark = [json.loads(await watch.content.readline()) for _ in range(2)]
        assert (there["type"], mark["type"]) == ("ADDED", "BOOKMARK")
        assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        await http.post(RESTORES, json=restore("other"))
        cluster.velero.begin("r")
        changed = json.loads(await asyncio.wait_for(watch.content.readline(), 5))
        assert (changed["type"], changed["object"]["status"]["phase"]) == ("MODIFIED", "InProgress")


async def test_an_answer_can_be_lost_after_the_act(cluster: Cluster, http: aiohttp.ClientSession) -> None:
    cluster.faults.lose.append("create")
    with pytest.raises(aiohttp.ClientError):
        await http.post(RESTORES, json=restore("r"))
    assert cluster.get("Restore", "r", "velero")
    cluster.faults.refuse.append("create")
    assert (await http.post(RESTORES, json=restore("s"))).status == 503
    with pytest.raises(ApiError):
        cluster.get("Restore", "s", "velero")
    assert cluster.acts("create", "restores") == 1


async def test_strangers_and_those_without_the_right_are_refused(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    stranger = await http.get("/version", headers={"Authorization": "Bearer wrong"})
    assert stranger.status == 401
    cluster.faults.forbidden.add(("list", "secrets"))
    forbidden = await http.get("/api/v1/namespaces/shop/secrets")
    assert (forbidden.status, (await forbidden.json())["reason"]) == (403, "Forbidden")


def test_what_it_cannot_read_from_protobuf_is_refused_whole() -> None:
    with pytest.raises(protobuf.Unreadable, match="no Lease"):
        protobuf.decode(b"k8s\0" + b"\x0a\x0b\x0a\x02v1\x12\x05Lease")
    with pytest.raises(protobuf.Unreadable, match="not protobuf"):
        protobuf.decode(b"{}")
