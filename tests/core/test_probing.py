"""Which facts follow from what machines found, and what of it is news."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.budget import Verdict
from bot.core.events import (
    Decided,
    EffectObserved,
    Entry,
    Event,
    FactLearnt,
    IncidentDeclared,
    Phase,
    Probed,
    ReleaseRecorded,
    Severity,
)
from bot.core.incident import Incident, fold
from bot.core.price import Basis, Price, Range
from bot.core.probing import (
    LOOKED_UP,
    Change,
    Finding,
    Findings,
    InStep,
    Kept,
    Report,
    looking,
    news,
    next_look,
    of_artifact,
    of_changes,
    of_incident,
    of_points,
    of_prices,
    of_replicas,
    of_rollouts,
    recorded,
    remembered,
)
from bot.core.release import Release
from integrations.contract import RecoveryPoint
from playbooks.criteria import Known, Value
from playbooks.words import Option


def at(minute: int) -> datetime:
    return datetime(2026, 11, 23, 2, 0, tzinfo=UTC) + timedelta(minutes=minute)


NOW = at(30)
DECLARED = IncidentDeclared(
    title="Orders are wrong",
    severity=Severity.SEV2,
    service="checkout",
    environment="production",
    commander="ana",
)
FOUND = Report("backups", {"backup_available": Finding(value=True, because="P1 is there")})
LEARNT = FactLearnt(name="backup_available", value=True, source="machine:backups", because="P1 is there")


def incident(*events: Event, **more: object) -> Incident:
    entries = [
        Entry("incident/INC-1", seq, at(20), at(20), "ana", "slack", event)
        for seq, event in enumerate((DECLARED, *events), 1)
    ]
    found = fold(entries)
    assert found
    return replace(found, **more)  # type: ignore[arg-type]


def values(findings: Findings) -> dict[str, Value]:
    return {name: finding.value for name, finding in findings.items()}


def test_what_nobody_said_is_learnt_with_what_it_rests_on() -> None:
    assert news(incident(), FOUND, (), NOW) == (LEARNT,)
    known = incident(LEARNT).known["backup_available"]
    assert known == Known(value=True, source="machine:backups", by="ana", at=at(20), because="P1 is there")


def test_the_same_value_is_no_news_while_it_is_good() -> None:
    assert news(incident(LEARNT), FOUND, {"backup_available"}, NOW) == ()
    assert news(incident(LEARNT), FOUND, (), NOW) == (LEARNT,)


def test_another_value_is_news_however_good_the_one_before_was() -> None:
    gone = LEARNT.model_copy(update={"value": False})
    assert news(incident(gone), FOUND, {"backup_available"}, NOW) == (LEARNT,)


@pytest.mark.parametrize("name", ["backup_available", "backup_age_minutes"])
def test_the_same_value_for_another_reason_is_news_that_the_card_shows(name: str) -> None:
    before = LEARNT.model_copy(update={"name": name, "value": 1})
    found = Report("backups", {name: Finding(1, "P2 is there")})
    [learnt] = news(incident(before), found, {name}, NOW)
    assert isinstance(learnt, FactLearnt)
    assert learnt.because == "P2 is there"


@pytest.mark.parametrize(("minutes", "is_news"), [(20, False), (24, False), (25, True), (15, True)])
def test_that_something_is_a_little_older_than_it_was_is_no_news(minutes: int, is_news: bool) -> None:
    aged = LEARNT.model_copy(update={"name": "backup_age_minutes", "value": 20})
    found = Report("backups", {"backup_age_minutes": Finding(minutes, "P1 is there")})
    assert bool(news(incident(aged), found, {"backup_age_minutes"}, NOW)) is is_news
    assert news(incident(aged), found, (), NOW)


def test_a_machine_never_speaks_over_a_person_and_what_it_knows_otherwise_is_told_beside() -> None:
    said = FactLearnt(name="backup_available", value=False)
    other = LEARNT.model_copy(update={"against": "no, as @ana says"})
    assert news(incident(said), FOUND, (), NOW) == (other,)
    after = incident(said, other)
    assert (after.known["backup_available"].value, after.found["backup_available"].value) == (False, True)
    assert news(after, FOUND, {"backup_available"}, NOW) == ()


def test_what_a_machine_finds_as_a_person_said_is_no_news() -> None:
    assert news(incident(FactLearnt(name="backup_available", value=True)), FOUND, (), NOW) == ()
    aged = Report("backups", {"backup_age_minutes": Finding(26, "P1 is there")})
    assert news(incident(FactLearnt(name="backup_age_minutes", value=12)), aged, (), NOW) == ()
    [told] = news(incident(FactLearnt(name="backup_age_minutes", value=11)), aged, (), NOW)
    assert isinstance(told, FactLearnt)
    assert told.against == "11, as @ana says"


def test_what_nobody_knows_a_machine_may_tell() -> None:
    nobody = FactLearnt(name="backup_available", value=None)
    assert news(incident(nobody), FOUND, (), NOW) == (LEARNT,)
    assert incident(nobody, LEARNT).facts == {"backup_available": True}


def test_why_a_machine_cannot_tell_is_kept_once_and_taken_back_when_it_can() -> None:
    silent = Report("backups", unanswered={"backup_available": "the probe timed out after 5 s"})
    told = Probed(probe="backups", unanswered={"backup_available": "the probe timed out after 5 s"})

    assert news(incident(), silent, (), NOW) == (told,)
    assert news(incident(told), silent, (), NOW) == ()
    assert incident(told).untold == {"backup_available": "the probe timed out after 5 s"}
    back = news(incident(told), FOUND, (), NOW)
    assert back == (LEARNT, Probed(probe="backups"))
    assert incident(told, Probed(probe="backups")).untold == {}


def test_facts_are_looked_up_again_when_the_first_is_no_longer_good() -> None:
    first = incident(LEARNT, FactLearnt(name="cause_known", value=True))
    tens = dict.fromkeys(("backup_available", "cause_known"), timedelta(minutes=10))
    assert next_look(first, tens, at(21)) == at(30) + timedelta(seconds=1)
    assert next_look(first, tens, at(31)) == at(36)
    assert next_look(first, {"backup_available": None, "cause_known": timedelta(minutes=1)}, at(21)) is None
    assert next_look(incident(), tens, at(21)) is None


def test_facts_are_looked_up_again_once_a_decision_did_not_work() -> None:
    made = Decided(option="wait", why="", proposal="")
    tens = {"backup_available": timedelta(minutes=10)}
    for outcome, again in (("no_change", at(30) + timedelta(seconds=1)), ("worked", None)):
        seen = EffectObserved.model_validate({"decision": 3, "option": "wait", "outcome": outcome})
        decided = incident(LEARNT, made, seen)
        assert decided.decisions[-1].observed
        assert next_look(decided, tens, at(21)) == again


def test_what_no_machine_could_tell_is_looked_up_again_after_a_while() -> None:
    silent = Probed(probe="backups", unanswered={"backup_available": "the probe timed out after 5 s"})
    assert next_look(incident(silent), {}, at(21)) == at(26)
    assert next_look(incident(silent, Probed(probe="backups")), {}, at(21)) is None


def test_facts_are_not_looked_up_for_ever() -> None:
    tens = {"backup_available": timedelta(minutes=10)}
    for over in (
        incident(LEARNT, Decided(option="wait", why="", proposal="")),
        incident(LEARNT, phase=Phase.RESOLVED),
        incident(LEARNT, declared_at=at(-300)),
    ):
        assert next_look(over, tens, at(21)) is None


def test_what_a_person_said_need_not_be_told_by_a_machine() -> None:
    silent = Report("backups", unanswered={"backup_available": "nobody answers"})
    assert news(incident(FactLearnt(name="backup_available", value=True)), silent, (), NOW) == ()


def test_that_a_person_answers_what_a_machine_could_not_tell_is_not_told_as_its_recovery() -> None:
    silent = Report("backups", unanswered={"backup_available": "nobody answers"})
    told = Probed(probe="backups", unanswered={"backup_available": "nobody answers"})
    answered = incident(told, FactLearnt(name="backup_available", value=True))

    other = Report("backups", unanswered={"backup_available": "it timed out"})
    assert [news(answered, report, (), NOW) for report in (silent, other)] == [(), ()]
    assert next_look(answered, {}, NOW) is None
    assert news(answered, FOUND, (), NOW) == (Probed(probe="backups"),)


def test_the_severity_is_what_the_incident_says() -> None:
    assert of_incident(incident()) == {"severity": Finding(2, "INC-1 is a SEV2")}


def release(minute: int, version: str, **more: object) -> Release:
    told = ReleaseRecorded(version=version, environment="production", **more)  # type: ignore[arg-type]
    return Release(told, at(minute), "ci")


def test_the_last_change_before_it_began_is_the_one_that_is_suspected() -> None:
    known = recorded(
        [
            release(25, "2.4.1", change="code"),
            release(10, "2.4.0", change="code", migrations=("m7",), reversible={"m7": False}),
            release(2, "pool of 64", change="config", out_of_pipeline=True),
        ]
    )
    found = of_changes(incident(), known, NOW)

    assert values(found) == {
        "minutes_since_change": 20,
        "change_type": "code",
        "schema_change": "irreversible",
    }
    assert found["minutes_since_change"].because == (
        "the last changes are 2026-11-23 02:10:00Z 2.4.0 was put into production by ci; 2026-11-23 02:02:00Z "
        "pool of 64, a change of config, was made in production past the pipelines by ci"
    )
    assert found["schema_change"].because == "the migrations of 2.4.0, as ci recorded them: m7"
    earlier = incident(impact_start=at(5))
    assert values(of_changes(earlier, known, NOW)) == {"minutes_since_change": 28, "change_type": "config"}


def test_a_release_that_was_named_is_suspected_before_a_later_change() -> None:
    known = recorded([release(12, "pool of 64", change="config"), release(10, "2.4.0", reversible={})])
    found = of_changes(incident(release="2.4.0"), known, NOW)
    assert values(found) == {"minutes_since_change": 20, "schema_change": "none"}
    assert found["schema_change"].because == "the migrations of 2.4.0, as ci recorded them: none"
    assert of_changes(incident(), [], NOW) == {}


def test_what_is_recorded_of_another_release_says_nothing_about_the_one_that_was_named() -> None:
    before = release(10, "2.3.0", change="code", migrations=(), reversible={})
    late = release(27, "2.4.0", change="schema", migrations=("m7",), reversible={"m7": False})
    named = incident(release="2.4.0")

    assert of_changes(named, recorded([before]), NOW) == {}
    of_another = Change(at(20), "kubernetes checkout has revision 9 (2.3.1), which nobody recorded")
    of_another = replace(of_another, names=("2.3.1",))
    assert of_changes(named, [*recorded([before]), of_another], NOW) == {}
    unrecorded = Change(at(15), "kubernetes checkout has revision 8, which nobody recorded")
    assert values(of_changes(named, [*recorded([before]), unrecorded], NOW)) == {"minutes_since_change": 15}
    found = of_changes(named, recorded([before, late]), NOW)
    assert values(found) == {
        # it was out when the incident began, whenever it was recorded
        "minutes_since_change": int((NOW - named.declared_at).total_seconds() // 60),
        "change_type": "schema",
        "schema_change": "irreversible",
    }
    assert found["minutes_since_change"].because.startswith(
        "the last changes are 2026-11-23 02:27:00Z 2.4.0 was put into production by ci; 2026-11-23 02:10:00Z"
    )
    again = release(28, "2.4.0", migrations=(), reversible={})
    early = release(12, "2.4.0", change="code", migrations=("m7",), reversible={"m7": False})
    assert values(of_changes(named, recorded([early, again]), NOW))["schema_change"] == "irreversible"


def revision(minute: int, id: str, **more: object) -> RecoveryPoint:
    return RecoveryPoint(id, "kubernetes", "revision", at(minute), **more)  # type: ignore[arg-type]


def test_what_a_cluster_remembers_and_nobody_recorded_is_a_change_of_unknown_kind() -> None:
    known = [release(0, "2.4.0", commit="ab12cd3")]
    points = [
        revision(9, "9"),
        revision(15, "8", release="hand-made"),
        revision(40, "7", release="2.4.0"),
        revision(50, "6", commit="ab12cd3"),
        revision(16, "5"),
    ]
    changes = remembered(points, "kubernetes checkout", known)
    assert changes == [
        Change(
            at(15),
            "kubernetes checkout has revision 8 (hand-made), which nobody recorded",
            names=("hand-made",),
        ),
        Change(at(16), "kubernetes checkout has revision 5, which nobody recorded"),
    ]
    assert values(of_changes(incident(), [*recorded(known), *changes], NOW)) == {"minutes_since_change": 14}


def tag(minute: int, name: str, commit: str) -> RecoveryPoint:
    release = name.removeprefix("checkout-")
    return RecoveryPoint(name, "git", "tag", at(minute), release=release, commit=commit)


def test_a_tag_is_of_the_release_that_has_its_name_or_its_commit() -> None:
    whole = "ab12cd3" + "0" * 33
    known = [release(0, "2.4.0"), release(1, "2.5.0", commit="ab12cd3"), release(1, "2.6.0", commit="ab")]
    tags = [tag(20, "checkout-v2.4.0", "f" * 40), tag(21, "beta", whole), tag(22, "rc1", "ab" + "1" * 38)]

    [other] = remembered(tags, "/srv/shop", known)
    assert other == Change(at(22), "/srv/shop has tag rc1, which nobody recorded", names=("rc1",))


def test_the_release_that_is_named_is_found_by_what_remembers_it_and_better_by_what_recorded_it() -> None:
    named = incident(release="2.4.0")
    tags = remembered([tag(5, "checkout-v2.4.0", "f" * 40), tag(9, "v2.3.9", "e" * 40)], "/srv/shop", [])
    assert values(of_changes(named, tags, NOW)) == {"minutes_since_change": 25}

    known = recorded([release(12, "2.4.0", change="code")])
    found = of_changes(named, [*tags, *known], NOW, {"k8s": "it is away"})
    assert values(found) == {"minutes_since_change": 18, "change_type": "code"}
    assert found["minutes_since_change"].because.endswith("; what could not be asked: k8s: it is away")


def point(id: str, minute: int, **more: object) -> RecoveryPoint:
    return RecoveryPoint(id, "restic", "full", at(minute), digest=f"d-{id}", **more)  # type: ignore[arg-type]


def test_the_newest_sound_point_before_the_damage_counts() -> None:
    kept = [Kept("orders", [point("P1", 0), point("P2", 5, verified_at=at(6)), point("P3", 20)])]
    found = of_points(incident(damage_start=at(10)), kept, (), NOW)

    assert values(found) == {
        "pitr_available": False,
        "restore_point_predates_damage": True,
        "backup_available": True,
        "backup_age_minutes": 25,
        "backup_verified": True,
    }
    assert found["backup_verified"].because == (
        "P2 of orders, from 2026-11-23 02:05:00Z was verified 2026-11-23 02:06:00Z"
    )
    assert found["pitr_available"].because == "orders restores whole points only"


def test_a_point_that_a_drill_restored_is_verified_and_one_nobody_looked_at_is_not() -> None:
    kept = [Kept("orders", [point("P1", 0)])]
    drilled = {("restic", "P1", "d-P1")}
    assert of_points(incident(), kept, drilled, NOW)["backup_verified"].value is True
    assert of_points(incident(), kept, {("restic", "P1", "other")}, NOW)["backup_verified"].value is False


def test_points_that_are_all_younger_than_the_damage_are_told_as_such() -> None:
    found = of_points(incident(damage_start=at(1)), [Kept("orders", [point("P2", 5)])], (), NOW)
    assert values(found) == {
        "pitr_available": False,
        "restore_point_predates_damage": False,
        "backup_available": True,
        "backup_age_minutes": 25,
        "backup_verified": False,
    }


def test_damaged_points_are_no_backup() -> None:
    kept = [Kept("orders", [point("P1", 0, health="invalid")]), Kept("files", [])]
    found = of_points(incident(damage_start=at(10)), kept, (), NOW)
    assert values(found) == {"pitr_available": False, "backup_available": False}
    assert found["backup_available"].because == "no sound point is in orders, files"
    assert of_points(incident(), [], (), NOW)["backup_available"].value is False


def test_one_source_that_reaches_the_moment_is_enough() -> None:
    kept = [
        Kept("files", []),
        Kept("one", [], reaches=False, because="its log has a gap"),
        Kept("two", [point("P1", 0)], reaches=True, because="it reaches it"),
    ]
    assert of_points(incident(), kept, (), NOW)["pitr_available"] == Finding(
        value=True, because="two: it reaches it"
    )
    assert of_points(incident(), kept[:2], (), NOW)["pitr_available"] == Finding(
        value=False, because="one: its log has a gap"
    )


def price(option: Option, minutes: float | None) -> Price:
    took = timedelta(minutes=minutes) if minutes is not None else None
    takes = Range(took, took) if took is not None else None
    cannot = Verdict.CANNOT_SAY
    return Price(
        option, "restore-orders", takes, Basis.DRILL, "measured in 3 drills", None, None, cannot, cannot, None
    )


def test_the_longest_restore_that_was_measured_is_the_estimate() -> None:
    found = of_prices(
        [
            price(Option.RESTORE_FULL, 12),
            price(Option.RESTORE_PITR, 41.6),
            price(Option.RESTORE_PARTIAL, None),
        ]
    )
    assert found == {
        "estimated_restore_minutes": Finding(42, "restore-orders measured in 3 drills, 41 min 36 s in all")
    }
    assert of_prices([price(Option.RESTORE_FULL, None)]) == {}
    assert values(of_prices([price(Option.RESTORE_FULL, 0.1)])) == {"estimated_restore_minutes": 1}


def test_one_target_with_two_versions_is_enough() -> None:
    assert of_rollouts({}) == {}
    assert of_rollouts({"a": (True, "3 of 3 replicas are updated")}) == {
        "mixed_versions_running": Finding(value=False, because="a: 3 of 3 replicas are updated")
    }
    assert of_rollouts({"a": (True, "done"), "b": (False, "1 of 3 replicas are updated")}) == {
        "mixed_versions_running": Finding(value=True, because="b: 1 of 3 replicas are updated")
    }


def test_an_artefact_is_there_or_gone() -> None:
    before = release(0, "2.3.0", artifact="registry.example/checkout:2.3.0")
    words = "registry.example/checkout:2.3.0 (2.3.0) is"
    assert of_artifact(before, there=True) == {
        "previous_artifact_available": Finding(value=True, because=f"{words} there")
    }
    assert of_artifact(before, there=False)["previous_artifact_available"].because == f"{words} gone"


def server(system: str = "1", *, ok: bool = True) -> InStep:
    return InStep(ok, "copy is 0.1 s behind" if ok else "no copy follows it", system, is_copy=False)


def copy(system: str = "1", *, ok: bool = True) -> InStep:
    return InStep(ok, "it is 0.1 s behind" if ok else "its replay is paused", system, is_copy=True)


@pytest.mark.parametrize(
    ("found", "silent", "expected"),
    [
        ({"db": server()}, [], True),
        ({"db": server(ok=False)}, [], False),
        ({"db": server(), "copy": copy()}, [], True),
        # of several copies one is enough, and the server knows them all
        ({"db": server(), "copy": copy(ok=False)}, [], True),
        ({"db": server(ok=False), "copy": copy()}, [], False),
        # the server is what failed
        ({"copy": copy()}, ["db"], True),
        ({"copy": copy(ok=False), "other": copy()}, ["db"], True),
        ({"copy": copy(ok=False)}, ["db"], False),
        # another server may be silent as well, and whether it has a copy nobody knows
        ({"copy": copy()}, ["db", "users"], None),
        ({"db": server()}, ["users"], None),
        ({}, ["db"], None),
        ({"db": server(), "users": server("2", ok=False)}, [], False),
        ({"db": server(), "users-copy": copy("2")}, ["users"], True),
    ],
)
def test_a_copy_of_every_system_must_be_in_step(
    found: dict[str, InStep], silent: list[str], expected: bool | None
) -> None:
    said = of_replicas(found, dict.fromkeys(silent, "it is away"))
    assert values(said) == ({} if expected is None else {"healthy_replica_available": expected})


def test_what_a_copy_that_stands_for_a_silent_server_rests_on_is_told() -> None:
    said = of_replicas({"copy": copy()}, {"db": "it is away"})
    assert said["healthy_replica_available"].because == "copy: it is 0.1 s behind; db: it is away"


def test_what_machines_did_not_come_back_with_yet_is_being_looked_for() -> None:
    everything = tuple(fact for facts in LOOKED_UP.values() for fact in facts)
    assert looking(incident()) == everything
    # one that came back told something, or why it cannot
    back = [Probed(probe=probe, unanswered={"x": "y"}) for probe in LOOKED_UP if probe != "backups"]
    assert set(looking(incident(*back))) == set(LOOKED_UP["backups"])
    assert looking(incident(*back, LEARNT)) == ()
    assert looking(incident(*back[:-1], LEARNT)) == ()
    said = FactLearnt(name="pitr_available", value=False)
    assert set(looking(incident(*back, said))) == {*LOOKED_UP["backups"]} - {"pitr_available"}
