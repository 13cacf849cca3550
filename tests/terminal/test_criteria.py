"""`backstop criteria check` and `backstop criteria test`."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.terminal.criteria import main
from playbooks import library
from playbooks.criteria import load_criteria
from playbooks.criteria.cases import load_cases
from tests.playbooks.examples import mutant
from tests.terminal.shell import ROOT

TEXT = library.read("criteria.yaml")
CRITERIA = load_criteria(TEXT, "criteria.yaml")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return a copy of the criteria with their cases beside it."""
    (tmp_path / "cases").mkdir()
    for name in library.cases():
        (tmp_path / name).write_text(library.read(name))
    (tmp_path / "criteria.yaml").write_text(TEXT)
    return tmp_path / "criteria.yaml"


def test_the_shipped_criteria_have_no_problem_and_their_cases_come_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "criteria.yaml: no problem.\n"
    assert main(["test"]) == 0
    assert capsys.readouterr().out.endswith(" cases, 0 of them come out otherwise.\n")


def test_every_rule_and_veto_has_a_case() -> None:
    loaded = [load_cases(library.read(name), name, CRITERIA)[0] for name in library.cases()]
    cases = [case for file in loaded for case in file.cases]
    repaired = {id for rule in CRITERIA.rules for id in rule.repairs}

    assert {rule.id for rule in CRITERIA.rules} == {case.rule for case in cases} - {None}
    assert {veto.id for veto in CRITERIA.vetoes} - repaired <= {id for case in cases for id in case.vetoes}


def test_a_case_that_comes_out_otherwise_is_told_by_its_line(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = own.parent / "cases" / "own.yaml"
    case.write_text(
        "schema: backstop/criteria-cases/1\n"
        "cases:\n"
        "  - {name: First, proposal: wait}\n"
        "  - {name: Second, proposal: mitigate, rule: overloaded, vetoes: [V1],\n"
        "     containment: [stop-writers], ask: [severity], not_asked: [data_corruption]}\n"
    )

    assert main(["test", str(own)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{case}:3: First: it is mitigate by otherwise, not wait",
        f"{case}:4: Second: it is mitigate by otherwise, not by overloaded; no veto V1; "
        "nothing says stop-writers; severity is not asked; data_corruption is asked",
        "62 cases, 2 of them come out otherwise.",
    ]


def test_words_of_a_case_that_mean_nothing_are_told_with_the_nearest(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = own.parent / "cases" / "own.yaml"
    case.write_text(
        "schema: backstop/criteria-cases/1\n"
        "given: {caus_known: true}\n"
        "cases:\n"
        "  - {name: First, proposal: wait, rule: overlaoded, vetoes: [V77], facts: {data_scope: all}}\n"
    )

    assert main(["test", str(own)]) == 1
    told = capsys.readouterr().out
    assert f"{case}:2: There is no fact 'caus_known': did you mean cause_known?" in told
    assert f"{case}:4: data_scope cannot be 'all'. Valid are: none, rows" in told
    assert f"{case}:4: there is no rule 'overlaoded', did you mean overloaded?" in told
    assert f"{case}:4: there is no vetoes 'V77'" in told


def test_without_cases_or_a_file_that_can_be_read_it_says_so(
    tmp_path: Path, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()

    assert main(["test", str(own), "--cases", str(tmp_path / "empty")]) == 1
    assert "empty:1: there are no cases here, write one, or name their folder by --cases" in (
        capsys.readouterr().out
    )
    assert main(["check", str(tmp_path / "nowhere.yaml")]) == 1
    assert (
        capsys.readouterr().out
        == f"{tmp_path}/nowhere.yaml:1: the file cannot be read, no such file or directory\n"
    )


def test_mistakes_are_told_by_line_and_settings_that_make_no_sense(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own.write_text(mutant(TEXT, ("answer: failover", "answer: fallover")))
    assert main(["check", str(own)]) == 1
    assert f"{own}:" in capsys.readouterr().out
    monkeypatch.setenv("BACKSTOP_PORT", "canary-word")
    assert main(["check"]) == 2
    assert capsys.readouterr().err.startswith("The settings are wrong: BACKSTOP_PORT is no whole number. ")


def test_what_lets_an_option_through_where_nobody_knows_is_a_warning(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own.write_text(mutant(TEXT, ("nobody_knows: tenants", "nobody_knows: estate")))
    assert main(["check", str(own)]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert f"{own}:" in first
    assert ": warning: V9 takes restore_pitr, restore_full away where data_scope is 'none', and not" in first
    assert last == f"{own}: no error, 1 warning."
    own.write_text(mutant(own.read_text(), ("nobody_knows: irreversible", "nobody_knows: none")))
    assert main(["check", str(own)]) == 0
    assert capsys.readouterr().out.endswith(f"{own}: no error, 2 warnings.\n")


def test_a_role_that_nobody_can_have_is_told_by_its_line_with_the_nearest(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, over = (
        'good data was written since the recovery point?", role: ',
        "    because: The release before",
    )
    own.write_text(
        mutant(
            TEXT,
            (f"{asked}dba", f"{asked}dbaa"),
            (f"{over} cannot", f"    override: comander\n{over} cannot"),
        )
    )
    lines = own.read_text().splitlines()
    asked_at, over_at = (
        next(number for number, line in enumerate(lines, 1) if word in line)
        for word in ("role: dbaa", "override: comander")
    )

    assert main(["check", str(own)]) == 1
    valid = "valid: commander, ops, comms, scribe, app, dba"
    assert capsys.readouterr().out.splitlines() == [
        f"{own}:{asked_at}: there is no role 'dbaa', did you mean dba?, {valid}",
        f"{own}:{over_at}: there is no role 'comander', did you mean commander?, {valid}",
    ]


def test_groups_of_the_catalog_and_roles_of_playbooks_are_roles(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKSTOP_HOME", str(tmp_path))
    asked = 'good data was written since the recovery point?", role: '
    for role, place in (("warehouse-owners", "catalog.yaml"), ("watcher", "playbooks/own.yaml")):
        own.write_text(mutant(TEXT, (f"{asked}dba", f"{asked}{role}")))
        assert main(["check", str(own)]) == 1
        assert f"there is no role '{role}'" in capsys.readouterr().out
        (tmp_path / place).parent.mkdir(exist_ok=True)
        written = library.read("catalog.yaml" if place == "catalog.yaml" else "checkout-restore.yaml")
        (tmp_path / place).write_text(
            written.replace("\nroles:\n", "\nroles:\n  watcher: {group: checkout-owners}\n")
        )
        assert main(["check", str(own)]) == 0, capsys.readouterr().out
        capsys.readouterr()


def test_the_cases_of_the_how_to_come_out(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "how-to" / "write-your-own-criteria.md").read_text(encoding="utf-8")
    example = next(b for b in page.split("```yaml\n") if b.startswith("schema: backstop/criteria-cases/"))
    (own.parent / "cases" / "example.yaml").write_text(example.partition("```")[0])

    assert main(["test", str(own)]) == 0, capsys.readouterr().out
