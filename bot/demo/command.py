"""`backstop demo`: plays the story, proves its end, and leaves what people would keep of it."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path

from bot.core.errors import Refused
from bot.demo.browse import page, told_to_end
from bot.demo.narrator import Narrator
from bot.demo.proof import Proof, Record, prove
from bot.demo.sandbox import Sandbox, folder, sandbox
from bot.demo.stage import StoryBroke
from bot.demo.story import Story
from bot.sandbox.shop.home import ShopError
from bot.sandbox.slack import PersonCannot
from bot.sandbox.surroundings import utc_now
from integrations.contract import IntegrationError

ORDERS_A_SECOND = 20.0
FAILURES = (StoryBroke, Refused, IntegrationError, ShopError, PersonCannot, TimeoutError, OSError)
INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    """Play the demonstration; 0 only if the recovered orders are the right ones and are recorded, else 1."""
    given = _parser().parse_args(argv)
    out: Path = given.out.absolute()
    log = out / "backstop.log"
    try:
        out.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(
            filename=log,
            filemode="w",
            level=logging.INFO,
            format="%(asctime)s %(levelname)s %(name)s %(message)s",
        )
        with folder(given.home, "backstop-demo-") as home:
            return asyncio.run(_heeding_signals(_demo(home, out, stay=given.stay)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.stderr.write("\nInterrupted. Everything that was started is ended.\n")
        return INTERRUPTED
    except FAILURES as failure:
        logging.getLogger(__name__).exception("demo failed")
        sys.stderr.write(f"\nThe demonstration failed. {failure}\nWhat Backstop did is in {log}.\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backstop demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="where the results go")
    parser.add_argument("--home", type=Path, help="where the sandbox works; a temporary folder unless given")
    stay = "keep everything up afterwards, also in a browser, until Ctrl-C"
    parser.add_argument("--stay", action="store_true", help=stay)
    return parser


async def _heeding_signals(demo: Coroutine[None, None, int]) -> int:
    """SIGTERM ends the demonstration in the order in which Ctrl-C does."""
    task = asyncio.ensure_future(demo)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


async def _demo(home: Path, out: Path, *, stay: bool) -> int:
    begun = utc_now()
    async with sandbox(home) as box, box.keeper.customers(rate=ORDERS_A_SECOND):
        tell = Narrator(box.slack, sys.stdout, utc_now)
        listening = asyncio.create_task(tell.listen())
        try:
            told = await Story(box, tell, utc_now).play()
            proof = await prove(box, told.incident, at=told.at, resumed=told.resumed)
        finally:
            listening.cancel()
            tell.catch_up()
            _write(out, tell.lines)
        _leave(out, proof.record)
        _conclude(tell, proof, out, seconds=(utc_now() - begun).total_seconds())
        if stay:
            await _stay(box, proof)
    return 1 if proof.problems else 0


def _write(out: Path, lines: Sequence[str]) -> None:
    text = "\n".join(["# The demonstration as people saw it", "", "~~~text", *lines, "~~~", ""])
    (out / "transcript.md").write_text(text, encoding="utf-8")


def _leave(out: Path, record: Record | None) -> None:
    if record is None:
        return
    (out / "postmortem.md").write_text(record.markdown, encoding="utf-8")
    (out / "timeline.json").write_text(record.timeline, encoding="utf-8")
    adf = json.dumps(record.adf, indent=1, ensure_ascii=False)
    (out / "postmortem.adf.json").write_text(adf + "\n", encoding="utf-8")


def _conclude(tell: Narrator, proof: Proof, out: Path, *, seconds: float) -> None:
    tell.chapter("What is proved")
    tell.aside(str(proof.verdict))
    if proof.record:
        tell.aside(f"The post-mortem stands in Jira as {proof.record.key}; the timeline's chain is checked.")
    for problem in proof.problems:
        tell.aside(f"NOT PROVED: {problem}")
    tell.aside(f"It took {seconds:.0f} s. Look at {out}/transcript.md, postmortem.md and timeline.json.")


async def _stay(box: Sandbox, proof: Proof) -> None:
    async with page(box) as (shown, _):
        _say_where(box, proof, shown.url)
        await told_to_end().wait()


def _say_where(box: Sandbox, proof: Proof, page: str) -> None:
    addresses = {
        "Open": page,
        "Backstop": box.app.url,
        "Jira": proof.record.url if proof.record else box.jira.url,
        "Shop": f"{box.keeper.url}/orders",
        "Slack's API": box.settings.slack_api_url,
        "Folder": str(box.settings.home),
    }
    sys.stdout.write("".join(f"  {name:<12} {where}\n" for name, where in addresses.items()))
    sys.stdout.write("Everything stays up until Ctrl-C.\n")
    sys.stdout.flush()
