"""The Kubernetes API as engines use it: a handful of calls on plain JSON objects.

Settings of a target and of a source: `kubeconfig` (the name of a secret whose content is a kubeconfig; left
out inside a cluster, where the service account of the pod is used) and `context` (one of its contexts).
The client comes with the extra `kubernetes` and is loaded when it is first used.
"""

from integrations.kube.access import Access
from integrations.kube.api import KubeApi, KubeError, Object, Resource

__all__ = ["Access", "KubeApi", "KubeError", "Object", "Resource"]
