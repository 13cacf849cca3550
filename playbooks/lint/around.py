"""Lints against the catalog: people who can approve, backups that are often enough, names that are there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta

from pydantic import JsonValue

from integrations.contract import Source, Target
from playbooks.catalog import Catalog
from playbooks.consistency import actions, target_at
from playbooks.durations import say_duration
from playbooks.lint.finding import Look
from playbooks.lint.whole import objective
from playbooks.model import Approval, Playbook, Role, parameters
from playbooks.problems import Problem, instead
from playbooks.references import references_in
from playbooks.roles import holders


def approvable(look: Look) -> Iterator[Problem]:
    """L12: whoever asks, an approval must be possible without them.

    Whoever starts a run usually commands the incident, so the commander is taken for the requester;
    any other incident role may be held by anybody else. What only Slack or PagerDuty knows is not judged.
    """
    if look.catalog is None:
        return
    for name, gate in look.playbook.approvals.items():
        if _unknown_people(look.playbook.roles, gate, look.catalog):
            continue
        if not any(
            _possible(look.playbook, gate, look.catalog, requester) for requester in look.catalog.people
        ):
            what = f"{name!r} could only be approved by the one who asks"
            why = "the requester's own yes does not count: add people, or a substitute to the role"
            yield look.found("L12", ("approvals", name), what, why)


def _unknown_people(roles: Mapping[str, Role], gate: Approval, catalog: Catalog) -> bool:
    waiting = [quorum.role for quorum in gate.require]
    while waiting:
        role = roles[waiting.pop()]
        group = catalog.groups.get(role.group or "")
        if role.slack_group or role.pagerduty or (group and (group.slack_group or group.oncall)):
            return True
        waiting += [role.substitute] if role.substitute else []
    return False


def _possible(playbook: Playbook, gate: Approval, catalog: Catalog, requester: str) -> bool:
    incident = {"commander": requester}
    own = holders(playbook.roles, catalog, incident=incident, requester=requester)
    seats: list[Collection[str]] = []
    for quorum in gate.require:
        anybody = playbook.roles[quorum.role].incident not in (None, "commander")
        people = {*own[quorum.role], *(catalog.people if anybody else ())} - {requester}
        seats += [people] * quorum.min
    return _seated(seats)


def _seated(seats: Sequence[Collection[str]]) -> bool:
    """Say whether different people can take all seats; those seated move when they must."""
    held: dict[str, int] = {}

    def seat(number: int, asked: set[str]) -> bool:
        for person in seats[number]:
            if person not in asked:
                asked.add(person)
                if person not in held or seat(held[person], asked):
                    held[person] = number
                    return True
        return False

    return all(seat(number, set()) for number in range(len(seats)))


def loss(look: Look) -> Iterator[Problem]:
    """L31: recovery points come often enough for the RPO."""
    rpo = objective(look, "rpo")
    if rpo is None or look.catalog is None:
        return
    second = {source.fallback for source in look.playbook.sources}
    for index, source in enumerate(look.playbook.sources):
        found = look.catalog.sources.get(source.id)
        if source.id in second or found is None or found.every is None:
            continue
        at_worst = found.every + (found.lag or timedelta(0))
        if at_worst > rpo:
            what = f"up to {say_duration(at_worst)} can be lost and the RPO is {say_duration(rpo)}"
            why = f"a recovery point of {source.id!r} comes every {say_duration(found.every)}"
            lag = f" and arrives {say_duration(found.lag)} later" if found.lag else ""
            yield look.found("L31", ("sources", index), what, why + lag)


def names(look: Look) -> Iterator[Problem]:
    """C01: services, groups and people are in the catalog."""
    catalog = look.catalog
    if catalog is None:
        return
    text = look.loaded.text
    for index, service in enumerate(look.playbook.applies_to.services):
        if service not in catalog.services:
            path = ("applies_to", "services", index)
            yield look.coded("C01", text.unknown(path, "service", service, tuple(catalog.services)))
    for name, role in look.playbook.roles.items():
        if role.group and role.group not in catalog.groups:
            unknown = text.unknown(("roles", name, "group"), "group", role.group, tuple(catalog.groups))
            yield look.coded("C01", unknown)
        for index, person in enumerate(role.people):
            if person not in catalog.people:
                path_to = ("roles", name, "people", index)
                yield look.coded("C01", text.unknown(path_to, "person", person, tuple(catalog.people)))


def places(look: Look) -> Iterator[Problem]:
    """C02: targets and sources are in the catalog and are there what the playbook says they are."""
    catalog = look.catalog
    if catalog is None:
        return
    text = look.loaded.text
    for name, target in look.playbook.targets.items():
        there = catalog.targets.get(name)
        if there is None:
            yield look.coded("C02", text.unknown(("targets", name), "target", name, tuple(catalog.targets)))
            continue
        for key in ("kind", "environment", "isolated"):
            here, told = getattr(target, key), getattr(there, key)
            if here != told:
                what = f"the {key} of {name!r} is {here} here and {told} in the catalog"
                yield look.found("C02", ("targets", name), what, "one of them is wrong")
    for index, source in enumerate(look.playbook.sources):
        known = catalog.sources.get(source.id)
        if known is None:
            if not source.settings:
                unknown = text.unknown(("sources", index, "id"), "source", source.id, tuple(catalog.sources))
                yield look.coded("C02", unknown)
        elif known.engine != source.engine:
            what = f"{source.id!r} is kept by {source.engine} here and by {known.engine} in the catalog"
            yield look.found("C02", ("sources", index, "engine"), what, "one of them is wrong")


def settings(look: Look) -> Iterator[Problem]:
    """C04: a setting that a reference names is in the catalog's entry of the action's target."""
    catalog, book = look.catalog, look.playbook
    for path, action in actions(book):
        target = catalog.target(target_at(book, path, action) or "") if catalog else None
        for reference in references_in(dict(parameters(action))):
            if target is not None and reference.scope == "target" and reference.name not in target.settings:
                words = tuple(target.settings)
                what = f"{target.name!r} has no setting {reference.name!r}"
                yield look.found("C04", (*path, "with"), what, instead(reference.name, words), words)


def stand_ins(look: Look) -> Iterator[Problem]:
    """L24: a restic stand-in whose own snapshots are asked for says which folder they are of.

    That stands in runner.toml on its host, which nobody sees from here.
    """
    catalog, book = look.catalog, look.playbook
    if catalog is None or book.drill is None:
        return
    asked = {_place(catalog.completed(source), source.id): source.id for source in book.sources}
    for real, stand_in in book.drill.targets.items():
        target = catalog.target(stand_in)
        source = asked.get(_place(target, stand_in)) if target and target.kind == "restic" else None
        if source:
            what = f"the source {source!r} asks the stand-in {stand_in!r} for its snapshots"
            why = (
                "they are looked for under its own path, where none are: let the source name the target "
                f"{real!r}, or have runner.toml name its folder as `restores` of {stand_in!r}"
            )
            yield look.found("L24", ("drill", "targets", real), what, why)


def _place(thing: Target | Source, own: str) -> tuple[JsonValue, JsonValue]:
    """Return the runner that has a target or the points of a source, and what that calls it."""
    return thing.settings.get("runner", "local"), thing.settings.get("target", own)
