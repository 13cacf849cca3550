"""What machines tell of an incident, what they cannot tell, and what they never say over a person."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.core.estimate import Act, Took
from bot.core.events import FactLearnt, IncidentDeclared, NoteAdded, Proposed, StepSucceeded
from bot.core.probing import Finding, Report
from bot.jobs import Again
from bot.probes import Eyes, Probe, Probes, Scene
from bot.timeline import Change
from integrations.contract import Measured
from playbooks import library
from tests.clock import Clock
from tests.fakes.registry import Registry
from tests.probes.scenes import Log, Slow, Wrong, eyes, learnt, probed, unanswered
from tests.runs.stage import CATALOG, Stage, StageEngine


def with_source(stage: Stage, engine: StageEngine, *, alone: bool = False) -> None:
    """Let an engine keep points of the orders as well, or alone."""
    stage.engines[engine.name] = engine
    names = "other" if alone else "points, other"
    catalog = CATALOG.replace("backups: [points]", f"backups: [{names}]")
    catalog = catalog.replace(
        "  points: {engine: stage}", f"  points: {{engine: stage}}\n  other: {{engine: {engine.name}}}"
    )
    stage.shelf.catalog_file.write_text(catalog)
    if alone:
        (stage.shelf.playbook_folder / "restore.yaml").unlink()


async def test_what_is_known_here_is_learnt_once(stage: Stage) -> None:
    await stage.told("bo", "release record checkout version:2.3.0 at:01:00")
    await stage.told("bo", "release record checkout version:2.4.0 migrations:m7=reversible at:02:10")

    facts = await probed(stage)

    assert facts == {
        "severity": 2,
        "minutes_since_change": 15,
        "change_type": "code",
        "schema_change": "reversible",
        "pitr_available": False,
        "backup_available": True,
        "backup_age_minutes": 10,
        "backup_verified": False,
    }
    assert await unanswered(stage) == {
        "previous_artifact_available": "2.3.0 was recorded without an `artifact`",
        "mixed_versions_running": "no target of checkout tells which versions run",
        "restore_point_predates_damage": "nobody has said since when data is damaged",
        "estimated_restore_minutes": "no restore of it was ever measured",
    }
    before = await stage.timeline.read("incident/INC-1")
    assert {entry.by for entry in before[1:]} == {"backstop"}
    assert await probed(stage) == facts
    assert await stage.timeline.read("incident/INC-1") == before


async def test_what_changed_is_learnt_again(stage: Stage, clock: Clock) -> None:
    await probed(stage)
    await stage.told("ana", "sev 1 why:worse")
    await stage.told("ana", "impact damage:02:10")
    clock.advance(5 * 60)

    facts = await probed(stage)

    assert (facts["severity"], facts["backup_age_minutes"]) == (1, 25)
    assert facts["restore_point_predates_damage"] is True
    assert "restore_point_predates_damage" not in await unanswered(stage)
    assert [each.value for each in await learnt(stage) if each.name == "severity"] == [2, 1]


async def test_a_person_is_never_spoken_over(stage: Stage) -> None:
    await stage.told("bo", "decide backup_available:no schema_change:reversible")
    await stage.told("bo", "release record checkout version:2.4.0 migrations:none at:02:10")

    facts = await probed(stage)

    assert (facts["backup_available"], facts["schema_change"]) == (False, "reversible")
    assert {each.name: each.against for each in await learnt(stage) if each.against} == {
        "backup_available": "no, as @bo says",
        "schema_change": "reversible, as @bo says",
    }
    assert {each.name for each in await learnt(stage) if each.source == "person"} == {
        "backup_available",
        "schema_change",
    }


async def test_a_probe_that_hangs_is_given_up_in_time_and_holds_no_other(stage: Stage) -> None:
    async def hang(_eyes: Eyes, _scene: Scene) -> Report:
        await asyncio.Event().wait()
        raise AssertionError

    async def answer(_eyes: Eyes, _scene: Scene) -> Report:
        return Report("quick", {"severity": Finding(1, "so it is")})

    probes = {"slow": Probe(hang, ("pitr_available",)), "quick": Probe(answer, ("severity",))}
    facts = await probed(stage, patience_s=0.05, probes=probes)

    assert facts == {"severity": 1}
    assert await unanswered(stage) == {"pitr_available": "the probe timed out after 0.05 s"}


async def test_what_is_quick_is_written_before_what_is_slow_is_over(stage: Stage) -> None:
    late = asyncio.Event()

    async def wait(_eyes: Eyes, _scene: Scene) -> Report:
        await late.wait()
        return Report("slow", {"pitr_available": Finding(value=True, because="at last")})

    async def answer(_eyes: Eyes, _scene: Scene) -> Report:
        return Report("quick", {"severity": Finding(1, "so it is")})

    probes = {"slow": Probe(wait, ("pitr_available",)), "quick": Probe(answer, ("severity",))}
    written = asyncio.Event()
    stage.timeline.listen(written.set)
    asking = asyncio.create_task(probed(stage, patience_s=60, probes=probes))
    async with asyncio.timeout(60):
        await written.wait()
    assert (await stage.incident()).facts == {"severity": 1}
    late.set()
    assert await asking == {"severity": 1, "pitr_available": True}


async def test_one_source_that_is_silent_takes_nothing_from_another(stage: Stage) -> None:
    with_source(stage, Slow(stage.world))

    facts = await probed(stage, patience_s=2.5)

    assert facts["backup_available"] is True
    why = "other: the probe timed out after 1.5 s"
    assert (await unanswered(stage))["pitr_available"] == why
    assert (await unanswered(stage))["backup_verified"] == why
    assert "pitr_available" not in facts


async def test_that_there_is_no_backup_is_said_only_when_every_source_was_asked(stage: Stage) -> None:
    stage.world.points.clear()
    assert (await probed(stage))["backup_available"] is False

    stage.world.reachable = False
    await stage.told("ana", 'declare "Another" sev:2')
    await Probes(stage.timeline, eyes(stage)).handle("INC-2")
    other = await stage.incident("INC-2")
    assert "backup_available" not in other.facts
    assert other.untold["backup_available"] == "points: the runner does not answer"


async def test_a_mistake_that_nobody_foresaw_is_told_and_holds_no_other_up(stage: Stage) -> None:
    with_source(stage, Wrong(stage.world))

    with pytest.raises(ZeroDivisionError):
        await probed(stage)

    assert (await stage.incident()).facts == {"severity": 2}


async def test_an_engine_that_is_not_there_is_named(stage: Stage) -> None:
    with_source(stage, Log(stage.world), alone=True)
    del stage.engines["log"]

    await probed(stage)

    assert (await unanswered(stage))["backup_available"] == "other: There is no engine log here."


async def test_without_a_source_nobody_says_that_there_is_no_backup(stage: Stage) -> None:
    stage.shelf.catalog_file.write_text(CATALOG.replace("backups: [points]", "backups: []"))
    (stage.shelf.playbook_folder / "restore.yaml").unlink()

    facts = await probed(stage)

    assert facts == {"severity": 2}
    assert (await unanswered(stage))["pitr_available"] == "no source of recovery points is named for checkout"


@pytest.mark.parametrize(
    ("gap", "damage", "because"),
    [
        (False, "", "other: it reaches from 2026-11-23 02:00:00Z to 2026-11-23 02:20:00Z"),
        (True, "", "other: it can reach no moment now"),
        (False, "02:10", "other: 02:09:59 is in its log"),
        (True, "02:10", "other: 02:09:59 is behind a gap"),
    ],
)
async def test_a_log_is_asked_for_the_moment_before_the_damage(
    stage: Stage, gap: bool, damage: str, because: str
) -> None:
    engine = Log(stage.world)
    engine.gap = gap
    with_source(stage, engine)
    if damage:
        await stage.told("ana", f"impact damage:{damage}")

    await probed(stage)

    known = (await stage.incident()).known["pitr_available"]
    assert (known.value, known.because) == (not gap, because)


async def test_a_restore_that_was_measured_is_the_estimate(stage: Stage, clock: Clock) -> None:
    took = Took(Act("stage.restore", "", "orders-db"), drill=True, phases=(Measured("copying", 600.0),))
    success = StepSucceeded(step="restore", attempt=1, took=took)
    await stage.timeline.append({"run/RUN-9": Change(0, (success,))}, by="backstop", via="run")
    await stage.told("bo", "decide estimated_restore_minutes:999")

    await probed(stage)
    assert (await stage.incident()).known["estimated_restore_minutes"].by == "bo"

    await stage.told("ana", 'declare "Another" sev:2')
    await Probes(stage.timeline, eyes(stage)).handle("INC-2")
    known = (await stage.incident("INC-2")).known["estimated_restore_minutes"]
    assert known.value == 23
    because = "restore-orders 1 of 3 steps measured in 1 drill, last on 2026-11-23, 23 min in all"
    assert known.because == because


async def test_an_incident_that_is_over_or_none_is_left_alone(stage: Stage) -> None:
    await stage.told("ana", "resolve done data:none")

    assert await probed(stage) == {}
    await Probes(stage.timeline, eyes(stage)).handle("INC-9")


async def test_one_that_is_resolved_while_it_is_asked_about_is_left_alone(stage: Stage) -> None:
    async def resolve(_eyes: Eyes, _scene: Scene) -> Report:
        await stage.told("ana", "resolve done data:none")
        return Report("late", {"severity": Finding(1, "so it was")})

    assert await probed(stage, probes={"late": Probe(resolve, ("severity",))}) == {}


async def test_who_writes_meanwhile_is_not_written_over(stage: Stage) -> None:
    class Hurried(type(stage.timeline)):  # type: ignore[misc]
        async def append(self, changes, **more):  # type: ignore[no-untyped-def]
            stage.timeline.__class__ = type(self).__mro__[1]
            await stage.told("bo", 'note "I was faster"')
            return await stage.timeline.append(changes, **more)

    stage.timeline.__class__ = Hurried
    assert (await probed(stage))["severity"] == 2
    kinds = [type(entry.event) for entry in await stage.timeline.read("incident/INC-1")][:3]
    assert kinds == [IncidentDeclared, NoteAdded, FactLearnt]


async def test_the_release_before_is_looked_for_where_it_was_said_to_be(
    stage: Stage, registry: Registry
) -> None:
    await stage.told(
        "bo", f"release record checkout version:2.2.0 at:00:30 artifact:{registry.host}/shop/checkout:2.2.0"
    )
    await stage.told(
        "bo", f"release record checkout version:2.3.0 at:01:00 artifact:{registry.host}/shop/checkout:2.3.0"
    )
    await stage.told("bo", "release record checkout version:2.4.0 at:02:10")

    assert (await probed(stage))["previous_artifact_available"] is True

    registry.there.clear()
    assert (await probed(stage))["previous_artifact_available"] is False
    known = (await stage.incident()).known["previous_artifact_available"]
    assert known.because == f"{registry.host}/shop/checkout:2.3.0 (2.3.0) is gone"


async def test_nothing_is_told_of_a_named_release_by_what_was_recorded_of_others(
    stage: Stage, registry: Registry
) -> None:
    await stage.told("ana", 'declare "Another" sev:2 release:2.5.0')
    for minute, version in (("00:30", "2.2.0"), ("01:00", "2.3.0")):
        artifact = f"{registry.host}/shop/checkout:{version}"
        await stage.told(
            "bo",
            f"release record checkout version:{version} at:{minute} migrations:none artifact:{artifact}",
        )
    probes = Probes(stage.timeline, eyes(stage))
    named = {"change_type", "minutes_since_change", "schema_change", "previous_artifact_available"}

    await probes.handle("INC-2")
    another = await stage.incident("INC-2")
    assert not named & set(another.known)
    assert {another.untold[name] for name in named} == {"the suspected release 2.5.0 is not recorded"}

    await stage.told("bo", "release record checkout version:2.5.0 migrations:m8=irreversible")
    await probes.handle("INC-2")
    facts = (await stage.incident("INC-2")).facts
    assert (facts["schema_change"], facts["previous_artifact_available"]) == ("irreversible", True)


async def test_a_registry_in_trouble_leaves_it_not_asked(stage: Stage, registry: Registry) -> None:
    artifact = f"{registry.host}/shop/checkout:2.3.0"
    await stage.told("bo", f"release record checkout version:2.3.0 at:01:00 artifact:{artifact}")
    await stage.told("bo", "release record checkout version:2.4.0 at:02:10")
    registry.faults.answer("HEAD", 503)

    assert "previous_artifact_available" not in await probed(stage)
    why = (await unanswered(stage))["previous_artifact_available"]
    assert why == f"{artifact} is answered 503: nobody can say."
    assert (await probed(stage))["previous_artifact_available"] is True
    assert "previous_artifact_available" not in await unanswered(stage)


async def test_facts_are_asked_for_again_when_they_are_no_longer_good(stage: Stage, clock: Clock) -> None:
    asked = Probes(stage.timeline, eyes(stage))
    text = library.read("criteria.yaml")
    question = 'ask: "Is there a backup?", role: dba,'
    own = stage.shelf.catalog_file.parent / "criteria.yaml"
    own.write_text(text.replace(question, f"{question} good_for: 2m,"))
    stage.shelf.criteria_file = own
    assert await asked.handle("INC-1") == Again(clock() + timedelta(minutes=2, seconds=1))

    clock.advance(121)
    await asked.handle("INC-1")
    assert len([each for each in await learnt(stage) if each.name == "backup_available"]) == 2
    await stage.told("ana", "decide wait why:so")
    assert await asked.handle("INC-1") is None


async def test_what_no_machine_could_tell_is_asked_again_after_a_while_and_not_at_once(
    stage: Stage, clock: Clock, registry: Registry
) -> None:
    artifact = f"{registry.host}/shop/checkout:2.3.0"
    await stage.told("bo", f"release record checkout version:2.3.0 at:01:00 artifact:{artifact}")
    await stage.told("bo", "release record checkout version:2.4.0 at:02:10")
    asked = Probes(stage.timeline, eyes(stage))
    registry.faults.answer("HEAD", 503)
    assert await asked.handle("INC-1") == Again(clock() + timedelta(minutes=5))
    assert "previous_artifact_available" in await unanswered(stage)
    clock.advance(300)
    await asked.handle("INC-1")
    assert (await stage.incident()).facts["previous_artifact_available"] is True


async def test_what_a_machine_finds_changes_the_proposal_only_where_people_decide(stage: Stage) -> None:
    known = (
        "data_corruption:confirmed data_scope:database replicas_affected:yes irreversible_harm_accruing:no"
    )
    await stage.told("bo", f"decide {known}")
    await probed(stage)
    assert not await changed(stage)

    stage.world.points.clear()
    await stage.told("ana", "decide")
    await probed(stage)
    assert (await stage.incident()).facts["backup_available"] is False
    assert [each.was for each in await changed(stage)] == ["restore_full"]


async def changed(stage: Stage) -> list[Proposed]:
    entries = await stage.timeline.read("incident/INC-1")
    found = [entry for entry in entries if entry.by == "backstop"]
    return [entry.event for entry in found if isinstance(entry.event, Proposed)]
