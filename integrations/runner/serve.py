"""The door of the runner: it answers one JSON object with one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from integrations.runner import files, jobs, owner
from integrations.runner.ask import ask
from integrations.runner.config import Config
from integrations.runner.jobs import Job, Spec
from integrations.runner.kinds import How, built_in
from integrations.runner.masks import Masks
from integrations.runner.nursery import Nursery
from integrations.runner.obstacles import could_not
from integrations.runner.operations import build
from integrations.runner.params import NotYours, Refused, shown
from integrations.runner.processes import begun

VERSION = 2
"""2: a request says which Backstop it is of, and the runner belongs to one."""
_LONGEST_SAID = 500
_LONGEST_WAIT_S = 60.0
_LOOK_S, _LOOK_ANYWAY_S = 0.01, 0.5
_LONGEST_CHUNK = 64 * 1024

_SETTLED = "It was settled before it began and can never start."

Message = dict[str, Any]


class Door:
    """Answers requests; it keeps nothing in memory that a job depends on."""

    def __init__(self, config: Config, state: Path) -> None:
        self._config = config
        self._state = state
        self._masks = Masks(config.secret_files())
        self._nursery = Nursery()
        (state / "jobs").mkdir(parents=True, exist_ok=True)
        # What distinguishes this host's databases from equally named ones of another host.
        files.publish(state / "identity.json", {"id": uuid.uuid4().hex})

    def prepare(self) -> None:
        """Make ready what the first job would wait for; a door that only answers questions goes without."""
        self._nursery.begin()

    async def line(self, line: bytes) -> bytes:
        """Answer one line with one line; a request that cannot be served gets a sentence."""
        request: Message = {}
        try:
            found = json.loads(line)
            if not isinstance(found, dict):
                raise Refused("A request is one JSON object a line.")
            request = found
            answer = {"ok": True, **await self._answer(request)}
        except Refused as refusal:
            answer = {"ok": False, "permanent": True, "error": self._masks.text(str(refusal))}
            answer |= {"not_yours": True} if isinstance(refusal, NotYours) else {}
        except ValueError:
            answer = {"ok": False, "permanent": True, "error": "The request is not JSON."}
        except OSError as error:
            text = f"The runner's host could not do it: {could_not(error)}"
            answer = {"ok": False, "permanent": False, "error": text}
        return json.dumps({"id": request.get("id"), **answer}).encode() + b"\n"

    async def _answer(self, request: Message) -> Message:
        match request.get("do"):
            case "hello":
                return self._hello(owner.asking(request))
            case "targets":
                return {"targets": self._targets(), "commands": self._commands()}
            case "ask":
                return await ask(self._masks, build(self._config, self._state, **_act(request), how="ask"))
            case "preview":
                return self._preview(request)
            case "start":
                return self._start(request)
            case "status":
                return self._status(_key(request), owner.asking(request))
            case "wait":
                return await self._wait(request)
            case "log":
                return self._log(request)
            case "cancel":
                return self._cancel(self._own(request))
            case "forbid":
                return self._forbid(self._own(request))
            case "list":
                return {"jobs": [self._status(key) for key in jobs.keys(self._state)]}
            case other:
                raise Refused(f"There is no request {shown(other)}.")

    def _hello(self, who: owner.Backstop | None) -> Message:
        foreign = owner.foreign(self._state, who) if who else ""
        return {
            "version": VERSION,
            "runner": (files.read(self._state / "identity.json") or {})["id"],
            "operations": [*(name for name, _ in built_in()), "command.run", "command.check"],
            "targets": list(self._config.targets),
            "owner": owner.told(self._state),
            "foreign": foreign,
            "seen": {name: token for name in self._config.targets if (token := jobs.seen(self._state, name))},
            "forget": owner.adopting(self._state, who.id) if who else "",
            "problems": [*self._masks.problems(), *self._config.outdated()],
        }

    def _targets(self) -> Message:
        return {
            target.name: {"kind": target.kind, "allow": sorted(target.allow)}
            for target in self._config.targets.values()
        }

    def _commands(self) -> Message:
        return {
            command.name: {"target": command.target, "effect": command.effect, "params": list(command.params)}
            for command in self._config.commands.values()
        }

    def _preview(self, request: Message) -> Message:
        how: How = "ask" if request.get("how") == "ask" else "job"
        invocation = build(self._config, self._state, **_act(request), how=how)
        return {
            "argv": [self._masks.text(element) for element in invocation.argv],
            "effect": invocation.effect,
            "repeat": invocation.repeat,
            "target": invocation.target,
            "timeout_s": invocation.timeout_s,
            "env": self._masks.value(dict(invocation.env)),
            "secret_env": dict(invocation.secret_env),
        }

    def _start(self, request: Message) -> Message:
        spec = self._spec(request)
        owner.admit(self._state, owner.asking(request), claims=spec.token is not None)
        if spec.token is not None and (target := self._config.targets.get(spec.target)):
            owner.alone_with(self._state, target.settings)
        job = Job(self._state, spec.key)
        job.path.mkdir(exist_ok=True)
        if job.spec() is not None and files.held(job.supervised):
            return self._attach(job, spec)
        lock = files.acquire(job.supervised)
        if lock is None:
            return self._attach(job, spec)
        try:
            job.ask(spec)
            if job.claimed() or job.outcome():
                return self._attach(job, spec)
            self._same(job, spec)
            self._nursery.fork("supervise", job.path, locks=(lock,))
        finally:
            os.close(lock)
        return self._status(spec.key)

    def _own(self, request: Message) -> str:
        """Return the key of a job that its Backstop may end; nobody settles a key of another one."""
        key, who = _key(request), owner.asking(request)
        owner.admit(self._state, who, claims=False)
        if self._of_another(key, who):
            raise Refused(f"The job {shown(key)} is of another Backstop, which had this runner before.")
        return key

    def _of_another(self, key: str, who: owner.Backstop | None) -> bool:
        spec = Job(self._state, key).spec()
        return bool(spec and spec.backstop and who and spec.backstop != who.id)

    def _spec(self, request: Message) -> Spec:
        key, token = _key(request), request.get("token")
        act = _act(request)
        invocation = build(self._config, self._state, **act, how="job")
        if token is not None and (not isinstance(token, int) or isinstance(token, bool) or token < 0):
            raise Refused(f"A token is a whole number of 0 or more, not {shown(token)}.")
        if token is None and invocation.effect == "destructive":
            raise Refused(f"{invocation.operation} destroys what it replaces and needs a fencing token.")
        return Spec(
            key=key,
            operation=invocation.operation,
            target=invocation.target,
            params=act["params"],
            argv=invocation.argv,
            timeout_s=min(_seconds(request.get("timeout_s"), invocation.timeout_s), invocation.timeout_s),
            token=token,
            env=dict(invocation.env),
            secret_env=dict(invocation.secret_env),
            leaves_daemon=invocation.leaves_daemon,
            starts_server=invocation.starts_server,
            asked_at=jobs.moment(),
            backstop=who.id if (who := owner.asking(request)) else "",
        )

    def _attach(self, job: Job, spec: Spec) -> Message:
        self._same(job, spec)
        return self._status(job.key)

    def _same(self, job: Job, spec: Spec) -> None:
        before = job.spec()
        if before is not None and before.backstop and spec.backstop and before.backstop != spec.backstop:
            raise Refused(
                f"The key {shown(spec.key)} was used by another Backstop, which had this runner before; "
                "another attempt has another key."
            )
        if before is not None and not before.same(spec):
            raise Refused(
                f"The key {shown(spec.key)} was used for {before.operation} on {before.target} "
                "with other parameters or another token; another act needs another key."
            )

    def _forbid(self, key: str) -> Message:
        job = Job(self._state, key)
        job.path.mkdir(exist_ok=True)
        lock = files.acquire(job.supervised)
        if lock is None:
            # Whoever has it looks for this file before the program begins.
            job.cancelled.touch()
            return self._cancel(key)
        try:
            if job.claimed() is None:
                job.end({"state": "done", "reason": "cancelled", "because": _SETTLED})
        finally:
            os.close(lock)
        return self._cancel(key)

    def _status(self, key: str, who: owner.Backstop | None = None) -> Message:
        if self._of_another(key, who):
            # Two that count their runs from 1 have the same keys: what one did is no word about the other's.
            return {"state": "unknown", "key": key}
        found: Message = self._masks.value(jobs.status(self._state, key))
        return {**found, "said": found.get("said", "")[:_LONGEST_SAID]}

    async def _wait(self, request: Message) -> Message:
        """Answer once the job does not run or is in another phase than was seen, or after `within_s`."""
        key, seen, who = _key(request), request.get("seen", ""), owner.asking(request)
        job, clock = Job(self._state, key), asyncio.get_running_loop().time
        until = clock() + min(_seconds(request.get("within_s"), _LONGEST_WAIT_S), _LONGEST_WAIT_S)
        known, look_at = None, 0.0
        while True:
            marks, now = job.marks(), clock()
            # Files tell of an end and of progress; only a look at the lock tells that a supervisor is gone.
            if marks != known or now >= min(look_at, until):
                known, look_at = marks, now + _LOOK_ANYWAY_S
                found = self._status(key, who)
                phase = (found.get("progress") or {}).get("phase", "")
                if found["state"] != "running" or phase != seen or now >= until:
                    return found
            await asyncio.sleep(_LOOK_S)

    def _log(self, request: Message) -> Message:
        key = _key(request)
        offset, limit = request.get("offset", 0), request.get("limit", _LONGEST_CHUNK)
        if not isinstance(offset, int) or not isinstance(limit, int) or offset < 0 or limit < 1:
            raise Refused("`offset` is a whole number of 0 or more, `limit` one of 1 or more.")
        ended = jobs.status(self._state, key)["state"] != "running"
        text, next_offset = self._masks.chunk(
            Job(self._state, key).log, offset=offset, limit=min(limit, _LONGEST_CHUNK), ended=ended
        )
        return {"text": text, "next_offset": next_offset}

    def _cancel(self, key: str) -> Message:
        found = jobs.status(self._state, key)
        job = Job(self._state, key)
        if found["state"] == "running":
            job.cancelled.touch()
            claim = job.claimed() or {}
            if claim.get("begun") and begun(claim["supervisor"]) == claim["begun"]:
                with suppress(ProcessLookupError):
                    os.kill(claim["supervisor"], signal.SIGCONT)
                    os.kill(claim["supervisor"], signal.SIGTERM)
        elif found["state"] == "lost" and found["alive"]:
            self._nursery.fork("sweep", job.path)
        return self._status(key)


def _key(request: Message) -> str:
    key = request.get("key")
    if not isinstance(key, str):
        raise Refused("The request needs a `key`.")
    jobs.directory(key)
    return key


def _act(request: Message) -> Message:
    operation, target, params = (request.get(name) for name in ("op", "target", "params"))
    if not isinstance(operation, str) or not isinstance(target, str | None):
        raise Refused("The request needs `op` and `target` as texts.")
    if not isinstance(params, Mapping | None):
        raise Refused("`params` must be an object.")
    return {"operation": operation, "target": target, "params": dict(params or {})}


def _seconds(value: Any, default: float) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise Refused(f"`timeout_s` is a number of seconds above 0, not {shown(value)}.")
    return float(value)
