"""Artefacts looked for in a stand-in of a registry."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from integrations.artifacts import Image, can_be_had, image_of
from integrations.contract import IntegrationError
from tests.fakes.registry import TOKEN, Registry, a_registry


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    async with a_registry() as registry:
        yield registry


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("r.example:5000/a/b:1", Image("r.example:5000", "a/b", "1")),
        ("r.example/a@sha256:ab", Image("r.example", "a", "sha256:ab")),
        ("r.example/a:1@sha256:ab", Image("r.example", "a", "sha256:ab")),
        ("localhost/a", Image("localhost", "a", "latest")),
        ("python:3.11", Image("registry-1.docker.io", "library/python", "3.11")),
        ("shop/checkout:2", Image("registry-1.docker.io", "shop/checkout", "2")),
        ("s3://bucket/key", None),
        ("Upper/Case", None),
    ],
)
def test_an_image_is_read_as_container_tools_read_it(text: str, image: Image | None) -> None:
    assert image_of(text) == image


def test_only_a_registry_of_this_machine_is_spoken_to_in_the_clear() -> None:
    assert Image("r.example", "a", "1").manifest == "https://r.example/v2/a/manifests/1"
    assert Image("localhost:5000", "a", "1").manifest == "http://localhost:5000/v2/a/manifests/1"


async def test_an_image_is_there_or_gone(registry: Registry) -> None:
    for reference, there in ((":2.3.0", True), ("@sha256:ab", True), (":2.2.0", False)):
        artifact = f"{registry.host}/shop/checkout{reference}"
        assert await can_be_had(aiohttp.ClientSession, artifact) is there


async def test_a_registry_is_asked_with_the_token_it_gives_to_everybody(registry: Registry) -> None:
    registry.challenge = (
        f'Bearer realm="http://{registry.host}/token",service="r",scope="repository:shop/checkout:pull"'
    )
    assert await can_be_had(aiohttp.ClientSession, f"{registry.host}/shop/checkout:2.3.0")
    registry.gives = {"access_token": TOKEN}
    assert not await can_be_had(aiohttp.ClientSession, f"{registry.host}/shop/checkout:2.2.0")
    assert registry.asked == [{"service": "r", "scope": "repository:shop/checkout:pull"}] * 2


@pytest.mark.parametrize(
    ("challenge", "gives", "why"),
    [
        ('Basic realm="r"', {}, "wants credentials"),
        ("Bearer", {}, "wants credentials"),
        ('Bearer realm="http://{host}/token"', {}, "gives no token"),
        ('Bearer realm="http://{host}/token"', {"token": "another"}, "is answered 401: nobody can say"),
    ],
)
async def test_a_registry_that_wants_more_cannot_be_asked(
    registry: Registry, challenge: str, gives: dict[str, str], why: str
) -> None:
    registry.challenge, registry.gives = challenge.format(host=registry.host), gives
    with pytest.raises(IntegrationError, match=why) as told:
        await can_be_had(aiohttp.ClientSession, f"{registry.host}/shop/checkout:2.3.0")
    assert told.value.permanent


@pytest.mark.parametrize(("name", "there"), [("there.tgz", True), ("moved.tgz", True), ("gone.tgz", False)])
async def test_a_file_is_looked_for_where_it_lies_now(registry: Registry, name: str, there: bool) -> None:
    assert await can_be_had(aiohttp.ClientSession, f"http://{registry.host}/files/{name}") is there


async def test_a_server_in_trouble_proves_nothing(registry: Registry) -> None:
    registry.faults.answer("HEAD", 503)
    with pytest.raises(IntegrationError, match="is answered 503: nobody can say") as told:
        await can_be_had(aiohttp.ClientSession, f"http://{registry.host}/files/there.tgz")
    assert not told.value.permanent


async def test_a_server_that_is_gone_proves_nothing() -> None:
    with pytest.raises(IntegrationError, match="cannot be reached") as told:
        await can_be_had(aiohttp.ClientSession, "http://127.0.0.1:1/x.tgz")
    assert not told.value.permanent


async def test_what_is_neither_an_image_nor_an_address_cannot_be_looked_for() -> None:
    with pytest.raises(IntegrationError, match="neither an image nor a web address"):
        await can_be_had(aiohttp.ClientSession, "s3://bucket/key")
