"""The tables. Entries are the truth; everything that `rebuild` can draw from them again is a projection."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC moment; a naive one is refused. SQLite keeps it as text that sorts by time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn a moment into UTC before it is stored."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the stored moment its zone back."""
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


metadata = MetaData()
number = BigInteger().with_variant(Integer, "sqlite")

entry = Table(
    "entry",
    metadata,
    Column("id", number, primary_key=True, autoincrement=True),
    Column("stream", String(200), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("by", String(200), nullable=False),
    Column("via", String(40), nullable=False),
    Column("kind", String(60), nullable=False),
    Column("event", Text),
    Column("salt", String(32)),
    Column("payload", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    UniqueConstraint("stream", "seq", name="entry_once"),
)

# Projections

stream = Table(
    "stream",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("incident", String(40), index=True),
)

incident = Table(
    "incident",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("service", String(200), nullable=False),
    Column("environment", String(200), nullable=False),
    Column("channel", String(40)),
    Column("thread", String(40)),
    Column("open", Boolean, nullable=False),
    Column("reviewed", Boolean, nullable=False, server_default=false()),
)

run = Table(
    "run",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("incident", String(40), nullable=False),
    Column("open", Boolean, nullable=False),
)

freeze = Table(
    "freeze",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("in_force", Boolean, nullable=False),
)

drill = Table(
    "drill",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("playbook", String(200), nullable=False),
    Column("service", String(200), nullable=False),
    Column("open", Boolean, nullable=False),
)

drilled = Table(
    "drilled",
    metadata,
    Column("engine", String(200), primary_key=True),
    Column("point", String(300), primary_key=True),
    Column("digest", String(200)),
    Column("at", Instant, nullable=False),
)

held = Table(
    "held",
    metadata,
    Column("target", String(200), primary_key=True),
    Column("run", String(40), nullable=False),
)

release = Table(
    "release",
    metadata,
    Column("service", String(200), primary_key=True),
    Column("environment", String(200), primary_key=True),
    Column("at", Instant, primary_key=True),
    Column("version", String(200), nullable=False),
)

measurement = Table(
    "measurement",
    metadata,
    Column("run", String(40), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("operation", String(200), nullable=False),
    Column("named", String(200), nullable=False),
    Column("target", String(200), nullable=False),
    Column("phase", String(60), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("amount", BigInteger),
    Column("drill", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Index("measurement_newest", "operation", "at"),
)

# Everything else that is stored

effect = Table(
    "effect",
    metadata,
    Column("key", String(400), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("lane", String(300), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("born", number, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("since", Instant, nullable=False),
    Column("wanted", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("error", Text),
    Column("given_up", Boolean, nullable=False),
    Index("effect_lane", "given_up", "lane", "rank", "born"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("key", String(400), primary_key=True),
    Column("remote", Text, nullable=False),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", String(300), primary_key=True),
    Column("answer", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

letter = Table(
    "letter",
    metadata,
    Column("number", number, primary_key=True, autoincrement=True),
    Column("id", String(300), nullable=False, unique=True),
    Column("said", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("scopes", String(400), nullable=False),
    Column("name", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)

gate_answer = Table(
    "gate_answer",
    metadata,
    Column("id", number, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("service", String(200), nullable=False),
    Column("environment", String(200), nullable=False),
    Column("change", String(60), nullable=False),
    Column("sha", String(200), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("freezes", Text, nullable=False),
)

progress = Table(
    "progress",
    metadata,
    Column("run", String(40), primary_key=True),
    Column("step", String(200), primary_key=True),
    Column("latest", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

taken = Table(
    "taken",
    metadata,
    Column("sink", String(40), primary_key=True),
    Column("stream", String(200), primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
)

PROJECTIONS = (stream, incident, run, freeze, drill, drilled, held, release, measurement)
