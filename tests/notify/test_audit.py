"""Receivers of the audit trail get every entry once and in order, through crashes, drops and refusals."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from bot.core.audit import Origin, Record
from bot.core.events import IncidentDeclared, NoteAdded, Severity
from bot.jobs import Again, Dispatcher
from bot.notify.audit import Audit, Receiver, ToSyslog, ToWebhook, receivers_of
from bot.settings import Settings
from bot.timeline import Change, Timeline
from bot.timeline.effects import Waiting
from integrations.contract import IntegrationError
from integrations.syslog import Syslog
from integrations.webhook import NotTaken, Webhook
from tests.clock import Clock
from tests.fakes.collector import Collector, collecting
from tests.fakes.hooks import SECRET, Hooks, receiving
from tests.fakes.kube import certificate

ORIGIN = Origin("https://backstop.example", "ops-1", "0.1.0", 32473)
DECLARED = IncidentDeclared(
    title="Orders are wrong",
    severity=Severity.SEV1,
    service="checkout",
    environment="production",
    commander="ana",
)


@pytest.fixture
async def timeline(database_url: str, clock: Clock) -> AsyncIterator[Timeline]:
    """Yield a timeline with two incidents that took turns."""
    timeline = await Timeline.open(database_url, now=clock)
    for seq in range(3):
        for number in (1, 2):
            event = NoteAdded(text=f"note {seq}") if seq else DECLARED
            await happens(timeline, f"INC-{number}", seq, event)
    yield timeline
    await timeline.close()


async def happens(timeline: Timeline, id: str, seq: int, event: IncidentDeclared | NoteAdded) -> None:
    await timeline.append({f"incident/{id}": Change(seq, (event,))}, by="ana", via="test")


WRITTEN = [f"incident/INC-{number}#{seq}" for seq in (1, 2, 3) for number in (1, 2)]


@pytest.fixture
async def hooks() -> AsyncIterator[Hooks]:
    async with receiving() as hooks:
        yield hooks


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def to_webhook(hooks: Hooks, clock: Clock, secret: str = SECRET, timeout_s: float = 5) -> ToWebhook:
    url = SecretStr(hooks.url)
    webhook = Webhook(url, SecretStr(secret), aiohttp.ClientSession, now=clock, timeout_s=timeout_s)
    return ToWebhook(webhook, ORIGIN)


def to_syslog(collector: Collector, folder: Path) -> ToSyslog:
    file = folder / "ca.pem"
    file.write_bytes(certificate.made()[0])
    return ToSyslog(Syslog("127.0.0.1", collector.port, file), ORIGIN)


def known(messages: Sequence[str]) -> list[str]:
    """Return the ids in messages, each once."""
    found = [re.search(r' id="([^"]+)"', message) for message in messages]
    return list(dict.fromkeys(each[1] for each in found if each))


async def test_a_webhook_gets_every_entry_in_order_and_then_what_is_new(
    timeline: Timeline, hooks: Hooks, clock: Clock
) -> None:
    audit = Audit(timeline, {"webhook": to_webhook(hooks, clock)})
    assert await timeline.trail.waiting("webhook") == 6

    again = await audit.handle("webhook")
    assert hooks.ids == WRITTEN
    assert await timeline.trail.waiting("webhook") == 0
    assert hooks.came[0]["data"]["text"].startswith("@ana: Declared SEV1")

    assert isinstance(again, Again)
    assert again.at == clock() + timedelta(seconds=15)
    assert again.sooner
    await happens(timeline, "INC-1", 3, NoteAdded(text="more"))
    async with asyncio.timeout(5):
        assert await again.sooner()
    await audit.handle("webhook")
    assert hooks.ids == [*WRITTEN, "incident/INC-1#4"]


@pytest.mark.parametrize("status", [400, 401, 404, 408, 413, 429, 500, 503])
async def test_what_a_receiver_refuses_is_offered_again_and_nothing_is_passed_over(
    timeline: Timeline, hooks: Hooks, clock: Clock, status: int
) -> None:
    audit = Audit(timeline, {"webhook": to_webhook(hooks, clock)})
    hooks.faults.answer("POST", status)

    with pytest.raises(IntegrationError, match=f"answered {status} and took nothing") as refused:
        await audit.handle("webhook")
    assert not refused.value.permanent
    assert hooks.ids == []

    await audit.handle("webhook")
    assert hooks.ids == WRITTEN


async def test_an_event_whose_answer_was_lost_comes_again_under_its_id(
    timeline: Timeline, hooks: Hooks, clock: Clock
) -> None:
    audit = Audit(timeline, {"webhook": to_webhook(hooks, clock)})
    hooks.faults.lose_answer("POST")

    with pytest.raises(NotTaken) as lost:
        await audit.handle("webhook")
    assert lost.value.unsure
    await audit.handle("webhook")

    assert hooks.ids == [WRITTEN[0], *WRITTEN]
    assert hooks.kept == WRITTEN


class Crashing:
    """A receiver that has the entries when the process dies, before their place is stored."""

    def __init__(self, receiver: Receiver, crashes: int) -> None:
        self.receiver, self.crashes, self.most = receiver, crashes, receiver.most

    async def take(self, records: Sequence[Record]) -> None:
        await self.receiver.take(records)
        if self.crashes:
            self.crashes -= 1
            raise asyncio.CancelledError


@pytest.mark.parametrize("crashes", [1, 3])
async def test_a_crash_after_the_receiver_took_it_skips_nothing(
    timeline: Timeline, hooks: Hooks, collector: Collector, clock: Clock, tmp_path: Path, crashes: int
) -> None:
    receivers: dict[str, Receiver] = {
        "webhook": to_webhook(hooks, clock),
        "syslog": to_syslog(collector, tmp_path),
    }
    for name, receiver in receivers.items():
        crashing = Crashing(receiver, crashes)
        for _ in range(crashes):
            with pytest.raises(asyncio.CancelledError):
                await Audit(timeline, {name: crashing}).handle(name)
        await Audit(timeline, {name: crashing}).handle(name)

    assert hooks.kept == WRITTEN
    assert hooks.ids == [WRITTEN[0]] * crashes + WRITTEN
    assert known(collector.came) == WRITTEN


async def test_a_collector_gets_every_entry_as_one_message(
    timeline: Timeline, collector: Collector, tmp_path: Path
) -> None:
    audit = Audit(timeline, {"syslog": to_syslog(collector, tmp_path)})
    await audit.handle("syslog")
    assert known(collector.came) == WRITTEN
    assert len(collector.came) == len(WRITTEN)
    assert all(message.startswith("<1") and "\ufeff@ana: " in message for message in collector.came)


@pytest.mark.parametrize("rude", [False, True])
async def test_a_collector_that_hangs_up_without_a_goodbye_gets_them_again(
    timeline: Timeline, collector: Collector, tmp_path: Path, rude: bool
) -> None:
    audit = Audit(timeline, {"syslog": to_syslog(collector, tmp_path)})
    if rude:
        collector.rude = 1
    else:
        collector.drop_after = [2]

    with pytest.raises(IntegrationError, match="did not say that it took everything"):
        await audit.handle("syslog")
    assert await timeline.trail.waiting("syslog") == 6

    await audit.handle("syslog")
    assert known(collector.came) == WRITTEN
    assert await timeline.trail.waiting("syslog") == 0


async def test_a_collector_that_nobody_vouches_for_gets_nothing(
    timeline: Timeline, collector: Collector
) -> None:
    audit = Audit(timeline, {"syslog": ToSyslog(Syslog("127.0.0.1", collector.port), ORIGIN)})
    with pytest.raises(IntegrationError, match="a certificate that is not trusted"):
        await audit.handle("syslog")
    assert collector.came == []


async def test_certificates_that_are_not_there_are_named_as_a_setting(
    timeline: Timeline, tmp_path: Path
) -> None:
    missing = ToSyslog(Syslog("127.0.0.1", 9, tmp_path / "none.pem"), ORIGIN)
    with pytest.raises(IntegrationError, match="look at BACKSTOP_AUDIT_SYSLOG_"):
        await Audit(timeline, {"syslog": missing}).handle("syslog")


async def test_a_receiver_without_an_answer_is_named_without_the_rest_of_its_address(
    timeline: Timeline, clock: Clock
) -> None:
    url = SecretStr("http://127.0.0.1:9/hook?token=canary-word")
    webhook = Webhook(url, None, aiohttp.ClientSession, now=clock)
    with pytest.raises(IntegrationError, match=r"127\.0\.0\.1 cannot be reached") as problem:
        await Audit(timeline, {"webhook": ToWebhook(webhook, ORIGIN)}).handle("webhook")
    assert "canary-word" not in f"{problem.value!r} {problem.value.__cause__!r}"


async def test_one_receiver_that_is_down_keeps_no_other_waiting(
    timeline: Timeline, hooks: Hooks, clock: Clock
) -> None:
    down = Webhook(SecretStr("http://127.0.0.1:9/"), None, aiohttp.ClientSession, now=clock)
    audit = Audit(timeline, {"down": ToWebhook(down, ORIGIN), "webhook": to_webhook(hooks, clock)})
    for effect in audit.effects():
        await timeline.effects.ask(effect)
    dispatcher = Dispatcher(timeline, defaultdict(lambda: _nothing, audit=audit.handle))
    carrying = asyncio.create_task(dispatcher.run())
    await dispatcher.settled()
    carrying.cancel()
    await asyncio.gather(carrying, return_exceptions=True)

    assert hooks.ids == WRITTEN
    assert [f"{each.subject}: {each.error}" for each in await _troubled(timeline)] == [
        "down: 127.0.0.1 cannot be reached."
    ]


async def _nothing(_subject: str) -> None:
    return None


async def _troubled(timeline: Timeline) -> list[Waiting]:
    return await timeline.effects.troubled()


async def test_a_receiver_that_the_settings_no_longer_name_is_left_alone(timeline: Timeline) -> None:
    assert await Audit(timeline, {}).handle("webhook") is None


@asynccontextmanager
async def _changed(timeline: Timeline, folder: Path, statement: str) -> AsyncIterator[None]:
    with closing(sqlite3.connect(folder / "backstop.db")) as connection:
        connection.execute(statement)
        connection.commit()
    yield


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("SET event = replace(event, 'note 1', 'note 9')", "its text was changed"),
        ("SET event = 'no JSON'", "its text was changed"),
        ("SET kind = 'phase-changed'", "its kind was changed"),
        ("SET by = 'bo'", "it does not continue the chain"),
    ],
)
async def test_an_entry_that_was_changed_before_it_was_sent_is_sent_with_that_mark(
    sqlite_url: str, clock: Clock, tmp_path: Path, hooks: Hooks, change: str, says: str
) -> None:
    timeline = await Timeline.open(sqlite_url, now=clock)
    for seq, event in enumerate((DECLARED, NoteAdded(text="note 1"), NoteAdded(text="note 2"))):
        await happens(timeline, "INC-1", seq, event)
    async with _changed(timeline, tmp_path, f"UPDATE entry {change} WHERE seq = 2"):
        await Audit(timeline, {"webhook": to_webhook(hooks, clock)}).handle("webhook")

    broken = [event["data"].get("broken") for event in hooks.came]
    assert broken[0] is None
    assert says in broken[1]
    assert len(hooks.came) == 3
    await timeline.close()


async def test_an_entry_that_was_removed_is_missed_at_the_next(
    sqlite_url: str, clock: Clock, tmp_path: Path, hooks: Hooks
) -> None:
    timeline = await Timeline.open(sqlite_url, now=clock)
    for seq, event in enumerate((DECLARED, NoteAdded(text="note 1"), NoteAdded(text="note 2"))):
        await happens(timeline, "INC-1", seq, event)
    async with _changed(timeline, tmp_path, "DELETE FROM entry WHERE seq = 2"):
        await Audit(timeline, {"webhook": to_webhook(hooks, clock)}).handle("webhook")
    assert hooks.came[1]["data"]["broken"] == "incident/INC-1 entry 3: entry 2 is missing"
    await timeline.close()


async def test_an_entry_that_is_seen_late_is_not_passed_over(
    sqlite_url: str, clock: Clock, tmp_path: Path, hooks: Hooks
) -> None:
    """On PostgreSQL a row may be seen after others that were written later."""
    timeline = await Timeline.open(sqlite_url, now=clock)
    await happens(timeline, "INC-1", 0, DECLARED)
    await happens(timeline, "INC-2", 0, DECLARED)
    hide = (
        "UPDATE entry SET stream = 'hidden' WHERE stream = 'incident/INC-1'",
        "UPDATE stream SET name = 'hidden', seq = 0 WHERE name = 'incident/INC-1'",
    )
    show = (
        "UPDATE entry SET stream = 'incident/INC-1' WHERE stream = 'hidden'",
        "UPDATE stream SET name = 'incident/INC-1', seq = 1 WHERE name = 'hidden'",
    )
    audit = Audit(timeline, {"webhook": to_webhook(hooks, clock)})
    for statement in hide:
        async with _changed(timeline, tmp_path, statement):
            pass
    await audit.handle("webhook")
    for statement in show:
        async with _changed(timeline, tmp_path, statement):
            pass
    await audit.handle("webhook")
    assert hooks.ids == ["incident/INC-2#1", "incident/INC-1#1"]
    await timeline.close()


def test_the_settings_name_the_receivers(tmp_path: Path, clock: Clock) -> None:
    settings = Settings(
        home=tmp_path,
        audit_webhook_url=SecretStr("https://audit.example/hook?token=canary-word"),
        audit_syslog="logs.example:6515",
        audit_syslog_ca=tmp_path / "ca.pem",
    )
    found = receivers_of(settings, aiohttp.ClientSession, now=clock)
    assert "canary-word" not in repr(settings)
    assert list(found) == ["webhook", "syslog"]
    to_logs = found["syslog"]
    assert isinstance(to_logs, ToSyslog)
    assert to_logs.collector.place == "logs.example:6515"
    assert receivers_of(Settings(home=tmp_path), aiohttp.ClientSession, now=clock) == {}
    bare = receivers_of(
        Settings(home=tmp_path, audit_syslog="logs.example"), aiohttp.ClientSession, now=clock
    )
    assert isinstance(bare["syslog"], ToSyslog)
    assert bare["syslog"].collector.place == "logs.example:6514"


async def test_a_receiver_is_told_when_it_wants_rest(timeline: Timeline, hooks: Hooks, clock: Clock) -> None:
    audit = Audit(timeline, {"webhook": to_webhook(hooks, clock)})
    hooks.faults.answer("POST", 429, Retry_After="7")
    with pytest.raises(NotTaken) as refused:
        await audit.handle("webhook")
    assert refused.value.retry_after == 7
