"""Putting a restored instance in the place of another: both are renamed, one after the other.

Where it is stands in AWS alone: in which instances there are and in the tag that names who switches. Whoever
looks goes on from there, and nobody goes on whose key the tag does not hold any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from integrations.aws.cloud import Cloud, NotNow, Reach
from integrations.aws.instances import SWITCH, TOKEN, Instance, instance, labelled
from integrations.contract import IntegrationError, JobState, Phase

_READY = "available"


@dataclass(frozen=True, slots=True)
class Switch:
    """The three names: the one that counts, the restored one's, and the one the replaced one gets."""

    reach: Reach
    name: str
    restored: str
    replaced: str


async def find(cloud: Cloud, what: Switch, key: str) -> bool:
    """Say whether a key has taken the switch, done or under way."""
    return (await _switcher(cloud, what, key)) is not None


async def begin(cloud: Cloud, what: Switch, key: str, token: int | None) -> None:
    """Take the switch for a key; a token lower than one that was there before is refused."""
    restored = await instance(cloud, what.reach, what.restored)
    if restored is None or restored.status != _READY:
        state = restored.status if restored else "missing"
        raise IntegrationError(f"{what.restored} is {state}; restore it first.", permanent=True)
    seen = int(restored.tags.get(TOKEN, "-1"))
    if token is not None and token < seen:
        raise IntegrationError(
            f"The token {token} is older than {seen}: a newer attempt acts.", permanent=True
        )
    aside, serving = [await instance(cloud, what.reach, name) for name in (what.replaced, what.name)]
    if aside and serving:
        # Without the serving one it is a switch that was stopped between its renames, and goes on.
        text = f"There is already an instance {what.replaced}; remove it or choose another `into`."
        raise IntegrationError(text, permanent=True)
    tags = {SWITCH: key, **({TOKEN: str(token)} if token is not None else {})}
    await _tag(cloud, what.reach, restored, tags)
    await advance(cloud, what, key)


async def advance(cloud: Cloud, what: Switch, key: str) -> JobState:
    """Do the next rename if it is time for it, and say where the switch is."""
    ours = await _switcher(cloud, what, key)
    if ours is None:
        there = await instance(cloud, what.reach, what.name)
        because = f"{what.name} is {there.status}" if there else f"nothing is called {what.name}"
        return JobState(Phase.CANCELLED, f"The switch was taken from this key; {because}.", alive=False)
    if ours.name == what.name:
        return _at(ours.status, "in place") if ours.status != _READY else _done(ours, what)
    before = await instance(cloud, what.reach, what.name)
    if before is not None:
        return await _rename(cloud, what.reach, before, what.replaced, "putting the replaced one aside")
    return await _rename(cloud, what.reach, ours, what.name, "putting the restored one in place")


async def stop(cloud: Cloud, what: Switch, key: str) -> None:
    """Take the switch from a key; what was renamed stays as it is."""
    if ours := await _switcher(cloud, what, key):
        await _tag(cloud, what.reach, ours, {SWITCH: "stopped"})


async def _rename(cloud: Cloud, reach: Reach, one: Instance, name: str, phase: str) -> JobState:
    if one.status == _READY:
        try:
            await cloud.ask(
                reach,
                "rds",
                "modify_db_instance",
                DBInstanceIdentifier=one.name,
                NewDBInstanceIdentifier=name,
                ApplyImmediately=True,
            )
        except NotNow:
            # Somebody saw it as ready a moment earlier; it is being renamed already.
            return _at("renaming", phase)
    return _at(one.status, phase)


async def _switcher(cloud: Cloud, what: Switch, key: str) -> Instance | None:
    for name in (what.restored, what.name):
        found = await instance(cloud, what.reach, name)
        if found and found.tags.get(SWITCH) == key:
            return found
    return None


async def _tag(cloud: Cloud, reach: Reach, one: Instance, tags: Mapping[str, str]) -> None:
    await cloud.ask(reach, "rds", "add_tags_to_resource", ResourceName=one.arn, Tags=labelled(tags))


def _at(status: str, phase: str) -> JobState:
    return JobState(Phase.RUNNING, f"{phase}: {status}", alive=True)


def _done(ours: Instance, what: Switch) -> JobState:
    evidence = {"instance": ours.name, "resource": ours.id, "replaced": what.replaced}
    return JobState(Phase.SUCCEEDED, evidence=evidence, alive=False)
