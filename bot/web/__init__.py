"""The HTTP door: the gate for pipelines, every verb for programs, pages for people, figures for operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.commands import Desk
from bot.settings import Settings
from bot.web.health import PARTS
from bot.web.metrics import METRICS, measured, new_metrics
from bot.web.request import DESK, LARGEST
from bot.web.routes import routes
from bot.web.wrong import in_words, unforeseen


def application(
    desk: Desk,
    settings: Settings,
    *,
    slack: Handler | None,
    health: Callable[[], Mapping[str, str]],
    pagerduty: Handler | None = None,
) -> web.Application:
    """Return the door; `slack` and `pagerduty` answer those.

    `health` names the state of each part, beginning with `ok` when it is well. The state of `dispatcher`
    decides whether the process counts as alive; other parts may be down.
    """
    app = web.Application(middlewares=(measured, in_words), client_max_size=LARGEST)
    app[DESK] = desk
    app[PARTS] = health
    app[METRICS] = new_metrics()
    app.on_response_prepare.append(unforeseen)
    app.add_routes(list(routes(settings, slack, pagerduty)))
    return app


__all__ = ["application"]
