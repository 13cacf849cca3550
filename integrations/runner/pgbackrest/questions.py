"""What can be asked of a stanza without changing anything."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from integrations.runner import attempts, files
from integrations.runner.pgbackrest.aim import Backup, Found, Goal, newest
from integrations.runner.pgbackrest.beside import Beside
from integrations.runner.pgbackrest.cluster import Control, links_out
from integrations.runner.pgbackrest.positions import ancestors_in, written
from integrations.runner.pgbackrest.stanza import HOLD, LABELS, Stanza
from integrations.runner.prepared import Prepared
from integrations.runner.report import Problem

_NEEDED = ("postgres", "pg_ctl", "pg_controldata", "pg_waldump", "psql")
_ABOUT = """
SELECT jsonb_build_object(
  'archiving', current_setting('archive_mode') <> 'off',
  'failed', (SELECT failed_count > 0 AND last_failed_time > coalesce(last_archived_time, '-infinity')
    FROM pg_stat_archiver),
  'failed_segment', (SELECT last_failed_wal FROM pg_stat_archiver),
  'replicas', (SELECT count(*) FROM pg_stat_replication),
  'slots', (SELECT count(*) FROM pg_replication_slots),
  'bytes', (SELECT sum(pg_database_size(oid)) FROM pg_database))
"""
_NOW = "SELECT jsonb_build_array(pg_is_in_recovery(), (SELECT timeline_id FROM pg_control_checkpoint()))"


def health(stanza: Stanza, record: Path) -> dict[str, Any]:
    """Say which database this is and whether it could be restored.

    A stopped, damaged or missing cluster is what restoring is there for; one that belongs to another database
    than the repository, or that another program manages, is not.
    """
    obstacles = list(_obstacles(stanza))
    problems: list[str] = []
    found: dict[str, Any] = {}
    try:
        identity = stanza.identity
    except Problem as problem:
        obstacles.append(str(problem))
        identity = str((files.read(record) or {}).get("identity", "unknown"))
    else:
        record.parent.mkdir(parents=True, exist_ok=True)
        files.replace(record, {"identity": identity})
    control = _control(stanza, problems)
    if control and identity not in (control.identity, "unknown"):
        obstacles.append(f"{_another(stanza, control, identity)}.")
    if stanza.cluster.pid() is None:
        problems.append(f"The server in {stanza.cluster.data} is stopped.")
    else:
        found = _asked(stanza, problems)
    standby = (stanza.cluster.data / "standby.signal").exists()
    beside = Prepared(stanza.kept, str(stanza.cluster.data))
    problems += [*([] if standby else _unarchived(found)), *beside.unfinished()]
    notes = ["The server is a standby; restore on the one it follows."] if standby else []
    return {
        "ok": not obstacles and not standby,
        "identity": f"{stanza.repository.stanza}#{identity}",
        "server": f"postgresql:{identity}",
        "whole": True,
        "version": _version(stanza),
        "problems": [*obstacles, *problems],
        "notes": [*notes, *_following(found), *beside.ready_one()],
        "bytes": found.get("bytes"),
        "made": files.made(stanza.cluster.data),
    }


def points(stanza: Stanza) -> list[dict[str, Any]]:
    """Return the backups, newest first, with what is known of each."""
    return [_point(stanza, backup) for backup in stanza.backups]


def resolved(stanza: Stanza, goal: Goal) -> dict[str, Any]:
    """Return what a goal means now, with the backups it was chosen from, and whether a copy rests there."""
    try:
        control = _control(stanza, [])
        if control and control.identity != stanza.identity:
            # pgBackRest would only say that it has no valid repository for it.
            raise Problem(_another(stanza, control, stanza.identity))
        found = stanza.resolve(goal)
    except Problem as problem:
        found = Found(None, str(problem).rstrip("."))
    ready = found.aim is not None and Beside(stanza, "", goal).is_ready(found.aim)
    return {**found.told(), "points": points(stanza), "ready": ready, "room": _room(stanza, found)}


def _room(stanza: Stanza, found: Found) -> dict[str, dict[str, str]]:
    """Say whether a copy beside finds room, and one of the damaged cluster that is kept in place."""
    data, damaged = stanza.cluster.data, 0
    # A running cluster removes files while they are counted; what keeps it looks once more.
    with suppress(OSError):
        damaged = files.size(data) if (data / "global" / "pg_control").exists() else 0
    return {
        "beside": files.room_for(stanza.side.data.parent, found.copy_bytes + found.replay_bytes),
        "in_place": files.room_for(stanza.kept, damaged),
    }


def window(stanza: Stanza) -> dict[str, Any]:
    """Return the span of restorable moments: from the first usable backup to the newest transaction."""
    usable = [backup for backup in stanza.backups if not _health(stanza, backup)[1]]
    latest = next(stanza.log.ended_backwards(stanza.log.timeline), None)
    if not usable or latest is None:
        return {"earliest": None, "latest": None}
    earliest = min(backup.stopped for backup in usable)
    return {"earliest": earliest.isoformat(), "latest": max(latest.when, earliest).isoformat()}


def log_continuous(stanza: Stanza, goal: Goal) -> dict[str, Any]:
    """Say whether the log from a backup up to a goal, or up to now, has every segment."""
    if goal.at or goal.lsn or goal.xid or goal.marker:
        found = stanza.resolve(goal)
        return {"ok": found.aim is not None, "found": found.because, "timeline": stanza.log.timeline}
    backup = next((each for each in stanza.backups if goal.label in (None, each.label)), None)
    if backup is None:
        return {"ok": False, "found": f"there is no backup {goal.label or ''}".strip()}
    log, archive, timeline = stanza.log, stanza.log.archive, stanza.log.timeline
    last = archive.last(timeline)
    until = backup.first if last is None else last
    gap = next(log.missing(backup.first, until, timeline), None)
    names = f"{archive.name(backup.timeline, backup.first)} to {archive.name(timeline, until)}"
    return {
        "ok": gap is None,
        "found": f"{gap} is missing between {names}" if gap else f"every segment from {names} is archived",
        "segments": until - backup.first + 1,
        "timeline": timeline,
    }


def restored(stanza: Stanza, label: str) -> dict[str, Any]:
    """Prove that the cluster is what the last restore of a backup made of it, and where its replay ended."""
    record = attempts.last(stanza.kept, label)
    if not record:
        return {"ok": False, "found": f"no restore of {label} has ended here"}
    known = {name: record.get(name) for name in ("lsn", "last", "timeline")}
    said = {"point": label, "restored_at": record["done_at"], **known}
    if stanza.cluster.pid() is None:
        return {**said, "ok": False, "found": "its server is stopped"}
    recovering, timeline = stanza.cluster.ask(_NOW)
    history = stanza.cluster.data / "pg_wal" / f"{timeline:08X}.history"
    forks = ancestors_in(history.read_text(encoding="utf-8")) if history.exists() else []
    ours = int(record["timeline"])
    through = ours in {timeline, *(each.timeline for each in forks)}
    fork = next((each for each in reversed(forks) if each.timeline < ours), None) if through else None
    identity = stanza.cluster.control().identity
    wrong = [
        *(["it still replays its log"] if recovering else []),
        *([f"it is {identity} and not {stanza.identity}"] if identity != stanza.identity else []),
        *([f"its log does not go through timeline {record['timeline']}"] if fork is None else []),
    ]
    ended = f"the replay ended at {written(fork.at)} ({_in_utc(fork.because)})" if fork else ""
    where = f"timeline {timeline} of {identity}"
    kept = [record["about_kept"]] if record.get("about_kept") else []
    return {
        **said,
        "ok": not wrong,
        "found": "; ".join([*wrong, *([ended, newest(record.get("last"))] if fork else ()), where, *kept]),
    }


def _in_utc(because: str) -> str:
    """Return PostgreSQL's reason for the end of a replay with its moment as it is written elsewhere."""
    return re.sub(r"(\d\d:\d\d:\d\d(?:\.\d+)?)\+00\b", r"\1Z", because)


def prove(stanza: Stanza, label: str) -> dict[str, Any]:
    """Read every file of a backup, and of the log, and note what was found."""
    problem = stanza.repository.damage(label)
    stanza.notes.prove(label, problem)
    return {"ok": not problem, "found": problem or "every file of it and of the log has its checksum"}


def hold(stanza: Stanza, label: str, until: str | None) -> dict[str, Any]:
    """Note on the backup, and beside it, until when it must be kept; None releases it.

    pgBackRest's own `expire` knows no such thing: it does not look at annotations.
    """
    stanza.told(label)
    stanza.notes.hold(label, until)
    try:
        stanza.repository.annotate(label, HOLD, until or "")
    except Problem as problem:
        # What lies ready beside needs nothing of the backup any more, and may be all that is left of it.
        if not Prepared(stanza.kept, str(stanza.cluster.data)).holds(label):
            raise Problem(
                f"The backup {label} cannot be marked as one to keep ({problem}). Look whether it is still "
                f"there: `pgbackrest --stanza={stanza.repository.stanza} info`. If not, plan again.",
                permanent=problem.permanent,
            ) from problem
    return {"point": label, "held_until": until}


def _point(stanza: Stanza, backup: Backup) -> dict[str, Any]:
    told, note = stanza.told(backup.label), stanza.notes.of(backup.label)
    annotations = told.get("annotation") or {}
    health, problem = _health(stanza, backup)
    if not problem and note.get("verified_at"):
        health = "valid"
    return {
        "id": backup.label,
        "kind": backup.kind,
        "as_of": backup.stopped.isoformat(),
        "size": backup.bytes,
        "digest": stanza.digest(backup.label),
        "stored": told["info"]["repository"]["delta"],
        "health": health,
        "problem": problem,
        "verified_at": note.get("verified_at"),
        "held_until": note.get("held_until") or annotations.get(HOLD),
        "encrypted": stanza.info.get("cipher", "none") != "none",
        "timeline": backup.timeline,
        **{name: annotations.get(name) for name in LABELS},
    }


def _health(stanza: Stanza, backup: Backup) -> tuple[str, str]:
    if backup.unfit:
        return "invalid", backup.unfit
    if not stanza.log.archive.leads(backup.timeline, backup.consistent, stanza.log.timeline):
        return "stranded", f"timeline {stanza.log.timeline} does not go through it"
    return "unknown", ""


def _obstacles(stanza: Stanza) -> Iterator[str]:
    data = stanza.cluster.data
    for program in _NEEDED:
        if not os.access(stanza.cluster.programs / program, os.X_OK):
            yield f"{stanza.cluster.programs} has no {program}; set `programs` to PostgreSQL's own directory."
            break
    if not os.access(data.parent, os.R_OK | os.W_OK | os.X_OK):
        yield f"The directory {data.parent} is missing or cannot be written."
    elif data.is_mount():
        yield f"{data} is a mount point, which cannot be put aside; use a directory inside it."
    else:
        yield from _elsewhere(stanza)
    if links := links_out(data):
        what = "tablespaces and a log on another disk are not restored"
        yield f"{data} has {', '.join(links)} elsewhere; {what}."
    for name in ("patroni.dynamic.json", "patroni.yml"):
        if (data / name).exists():
            yield f"Patroni manages {data} and would start what is being replaced; restore with Patroni."


def _elsewhere(stanza: Stanza) -> Iterator[str]:
    """Clusters change places by a rename, which no other disk allows: found out while production serves."""
    disk = stanza.cluster.data.parent.stat().st_dev
    for place in (stanza.kept, stanza.side.data):
        there = next(each for each in (place, *place.parents) if each.exists())
        if there.stat().st_dev != disk:
            yield f"{place} is on another disk than {stanza.cluster.data}; a rename cannot exchange them."


def _control(stanza: Stanza, problems: list[str]) -> Control | None:
    try:
        return stanza.cluster.control()
    except Problem as problem:
        problems.append(f"What is in {stanza.cluster.data} is no whole cluster ({problem})")
        return None


def _another(stanza: Stanza, control: Control, identity: str) -> str:
    backed_up = f"{stanza.repository.stanza} backs up ({identity})"
    return f"{stanza.cluster.data} is another database ({control.identity}) than {backed_up}"


def _asked(stanza: Stanza, problems: list[str]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = stanza.cluster.ask(_ABOUT)
    except Problem as problem:
        problems.append(f"The server does not answer: {problem}")
        return {}
    return found


def _unarchived(found: dict[str, Any]) -> list[str]:
    said = []
    if found.get("archiving") is False:
        said.append(
            "Its log is not archived (archive_mode is off): nothing after the last backup can be restored."
        )
    if found.get("failed"):
        said.append(f"Its log is not archived: {found['failed_segment']} failed, see the server's log.")
    return said


def _following(found: dict[str, Any]) -> list[str]:
    said = []
    if found.get("replicas"):
        said.append(f"{found['replicas']} replicas follow it; they must be made anew after a restore.")
    if found.get("slots"):
        said.append(
            f"{found['slots']} replication slots are gone after a restore; their readers must begin anew."
        )
    return said


def _version(stanza: Stanza) -> str:
    said = "pgBackRest"
    with suppress(Problem):
        said = stanza.repository.version()
    return f"PostgreSQL {stanza.cluster.major or 'unknown'}, {said}"
