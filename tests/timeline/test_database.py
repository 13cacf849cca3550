"""What a database that cannot be opened asks of whoever starts Backstop."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from bot.timeline import database
from integrations.contract import IntegrationError


@contextmanager
def _spoilt(file: Path) -> Iterator[None]:
    file.write_bytes(b"no database at all " * 300)
    yield


@contextmanager
def _held(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def _nowhere(file: Path) -> Iterator[None]:
    file.parent.rmdir()
    yield


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (_spoilt, "Put it aside, and the last copy of it in its place."),
        (_held, "Another program holds it"),
        (_nowhere, "See that its folder is there"),
    ],
)
async def test_only_a_spoilt_file_is_to_be_put_aside(
    broken: Callable[[Path], AbstractContextManager[None]], told: str, tmp_path: Path
) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    file = folder / "backstop.db"

    with broken(file), pytest.raises(IntegrationError) as refused:
        await database.prepare(f"sqlite+aiosqlite:///{file}?timeout=0")

    assert told in str(refused.value)
    assert ("Put it aside" in str(refused.value)) == (broken is _spoilt)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://b:canary@127.0.0.1:port/b",
        "postgresql+psycopg://b:canary@[::1/b",
        "postgresql+psycopg2://b:canary@127.0.0.1/b",
        "sqlite:////canary/x.db",
        "canary",
    ],
)
def test_an_address_that_is_none_is_told_without_any_part_of_it(url: str) -> None:
    with pytest.raises(IntegrationError) as told:
        database.open_engine(url)

    assert str(told.value) == (
        "BACKSTOP_DATABASE_URL is no address of a database. Write it as "
        "postgresql+psycopg://user@host:5432/name or sqlite+aiosqlite:////folder/file.db, each special "
        "character of a password as %code (%40 for @), or leave it out for a SQLite file in the home."
    )
    assert (told.value.permanent, told.value.__cause__) == (True, None)
