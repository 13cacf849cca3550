"""`backstop gate`: may this pipeline deploy now? Exit code and one paragraph."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.terminal import DENIED, OK, UNREACHABLE, USAGE, WAITED
from bot.terminal.access import NoToken, access
from bot.terminal.client import Client, Reply, Unreachable
from bot.terminal.screen import tell, warn

KINDS = ("deploy", "migration", "config", "scaling", "retention", "backup")
LONGEST_PAUSE_S = 60.0
PAUSE_S = 2.0
CODES = """exit codes:
  0   allowed
  10  denied
  11  denied, and the wait ran out
  20  nobody answers, or nobody can say (with --on-unreachable allow: 0)
  2   the question is wrong: usage, token, service or environment
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate said, in a paragraph, and how many seconds to wait before asking again."""

    decision: Literal["allow", "deny", "unknown", "wrong"]
    paragraph: str
    again_s: float = PAUSE_S


def main(argv: Sequence[str]) -> int:
    """Ask, wait if told to, and return the exit code."""
    given = _parser().parse_args(argv)
    try:
        client = Client(access())
    except NoToken as missing:
        warn(str(missing))
        return USAGE
    question = {
        "service": given.service,
        "environment": given.environment,
        "kind": given.kind,
        "sha": given.sha,
        "actor": given.actor,
        "run_url": given.run_url,
    }
    asked = {name: value for name, value in question.items() if value}
    answer = _wait(client, asked, given.wait)
    return _end(answer, waited=given.wait, rule=given.on_unreachable)


def _wait(client: Client, asked: Mapping[str, str], wait_s: float) -> Answer:
    deadline = time.monotonic() + wait_s
    said = ""
    while True:
        answer = ask(client, asked)
        left = deadline - time.monotonic()
        if answer.decision in {"allow", "wrong"} or left <= 0:
            return answer
        if answer.paragraph != said:
            said = answer.paragraph
            warn(f"{said}\nWaiting; {left:.0f} s are left.")
        time.sleep(min(left, answer.again_s, LONGEST_PAUSE_S))


def ask(client: Client, asked: Mapping[str, str]) -> Answer:
    """Ask the gate once; what cannot be understood is unknown and never a yes."""
    try:
        reply = client.get("/v1/gate", asked)
    except Unreachable as nobody:
        return Answer("unknown", str(nobody))
    match reply.status, reply.text("decision"):
        case 200, "allow":
            return Answer("allow", _allowed(reply, asked))
        case 200 | 409, "deny":
            return Answer("deny", _denied(reply, asked), _pause(reply))
        case 400 | 401 | 403 | 404, _:
            return Answer("wrong", reply.problem)
        case _:
            return Answer("unknown", reply.problem)


def _pause(reply: Reply) -> float:
    found = reply.json.get("retry_after_s")
    return float(max(found, 1)) if isinstance(found, int) else LONGEST_PAUSE_S


def _allowed(reply: Reply, asked: Mapping[str, str]) -> str:
    passed = reply.json.get("passed")
    how = (
        f" An exception lets it pass {', '.join(map(str, passed))}."
        if isinstance(passed, list) and passed
        else ""
    )
    return f"Allowed: nothing stops a {asked['kind']} of {asked['service']} in {asked['environment']}.{how}"


def _denied(reply: Reply, asked: Mapping[str, str]) -> str:
    found = reply.json.get("freezes")
    freezes = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    ways = reply.json.get("ask")
    sentences = [
        f"Denied: {asked['environment']} is frozen for a {asked['kind']} of {asked['service']}.",
        *(_freeze(item) for item in freezes),
    ]
    if isinstance(ways, dict):
        sentences.append(f"To ask for an exception: {ways.get('slack')} in Slack, or {ways.get('cli')} here.")
    return " ".join(sentences)


def _freeze(freeze: Mapping[str, object]) -> str:
    until = f" until {freeze['until']}" if freeze.get("until") else ""
    follow = f" Follow it at {freeze['incident_url']}." if freeze.get("incident_url") else ""
    by = f"(placed by {freeze.get('placed_by')}, since {freeze.get('since')}{until})"
    return f"{freeze.get('id')}: {freeze.get('reason')} {by}.{follow}"


def _end(answer: Answer, *, waited: float, rule: Literal["deny", "allow"]) -> int:
    match answer.decision:
        case "allow":
            tell(answer.paragraph)
            return OK
        case "deny":
            tell(answer.paragraph)
            return WAITED if waited else DENIED
        case "wrong":
            warn(answer.paragraph)
            return USAGE
        case "unknown":
            warn(f"{answer.paragraph} The rule for that is --on-unreachable {rule}: {_ruled(rule)}.")
            return OK if rule == "allow" else UNREACHABLE


def _ruled(rule: Literal["deny", "allow"]) -> str:
    return "go on, though nobody said yes" if rule == "allow" else "do not go on"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="backstop gate",
        description="Ask whether a change may happen now.",
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--service", required=True)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--kind", choices=KINDS, default="deploy")
    parser.add_argument("--sha", default="", help="what is to be deployed; exceptions are given for a sha")
    parser.add_argument("--actor", default="", help="who or what deploys")
    parser.add_argument("--run-url", default="", help="where the pipeline's run can be looked at")
    parser.add_argument("--wait", type=_seconds, default=0.0, help="how long to wait for a yes, as 30m")
    parser.add_argument("--on-unreachable", choices=("deny", "allow"), default="deny")
    return parser


def _seconds(text: str) -> float:
    from playbooks.durations import parse_duration  # noqa: PLC0415 - slow to load, and seldom needed

    try:
        return parse_duration(text).total_seconds()
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from problem
