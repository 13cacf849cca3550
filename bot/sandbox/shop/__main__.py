"""The commands of the shop: up, serve, scale, release, deploy, writer, verify."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from bot.sandbox.shop import rollout
from bot.sandbox.shop.controller import control
from bot.sandbox.shop.home import Desired, Home, ShopError
from bot.sandbox.shop.releases import create, named
from bot.sandbox.shop.server import serve
from bot.sandbox.shop.verify import verify
from bot.sandbox.shop.writer import write


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 not done, 2 usage, 10 denied, 20 gate unknown."""
    options = _parser().parse_args(argv)
    home = Home(options.home)
    try:
        return _run(options, home)
    except ShopError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1


def _run(options: argparse.Namespace, home: Home) -> int:
    match options.command:
        case "up":
            return _up(home, version=options.version, port=options.port)
        case "serve":
            asyncio.run(serve(home, named(options.version), port=options.port, now=_now))
            return 0
        case "scale":
            return _said(rollout.scale(home, options.replicas, timeout_s=options.timeout))
        case "release":
            return _said(rollout.release(home, options.version, timeout_s=options.timeout))
        case "deploy":
            return _deploy(home, options)
        case "writer":
            return _write(home, rate=options.rate)
        case _:
            verdict = verify(home, at=options.at, resumed=options.resumed)
            _said(str(verdict))
            return 0 if verdict.right else 1


def _up(home: Home, *, version: str, port: int) -> int:
    named(version)
    home.path.mkdir(parents=True, exist_ok=True)
    try:
        with home.locked("controller.lock", wait=False):
            if home.desired() is None:
                create(home.database)
                home.found(Desired(version=version, replicas=1))
            asyncio.run(control(home, port=port))
    except BlockingIOError:
        raise ShopError(f"A controller already runs for {home.path}.") from None
    return 0


def _deploy(home: Home, options: argparse.Namespace) -> int:
    url, token = os.environ.get("BACKSTOP_URL", ""), os.environ.get("BACKSTOP_TOKEN", "")
    try:
        if not (url and token):
            raise rollout.GateUnknown("BACKSTOP_URL and BACKSTOP_TOKEN say how to ask the gate; set both")
        rollout.ask_gate(url, token, version=options.version, sha=options.sha)
    except rollout.Denied as no:
        sys.stderr.write(f"{no}\n")
        return rollout.DENIED
    except rollout.GateUnknown as problem:
        sys.stderr.write(
            f"checkout {options.version} ({options.sha}) was not deployed: {problem}. "
            "Production stays shut without an answer.\n"
        )
        return rollout.UNKNOWN
    _said(rollout.release(home, options.version, timeout_s=options.timeout))
    # It is out, whether or not Backstop heard of it.
    if not_told := rollout.tell(url, token, version=options.version, sha=options.sha):
        sys.stderr.write(f"{not_told}\n")
    return 0


def _write(home: Home, *, rate: float) -> int:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    confirmed, missed = write(home, rate=rate, now=_now, stop=stop)
    return _said(f"{confirmed} orders confirmed, {missed} not.")


def _said(line: str) -> int:
    sys.stdout.write(f"{line}\n")
    return 0


def _now() -> datetime:
    return datetime.now(UTC)


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} has no zone; write it like 2026-11-23T02:10:00Z")
    return at.astimezone(UTC)


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate <= 1000:
        raise argparse.ArgumentTypeError("a rate is orders a second, above 0 and up to 1000")
    return rate


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox.shop", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.add_argument("--home", type=Path, required=True, help="the shop's directory")
        return added

    def version(added: argparse.ArgumentParser, default: str | None = None) -> None:
        added.add_argument("--version", default=default, required=default is None, help="a release, as 2.3.0")

    def bounded(added: argparse.ArgumentParser) -> None:
        added.add_argument("--timeout", type=float, default=30.0, help="seconds to wait until it is so")

    up = command("up", "keep the wanted release running")
    version(up, "2.3.0")
    up.add_argument("--port", type=int, default=0, help="port on loopback; 0 takes a free one")
    serving = command("serve", "be the shop")
    version(serving)
    serving.add_argument("--port", type=int, default=0, help="port on loopback; 0 takes a free one")
    scaling = command("scale", "run no replica or one")
    scaling.add_argument("--replicas", type=int, choices=(0, 1), required=True)
    bounded(scaling)
    releasing = command("release", "make a release the wanted one and migrate for it")
    version(releasing)
    bounded(releasing)
    deploying = command("deploy", "ask Backstop's gate, release, and tell Backstop")
    version(deploying)
    deploying.add_argument("--sha", required=True, help="the commit that is deployed")
    bounded(deploying)
    writing = command("writer", "place orders and keep the journal of confirmed ones")
    writing.add_argument("--rate", type=_rate, default=10.0, help="orders a second")
    verifying = command("verify", "compare the database with what customers were told")
    verifying.add_argument("--at", type=_moment, required=True, help="the moment restored to, ISO 8601")
    verifying.add_argument("--resumed", type=_moment, help="when the shop took orders again")
    return parser


if __name__ == "__main__":
    sys.exit(main())
