"""A real slack-bolt app attached to the workspace, over either transport."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import SlackStandIn

Way = Literal["socket", "http"]


def client_of(slack: SlackStandIn, token: str | None = None) -> AsyncWebClient:
    """Return the SDK's client of a workspace, without retries."""
    return AsyncWebClient(token=token or slack.bot_token, base_url=slack.api_url, retry_handlers=[])


def new_app(slack: SlackStandIn) -> AsyncApp:
    """Return a bolt app that authorizes without asking Slack."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=slack.team_id,
            bot_user_id=slack.bot_user_id,
            bot_token=slack.bot_token,
        )

    client = AsyncWebClient(base_url=slack.api_url, retry_handlers=[])
    return AsyncApp(signing_secret=slack.signing_secret, authorize=authorize, client=client)


@asynccontextmanager
async def attached(slack: SlackStandIn, app: AsyncApp, way: Way) -> AsyncIterator[None]:
    """Attach an app over Socket Mode or at a request URL, and detach it again."""
    if way == "http":
        async with _served(app) as url:
            slack.deliver_over("http", url)
            yield
        return
    handler = socket_handler(slack, app)
    await handler.connect_async()
    try:
        await slack.connected(1)
        yield
    finally:
        await handler.close_async()


def socket_handler(
    slack: SlackStandIn, app: AsyncApp, *, ping_interval: float = 10
) -> AsyncSocketModeHandler:
    """Return a Socket Mode handler that finds its way to the workspace."""
    client = client_of(slack, slack.app_token)
    return AsyncSocketModeHandler(app, slack.app_token, web_client=client, ping_interval=ping_interval)


@asynccontextmanager
async def _served(app: AsyncApp) -> AsyncIterator[str]:
    async def events(request: web.Request) -> web.StreamResponse:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    application = web.Application()
    application.router.add_post("/slack/events", events)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    finally:
        await runner.cleanup()
