from __future__ import annotations

from datetime import timedelta

import pytest

from playbooks.budget import time_budget
from playbooks.catalog import Catalog
from playbooks.lint import harmful, lint
from playbooks.load import load_playbook
from playbooks.problems import Problem
from tests.playbooks.examples import OPERATIONS, PITR, catalog, mutant, pitr

RESTORE_CHECKS = """    verify:
      - {id: reached-target, uses: postgres.recovered_to, with: {at: inputs.target-time}}
      - {id: amcheck, uses: postgres.amcheck, severity: warn}
"""
WARN_ONLY = """    verify:
      - {id: amcheck, uses: postgres.amcheck, severity: warn}
"""
DRILL = PITR.splitlines()[-1]


def found(*changes: tuple[str, str], around: Catalog | None = None) -> tuple[Problem, ...]:
    return lint(pitr(*changes), operations=OPERATIONS, catalog=around or catalog())


def test_the_good_example_is_clean() -> None:
    assert found() == ()
    assert lint(pitr()) == ()
    assert harmful(pitr()) == ()


def test_a_missed_rto_keeps_no_run_from_its_start_and_an_end_without_proof_does() -> None:
    assert harmful(pitr(("rto: 90m", "rto: 60m"))) == ()
    [unproven] = harmful(pitr(("within: 5m}", "within: 5m, severity: warn}")))
    assert unproven.code == "L30"


@pytest.mark.parametrize(
    ("code", "severity", "line", "old", "new"),
    [
        ("L01", "error", 54, "    approval: overwrite-orders\n", ""),
        ("L02", "error", 54, "    touches: [orders-db]\n", "    with: {target: orders-db}\n"),
        ("L03", "error", 54, RESTORE_CHECKS, WARN_ONLY),
        ("L04", "error", 34, "    undo: {uses: kubernetes.scale, with: {replicas: previous}}\n", ""),
        ("L05", "error", 52, "idempotency: key", "idempotency: none\n    retry: {max: 1}"),
        ("L06", "error", 65, "{then: pause}", "{then: continue}"),
        (
            "L07",
            "error",
            88,
            "    uses: person\n",
            "    uses: volume.snapshot\n    with: {target: checkout}\n",
        ),
        ("L08", "error", 54, "with: {target: orders-db}", "with: {target: checkout}"),
        ("L09", "error", 40, "{replicas: 0}\n    by: app", "{replicas: 0, target: orders-db}\n    by: app"),
        ("L10", "error", 5, "rto: 90m", "rto: 60m"),
        ("L11", "warn", 29, "[{role: dba, min: 1}, {role: app, min: 1}]", "[{role: dba, min: 1}]"),
        ("L14", "warn", 53, "    stops_writers: true\n", ""),
        ("L13", "error", 61, "no_way_back: true", "retry: {max: 1}"),
        (
            "L20",
            "error",
            110,
            "recovery-lab, isolated: true}\n  checkout-drill",
            "recovery-lab}\n  checkout-drill",
        ),
        ("L21", "error", 110, ", checkout: checkout-drill}", "}"),
        ("L22", "warn", 1, DRILL, ""),
        ("L23", "error", 110, "with: {target: orders-db-drill}", "with: {target: checkout-drill}"),
        ("L30", "error", 103, "within: 5m}", "within: 5m, severity: warn}"),
        ("E01", "error", 47, "uses: volume.snapshot", "uses: volum.snapshot"),
        ("E02", "error", 47, "uses: volume.snapshot", "uses: volume.snapshut"),
        ("E03", "error", 37, "{replicas: 0}\n    by: app", "{replcas: 0}\n    by: app"),
        (
            "E04",
            "error",
            60,
            "effect: destructive",
            "effect: reversible\n    undo: {uses: person.do, with: {do: [Undo]}}",
        ),
        (
            "E04",
            "error",
            44,
            "undo: {uses: kubernetes.scale, with: {replicas: previous}}",
            "undo: {uses: kubernetes.wipe, with: {target: checkout}}",
        ),
        ("E05", "error", 54, "    source: orders-log\n", ""),
        ("E05", "error", 57, "source: orders-log", "source: orders-snapshot"),
        ("E06", "error", 68, "uses: postgres.amcheck", "uses: volume.snapshot"),
        (
            "E07",
            "error",
            104,
            "uses: http.scenario, with: {file: scenarios/place-order.yaml}",
            "uses: postgres.amcheck",
        ),
        ("C01", "error", 4, "services: [checkout]", "services: [checkuot]"),
        ("C01", "error", 8, "{slack_group: S0DBA}", "{group: dbas}"),
        ("C01", "error", 8, "{slack_group: S0DBA}", "{people: [bob]}"),
    ],
)
def test_each_mutant_triggers_its_lint_and_no_other(
    code: str, severity: str, line: int, old: str, new: str
) -> None:
    changes = [(old, new)]
    if code == "E04":
        changes.append(("    no_way_back: true\n", ""))
    problems = found(*changes, around=_catalog_for(code))

    assert [(problem.code, problem.severity, problem.line) for problem in problems] == [
        (code, severity, line)
    ]


def _catalog_for(code: str) -> Catalog:
    isolated = "recovery-lab, isolated: true}\n  checkout-drill"
    return catalog((isolated, isolated.replace(", isolated: true", ""))) if code == "L20" else catalog()


def test_what_nothing_serves_is_put_back_without_stopping_writers() -> None:
    beside = catalog(
        (
            "orders-db: {kind: postgres, environment: production, ",
            "orders-db: {kind: postgres, environment: lab, isolated: true, ",
        )
    )

    assert (
        found(
            (
                "orders-db: {kind: postgres, environment: production}",
                "orders-db: {kind: postgres, environment: lab, isolated: true}",
            ),
            ("    stops_writers: true\n", ""),
            around=beside,
        )
        == ()
    )


def test_writers_that_are_stopped_after_the_restore_are_too_late() -> None:
    problems = found(
        ("    stops_writers: true\n", ""),
        (
            "    touches: [checkout]\n    estimate: 3m",
            "    touches: [checkout]\n    stops_writers: true\n    estimate: 3m",
        ),
    )

    assert [str(problem) for problem in problems] == [
        "checkout-pitr.yaml:53: warning: L14 no step up to 'restore' has stops_writers, later writes keep "
        "being discarded until it has overwritten the data; mark what stops them"
    ]


@pytest.mark.parametrize(
    ("line", "old", "new", "does"),
    [
        (2, 'reviewed: "2026-10-02"', 'reviewed: "2026-10-02", review_every: 30d', "remind anybody"),
        (4, "environments: [production]}", 'environments: [production], releases: ["2.*"]}', "tell releases"),
        (4, "environments: [production]}", "environments: [production], deployment: canary}", "know how"),
        (51, "idempotency: key", "when: damage.confirmed", "judge `when`"),
        (65, "{then: pause}", "{then: pause, fallback: orders-snapshot}", "change the source"),
        (65, "{then: pause}", "{then: fallback, fallback: orders-snapshot}", "change the source"),
        (109, "at_most: 3h\n", "at_most: 3h\nupdates: {every: 30m}\n", "take the time between updates"),
    ],
)
def test_what_nothing_acts_on_yet_is_refused_and_never_ignored(
    line: int, old: str, new: str, does: str
) -> None:
    (problem,) = found((old, new))

    assert (problem.code, problem.severity) == ("V01", "error")
    assert abs(problem.line - line) <= 1, problem
    assert problem.what.startswith(f"this version does not {does}")
    assert problem.what.endswith(" yet")


def test_a_persons_step_without_saying_what_to_do_is_found() -> None:
    block = PITR[PITR.index("    person:\n") : PITR.index("    drill: {skip: true}")]

    problems = found((block, ""))

    assert [(problem.code, problem.line) for problem in problems] == [("L07", 79)]


def test_a_destructive_step_may_say_why_it_keeps_no_copy() -> None:
    assert (
        found(
            ("with: {target: orders-db}", "with: {target: checkout}"),
            ("no_way_back: true", "keep: none\n    because: The disk has no room for two"),
        )
        == ()
    )


def test_a_question_keeps_no_copy() -> None:
    asking = ("uses: volume.snapshot", "uses: postgres.amcheck")

    assert [(problem.code, problem.what) for problem in found(asking)] == [
        ("E06", "postgres.amcheck is a check"),
        ("L08", "no step before 'restore' keeps a copy of 'orders-db'"),
    ]


def test_every_touched_target_is_kept_when_the_step_names_none() -> None:
    problems = found(("touches: [orders-db]", "touches: [orders-db, checkout]"))

    assert [(problem.code, problem.what) for problem in problems] == [
        ("L08", "no step before 'restore' keeps a copy of 'checkout'"),
        ("E07", "pgbackrest.restore needs a target"),
        ("E07", "postgres.recovered_to needs a target"),
        ("E07", "postgres.amcheck needs a target"),
    ]


def test_the_time_budget_is_explained() -> None:
    problem = found(("rto: 90m", "rto: 60m, decide_within: 10m"))[0]

    assert problem.what == "recovery takes 72m and the RTO is 1h"
    assert problem.why == (
        "10m to decide, 10m for approvals, "
        "47m for stop-writers → keep-damaged → restore → reconcile → start, 5m for the end checks"
    )


def test_the_strictest_tier_counts_when_the_playbook_names_no_objective() -> None:
    no_rto = ("objectives: {rto: 90m, rpo: 5m} ", "objectives: {} ")
    strict = catalog(("{rto: 90m, rpo: 5m}", "{rto: 1h, rpo: 2m}"))
    both = ("services: [checkout], environments", "services: [search, checkout], environments")

    assert [problem.code for problem in found(no_rto, both, around=strict)] == ["L10", "L31"]
    assert lint(pitr(no_rto)) == ()


def test_measured_times_replace_what_the_file_says() -> None:
    budget = time_budget(
        pitr().playbook,
        estimates={"restore": timedelta(minutes=1)},
        approvals={"overwrite-orders": timedelta(minutes=3)},
    )

    assert budget.steps == timedelta(minutes=17)
    assert budget.approvals == timedelta(minutes=3)


def test_a_playbook_without_approvals_and_end_checks_has_a_budget_too() -> None:
    text = PITR[: PITR.index("verify:                                    #")]
    budget = time_budget(load_playbook(text, "f.yaml").playbook)

    assert (budget.checks, budget.decide) == (timedelta(0), timedelta(0))


def test_a_restore_from_too_rare_recovery_points_misses_the_rpo() -> None:
    around = catalog(("every: 1m, lag: 2m", "every: 4m, lag: 2m"))

    problems = found(around=around)

    assert [(problem.code, problem.severity, problem.line) for problem in problems] == [("L31", "error", 13)]
    assert problems[0].what == "up to 6m can be lost and the RPO is 5m"
    assert problems[0].why == "a recovery point of 'orders-log' comes every 4m and arrives 2m later"


def test_without_a_schedule_nothing_is_said_about_the_loss() -> None:
    assert found(around=catalog((", every: 1m, lag: 2m", ""))) == ()


@pytest.mark.parametrize(
    ("roles", "approvable"),
    [
        ({"dba": "{group: dba}", "app": "{group: owners}"}, True),
        ({"dba": "{incident: commander}", "app": "{group: owners}"}, False),
        ({"dba": "{incident: commander, substitute: app}", "app": "{people: [bo, cy]}"}, True),
        ({"dba": "{group: dba}", "app": "{people: [bo]}"}, False),
        ({"dba": "{incident: ops}", "app": "{people: [bo]}"}, True),
        ({"dba": "{people: [bo]}", "app": "{people: [bo, cy]}"}, True),
        ({"dba": "{people: [ana, bo, cy]}", "app": "{people: [ana]}"}, True),
        ({"dba": "{group: dba}", "app": "{group: dba}"}, False),
        ({"dba": "{group: oncall}", "app": "{group: dba}"}, True),
        ({"dba": "{group: dba}", "app": "{incident: commander}"}, False),
    ],
)
def test_an_approval_must_be_possible_without_the_one_who_asks(
    roles: dict[str, str], *, approvable: bool
) -> None:
    problems = found(
        ("dba: {slack_group: S0DBA}", f"dba: {roles['dba']}"),
        ("app: {slack_group: S0APP}", f"app: {roles['app']}"),
    )

    assert [problem.code for problem in problems] == ([] if approvable else ["L12"])


def test_an_approval_of_more_people_than_there_are_is_impossible() -> None:
    roles = (
        ("dba: {slack_group: S0DBA}", "dba: {people: [ana, bo, cy]}"),
        ("app: {slack_group: S0APP}", "app: {people: [ana, bo, cy]}"),
    )

    assert found(*roles) == ()
    assert [problem.code for problem in found(*roles, ("{role: dba, min: 1}", "{role: dba, min: 2}"))] == [
        "L12"
    ]


def test_an_unknown_engine_is_told_with_the_engines_there_are() -> None:
    problem = found(("uses: volume.snapshot", "uses: volum.snapshot"))[0]

    assert str(problem) == (
        "checkout-pitr.yaml:47: E01 there is no engine 'volum', did you mean volume?, "
        "valid: helm, http, kubernetes, person, pgbackrest, postgres, volume"
    )


def test_an_unknown_operation_is_told_with_the_nearest_one() -> None:
    problem = found(("uses: pgbackrest.restore", "uses: pgbackrest.restor"))[0]

    assert str(problem) == (
        "checkout-pitr.yaml:56: E02 pgbackrest has no operation 'pgbackrest.restor', "
        "did you mean pgbackrest.restore?, valid: pgbackrest.restore"
    )


def test_a_parameter_that_does_not_exist_is_told_at_its_line_with_the_nearest() -> None:
    problem = found(("{replicas: 0}\n    by: app", "\n      replcas: 0\n    by: app"))[0]

    assert str(problem) == (
        "checkout-pitr.yaml:38: E03 there is no key 'replcas' here, did you mean replicas?, valid: replicas"
    )


def test_a_reference_is_not_judged_by_its_text_and_a_missing_parameter_is() -> None:
    assert found() == (), "at: inputs.target-time stands for a number"
    problems = found(("with: {at: inputs.target-time}", "with: {}"))
    assert [problem.what for problem in problems] == ["at is missing"]


@pytest.mark.parametrize(
    ("given", "messages"),
    [
        ("{target: checkout, names: [1, inputs.target-time], first: inputs.target-time}", []),
        ("{target: checkout, names: [one]}", ["steps.0.with.names.0: Input should be a valid integer"]),
        ("{target: checkout, names: [1], first: 1}", ["steps.0.with: last comes before first"]),
        ("{target: checkout, names: [{deep: [inputs.target-time]}]}", []),
    ],
)
def test_references_deep_inside_parameters_wait_for_their_values(given: str, messages: list[str]) -> None:
    text = mutant(
        PITR, ("uses: kubernetes.scale\n    with: {replicas: 0}", f"uses: volume.window\n    with: {given}")
    )

    problems = lint(load_playbook(text, "f.yaml"), operations=OPERATIONS)

    assert [problem.what.split(", unable")[0] for problem in problems] == messages


def test_what_a_drill_gives_instead_is_checked_too() -> None:
    drill = "    estimate: 2m\n    drill: {with: {replicas: [1], target: checkout-drill}}\n"

    problems = found(("    estimate: 2m\n", drill))

    assert [(problem.code, problem.line) for problem in problems] == [("E03", 43), ("E03", 43)]


def test_a_target_is_what_the_catalog_says_it_is() -> None:
    around = catalog(
        ("orders-db: {kind: postgres, environment: production", "orders-db: {kind: mysql, environment: lab")
    )

    assert [str(problem) for problem in found(around=around)] == [
        "checkout-pitr.yaml:23: C02 the kind of 'orders-db' is postgres here and mysql in the catalog, "
        "one of them is wrong",
        "checkout-pitr.yaml:23: C02 the environment of 'orders-db' is production here "
        "and lab in the catalog, "
        "one of them is wrong",
    ]


def test_a_target_or_source_that_the_catalog_lacks_is_found() -> None:
    around = catalog(
        ("checkout-drill: {kind", "checkout-lab: {kind"),
        ("orders-snapshot: {engine", "other-snapshot: {engine"),
        ("orders-log: {engine: pgbackrest", "orders-log: {engine: barman"),
    )
    problems = found(("    with: {instance: orders}\n", ""), around=around)

    assert [(problem.code, problem.what) for problem in problems] == [
        ("C02", "'orders-log' is kept by pgbackrest here and by barman in the catalog"),
        ("C02", "there is no source 'orders-snapshot'"),
        ("C02", "there is no target 'checkout-drill'"),
    ]
    assert [problem.code for problem in found(around=around)] == ["C02", "C02"]


WARM = """  - id: prepare
    title: Make a copy ready beside orders
    uses: volume.snapshot
    with: {target: orders-db}
    by: dba
    effect: read
    warm: true
    estimate: 1m
    timeout: 15m
    undo: {uses: volume.snapshot}
"""
FIRST = "  - id: stop-writers\n"


def warm(*changes: tuple[str, str]) -> list[tuple[str, str]]:
    text = WARM
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return [(problem.code, problem.what) for problem in found((FIRST, text + FIRST))]


def test_a_warm_step_that_makes_a_copy_first_of_all_is_right() -> None:
    assert warm() == []
    assert lint(pitr((FIRST, WARM + FIRST), ("at_most: 3h\n", "at_most: 3h\nwarm: true\n"))) == ()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("    undo: {uses: volume.snapshot}\n", "", "has no undo"),
        ("effect: read", "effect: reversible", "is reversible"),
        ("    warm: true\n", "    warm: true\n    approval: overwrite-orders\n", "waits for an approval"),
        ("    with: {target: orders-db}\n", "", "has no target"),
        ("    warm: true\n", "    warm: true\n    needs: [approved]\n", "waits for 'approved'"),
    ],
)
def test_a_step_is_warm_only_if_it_may_be_done_before_anybody_said_yes(old: str, new: str, what: str) -> None:
    approved = WARM.replace("prepare", "approved").replace("    warm: true\n", "")
    text = (approved if "approved" in new else "") + WARM.replace(old, new)

    problems = found((FIRST, text + FIRST))

    assert f"the warm step 'prepare' {what}" in [
        problem.what for problem in problems if problem.code == "L15"
    ]


def test_a_person_is_not_asked_to_act_before_a_run_is_started() -> None:
    assert ("L15", "the warm step 'prepare' is done by a person") in warm(("volume.snapshot\n", "person\n"))


def test_a_warm_playbook_without_a_warm_step_is_found() -> None:
    problems = found(("at_most: 3h\n", "at_most: 3h\nwarm: true\n"))
    assert [(problem.code, problem.what) for problem in problems] == [
        ("L16", "the playbook is warm and no step of it is")
    ]


def test_a_copy_made_to_be_put_in_place_is_not_a_kept_one() -> None:
    kept = ("    effect: read\n    idempotency: key\n", "    effect: read\n    warm: true\n    needs: []\n")
    undo = (
        "    timeout: 15m\n  - id: restore",
        "    timeout: 15m\n    undo: {uses: volume.snapshot}\n  - id: restore",
    )
    assert [problem.what for problem in found(kept, undo) if problem.code == "L08"] == [
        "no step before 'restore' keeps a copy of 'orders-db'"
    ]


UPLOADS = """
  uploads: {kind: restic, environment: production}
  uploads-drill: {kind: restic, environment: recovery-lab, isolated: true}"""
UPLOADS_SOURCE = """
  - {id: uploads, engine: restic, select: {strategy: latest_verified}, with: {PLACE}}
targets:"""


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("", False),
        ("target: uploads", False),
        ("target: uploads-drill, runner: elsewhere", False),
        ("target: uploads-drill", True),
    ],
)
def test_a_stand_in_that_is_asked_for_snapshots_of_another_folder_is_warned_of(
    place: str, *, told: bool
) -> None:
    loaded = pitr(
        ("\ntargets:", UPLOADS_SOURCE.replace("PLACE", place)),
        ("\n  orders-db: {", f"{UPLOADS}\n  orders-db: {{"),
        (
            "targets: {orders-db: orders-db-drill",
            "targets: {uploads: uploads-drill, orders-db: orders-db-drill",
        ),
    )
    around = catalog(
        ("\ntargets:", f"\ntargets:{UPLOADS}"), ("\nsources:", "\nsources:\n  uploads: {engine: restic}")
    )
    problems = lint(loaded, catalog=around)

    assert [(problem.code, problem.severity) for problem in problems] == [("L24", "warn")] * told
    assert all("`restores` of 'uploads-drill'" in problem.why for problem in problems)
