"""Every verb on the command line: it is said over the HTTP door, as in Slack."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

from bot.terminal import OK, REFUSED, UNREACHABLE, USAGE
from bot.terminal.access import NoToken, access
from bot.terminal.client import Client, NotServing, Reply, Unreachable
from bot.terminal.screen import tell, warn
from bot.terminal.words import line_of

DRAWN_S, LOOK_S = 60.0, 0.5


def main(argv: Sequence[str]) -> int:
    """Say a line and print the answer; after `plan`, wait until the plan is drawn and print it."""
    try:
        client = Client(access())
        reply = _say(client, line_of(_asked(argv)))
    except NoToken as missing:
        warn(str(missing))
        return USAGE
    except NotServing as nobody:
        warn(f"{nobody} Nothing was done.")
        return UNREACHABLE
    except Unreachable as nobody:
        doubt = "Nobody can say whether it was done: look at the timeline before you say it again."
        warn(" ".join(part for part in (str(nobody), _frozen_here(), doubt) if part))
        return UNREACHABLE
    code = _code(reply)
    return _plan(client, reply) if code == OK and argv[0].lower() == "plan" else code


def _frozen_here() -> str:
    """Return why nobody answers, where the bot of this host is frozen."""
    from bot.terminal.here import silence_here  # noqa: PLC0415 - slow to load, and seldom needed

    return silence_here()


def _asked(argv: Sequence[str]) -> Sequence[str]:
    return ["help", argv[0]] if {"--help", "-h"} & set(argv[1:2]) else argv


def _say(client: Client, line: str) -> Reply:
    """Say it again under the same key when the answer was lost; it is carried out once."""
    key, body = secrets.token_hex(16), {"line": line}
    try:
        return client.post("/v1/say", body, key=key)
    except NotServing:
        raise
    except Unreachable as lost:
        try:
            return client.post("/v1/say", body, key=key)
        except NotServing:
            # It ended in between, and may have carried the line out before.
            raise lost from None


def _code(reply: Reply) -> int:
    match reply.status:
        case 200 if isinstance(reply.json.get("ok"), bool):
            tell(_shown(reply))
            return OK if reply.json["ok"] else REFUSED
        case 403:
            warn(reply.problem)
            return REFUSED
        case 400 | 401 | 413 | 415:
            warn(reply.problem)
            return USAGE
        case _:
            warn(reply.problem)
            return UNREACHABLE


def _shown(reply: Reply) -> str:
    """Return a file raw, so that it can be written to one, and anything else as text."""
    data = reply.json.get("data")
    file = data.get("file") if isinstance(data, dict) else None
    return file if isinstance(file, str) else reply.text("text")


def _plan(client: Client, reply: Reply) -> int:
    data = reply.json.get("data")
    run = data.get("run") if isinstance(data, dict) else None
    if not isinstance(run, str):
        return OK
    try:
        return _drawn(client, run)
    except Unreachable as nobody:
        warn(f"{nobody} The plan of {run} was asked for: `backstop status {run}` shows it later.")
        return UNREACHABLE


def _drawn(client: Client, run: str) -> int:
    deadline = time.monotonic() + DRAWN_S
    while True:
        seen = client.get(f"/v1/runs/{run}")
        if seen.status != 200:
            warn(seen.problem)
            return UNREACHABLE if seen.status >= 500 else REFUSED
        if seen.text("state") != "planning":
            tell(seen.text("text"))
            return REFUSED if seen.text("state") == "not planned" else OK
        if time.monotonic() >= deadline:
            warn(f"The plan of {run} is not drawn after {DRAWN_S:.0f} s. `backstop status` shows it later.")
            return OK
        time.sleep(LOOK_S)
