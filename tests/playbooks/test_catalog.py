from __future__ import annotations

from datetime import timedelta

import pytest

from integrations import contract
from playbooks.model import Role
from playbooks.problems import PlaybookInvalid
from playbooks.roles import holders
from tests.playbooks.examples import catalog

SLACK = {"S0ONCALL": ("U0BO", "U0ANA", "U0STRANGER")}


def problems(*changes: tuple[str, str]) -> list[str]:
    with pytest.raises(PlaybookInvalid) as invalid:
        catalog(*changes)
    return [str(problem).removeprefix("catalog.yaml:") for problem in invalid.value.problems]


@pytest.mark.parametrize(
    "who", ["ana", "@ana", "ANA", "U0ANA", "<@U0ANA>", "<@U0ANA|ana>", "Ana@Example.com", " ana "]
)
def test_one_human_is_found_under_every_name(who: str) -> None:
    assert catalog().person(who) == "ana"


@pytest.mark.parametrize("who", ["", "@", "<@>", "anna", "U0NOBODY", "None", "u0ana"])
def test_somebody_else_is_nobody(who: str) -> None:
    assert catalog().person(who) is None


def test_a_person_without_slack_is_still_one() -> None:
    assert catalog().person("cy@example.com") == "cy"


def test_services_are_found_by_name_and_alias_and_near_words_are_offered() -> None:
    known = catalog()

    assert known.service("Checkout") == "checkout"
    assert known.service("shop") == "checkout"
    assert known.service("chekout") is None
    assert known.nearest_service("chekout") == "checkout"
    assert known.nearest_service("shp") == "checkout"
    assert known.nearest_service("zzz") is None
    assert known.nearest_person("@anna") == "ana"
    assert known.nearest_person("zzz") is None


def test_a_service_has_the_objectives_of_its_tier() -> None:
    assert catalog().tier("checkout").rto == timedelta(minutes=90)


def test_groups_count_catalog_people_and_those_slack_names() -> None:
    known = catalog()

    assert known.groups_of("bo", SLACK) == ("dba", "oncall")
    assert known.groups_of("bo") == ("dba",)
    assert known.members("oncall", SLACK) == ("bo", "ana")
    assert known.members("nowhere") == ()


def test_targets_and_sources_come_as_engines_want_them() -> None:
    known = catalog()

    assert known.target("orders-db") == contract.Target(
        "orders-db", "postgres", "production", isolated=False, settings={"stanza": "orders", "runner": "db-1"}
    )
    assert known.target("checkout-drill") == contract.Target(
        "checkout-drill", "kubernetes-deployment", "recovery-lab", isolated=True
    )
    assert known.source("orders-log") == contract.Source("orders-log", "pgbackrest", {"stanza": "orders"})
    assert known.target("nowhere") is None
    assert known.source("nowhere") is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("tier: critical", "tier: critcal", "8: there is no tier 'critcal', did you mean critical?"),
        ("owner: owners", "owner: owner", "9: there is no group 'owner', did you mean owners?"),
        ("targets: [orders-db, checkout]", "targets: [order-db]", "15: there is no target 'order-db'"),
        ("backups: [orders-log]", "backups: [orders-lag]", "17: there is no source 'orders-lag'"),
        ("pipeline: ci, project", "pipeline: cii, project", "16: there is no pipeline 'cii'"),
        (
            "people: [bo]",
            "people: [bo], oncall: {escalation_policy: PDBA001, schedule: PSCHED1}",
            "37: who is on call comes from one place, name an `escalation_policy` or a `schedule`",
        ),
        ("people: [bo]", "people: [bo], oncall: {}", "37: who is on call comes from one place"),
        (
            "tier: critical",
            "tier: critical\n    pagerduty: {service: PSHOP01, page: [dbas]}",
            "9: there is no group 'dbas', did you mean dba?",
        ),
        ("people: [bo]", "people: [bob]", "37: there is no person 'bob', did you mean bo?"),
        ("The pipeline, owner: owners", "The pipeline, owner: nobody", "41: there is no group 'nobody'"),
        ("slack: U0BO", "slack: U0ANA", "34: bo has the same slack as ana, one human is one person"),
        ("email: cy@", "email: BO@", "35: cy has the same email as bo, one human is one person"),
        (
            "{slack_group: S0ONCALL}",
            "{people: []}",
            "39: nobody is in the group 'oncall', it could do nothing",
        ),
        ("aliases: [shop]", "aliases: [search]", "10: 'search' names two services"),
        ("aliases: [shop]", "aliases: [shop, shop]", "10: 'shop' names two services"),
        ("slack: U0BO", "slack: BO", "34: people.bo.slack: String should match pattern"),
        (
            "data: personal",
            "data: secret",
            "14: services.checkout.environments.production.data cannot be 'secret'",
        ),
        (
            "project: shop/checkout",
            "tags: {clone: checkout.git}",
            "16: services.checkout.environments.production.deploys.tags.clone: String should match pattern",
        ),
        (
            "project: shop/checkout",
            'tags: {clone: /srv/checkout.git, matching: "v[0-9]"}',
            "16: services.checkout.environments.production.deploys.tags.matching: String should match",
        ),
        (
            "production}\n  orders-db-drill",
            "production, alerts: {}}\n  orders-db-drill",
            "26: alerts of 'checkout' are told from others by no label alone, a silence would hide those of "
            "everything else too: name a label that only they carry",
        ),
        (
            "production}\n  orders-db-drill",
            "production, alerts: {severity: critical, environment: production}}\n  orders-db-drill",
            "26: alerts of 'checkout' are told from others by environment and severity alone",
        ),
        (
            "production}\n  orders-db-drill",
            'production, alerts: {service: ""}}\n  orders-db-drill',
            "26: targets.checkout.alerts.service: String should match pattern",
        ),
        (
            "production}\n  orders-db-drill",
            'production, alerts: {"a-b": x}}\n  orders-db-drill',
            "26: targets.checkout.alerts.a-b",
        ),
        ("every: 1m", "every: 0s", "30: sources.orders-log.every: 0s is no time at all"),
        (
            "region: eu-central-1\n",
            "regoin: eu-central-1\n",
            "13: there is no key 'regoin' here, did you mean region?",
        ),
    ],
)
def test_a_mistake_in_the_catalog_is_told_at_its_line(old: str, new: str, expected: str) -> None:
    assert problems((old, new))[0].startswith(expected)


def test_a_role_is_held_by_whoever_is_named_each_once() -> None:
    roles = {
        "commander": Role(incident="commander"),
        "dba": Role(group="dba", people=("bo", "cy", "stranger")),
        "oncall": Role(slack_group="S0ONCALL"),
        "comms": Role(incident="comms"),
        "lost": Role(group="nowhere"),
    }

    assert holders(roles, catalog(), incident={"commander": "ana"}, slack_groups=SLACK) == {
        "commander": ("ana",),
        "dba": ("bo", "cy"),
        "oncall": ("bo", "ana"),
        "comms": (),
        "lost": (),
    }


def test_a_substitute_stands_in_when_only_the_requester_holds_the_role() -> None:
    roles = {"dba": Role(group="dba", substitute="app"), "app": Role(group="owners")}

    assert holders(roles, catalog(), incident={}, requester="ana")["dba"] == ("bo",)
    assert holders(roles, catalog(), incident={}, requester="bo")["dba"] == ("bo", "cy")
    assert holders(roles, catalog(("people: [bo]", "people: [ana]")), incident={}, requester="ana")[
        "dba"
    ] == (
        "ana",
        "cy",
    )
