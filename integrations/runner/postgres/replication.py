"""Whether a copy of a server could take over, by what the server sees of its copies, or a copy of itself.

Replay lags as PostgreSQL tells them stand still when a replay does, and grow while nothing is written. So
what is judged is whether a copy comes to where the server was when it was first looked at.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from integrations.runner.postgres.server import Server, Session
from integrations.runner.report import Problem

_WAIT_S = 1.5
"""How long a copy may take to come to where it should be, before its lag is believed instead."""
_LOOK_S = 0.1

_BEGIN = "SET default_transaction_read_only = on; SET statement_timeout = '10s'"
_SELF = """
SELECT jsonb_build_object('copy', pg_is_in_recovery(),
  'system', (SELECT system_identifier::text FROM pg_control_system()),
  'sees', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
    OR pg_has_role('pg_read_all_stats', 'USAGE'))
"""
_AT = "SELECT to_jsonb(pg_current_wal_lsn()::text)"
# Who decodes changes is no copy of the server, and neither is who takes a backup of it.
_COPIES = """
SELECT jsonb_build_object('id', pid, 'state', state, 'waits', sync_state IN ('sync', 'quorum'),
  'name', concat_ws(' at ', nullif(application_name, ''), host(client_addr)),
  'at', replay_lsn::text, 'left', pg_wal_lsn_diff('{at}', replay_lsn), 'said', write_lsn IS NOT NULL,
  'lag_s', extract(epoch FROM replay_lag))
FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup' AND pid NOT IN (
  SELECT active_pid FROM pg_replication_slots WHERE slot_type = 'logical' AND active_pid IS NOT NULL)
ORDER BY application_name, pid
"""
_COPY = """
SELECT jsonb_build_object('at', pg_last_wal_replay_lsn()::text, 'paused', pg_is_wal_replay_paused(),
  'newest', to_jsonb(pg_last_xact_replay_timestamp()) #>> '{}',
  'heard', (SELECT jsonb_build_object('streams', status = 'streaming', 'to', latest_end_lsn::text,
    'left', pg_wal_lsn_diff(latest_end_lsn, pg_last_wal_replay_lsn()),
    'age_s', extract(epoch FROM clock_timestamp() - last_msg_receipt_time)) FROM pg_stat_wal_receiver))
"""
_PLACE = re.compile("[0-9A-F]+/[0-9A-F]+")


@dataclass(frozen=True, slots=True)
class _Verdict:
    ok: bool
    found: str
    behind_s: float | None = None


def in_step(server: Server, within_s: int, as_of: str | None) -> dict[str, Any]:
    """Say whether a copy is no more than `within_s` seconds behind, or this copy itself.

    A copy that follows nobody is judged by how much older than `as_of` its newest transaction is. Where that
    proves nothing, because its server may have had nothing to do, nobody can tell: Problem.
    """
    with server.session() as session:
        session.ask(_BEGIN)
        (self,) = session.ask(_SELF)
        if not self["sees"]:
            raise Problem(f"{server.user} may not see who follows the server; grant it pg_read_all_stats.")
        moment = datetime.fromisoformat(as_of) if as_of else datetime.now(UTC)
        verdict = _copy(session, within_s, moment) if self["copy"] else _copies(session, within_s)
    said = {"ok": verdict.ok, "found": verdict.found, "is_copy": self["copy"], "system": self["system"]}
    return said if verdict.behind_s is None else {**said, "behind_s": round(verdict.behind_s, 3)}


def _copies(session: Session, within_s: int) -> _Verdict:
    """Judge the copies a server sees: one that could take over is enough."""
    (at,) = session.ask(_AT)
    query = _COPIES.format(at=_place(at))
    began, first = time.monotonic(), {each["id"]: each for each in session.ask(query)}
    found, waited = first, 0.0
    while any(_on_its_way(each) for each in found.values()) and waited < _WAIT_S:
        time.sleep(_LOOK_S)
        waited = time.monotonic() - began
        found = {each["id"]: each for each in session.ask(query)}
    judged = [_seen(each, first.get(id, each), waited, within_s) for id, each in found.items()]
    fit = [each for each in judged if each.ok]
    if not judged:
        return _Verdict(ok=False, found="no copy follows it")
    best = min(fit, key=lambda each: each.behind_s or 0.0) if fit else None
    return best or _Verdict(ok=False, found="; ".join(each.found for each in judged))


def _seen(now: Mapping[str, Any], first: Mapping[str, Any], waited: float, within_s: int) -> _Verdict:
    name = now["name"] or "a copy"
    if not _follows(now):
        return _Verdict(ok=False, found=f"{name} {_not_yet(now)}")
    if now["left"] <= 0:
        return _judged(name, 0.0 if now["waits"] else waited, within_s)
    if now["at"] == first["at"] or now["lag_s"] is None:
        return _Verdict(ok=False, found=f"{name} stands still, {now['left']:.0f} bytes behind")
    return _judged(name, max(waited, now["lag_s"]), within_s)


def _follows(copy: Mapping[str, Any]) -> bool:
    """Say whether it replays what it gets; one that only keeps the log has no place it came to."""
    return copy["state"] == "streaming" and copy["left"] is not None


def _on_its_way(copy: Mapping[str, Any]) -> bool:
    """Say whether a moment more may tell; one that has just connected has told nothing of itself."""
    return copy["left"] > 0 if _follows(copy) else copy["state"] == "streaming" and not copy["said"]


def _not_yet(copy: Mapping[str, Any]) -> str:
    if copy["state"] != "streaming":
        return f"is not in step yet ({copy['state']})"
    return "only keeps its log" if copy["said"] else "has not said yet how far it came"


def _copy(session: Session, within_s: int, as_of: datetime) -> _Verdict:
    """Judge a copy by itself, which is all there is once its server is gone."""
    (first,) = session.ask(_COPY)
    heard, began, now = first["heard"], time.monotonic(), first
    if not heard or not heard["streams"]:
        return _alone(first, within_s, as_of)
    to, waited = heard["to"], 0.0
    if to is None or heard["age_s"] is None:
        raise Problem("It heard nothing of its server yet.", permanent=False)
    while _left(session, to) > 0 and waited < _WAIT_S:
        time.sleep(_LOOK_S)
        waited = time.monotonic() - began
        (now,) = session.ask(_COPY)
    if _left(session, to) > 0:
        if now["at"] == first["at"]:
            how = "is paused" if now["paused"] else "stands still"
            return _Verdict(ok=False, found=f"its replay {how}, {_left(session, to):.0f} bytes behind")
        return _judged("it", _older(now, datetime.now(UTC)), within_s)
    silent = heard["age_s"] + waited
    if silent > within_s:
        raise Problem(f"It heard nothing of its server for {silent:.0f} s.", permanent=False)
    return _judged("it", silent, within_s)


def _alone(copy: Mapping[str, Any], within_s: int, as_of: datetime) -> _Verdict:
    behind = _older(copy, as_of)
    newest = f"the newest transaction it has is of {copy['newest'] or 'an unknown moment'}"
    if behind > within_s:
        raise Problem(f"It follows no server now and {newest}; whether there were later ones it cannot tell.")
    return _Verdict(ok=True, found=f"it follows no server now, {newest}", behind_s=behind)


def _older(copy: Mapping[str, Any], as_of: datetime) -> float:
    if not copy["newest"]:
        return float("inf")
    return max(0.0, (as_of - datetime.fromisoformat(copy["newest"])).total_seconds())


def _left(session: Session, to: str) -> float:
    query = f"SELECT to_jsonb(pg_wal_lsn_diff('{_place(to)}', pg_last_wal_replay_lsn()))"
    return float(session.ask(query)[0])


def _judged(name: str, behind_s: float, within_s: int) -> _Verdict:
    words = f"{name} is {behind_s:.1f} s behind, {within_s} s are allowed"
    return _Verdict(behind_s <= within_s, words, behind_s)


def _place(text: str) -> str:
    if not _PLACE.fullmatch(text):
        raise Problem(f"{text[:40]} is no place in a log.")
    return text
