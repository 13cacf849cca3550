from __future__ import annotations

import pytest

from playbooks.names import unknown_names
from playbooks.yaml_text import read_yaml
from tests.playbooks.examples import PITR, mutant

WRONG_FORM = ("estimate: 31m", "estimate: soon")


def told(*changes: tuple[str, str]) -> list[str]:
    found = unknown_names(read_yaml(mutant(PITR, *changes), "f.yaml"))
    return [str(problem).partition(",")[0].removeprefix("f.yaml:") for problem in found]


def test_what_loads_has_no_unknown_names() -> None:
    assert told() == []


def test_names_are_looked_up_beside_mistakes_of_form() -> None:
    found = told(
        WRONG_FORM,
        ("by: dba\n    approval: overwrite", "by: dbb\n    approval: overwrit"),
        ("source: orders-log", "source: orders-lag"),
        ("touches: [orders-db]", "touches: [order-db]"),
        ("needs: [restore]  ", "needs: [restoer]  "),
    )

    assert found == [
        "58: there is no role 'dbb'",
        "59: there is no approval 'overwrit-orders'",
        "57: there is no source 'orders-lag'",
        "62: there is no target 'order-db'",
        "72: there is no other step 'restoer'",
    ]


@pytest.mark.parametrize("section", ["roles", "approvals", "sources", "targets", "steps"])
def test_a_section_that_may_be_misspelt_makes_none_of_its_names_unknown(section: str) -> None:
    assert told((f"\n{section}:", f"\n{section}z:")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  - id: orders-log\n    engine", "  - engine"),
        ("  - id: stop-writers\n    title", "  - title"),
        ("  - id: orders-log\n", "  - nonsense\n  - id: orders-lag\n"),
        ("\ntargets:\n", "\ntargets: none of them\nextra:\n"),
        ("by: dba\n    approval", "by: [dba]\n    approval"),
    ],
)
def test_what_nobody_can_name_makes_no_name_unknown(old: str, new: str) -> None:
    assert told((old, new)) == []


def test_a_section_that_is_left_out_has_no_names() -> None:
    whole = read_yaml("steps: [{id: a, by: dba, needs: [b]}]\n", "f.yaml")

    assert [str(problem) for problem in unknown_names(whole)] == [
        "f.yaml:1: there is no role 'dba', valid: none is named",
        "f.yaml:1: there is no other step 'b', valid: none is named",
    ]


def test_what_is_no_mapping_has_no_names() -> None:
    assert list(unknown_names(read_yaml("- a\n", "f.yaml"))) == []
