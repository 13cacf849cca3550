from __future__ import annotations

from pathlib import Path

import pytest

from playbooks import library
from playbooks.check import check
from tests.playbooks.examples import CATALOG, OPERATIONS, PITR, catalog, mutant

OTHERS = [("checkout-snapshot", "name: checkout-snapshot"), ("checkout-failover", "name: checkout-failover")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "catalog.yaml").write_text(CATALOG, encoding="utf-8")
    (tmp_path / "criteria.yml").write_text(library.read("criteria.yaml"), encoding="utf-8")
    (tmp_path / "pitr.yaml").write_text(PITR, encoding="utf-8")
    for file, name in OTHERS:
        text = mutant(PITR, ("name: checkout-pitr", name))
        (tmp_path / f"{file}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_good_folder_has_no_problems(folder: Path) -> None:
    checked = check([folder], operations=OPERATIONS)

    assert checked.lines == ("5 files, 0 errors, 0 warnings",)
    assert checked.exit_code == 0
    assert set(checked.playbooks) == {"checkout-pitr", "checkout-snapshot", "checkout-failover"}
    assert checked.catalog is not None
    assert checked.criteria is not None


def test_cases_of_criteria_are_no_playbooks_and_only_their_form_is_checked(folder: Path) -> None:
    cases = library.read(library.cases()[0])
    (folder / "cases.yaml").write_text(cases, encoding="utf-8")
    good = check([folder], operations=OPERATIONS)
    (folder / "cases.yaml").write_text(mutant(cases, ("proposal:", "propsal:")), encoding="utf-8")
    bad = check([folder], operations=OPERATIONS)

    assert good.lines == ("6 files, 0 errors, 0 warnings",)
    assert "there is no key 'propsal' here" in bad.lines[0]


def test_every_problem_of_every_file_is_told_with_file_and_line(folder: Path) -> None:
    (folder / "bad.yaml").write_text("a: 1\nb: &x 2\n", encoding="utf-8")
    (folder / "second.yaml").write_text(PITR, encoding="utf-8")
    (folder / "pitr.yaml").write_text(
        mutant(PITR, ("    approval: overwrite-orders\n", "")), encoding="utf-8"
    )

    checked = check([folder], operations=OPERATIONS)

    assert checked.lines == (
        f"{folder}/bad.yaml:2: the anchor &x is not allowed, write the value out",
        f"{folder}/pitr.yaml:54: L01 the destructive step 'restore' has no approval, "
        "somebody must say yes to it, valid: overwrite-orders",
        f"{folder}/second.yaml:2: a second playbook 'checkout-pitr', {folder}/pitr.yaml has it already",
        "7 files, 3 errors, 0 warnings",
    )
    assert checked.exit_code == 1
    assert set(checked.playbooks) == {"checkout-snapshot", "checkout-failover"}


def test_a_value_that_cannot_count_hides_no_other_mistake(tmp_path: Path) -> None:
    changes = (
        ('reviewed: "2026-10-02"', "reviewed: 2026-10-02"),
        ("estimate: 31m", "estimate: soon"),
        ("by: dba\n    approval", "by: dbb\n    approval"),
    )
    (tmp_path / "pitr.yaml").write_text(mutant(PITR, *changes), encoding="utf-8")

    problems = check([tmp_path], operations=OPERATIONS).problems

    assert [problem.what.partition(":")[0] for problem in problems] == [
        "2026-10-02 is a bare timestamp",
        "there is no role 'dbb'",
        "steps.2.estimate",
    ]


def test_a_file_with_nothing_but_a_value_that_cannot_count_is_not_used(tmp_path: Path) -> None:
    text = mutant(PITR, ('reviewed: "2026-10-02"', "reviewed: 2026-10-02"))
    (tmp_path / "pitr.yaml").write_text(text, encoding="utf-8")
    checked = check([tmp_path], operations=OPERATIONS)
    assert [problem.what for problem in checked.problems] == ["2026-10-02 is a bare timestamp"]
    assert not checked.playbooks


def test_one_mistake_of_form_hides_neither_names_nor_operations(tmp_path: Path) -> None:
    changes = (
        ("estimate: 31m", "estimate: soon"),
        ("by: dba\n    approval", "by: dbb\n    approval"),
        ("uses: volume.snapshot", "uses: volum.snapshot"),
        ("uses: pgbackrest.restore", "uses: pgbackrest.restor"),
    )
    (tmp_path / "pitr.yaml").write_text(mutant(PITR, *changes), encoding="utf-8")

    problems = check([tmp_path], operations=OPERATIONS).problems

    assert [(problem.line, problem.what.partition(":")[0]) for problem in problems] == [
        (47, "there is no engine 'volum'"),
        (56, "pgbackrest has no operation 'pgbackrest.restor'"),
        (58, "there is no role 'dbb'"),
        (63, "steps.2.estimate"),
    ]
    assert {problem.severity for problem in problems} == {"error"}


def test_warnings_are_told_and_do_not_fail(folder: Path) -> None:
    checked = check([folder / "pitr.yaml"], catalog=catalog())

    assert checked.lines == (
        f"{folder}/pitr.yaml:106: warning: C03 there is no playbook 'checkout-snapshot', "
        "did you mean checkout-pitr?, valid: checkout-pitr",
        f"{folder}/pitr.yaml:107: warning: C03 there is no playbook 'checkout-failover', "
        "did you mean checkout-pitr?, valid: checkout-pitr",
        "1 file, 0 errors, 2 warnings",
    )
    assert checked.exit_code == 0
    assert set(checked.playbooks) == {"checkout-pitr"}


def test_a_given_catalog_counts_before_one_that_is_found(folder: Path) -> None:
    given = catalog(("name: Ana", "name: Another"))

    assert check([folder], catalog=given).catalog is given


def test_what_cannot_be_read_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe4\n")
    (tmp_path / "big.yaml").write_bytes(b"# " + "ä".encode() * 200_000)
    (tmp_path / "empty").mkdir()

    checked = check([tmp_path, tmp_path / "nowhere.yaml", tmp_path / "empty"])

    assert checked.lines == (
        f"{tmp_path}/big.yaml:1: the file cannot be read, it is over 256 kB",
        f"{tmp_path}/empty:1: no YAML file is in this folder, there is nothing to check",
        f"{tmp_path}/latin.yaml:1: the file cannot be read, it is not UTF-8 text",
        f"{tmp_path}/nowhere.yaml:1: the file cannot be read, No such file or directory",
        "0 files, 4 errors, 0 warnings",
    )
    assert checked.exit_code == 1
