"""The door answers as `/openapi.json` says, to sensible requests and to others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from openapi_spec_validator import validate

from bot.settings import Settings
from bot.web.openapi import description
from bot.web.routes import GUARDED
from tests.web.door import DECLARED, FROZEN, PLAN_ASKED, open_door


def _now() -> datetime:
    return datetime.now(UTC)


schema = schemathesis.openapi.from_dict(description())


class Served:
    """A door in a thread of its own, for a client that blocks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._begun: list[tuple[str, str]] = []
        self._thread = Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    async def _serve(self) -> None:
        url = f"sqlite+aiosqlite:///{self._folder / 'backstop.db'}"
        async with open_door(url, self._folder / "home", _now, settings=Settings(host="0.0.0.0")) as door:
            await door.write("incident/INC-1", DECLARED)
            await door.write("run/RUN-1", PLAN_ASKED)
            await door.write("freeze/FRZ-1", FROZEN)
            self._begun.append((door.url, await door.token("ana", "say", "gate")))
            await self._ended.wait()

    def __enter__(self) -> tuple[str, str]:
        self._thread.start()
        while not self._begun:
            assert self._thread.is_alive()
            self._thread.join(0.02)
        return self._begun[0]

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with Served(tmp_path_factory.mktemp("door")) as place:
        yield place


def test_the_description_is_openapi() -> None:
    validate(description())


def test_every_guarded_address_is_described_and_says_that_it_wants_a_token() -> None:
    paths = description()["paths"]

    for one in GUARDED:
        operation = paths[one.path][one.method.lower()]
        assert [next(iter(way)) for way in operation["security"]] == list(one.schemes)
        assert {"401", "403"} <= set(operation["responses"])


@schema.parametrize()
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_door_answers_as_it_is_described(case: schemathesis.Case, served: tuple[str, str]) -> None:
    url, token = served
    case.call_and_validate(base_url=url, headers={"Authorization": f"Bearer {token}"})
