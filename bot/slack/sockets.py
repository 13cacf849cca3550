"""Socket Mode connections that are kept open: watched from outside, and made anew when they fall silent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.jobs import Precedence

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a socket is looked after, in seconds.

    A socket is made anew when it is silent for `grace`; `again` is the pause after one could not be opened.
    """

    ping: float = 10
    opening: float = 20
    check: float = 2
    grace: float = 20
    again: float = 5
    closing: float = 3


UNHURRIED = Pace()


class SocketHandler(AsyncSocketModeHandler):
    """Bolt's handler; whoever it hears goes first until the acknowledgement is sent."""

    def __init__(self, app: AsyncApp, token: str, web: AsyncWebClient, first: Precedence, pace: Pace) -> None:
        super().__init__(app, token, web_client=web, ping_interval=pace.ping)
        self._first = first

    async def handle(  # type: ignore[override]  # as bolt's own handler for aiohttp does
        self, client: SocketModeClient, req: SocketModeRequest
    ) -> None:
        """Take one thing that happened in Slack and acknowledge it."""
        with self._first.taken():
            await super().handle(client, req)


class Line:
    """One Socket Mode connection. The SDK reconnects by itself; where it gets stuck, it is replaced."""

    def __init__(self, app: AsyncApp, token: str, url: str, first: Precedence, pace: Pace) -> None:
        self._app = app
        self._token = token
        self._url = url
        self._first = first
        self._pace = pace
        self.is_open = False
        self.trouble = "it is not open yet"

    async def keep(self) -> None:
        """Keep the connection open until cancelled."""
        while True:
            try:
                await self._once()
            except SlackApiError as refusal:
                self.trouble = f"Slack refused: {refusal.response.get('error', 'no answer')}"
            except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError) as problem:
                self.trouble = f"Slack cannot be reached ({type(problem).__name__})"
            finally:
                self.is_open = False
            log.warning("socket lost because=%s", self.trouble)
            await asyncio.sleep(self._pace.again)

    async def _once(self) -> None:
        web = AsyncWebClient(token=self._token, base_url=self._url, retry_handlers=[], timeout=10)
        handler = SocketHandler(self._app, self._token, web, self._first, self._pace)
        try:
            # The address opens one socket only, and the SDK would try a spent one for ever.
            handler.client.wss_uri = await handler.client.issue_new_wss_url()
            async with asyncio.timeout(self._pace.opening):
                await handler.connect_async()  # type: ignore[no-untyped-call]
            self.is_open = True
            await self._watch(handler)
            self.trouble = "it fell silent"
        finally:
            await self._close(handler.client)

    async def _close(self, client: SocketModeClient) -> None:
        """End a connection and what belongs to it, also when the far end is gone and says no goodbye."""
        tasks = (client.message_processor, client.current_session_monitor, client.message_receiver)
        under_way = [task for task in tasks if task]
        # First, or the monitor could open a socket again that nobody closes.
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        with contextlib.suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(self._pace.closing):
                await client.close()  # type: ignore[no-untyped-call]
        await client.aiohttp_client_session.close()

    async def _watch(self, handler: SocketHandler) -> None:
        clock = asyncio.get_running_loop().time
        alive = clock()
        while clock() - alive <= self._pace.grace:
            await asyncio.sleep(self._pace.check)
            self.is_open = await handler.client.is_connected()
            if self.is_open:
                alive = clock()
