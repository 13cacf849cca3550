"""Who may do what: the only place that says so. A refusal names the right and who has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, assert_never

from bot.core.errors import Refused

COMMANDERS = "commanders"


class Right(StrEnum):
    """What a verb asks of whoever says it; to report is to say what was released, which pipelines do too."""

    READ = "read"
    REPORT = "report"
    RESPOND = "respond"
    OPERATE = "operate"
    COMMAND = "command"
    PUBLISH = "publish"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a person of the catalog or a pipeline, with the groups they belong to now."""

    name: str
    kind: Literal["person", "pipeline"] = "person"
    groups: frozenset[str] = frozenset()


def may(
    who: Actor,
    right: Right,
    *,
    what: str,
    roles: Mapping[str, str] | None = None,
    operators: Sequence[str] = (),
    commanders: Sequence[str] = (),
) -> None:
    """Return if `who` has the right in an incident with these roles, or raise Refused saying who has it.

    `operators` hold a role of the run's playbook, `commanders` are the members of the group of that name.
    """
    has = _holders(right, roles or {}, operators, commanders)
    if _allowed(who, right, has):
        return
    if who.kind == "pipeline":
        raise Refused(
            f"The pipeline {who.name} may only read, ask the gate and record releases; a person must {what}."
        )
    people = ", ".join(f"@{name}" for name in has) or f"nobody yet; add people to the group {COMMANDERS}"
    raise Refused(
        f"You may not {what}: that needs the right to {right}. {people} can; ask one of them here, "
        "or ask the commander to give you a role with `role`."
    )


def commanding(roles: Mapping[str, str]) -> tuple[str, ...]:
    """Return who has the right to command in an incident with these roles."""
    return tuple(roles[role] for role in ("commander", "ops") if role in roles)


def _holders(
    right: Right, roles: Mapping[str, str], operators: Sequence[str], commanders: Sequence[str]
) -> tuple[str, ...]:
    command = commanding(roles)
    match right:
        case Right.READ | Right.REPORT | Right.RESPOND:
            return ()
        case Right.COMMAND:
            return tuple(dict.fromkeys((*command, *commanders)))
        case Right.PUBLISH:
            comms = [roles["comms"]] if "comms" in roles else []
            return tuple(dict.fromkeys((*command, *comms, *commanders)))
        case Right.OPERATE:
            return tuple(dict.fromkeys((*command, *operators, *commanders)))
        case _:
            assert_never(right)


def _allowed(who: Actor, right: Right, has: Sequence[str]) -> bool:
    match right:
        case Right.READ | Right.REPORT:
            return True
        case Right.RESPOND:
            return who.kind == "person"
        case Right.OPERATE | Right.COMMAND | Right.PUBLISH:
            return who.kind == "person" and who.name in has
        case _:
            assert_never(right)
