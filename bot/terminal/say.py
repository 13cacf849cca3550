"""Every verb on the command line: it is said over the HTTP door, as in Slack."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

from bot.terminal import OK, REFUSED, UNREACHABLE, USAGE
from bot.terminal.access import NoToken, access
from bot.terminal.client import Client, Reply, Unreachable
from bot.terminal.screen import tell, warn
from bot.terminal.words import line_of

TRIES = 2
DRAWN_S, LOOK_S = 60.0, 0.5


def main(argv: Sequence[str]) -> int:
    """Say a line and print the answer; after `plan`, wait until the plan is drawn and print it."""
    try:
        client = Client(access())
        reply = _say(client, line_of(_asked(argv)))
        code = _code(reply)
        if code == OK and argv[0].lower() == "plan":
            return _plan(client, reply)
    except NoToken as missing:
        warn(str(missing))
        return USAGE
    except Unreachable as nobody:
        warn(f"{nobody} Nobody can say whether it was done: look at the timeline before you say it again.")
        return UNREACHABLE
    return code


def _asked(argv: Sequence[str]) -> Sequence[str]:
    return ["help", argv[0]] if {"--help", "-h"} & set(argv[1:2]) else argv


def _say(client: Client, line: str) -> Reply:
    """Say it again under the same key when the answer was lost; it is carried out once."""
    key = secrets.token_hex(16)
    for _ in range(TRIES - 1):
        try:
            return client.post("/v1/say", {"line": line}, key=key)
        except Unreachable:
            continue
    return client.post("/v1/say", {"line": line}, key=key)


def _code(reply: Reply) -> int:
    match reply.status:
        case 200 if isinstance(reply.json.get("ok"), bool):
            tell(reply.text("text"))
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


def _plan(client: Client, reply: Reply) -> int:
    data = reply.json.get("data")
    run = data.get("run") if isinstance(data, dict) else None
    if not isinstance(run, str):
        return OK
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
