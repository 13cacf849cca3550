"""Which Backstop a database is of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.timeline import Timeline
from bot.timeline.whose import known, place, whose
from tests.clock import Clock


async def _asked(file: Path) -> str:
    url = f"sqlite+aiosqlite:///{file}"
    timeline = await Timeline.open(url, now=Clock())
    try:
        found = await whose(timeline.records, url)
        assert found == await whose(timeline.records, url) == await known(timeline.records, url)
        assert found["database"] == str(file)
        return found["id"]
    finally:
        await timeline.close()


async def test_each_database_has_an_id_of_its_own_and_a_copy_put_back_keeps_it(tmp_path: Path) -> None:
    first, second = await _asked(tmp_path / "first.db"), await _asked(tmp_path / "second.db")
    shutil.copy(tmp_path / "first.db", tmp_path / "put-back.db")

    assert first != second
    assert await _asked(tmp_path / "put-back.db") == first


async def test_nobody_draws_one_who_only_looks(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'backstop.db'}"
    timeline = await Timeline.open(url, now=Clock())

    assert await known(timeline.records, url) is None
    await timeline.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "postgresql+psycopg://bo:s3cret@db1:6000/backstop?password=s3cret&sslmode=require",
            "db1:6000/backstop",
        ),
        ("postgresql+psycopg://bo:s3cret@/backstop", "localhost:5432/backstop"),
        ("sqlite+aiosqlite:////srv/backstop.db", "/srv/backstop.db"),
    ],
)
def test_a_database_is_named_without_its_secrets(url: str, says: str) -> None:
    assert place(url) == says
