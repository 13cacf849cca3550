"""Which Backstop a database is of: an id drawn once, which a copy that is put back has too.

A runner belongs to one Backstop. It knows it by this id, and shows people the rest.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy.engine import make_url

from bot.timeline.records import Records

_KEY = "backstop"


async def whose(records: Records, url: str) -> Mapping[str, str]:
    """Return the id of this database's Backstop, drawn at the first time, and where the database is."""
    kept = await records.once(_KEY, {"id": uuid.uuid4().hex})
    return {**kept, "database": place(url)}


async def known(records: Records, url: str) -> Mapping[str, str] | None:
    """Return the same without drawing anything; None when no server ever ran on this database."""
    kept = await records.remote(_KEY)
    return None if kept is None else {**kept, "database": place(url)}


def place(url: str) -> str:
    """Return where a database is, without who logs in, their password and options that could hold one."""
    at = make_url(url)
    host = f"{at.host or 'localhost'}:{at.port or 5432}/" if at.get_backend_name() != "sqlite" else ""
    return f"{host}{at.database}"
