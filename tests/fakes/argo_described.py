"""What Argo CD's own description says of its API, by a client that was generated from it.

The description is of 2021 (Argo CD 2.1); what came later stands in `LATER`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from argocd_python_client.configuration import Configuration
from argocd_python_client.model.application_application_patch_request import (
    ApplicationApplicationPatchRequest,
)
from argocd_python_client.model.application_application_rollback_request import (
    ApplicationApplicationRollbackRequest,
)
from argocd_python_client.model.application_application_sync_request import ApplicationApplicationSyncRequest
from argocd_python_client.model.application_application_sync_windows_response import (
    ApplicationApplicationSyncWindowsResponse,
)
from argocd_python_client.model.v1alpha1_application import V1alpha1Application
from argocd_python_client.model_utils import validate_and_convert_types

REQUESTS: Mapping[str, Any] = {
    "rollback": ApplicationApplicationRollbackRequest,
    "sync": ApplicationApplicationSyncRequest,
    "patch": ApplicationApplicationPatchRequest,
}
LATER = {"appNamespace", "project"}
_NAMED_LIKE_JSON, _TYPES_CHECKED = True, True


def takes(kind: str, body: Mapping[str, Any]) -> None:
    """Fail unless a request has the fields and types that are described."""
    model = REQUESTS[kind]
    described = set(model.attribute_map.values()) | LATER
    assert set(body) <= described, f"{kind} has {sorted(set(body) - described)}"
    _fits(model, {name: value for name, value in body.items() if name not in LATER})


def says_application(answer: object) -> None:
    """Fail unless an answer is an application as described."""
    _fits(V1alpha1Application, answer)


def says_windows(answer: object) -> None:
    """Fail unless an answer tells of sync windows as described."""
    _fits(ApplicationApplicationSyncWindowsResponse, answer)


def _fits(model: Any, body: object) -> None:
    # What is validated is converted in place.
    validate_and_convert_types(
        deepcopy(body), (model,), ["body"], _NAMED_LIKE_JSON, _TYPES_CHECKED, configuration=Configuration()
    )
