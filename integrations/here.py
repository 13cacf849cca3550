"""Whether an address is this machine's own."""

from __future__ import annotations

from ipaddress import ip_address


def is_here(host: str) -> bool:
    """Say whether only this machine can be reached under a host, without asking anybody for its address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
