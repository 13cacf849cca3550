"""Who could delete backups that lie elsewhere: what is known of a kind of storage without touching it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEPT_FROM: Mapping[str, str] = {
    "s3": "an Object Lock, or a policy that denies s3:DeleteObject and s3:DeleteObjectVersion",
    "azure": "an immutability policy of the container, or a token without the right to delete",
    "gcs": "a locked retention policy of the bucket, or a role without storage.objects.delete",
    "b2": "a File Lock, or an application key without deleteFiles",
    "swift": "a role that may only add objects",
    "sftp": "an account there that may add files and not remove them",
    "rest": "`--append-only` of its server",
}


_ALIASES = {"gs": "gcs", "abs": "azure"}
"""Kinds of storage by what some addresses call them."""


def of_storage(kind: str, where: str, more: str = "") -> dict[str, Any]:
    """Say that a storage decides, what would keep a deletion away there, and what else is known."""
    kept = _KEPT_FROM.get(_ALIASES.get(kind, kind))
    only = f": only {kept} would keep them" if kept else ""
    told = f"the rights of these credentials in {where} decide, and asking would touch it{only}"
    return {"deletes": None, "because": f"{told}{f'; {more}' if more else ''}"}
