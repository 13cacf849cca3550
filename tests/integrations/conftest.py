from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from integrations.process import Runner
from tests import sshd
from tests.integrations.host import Host, a_host, reached
from tests.required import missing
from tests.sshd import Sshd


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    async with a_host(tmp_path) as furnished:
        yield furnished


@pytest.fixture
def server() -> Iterator[Sshd]:
    binary = sshd.program()
    if binary is None:
        missing("openssh-server", sshd.ABSENT)
    with sshd.server(binary) as running:
        yield running


@pytest.fixture
async def remote(server: Sshd, host: Host) -> AsyncIterator[Runner]:
    """Yield the runner of the host as somebody on another one reaches it."""
    async with reached(host, server) as connections:
        yield connections.runners["local"]
