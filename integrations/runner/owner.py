"""Whose this runner is: one Backstop's, as fencing tokens of two cannot be compared with each other."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from integrations.runner import files, jobs
from integrations.runner.obstacles import account
from integrations.runner.params import NotYours, Refused

_FILE = "backstop.json"
# By these settings targets say which data they are.
_NAMING = ("host", "port", "database", "path", "data")
_ID = re.compile(r"[0-9a-f]{32}")
_LONGEST = 300


class Backstop(NamedTuple):
    """A Backstop as it names itself: `id` stands in its database, the rest is for people."""

    id: str
    host: str = ""
    home: str = ""
    database: str = ""

    def __str__(self) -> str:
        parts = (
            f"home {self.home}" if self.home else "",
            f"database {self.database}" if self.database else "",
        )
        known = ", ".join(filter(None, (*parts, f"host {self.host}" if self.host else "")))
        return known or f"id {self.id}"


def asking(request: Mapping[str, Any]) -> Backstop | None:
    """Return which Backstop a request is of; None for one of an older version or of a person."""
    said = request.get("backstop")
    if said is None:
        return None
    words = [said.get(name, "") for name in Backstop._fields] if isinstance(said, Mapping) else [""]
    if not all(isinstance(word, str) for word in words) or not _ID.fullmatch(words[0]):
        raise Refused("`backstop` names a Backstop: its id, and its host, home and database as texts.")
    return Backstop(words[0], *(word[:_LONGEST] for word in words[1:]))


def owner(state: Path) -> files.Document | None:
    """Return the Backstop this runner belongs to, or None while no target was ever given to one."""
    path = state / _FILE
    found = files.read(path)
    if found is None and path.exists():
        raise Refused(f"{path} cannot be read, so nobody knows whose this runner is. {_how(state, 'ID')}")
    return found


def told(state: Path) -> str:
    """Return whose this runner is for people, empty while it is nobody's."""
    found = owner(state)
    return f"{_backstop(found)}, since {found['since']}" if found else ""


def foreign(state: Path, who: Backstop | None) -> str:
    """Say why this Backstop may not act through this runner, empty when it may."""
    found = owner(state)
    if found is None or (who is not None and who.id == found["id"]):
        return ""
    belongs = f"This runner belongs to another Backstop ({told(state)})"
    if who is None:
        return (
            f"{belongs.replace('another', 'one')}, and the request does not say which it comes from, as an "
            "older version does not. Bring that Backstop to the version of its runner."
        )
    return (
        f"{belongs}, not to this one ({who}): neither would know of the other's restores, so nothing is "
        "started, however often it is tried. Restore this runner's targets through the other Backstop; a "
        "runner with a state folder of its own is only for other data, as two would restore the same twice. "
        f"Or, once the other one has ended for good, hand this one over. {_how(state, who.id)}"
    )


def admit(state: Path, who: Backstop | None, *, claims: bool) -> None:
    """Refuse whoever this runner does not belong to; the first that `claims` a target is its owner."""
    if claims and who is not None and owner(state) is None:
        # Of two that come at once, the file is made by one.
        files.publish(state / _FILE, {**who._asdict(), "since": jobs.moment()})
    if why := foreign(state, who):
        raise NotYours(why)
    found = owner(state)
    if found and who and _backstop(found) != who:
        # The same database in another place, or one that was handed over: people are told where it is now.
        files.replace(state / _FILE, {**found, **who._asdict()})


def alone_with(state: Path, settings: Mapping[str, str]) -> None:
    """Note beside what a target keeps that this runner restores it; refuse where another runner does."""
    if "kept" not in settings:
        return
    words = [settings[name] for name in _NAMING if name in settings]
    data = " ".join(os.path.realpath(word) if word.startswith("/") else word for word in words)
    kept = Path(settings["kept"])
    marker = kept / f".runner-{files.text_digest(data)[:8]}.json"
    own = {"state": str(state.resolve()), "data": data, "since": jobs.moment()}
    try:
        kept.mkdir(exist_ok=True)
        alone = files.publish(marker, own)
    except OSError:
        # That nothing can be kept there is told by the restore itself.
        alone = not os.path.lexists(marker)
    there = "" if alone else _noted(marker)
    if there and _gone(there):
        # Its state folder was moved or removed, and nobody acts for it any more.
        files.replace(marker, own)
        there = own["state"]
    if alone or there == own["state"]:
        # A runner of another account has to read whose the data is; where this is its file, it does.
        with suppress(OSError):
            marker.chmod(0o644)
        return
    raise Refused(
        f"{data} is restored by another runner of this host{_whose(marker)}, with the state folder "
        f"{there or f'that {marker} names, which {account()} may not read'}: neither would know of the "
        "other's restores, so nothing was started. Restore it through that runner. "
        f"Once that one has ended for good, remove {marker}, and try again."
    )


def _noted(marker: Path) -> str:
    """Return which state folder a marker names, empty where that cannot be read."""
    try:
        return str((files.read(marker) or {}).get("state", ""))
    except OSError:
        return ""


def _gone(state: str) -> bool:
    """Say whether a state folder is not there any more; one that may not be looked into is somebody's."""
    try:
        return not (Path(state) / "identity.json").exists()
    except OSError:
        return False


def _whose(marker: Path) -> str:
    uid = marker.stat().st_uid
    return f" that runs as {account(uid)}" if uid != os.geteuid() else ""


def adopt(state: Path, new: str) -> str:
    """Hand the runner over to the Backstop with an id: the tokens of the one before count no more."""
    if not _ID.fullmatch(new):
        raise Refused("`--backstop` is the id that the refusal and `backstop doctor` of the new one name.")
    if not (state / "jobs").is_dir():
        raise Refused(f"{state} is not the state folder of a runner.")
    running = [key for key in jobs.keys(state) if _acts(jobs.status(state, key))]
    if running:
        raise Refused(
            f"{', '.join(running)} still run here; nothing was handed over. Wait for them, or end them."
        )
    known = files.read(state / _FILE) or {}
    before = told(state) if (known or not (state / _FILE).exists()) else "unknown"
    kept = known if known.get("id") == new else Backstop(new)._asdict()
    files.replace(state / _FILE, {**kept, "since": jobs.moment()})
    for token in (state / "targets").glob("*/token.json"):
        token.unlink()
    if known.get("id") == new:
        return f"This runner stays that of {before}; which tokens its targets have seen is forgotten."
    return f"This runner belonged to {before or 'nobody'}, and belongs to the Backstop {new} from now on."


def _acts(status: Mapping[str, Any]) -> bool:
    return status["state"] == "running" or bool(status.get("alive"))


def _backstop(found: files.Document) -> Backstop:
    return Backstop(*(str(found.get(name, "")) for name in Backstop._fields))


def adopting(state: Path, id: str) -> str:
    """Return what hands the runner over to a Backstop, or has it forget the tokens that its own one used."""
    return shlex.join(("backstop-runner", "adopt", "--state", str(state), "--backstop", id))


def _how(state: Path, id: str) -> str:
    return f"On the runner's host: `{adopting(state, id)}`."
