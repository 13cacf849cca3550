"""The least that answers a slash command: bolt, and nothing of Backstop's. Backstop is compared with it."""

from __future__ import annotations

import asyncio
import signal

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.settings import Settings
from bot.slack.door import CONNECTIONS, PATH, secret_of


async def main() -> None:
    """Answer until told to end; the settings are Backstop's own."""
    settings = Settings()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    app = _app(settings)
    runner = await _serve(app, settings)
    handlers = await _connect(app, settings) if settings.slack_mode == "socket" else []
    await ended.wait()
    for handler in handlers:
        await handler.close_async()  # type: ignore[no-untyped-call]
    await runner.cleanup()


def _app(settings: Settings) -> AsyncApp:
    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None, team_id="T", bot_token=secret_of(settings, "slack_bot_token")
        )

    secret = secret_of(settings, "slack_signing_secret")
    client = AsyncWebClient(base_url=settings.slack_api_url, retry_handlers=[])
    app = AsyncApp(name="bare", signing_secret=secret, authorize=authorize, client=client)

    @app.command(settings.slack_command)
    async def answer(ack: AsyncAck) -> None:
        await ack(text="pong", response_type="ephemeral")

    return app


async def _serve(app: AsyncApp, settings: Settings) -> web.AppRunner:
    async def request(asked: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(asked)))

    served = web.Application()
    served.router.add_post(PATH, request)
    runner = web.AppRunner(served)
    await runner.setup()
    await web.TCPSite(runner, settings.host, settings.port).start()
    return runner


async def _connect(app: AsyncApp, settings: Settings) -> list[AsyncSocketModeHandler]:
    token = secret_of(settings, "slack_app_token")
    handlers = []
    for _ in range(CONNECTIONS):
        web_client = AsyncWebClient(token=token, base_url=settings.slack_api_url, retry_handlers=[])
        handlers.append(AsyncSocketModeHandler(app, token, web_client=web_client))
        await handlers[-1].connect_async()  # type: ignore[no-untyped-call]
    return handlers


if __name__ == "__main__":
    asyncio.run(main())
