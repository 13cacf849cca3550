"""`POST /v1/alerts`: what Alertmanager and Grafana tell of a group of alerts becomes one message.

Nothing is declared by it: the message has a button that opens the form, filled in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from aiohttp import web

from bot.core.effects import Effect
from bot.web.answers import Alerts, Heard
from bot.web.keys import Caller
from bot.web.request import DESK, body_of, json_of
from bot.web.within import within
from bot.web.wrong import UNREADABLE, UNREADABLE_NEXT, Wrong

STORE_S = 8.0
MOST_LABELS, LONGEST_LABEL = 20, 200
LONGEST_URL = 2_000
STORED = "alert:"
"""How the keys of groups begin; beside each stands which turn of firing it is on."""


async def alerts(request: web.Request, caller: Caller) -> web.Response:
    """Keep what is told, and have its message drawn; the same again changes nothing but the moment."""
    body = await body_of(request, Alerts)
    key = hashlib.sha256(f"{caller.token.owner}\n{body.receiver}\n{body.groupKey}".encode()).hexdigest()[:16]
    try:
        await within(STORE_S, _keep(request, body, key))
    except TimeoutError:
        raise Wrong(503, UNREADABLE, UNREADABLE_NEXT, {"Retry-After": "5"}) from None
    return json_of(Heard(group=key))


async def _keep(request: web.Request, body: Alerts, key: str) -> None:
    timeline = request.app[DESK].timeline
    before = await timeline.records.remote(f"{STORED}{key}")
    firing = [alert for alert in body.alerts if alert.status == "firing"]
    if before is None and not firing:
        # What ended before anybody read of it is no news.
        return
    turn = int(before["turn"]) if before else 1
    if before and firing and before["firing"] == "0":
        # It fires anew: an edit of an old message would be seen by nobody.
        turn += 1
    began = min((alert.began for alert in firing if alert.began), default=None)
    kept = {
        "turn": str(turn),
        "labels": json.dumps(_shortened({**body.groupLabels, **body.commonLabels})),
        "summary": body.commonAnnotations.get("summary", "")[:LONGEST_LABEL],
        "firing": str(len(firing)),
        "since": began.isoformat() if began else (before or {}).get("since", ""),
        "url": body.externalURL[:LONGEST_URL],
        "at": timeline.now().isoformat(),
    }
    await timeline.records.remember(f"{STORED}{key}", kept)
    await timeline.effects.ask(Effect("alert", key, "slack/alerts"))


def _shortened(labels: Mapping[str, str]) -> dict[str, str]:
    return {name[:LONGEST_LABEL]: value[:LONGEST_LABEL] for name, value in list(labels.items())[:MOST_LABELS]}
