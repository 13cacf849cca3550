"""How a playbook names moments that come again: a cron schedule in a time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, StringConstraints


def _cron(text: str) -> str:
    try:
        CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as wrong:
        raise ValueError(f"{wrong}; write minute, hour, day, month and weekday, as 0 3 * * 2") from None
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("it is no time zone, as Europe/Berlin or UTC") from None
    return text


Cron = Annotated[
    str, StringConstraints(pattern=r"^[0-9*/,-]+( [0-9A-Za-z*/,#-]+){4}$"), AfterValidator(_cron)
]
Zone = Annotated[str, StringConstraints(max_length=60), AfterValidator(_zone)]
