"""Whether a stand-in is apart from everything a drill must not touch, by what is known of both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.core.plan import Plan, PlannedCall
from integrations.contract import Json, Target

SKIP = "leave the step out with `drill: {skip: true}`"
_OF_TARGET = "write what the catalog says of its target, as `target.url`"
_WAYS = {
    "step": f"give it something else in the step's `drill.with`, or {SKIP}",
    "undo": f"`drill.with` does not reach an undo, so {_OF_TARGET}, or {SKIP}",
    "check": f"`drill.with` does not reach a check, so {_OF_TARGET}",
    "own": "name what is the stand-in's own",
}
_PORTS = {"http": 80, "https": 443, "postgres": 5432, "postgresql": 5432}


@dataclass(frozen=True, slots=True)
class Known:
    """A target as the catalog has it, with the identity its engine gave it, empty when it was not asked."""

    target: Target
    identity: str = ""


def entangled(stand_in: Known, others: Iterable[Known]) -> Iterator[str]:
    """Yield why a stand-in may not be acted on; `others` are targets that are not isolated."""
    name = stand_in.target.name
    if not stand_in.target.isolated:
        yield f"{name} is not isolated in the catalog: a drill touches only what says `isolated: true`."
    for other in others:
        if stand_in.target.environment == other.target.environment:
            yield (
                f"{name} is in {other.target.environment} like {other.target.name}: "
                "a stand-in needs an environment of its own."
            )
        if stand_in.identity and stand_in.identity == other.identity:
            yield f"{name} is the same thing as {other.target.name} ({other.identity}), by its own word."
        shared = addresses(stand_in.target) & addresses(other.target)
        for address in sorted(shared):
            yield (
                f"{name} has the address of {other.target.name}: {address}. Give the stand-in another in the "
                "catalog."
            )


def straying(plan: Plan, others: Iterable[Target]) -> Iterator[str]:
    """Yield which call of a drill's plan names the address of a target that is not isolated."""
    reach = {address: other.name for other in others for address in _written(other)}
    for what, call, way in _calls(plan):
        for text in _texts(dict(call.params)):
            for address, name in reach.items():
                if address in text:
                    yield f"{what} names {address}, which is {name}: {_WAYS[way]}."


def addresses(target: Target) -> frozenset[str]:
    """Return what a target is reached by: addresses, absolute paths, and its place on its runner."""
    settings = target.settings
    runner = settings.get("runner", "local")
    found = {f"{target.kind} {settings.get('target', target.name)} on the runner {runner}"}
    for text in _texts(dict(settings)):
        url = urlsplit(text) if "://" in text else None
        if url and url.hostname:
            found.add(f"{url.hostname}:{url.port or _PORTS.get(url.scheme, 0)}")
        elif text.startswith("/"):
            found.add(f"{text.rstrip('/')} on the runner {runner}")
    if isinstance(host := settings.get("host"), str):
        found.add(f"{host}:{settings.get('port', '')}")
    return frozenset(found)


def _written(target: Target) -> frozenset[str]:
    """Return the texts by which a call would reach a target without naming it."""
    urls = (text for text in _texts(dict(target.settings)) if "://" in text)
    return frozenset(re.sub(r"/+$", "", url) for url in urls)


def _calls(plan: Plan) -> Iterator[tuple[str, PlannedCall, str]]:
    """Yield every call of a drill with what it is of, which says how it is changed for drills."""
    for step in plan.steps:
        yield step.title, step.call, "step"
        if step.undo:
            yield f"The undo of {step.title}", step.undo, "undo"
        yield from ((f"The check {check.id}", check.call, "check") for check in step.checks)
    yield from ((f"The check {check.id}", check.call, "check") for check in plan.checks)
    yield from ((f"The check {check.id}", check.call, "own") for check in plan.isolation)
    yield from ((step.title, step.call, "own") for step in plan.cleanup)


def _texts(value: Json | Mapping[str, Json]) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)
        case _:
            pass
