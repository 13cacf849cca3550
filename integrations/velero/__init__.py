"""Velero: namespaces of a Kubernetes cluster are restored from backups, beside or in place.

Settings of a target and of a source: `kubeconfig` (the name of a secret; left out inside a cluster),
`context`, `velero` (the namespace Velero runs in, by default `velero`) and `namespace` (by default the name
of the target or the id of the source). Of a target also `lands_in` (another namespace that gets what is
restored), `existing` (`leave`, or `update` what is there), `volumes` (by default yes), `resources` (only
these kinds) and `warnings_allowed` (by default none). Of a source also `schedule`: only backups it took.
"""

from integrations.velero.engine import Velero

__all__ = ["Velero"]
