"""Entries as CloudEvents 1.0; an entry keeps its id, so that a receiver knows one that comes twice."""

from __future__ import annotations

from bot.core.audit.record import Origin, Record, moment

TYPE = "dev.backstop"


def cloudevent(record: Record, origin: Origin) -> dict[str, object]:
    """Return an entry as a CloudEvent in JSON values."""
    entry = record.entry
    broken = {"broken": record.broken} if record.broken else {}
    return {
        "specversion": "1.0",
        "id": record.id,
        "source": origin.url,
        "type": f"{TYPE}.{record.kind}",
        "subject": entry.stream,
        "time": moment(entry.occurred_at),
        "datacontenttype": "application/json",
        "data": {
            "stream": entry.stream,
            "seq": entry.seq,
            "incident": record.incident,
            "occurred_at": moment(entry.occurred_at),
            "recorded_at": moment(entry.recorded_at),
            "by": entry.by,
            "via": entry.via,
            "text": record.text,
            "event": record.event,
            "payload": record.payload,
            "digest": record.digest,
            **broken,
        },
    }
