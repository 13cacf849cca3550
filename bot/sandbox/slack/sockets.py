"""Socket Mode: the connections of the app, each payload to exactly one of them."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import WSMsgType, web

from bot.sandbox.slack.deliveries import Delivery, Reply, Seal
from bot.sandbox.slack.faults import Faults
from bot.sandbox.slack.journal import Journal
from bot.sandbox.slack.records import APP
from bot.sandbox.slack.refusals import Wire
from bot.sandbox.slack.workspace import Workspace

MOST_CONNECTIONS = 10

DisconnectReason = Literal["refresh_requested", "warning", "link_disabled", "too_many_websockets"]


@dataclass(slots=True, eq=False)
class Connection:
    """One open socket; `fresh` until Slack asked it to reconnect, after which nothing new goes to it."""

    socket: web.WebSocketResponse
    request: web.Request
    fresh: bool = True
    delivered: int = 0
    pongs: int = 0
    waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)

    def cut(self) -> None:
        """Break the connection off without a closing frame."""
        if self.request.transport is not None:
            self.request.transport.abort()


class Sockets:
    """The open connections and the transport over them; `patience` is the seconds an ack may take."""

    def __init__(self, workspace: Workspace, faults: Faults, journal: Journal, *, patience: float) -> None:
        self.connections: list[Connection] = []
        self._workspace = workspace
        self._faults = faults
        self._journal = journal
        self._patience = patience
        self._turn = 0

    async def open(self, request: web.Request) -> web.StreamResponse:
        """Accept a connection whose ticket was not used before."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._workspace.tickets:
            return web.Response(status=404, text="ticket unknown or used")
        self._workspace.tickets.discard(ticket)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        connection = Connection(socket, request)
        if len(self._usable()) >= MOST_CONNECTIONS:
            await self._disconnect(connection, "too_many_websockets")
            await socket.close()
            return socket
        self.connections.append(connection)
        try:
            await socket.send_json(self._hello())
            self._journal.rang()
            await self._listen(connection)
        finally:
            self._gone(connection)
        return socket

    def _hello(self) -> Wire:
        return {
            "type": "hello",
            "num_connections": len(self._usable()),
            "debug_info": {
                "host": "applink-sandbox",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
            "connection_info": {"app_id": APP},
        }

    async def _listen(self, connection: Connection) -> None:
        async for frame in connection.socket:
            if self._faults.deaf:
                continue
            match frame.type:
                case WSMsgType.PING:
                    await connection.socket.pong(frame.data)
                case WSMsgType.PONG:
                    connection.pongs += 1
                    self._journal.rang()
                case WSMsgType.TEXT:
                    self._acked(connection, frame.data)
                case _:
                    pass

    def _acked(self, connection: Connection, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            return
        waiting = connection.waiting.pop(str(frame.get("envelope_id")), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(frame.get("payload"))

    def _gone(self, connection: Connection) -> None:
        self.connections.remove(connection)
        for waiting in connection.waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError())
        self._journal.rang()

    def _usable(self) -> list[Connection]:
        return [c for c in self.connections if c.fresh and not c.socket.closed]

    async def send(self, delivery: Delivery, seal: Seal) -> Reply:
        """Hand an envelope to the next connection in turn and wait for its ack."""
        usable = self._usable()
        if not usable:
            return Reply(delivery, None, failure="connection_failed")
        self._turn += 1
        connection = usable[self._turn % len(usable)]
        envelope = _envelope(delivery)
        clock = asyncio.get_running_loop().time
        started = clock()
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope["envelope_id"]] = waiting
        try:
            async with asyncio.timeout(self._patience):
                connection.delivered += 1
                if not self._faults.deaf:
                    await connection.socket.send_json(envelope)
                body = await waiting
        except TimeoutError:
            return Reply(delivery, None, elapsed=clock() - started, failure="http_timeout")
        except ConnectionError:
            return Reply(delivery, None, elapsed=clock() - started, failure="connection_failed")
        finally:
            connection.waiting.pop(envelope["envelope_id"], None)
        return Reply(delivery, 200, body, clock() - started)

    async def refresh(self, reason: DisconnectReason = "refresh_requested") -> None:
        """Ask every connection to reconnect; nothing new is delivered to the old ones."""
        for connection in list(self.connections):
            connection.fresh = False
            await self._disconnect(connection, reason)

    async def _disconnect(self, connection: Connection, reason: DisconnectReason) -> None:
        await connection.socket.send_json(
            {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox"}}
        )

    async def ping(self) -> None:
        """Ping every connection, as Slack does all the time."""
        for connection in list(self.connections):
            await connection.socket.ping(b"Ping from applink-sandbox")

    def break_off(self) -> None:
        """Cut every connection without a word, as an outage does."""
        for connection in self.connections:
            connection.cut()

    async def close(self) -> None:
        """Close every connection."""
        for connection in list(self.connections):
            await connection.socket.close()


def _envelope(delivery: Delivery) -> Wire:
    envelope = {
        "envelope_id": str(uuid.uuid4()),
        "type": delivery.kind,
        "accepts_response_payload": delivery.answerable,
        "payload": delivery.payload,
    }
    if delivery.kind == "events_api":
        envelope |= {"retry_attempt": delivery.retry_num, "retry_reason": delivery.retry_reason}
    return envelope
