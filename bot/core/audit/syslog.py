"""Entries as messages of RFC 5424: who did what as text, where it stands as structured data.

The event itself is not in the message: collectors cut what is long, and half an event proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.core.audit.ocsf import CRITICAL, HIGH, INFORMATIONAL, LOW, MEDIUM, severity_of
from bot.core.audit.record import Origin, Record, moment
from bot.core.literal import visible
from bot.core.words import one_line

AUDIT = 13
"""The facility for log audits."""

_SEVERITIES = {INFORMATIONAL: 6, LOW: 5, MEDIUM: 4, HIGH: 3, CRITICAL: 2}
_LONGEST_HOST, _LONGEST_ID, _LONGEST_VALUE = 255, 32, 500
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")
_BOM = "\ufeff"


def syslog(record: Record, origin: Origin) -> str:
    """Return an entry as one line that a syslog collector takes apart."""
    priority = AUDIT * 8 + _SEVERITIES[severity_of(record)]
    host = _UNPRINTABLE.sub("", origin.host)[:_LONGEST_HOST] or "-"
    fields = " ".join(f'{name}="{_escaped(value)}"' for name, value in _fields(record))
    data = f"[backstop@{origin.enterprise} {fields}]"
    head = f"<{priority}>1 {moment(record.entry.occurred_at)} {host} backstop - {record.kind[:_LONGEST_ID]}"
    return f"{head} {data} {_BOM}{record.text}"


def _fields(record: Record) -> Iterator[tuple[str, str]]:
    entry = record.entry
    yield "id", record.id
    if record.incident:
        yield "incident", record.incident
    yield "by", entry.by
    yield "via", entry.via
    yield "recorded", moment(entry.recorded_at)
    yield "digest", record.digest
    if record.broken:
        yield "broken", record.broken


def _escaped(value: str) -> str:
    return re.sub(r'([\\"\]])', r"\\\1", one_line(visible(value), _LONGEST_VALUE))
