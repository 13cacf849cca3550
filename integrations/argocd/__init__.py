"""Argo CD: an application is put back to an entry of its history, with its auto-sync held off meanwhile.

Settings of a target and of a source: `server`, `app`, `token` (the name of a secret), and if wanted the
`namespace` and `project` of the application. Of a target also `prune` (delete what the older revision does
not have; by default no) and `owner_ignores_sync_policy` (the ApplicationSet or the parent application that
writes this one leaves its auto-sync alone).
"""

from integrations.argocd.engine import ArgoCd

__all__ = ["ArgoCd"]
