"""A client that was generated from Argo CD's own description agrees with the stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from argocd_python_client.api.application_service_api import ApplicationServiceApi
from argocd_python_client.api_client import ApiClient
from argocd_python_client.configuration import Configuration
from argocd_python_client.exceptions import ApiException, ApiTypeError
from argocd_python_client.model.application_application_rollback_request import (
    ApplicationApplicationRollbackRequest,
)

from tests.clock import Clock
from tests.fakes.argo_described import says_application, takes
from tests.fakes.argocd import ArgoStandIn, argocd

TOKEN = "a token"


@pytest.fixture
async def argo(clock: Clock) -> AsyncIterator[ArgoStandIn]:
    """Yield a server with the application `orders`."""
    async with argocd(TOKEN, clock) as found:
        yield found


async def asked(argo: ArgoStandIn, method: str, *args: Any, token: str = TOKEN) -> Any:
    """Return what the generated client makes of an answer."""
    with ApiClient(Configuration(host=argo.url), "Authorization", f"Bearer {token}") as client:
        return await asyncio.to_thread(getattr(ApplicationServiceApi(client), method), *args)


async def test_it_reads_an_application_and_its_windows(argo: ArgoStandIn) -> None:
    argo.deny(by_hand=True)
    found = await asked(argo, "application_service_get", "orders")
    windows = await asked(argo, "application_service_get_application_sync_windows", "orders")

    assert [entry.revision for entry in found.status.history] == [
        entry["revision"] for entry in history(argo)
    ]
    assert found.spec.sync_policy.automated.self_heal is True
    assert windows.can_sync is True
    assert windows.active_windows[0].schedule == "0 22 * * *"


async def test_it_is_refused_a_rollback_while_auto_sync_is_on_and_carries_it_out_after(
    argo: ArgoStandIn,
) -> None:
    body = ApplicationApplicationRollbackRequest(name="orders", id="0", prune=False)
    with pytest.raises(ApiException) as refused:
        await asked(argo, "application_service_rollback", "orders", body)
    assert (refused.value.status, "auto-sync" in refused.value.body) == (400, True)

    argo.app["spec"]["syncPolicy"].pop("automated")
    begun = await asked(argo, "application_service_rollback", "orders", body)
    assert begun.operation.sync.revision == history(argo)[0]["revision"]
    argo.go()
    assert (
        await asked(argo, "application_service_get", "orders")
    ).status.operation_state.phase == "Succeeded"


async def test_it_ends_what_runs_and_is_nobody_without_a_token(argo: ArgoStandIn) -> None:
    argo.sync_by_hand()
    argo.take_up()
    await asked(argo, "application_service_terminate_operation", "orders")
    assert argo.state["phase"] == "Terminating"
    with pytest.raises(ApiException) as refused:
        await asked(argo, "application_service_get", "orders", token="another")
    assert refused.value.status == 401


def test_what_is_not_described_is_found() -> None:
    with pytest.raises(AssertionError, match="rollback has \\['identity'\\]"):
        takes("rollback", {"name": "orders", "identity": "3"})
    with pytest.raises(ApiTypeError, match="Required value type is str and passed type was int"):
        takes("rollback", {"name": "orders", "id": 3})
    with pytest.raises(ApiTypeError, match="Required value type is list"):
        says_application({"status": {"history": {}}})


def history(argo: ArgoStandIn) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = argo.app["status"]["history"]
    return found
