"""What `criteria check` warns of: options that are left because nobody knows a fact."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from inline_snapshot import snapshot

from playbooks import library
from playbooks.criteria import FACTS, lax_vetoes, load_criteria
from tests.core.story import wrapped
from tests.playbooks.examples import mutant

SHIPPED = library.read("criteria.yaml")


def warned(text: str) -> list[str]:
    return [str(each) for each in lax_vetoes(load_criteria(text, "c.yaml"), text, "c.yaml")]


def small(
    *vetoes: Mapping[str, object], nobody_knows: Mapping[str, object] | None = None, **terms: object
) -> str:
    """Return criteria in which all but these vetoes is as short as can be."""
    safe = nobody_knows or {}
    asked = {name: {"ask": "?", "role": "ops", "nobody_knows": safe.get(name, "neither")} for name in FACTS}
    written = [{"removes": ["hotfix"], "because": "So it is", **veto} for veto in vetoes]
    rules = [{"id": "else", "when": "always", "answer": "mitigate", "because": "Nothing else"}]
    whole = {"schema": "backstop/criteria/1", "meanwhile": "Wait", "facts": asked, "terms": terms}
    return json.dumps({**whole, "vetoes": written, "rules": rules})


def test_the_shipped_criteria_let_nothing_through_without_saying_why() -> None:
    assert warned(SHIPPED) == []


@pytest.mark.parametrize(
    ("old", "new", "veto", "told"),
    [
        (
            "nobody_knows: tenants",
            "nobody_knows: database",
            "V9",
            "restore_pitr, restore_full away where ",
        ),
        (
            "nobody_knows: irreversible",
            "nobody_knows: none",
            "V1",
            "code_rollback away where schema_cha",
        ),
        (
            'pulled right now?", role: app, nobody_knows: false',
            'pulled right now?", role: app, nobody_knows: true',
            "V3",
            "code_rollback away where previous_artifact_available is false,",
        ),
        (
            'cannot go back?", role: app, nobody_knows: true',
            'cannot go back?", role: app, nobody_knows: false',
            "V5",
            "code_rollback away where forward_only_clients is true,",
        ),
        (
            'replicas too?", role: dba, nobody_knows: true',
            'replicas too?", role: dba, nobody_knows: false',
            "V6-copies",
            "failover away where replicas_affected is true,",
        ),
        (
            "      customer_impact: Who is not known to be spared counts as hurt\n",
            "",
            "V12",
            "code_rollback away where customer_impact is 'none',",
        ),
    ],
)
def test_a_value_by_which_a_shipped_veto_lets_something_through_is_told(
    old: str, new: str, veto: str, told: str
) -> None:
    text = mutant(SHIPPED, (old, new))
    [warning] = warned(text)
    assert f": warning: {veto} takes {told}" in warning
    assert text.splitlines()[int(warning.split(":")[1]) - 1] == f"  - id: {veto}"


def test_a_lax_veto_is_told_with_its_line_the_value_it_is_for_and_what_to_do() -> None:
    text = small({"id": "V1", "when": "overload", "removes": ["hotfix", "failover"]})
    assert wrapped(*warned(text)) == snapshot("""\
c.yaml:1: warning: V1 takes hotfix, failover away where overload_or_metastable is true, and not
        where nobody knows it, choose another `nobody_knows` of overload_or_metastable, write a veto
        with `{not: {known: overload_or_metastable}}`, or say why under `nobody_knows:
        {overload_or_metastable: …}` of V1
""")
    one: Mapping[str, object] = {"id": "V1", "when": "overload"}
    assert warned(small(one, nobody_knows={"overload_or_metastable": True})) == []
    assert "overload_or_metastable is false" in "".join(
        warned(small({"id": "V1", "when": {"not": "overload"}}))
    )


@pytest.mark.parametrize(
    ("when", "value"),
    [
        ({"hotfix.within": "10m"}, "hotfix_eta_minutes is at most 10,"),
        ({"hotfix.beyond": "10m"}, "hotfix_eta_minutes is over 10,"),
        ({"known": "hotfix_eta_minutes"}, "hotfix_eta_minutes is known,"),
        ("scope.whole", "data_scope is 'database',"),
    ],
)
def test_the_value_that_a_veto_is_for_is_named(when: object, value: str) -> None:
    assert value in "".join(warned(small({"id": "V1", "when": when})))


def test_another_veto_may_take_the_same_option_away_where_nobody_knows() -> None:
    mixed: Mapping[str, object] = {"id": "V1", "when": "versions.mixed"}
    unseen: Mapping[str, object] = {"id": "V2", "when": {"not": {"known": "mixed_versions_running"}}}
    assert warned(small(mixed, unseen)) == []
    assert len(warned(small(mixed, {**unseen, "removes": ["failover"]}))) == 1
    in_part = {"all": [{"not": {"known": "mixed_versions_running"}}, "overload"]}
    assert [
        told.split(" takes")[0] for told in warned(small(mixed, {**unseen, "when": in_part}))
    ] == snapshot(["c.yaml:1: warning: V1", "c.yaml:1: warning: V2"])
    either = {"any": [in_part, {"all": [{"not": {"known": "mixed_versions_running"}}, {"not": "overload"}]}]}
    known = {"all": ["versions.mixed", {"known": "overload_or_metastable"}]}
    covered = small({**mixed, "when": known}, {**unseen, "when": either})
    assert not any(told for told in warned(covered) if "mixed_versions_running is" in told)


def test_a_reason_makes_it_well_and_is_told_once_nothing_is_let_through() -> None:
    why = {"overload_or_metastable": "It shows"}
    lax: Mapping[str, object] = {"id": "V1", "when": "overload", "nobody_knows": why}
    assert warned(small(lax)) == []
    assert wrapped(*warned(small(lax, nobody_knows={"overload_or_metastable": True}))) == snapshot("""\
c.yaml:1: warning: V1 says why it is not hit where nobody knows overload_or_metastable, but no value
        of it takes away more than that does; take the reason out
""")
