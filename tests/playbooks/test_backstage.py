"""What is read of Backstage's entities, and what of them becomes part of a catalog."""

from __future__ import annotations

import pytest

from playbooks.backstage import Imported, Place, additions, differences, import_entities, read_entities
from playbooks.problems import PlaybookInvalid

PLACE = Place("production", "eu", "internal", "standard")


def entity(kind: str, metadata: str, spec: str = "{}") -> str:
    return f"---\napiVersion: backstage.io/v1alpha1\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n"


def imported(*documents: str) -> Imported:
    return import_entities(read_entities("".join(documents), "info.yaml"), PLACE)


def service(metadata: str = "{name: pay}", owner: str = "owners") -> Imported:
    return imported(entity("Component", metadata, f"{{owner: '{owner}'}}"))


@pytest.mark.parametrize(
    ("metadata", "tier"),
    [
        ("{name: pay}", "standard"),
        ("{name: pay, tags: [java, tier-1]}", "tier-1"),
        ("{name: pay, tags: [tier2]}", "tier-2"),
        ("{name: pay, labels: {tier: '1'}}", "tier-1"),
        ("{name: pay, labels: {tier: Gold}, tags: [tier-1]}", "gold"),
        ("{name: pay, labels: {tier: gold}, annotations: {backstop.dev/tier: silver}}", "silver"),
        ("{name: pay, annotations: {backstop.dev/rto: 30m, backstop.dev/rpo: PT1H}}", "pay"),
        ("{name: pay, annotations: {backstop.dev/rto: 30m}}", "standard"),
        ("{name: pay, annotations: {backstop.dev/rto: soon, backstop.dev/rpo: Pxx}}", "standard"),
    ],
)
def test_a_tier_is_found_where_people_write_it(metadata: str, tier: str) -> None:
    assert service(metadata).parts["services"]["pay"]["tier"] == tier


def test_objectives_make_a_tier() -> None:
    made = service("{name: pay, annotations: {backstop.dev/rto: 90m, backstop.dev/rpo: PT1H}}")
    assert made.parts["tiers"] == {"pay": {"rto": "90m", "rpo": "1h"}}
    assert made.notes == []


@pytest.mark.parametrize("rto", ["soon", "P1Y1", "PT30M"])
def test_half_an_objective_is_none(rto: str) -> None:
    made = service(f"{{name: pay, annotations: {{backstop.dev/rto: {rto}}}}}")
    assert made.parts["tiers"] == {}
    assert made.notes == [
        "Service pay: backstop.dev/rto and backstop.dev/rpo have to be two durations, such as 30m or PT30M."
    ]


def test_a_secret_among_the_annotations_is_not_taken_over() -> None:
    made = service("{name: pay, annotations: {pagerduty.com/integration-key: aGVsbG8}}")
    assert "aGVsbG8" not in repr(made)


@pytest.mark.parametrize("owner", ["owners", "group:owners", "group:default/owners", "Group:default/Owners"])
def test_an_owner_is_known_in_every_form_of_a_reference(owner: str) -> None:
    assert service(owner=owner).parts["services"]["pay"]["owner"] == "owners"


def test_an_owner_that_cannot_be_a_name_stands_as_it_is_to_be_found() -> None:
    assert service(owner="7").parts["services"]["pay"]["owner"] == "7"


def test_people_join_their_groups_from_either_side_once() -> None:
    made = imported(
        entity("Group", "{name: owners}", "{type: team, children: [], members: [cy, 'user:default/bo', ed]}"),
        entity("User", "{name: cy}", "{profile: {email: CY@example.com}, memberOf: [owners, '7']}"),
        entity("User", "{name: bo}", "{profile: {displayName: Bo, email: bo@example.com}}"),
        entity("User", "{name: ed}", "{profile: {displayName: Ed}}"),
        entity("Group", "{name: nobody}", "{type: team, children: []}"),
    )
    assert made.parts["people"] == {
        "cy": {"name": "cy", "email": "cy@example.com"},
        "bo": {"name": "Bo", "email": "bo@example.com"},
    }
    assert made.parts["groups"] == {"owners": {"people": ["cy", "bo"]}}
    assert made.notes == [
        "User ed is left out: without an email nobody here is known by it.",
        "Group owners: ed is left out, no User of that name was imported.",
        "Group nobody is left out: nobody with an email is in it. Say who is, or its slack_group.",
    ]


def test_names_that_cannot_be_or_are_taken_are_left_out_aloud() -> None:
    made = imported(
        entity("Component", "{name: Pay_Desk}", "{owner: owners}"),
        entity("Component", "{name: pay.desk, namespace: other}", "{owner: others}"),
        entity("Component", "{name: '42'}", "{owner: owners}"),
        entity("System", "{name: shop}"),
    )
    assert list(made.parts["services"]) == ["pay-desk"]
    assert made.notes[1:] == [
        "Component other/pay.desk is left out: default/Pay_Desk is called pay-desk as well.",
        "Component 42 is left out: a name here begins with a letter and is at most 60 long.",
    ]


def test_only_what_a_service_needs_of_resources_is_asked_for() -> None:
    made = imported(
        entity("Component", "{name: pay}", "{owner: o, dependsOn: ['component:other', 'Resource:db']}")
    )
    assert [note for note in made.notes if "needs" in note] == [
        "Service pay needs db: say under `targets` how it is reached, and name it in the service's "
        "environment."
    ]


def test_a_catalog_lacks_or_differs() -> None:
    made = service()
    assert additions(made, {}) == {"services": made.parts["services"]}
    assert additions(made, {"services": {"pay": {}}}) == {}
    there = {"services": {"pay": {"title": "pay", "tier": "standard", "owner": "", "environments": {}}}}
    assert list(differences(made, there)) == [
        "services.pay.owner is nothing in the catalog and owners in Backstage."
    ]
    assert list(differences(made, {})) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# nothing\n---\n", "info.yaml:1: the file is empty, there is nothing to import"),
        ("---\nkind: User\n---\nkind: [", "info.yaml:4: this is not YAML 1.2"),
        ("# a\n---\nkind: User\nmetadata: {name: a}\n", "info.yaml:3: apiVersion is missing"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", "info.yaml:1: apiVersion: String should match"),
        (entity("User", "{name: 2026-01-01}"), "info.yaml:4: 2026-01-01 is a bare timestamp"),
    ],
)
def test_what_is_no_description_is_refused_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(PlaybookInvalid) as refused:
        read_entities(text, "info.yaml")
    assert problem in str(refused.value)
