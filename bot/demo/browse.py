"""`backstop sandbox`: everything on this machine, with the workspace in a browser, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot.core.errors import Refused
from bot.demo.guided import Guided
from bot.demo.sandbox import Sandbox, folder, sandbox
from bot.sandbox.page import Page, World
from bot.sandbox.page.seat import STATUS
from bot.sandbox.shop.home import ShopError
from bot.sandbox.surroundings import utc_now
from integrations.contract import IntegrationError

ORDERS_A_SECOND = 5.0
REACTIONS = ("eyes", "+1")
"""Offered beside the reaction that adds a message to the timeline."""
FAILURES = (Refused, IntegrationError, ShopError, TimeoutError, OSError)


def main(argv: Sequence[str]) -> int:
    """Serve the sandbox until it is told to end; 0 then, 1 when it could not begin."""
    given = _parser().parse_args(argv)
    try:
        with folder(given.home, "backstop-sandbox-") as home:
            logging.basicConfig(filename=home / "backstop.log", level=logging.INFO)
            asyncio.run(_serve(home, given.port))
    except FAILURES as failure:
        sys.stderr.write(f"The sandbox did not start. {failure}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backstop sandbox", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=0, help="where the page is served on 127.0.0.1; a free one unless given"
    )
    parser.add_argument("--home", type=Path, help="where the sandbox works; a temporary folder unless given")
    return parser


async def _serve(home: Path, port: int) -> None:
    ended = told_to_end()
    _say("Starting a local Slack, Jira, shop and Backstop…\n")
    async with (
        sandbox(home) as box,
        box.keeper.customers(rate=ORDERS_A_SECOND),
        page(box, port=port) as (shown, guided),
    ):
        guided.release_badly()
        _say(f"\n  Open {shown.url}\n\nEverything stays up until Ctrl-C; nothing leaves this machine.\n")
        await ended.wait()


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def told_to_end() -> asyncio.Event:
    """Return what is set by Ctrl-C or SIGTERM, which end nothing else from then on."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    return ended


@asynccontextmanager
async def page(box: Sandbox, *, port: int = 0) -> AsyncIterator[tuple[Page, Guided]]:
    """Serve the page of a sandbox until the block ends."""
    async with Guided(box, utc_now) as guided:
        # What people change and delete on the page is to be seen on the timeline at once.
        box.slack.subscribe("message")
        reactions = tuple(filter(None, (box.settings.slack_capture, *REACTIONS)))
        command = box.settings.slack_command
        world = World(box.slack, box.jira, box.customers, box.alerts, box.keeper, guided, command, reactions)
        async with Page(world, now=utc_now, port=port) as shown:
            box.customers.seen_at = f"{shown.url}?in={STATUS}"
            yield shown, guided
