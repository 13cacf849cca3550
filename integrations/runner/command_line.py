"""The words of `backstop-runner`, and `serve`."""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from integrations.runner.config import ConfigInvalid, load
from integrations.runner.kinds import KINDS
from integrations.runner.launch import launcher
from integrations.runner.listen import serve, serve_stdio
from integrations.runner.owner import adopt
from integrations.runner.params import Refused
from integrations.runner.report import tell
from integrations.runner.serve import Door

_ABOUT = "Serve on the host of the data, or do one thing to a target by hand."
_BY_HAND = tuple(name for name, kind in KINDS.items() if kind.operations)
_OF_A_JOB = {"supervise": "carry out a stored job", "sweep": "end what is left of a job"}


def main(given: Sequence[str]) -> int:
    """Serve, or say what there is; 0 is success, 2 a refusal that is explained on standard error."""
    try:
        arguments = _parser().parse_args(given)
        if arguments.verb == "adopt":
            tell(adopt(arguments.state.absolute(), arguments.backstop))
        else:
            _serve(arguments)
    except (ConfigInvalid, Refused) as error:
        sys.stderr.write(f"backstop-runner: {error}\n")
        return 2
    return 0


def _serve(arguments: argparse.Namespace) -> None:
    if arguments.verb in _OF_A_JOB:
        raise Refused(
            f"{arguments.job} is not the directory of a job: it has no spec.json. Name one of jobs/."
        )
    if not arguments.stdio and arguments.socket is None:
        raise Refused("Say where to answer: --socket PATH, or --stdio.")
    if arguments.detach:
        _detach(arguments)
        return
    door = Door(load(arguments.config), arguments.state.absolute())
    if arguments.stdio:
        asyncio.run(serve_stdio(door))
    else:
        asyncio.run(serve(door, arguments.socket.absolute()))


def _detach(arguments: argparse.Namespace) -> None:
    # A grandchild in a session of its own: neither the end of the bot nor of its terminal reaches it.
    arguments.state.mkdir(parents=True, exist_ok=True)
    places = {name: str(getattr(arguments, name).absolute()) for name in ("config", "state", "socket")}
    with (arguments.state / "serve.log").open("ab") as log:
        subprocess.Popen(
            [*launcher(), "serve", *(f"--{name}={place}" for name, place in places.items())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backstop-runner", description=_ABOUT)
    verbs = parser.add_subparsers(dest="verb", required=True)
    serving = verbs.add_parser("serve", help="answer requests")
    serving.add_argument("--config", type=Path, required=True, help="what may be done here: runner.toml")
    serving.add_argument("--state", type=Path, required=True, help="directory of jobs, locks and tokens")
    serving.add_argument("--socket", type=Path, help="unix socket to answer on")
    serving.add_argument("--detach", action="store_true", help="begin in the background and return")
    serving.add_argument("--stdio", action="store_true", help="answer on standard input and output")
    adopting = verbs.add_parser("adopt", help="hand this runner over to another Backstop, on purpose")
    adopting.add_argument("--state", type=Path, required=True, help="directory of jobs, locks and tokens")
    adopting.add_argument("--backstop", required=True, help="id of the new one, which its refusal names")
    for kind in _BY_HAND:
        verbs.add_parser(kind, help=f"act on one {kind} target by hand; see `{kind} --help`")
    for verb, words in _OF_A_JOB.items():
        says = f"{words[:1].upper()}{words[1:]}; the runner does it by itself."
        verbs.add_parser(verb, help=words, description=says).add_argument(
            "job", type=Path, help="the job's directory"
        )
    return parser
