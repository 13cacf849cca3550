"""What keeps a second server of a cluster to itself, whatever its configuration says."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.runner.pgbackrest.cluster import Cluster

_MEMORY = "128MB"


def settings(cluster: Cluster, name: str) -> Mapping[str, str]:
    """Return settings by which it listens on its socket alone, archives nothing and says what it is."""
    return {
        "port": cluster.port,
        "unix_socket_directories": cluster.socket,
        "listen_addresses": "",
        "cluster_name": name,
        "archive_mode": "off",
        "archive_command": "/bin/false",
        "primary_conninfo": "",
        "hot_standby": "on",
        "external_pid_file": "",
        "logging_collector": "off",
        "log_destination": "stderr",
        "shared_buffers": _MEMORY,
        "huge_pages": "off",
    }
