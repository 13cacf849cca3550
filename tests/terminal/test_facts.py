"""`backstop decide --facts`: offline, one answer a line, and nothing lost beside what is wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main as backstop
from bot.terminal.facts import main
from playbooks import library
from playbooks.criteria import FACTS
from tests.core.test_decide import DAMAGE, RELEASE
from tests.playbooks.examples import mutant
from tests.terminal.shell import Shell

Run = Callable[..., tuple[int, list[Mapping[str, Any]], str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what decides a text and returns the code, the answers and what was complained of."""

    def decided(text: str, *words: str) -> tuple[int, list[Mapping[str, Any]], str]:
        file = tmp_path / "facts.json"
        file.write_text(text, encoding="utf-8")
        code = main(["--facts", str(file), "--format", "json", *words])
        out, err = capsys.readouterr()
        return code, [json.loads(line) for line in out.splitlines()], err.replace(str(file), "facts.json")

    return decided


def test_one_object_gets_one_line_with_everything_a_program_needs(run: Run) -> None:
    code, (said,), err = run(json.dumps({"id": "INC-1", "facts": {**RELEASE, "data_scope": None}}))

    assert (code, err) == (0, "")
    assert list(said) == [
        "id",
        "proposal",
        "containment",
        "vetoes",
        "possible",
        "ask",
        "flips",
        "safe_now",
        "why",
    ]
    assert (said["id"], said["proposal"], said["possible"]) == ("INC-1", "code_rollback", ["code_rollback"])
    assert (said["ask"], said["safe_now"]) == ([], True)
    assert said["why"][0] == "A recent release is suspected and the one before is at hand"
    assert "change_type is code" in said["why"]
    assert "overload_or_metastable is no" in said["why"]
    assert said["containment"][0]["id"] == "freeze"
    assert said["vetoes"][0] == {
        "id": "V7",
        "removes": ["restore_partial", "restore_pitr", "restore_full"],
        "because": "Nothing shows that the data is bad",
    }
    assert {"fact": "data_corruption", "value": "suspected", "proposal": "mitigate"} in said["flips"]
    assert {
        "fact": "minutes_since_change",
        "over": 4320,
        "known": 20,
        "proposal": "mitigate",
    } in said["flips"]


def test_a_question_is_answered_by_ask_only_when_it_could_forbid_the_answer(run: Run) -> None:
    unread = {name: value for name, value in RELEASE.items() if name != "rollback_tested"}
    code, (asked, leading), _ = run("\n".join(map(json.dumps, (unread, {"data_corruption": "none"}))))

    assert code == 0
    assert (asked["proposal"], asked["safe_now"]) == ("ask", False)
    assert asked["ask"] == [
        {
            "fact": "rollback_tested",
            "question": "Was the way back rehearsed with today's configuration?",
            "role": "app",
        }
    ]
    assert asked["why"][0] == (
        "So far it is code_rollback, and what is asked could forbid it or find a better one"
    )
    assert (leading["proposal"], leading["id"]) == ("mitigate", None)
    assert len(leading["ask"]) > 5


def test_a_whole_restore_is_never_safe_from_facts_alone(run: Run) -> None:
    whole = {"data_corruption": "confirmed", "data_scope": "database", "backup_available": True}
    code, (said,), _ = run(json.dumps(whole))
    assert (code, said["proposal"], said["safe_now"]) == (0, "ask", False)
    assert (
        said["why"][0] == "So far it is restore_full, and what is asked could forbid it or find a better one"
    )
    whole |= {"change_suspected": False, "data_loss_mechanism": "delete"}
    calm = dict.fromkeys(("node_or_site_failure", "pitr_available", "irreversible_harm_accruing"), False)
    code, (said,), _ = run(json.dumps({**whole, **calm, "backup_verified": True}))

    assert (code, said["proposal"], said["safe_now"]) == (0, "restore_full", False)


def test_what_is_repaired_first_is_said_and_is_not_safe_at_once(run: Run) -> None:
    _, (said,), _ = run(json.dumps({**RELEASE, "mixed_versions_running": None}))

    assert (said["proposal"], said["safe_now"]) == ("code_rollback", False)
    assert "First: Count the versions that run, and bring all instances to one" in said["why"]
    assert "V2-unseen" not in [veto["id"] for veto in said["vetoes"]]


def test_a_script_may_act_on_nothing_while_questions_could_change_it(run: Run) -> None:
    _, (nothing, almost), _ = run("{}\n" + json.dumps({"cause_known": True, "data_corruption": "none"}))

    assert (nothing["proposal"], nothing["safe_now"]) == ("mitigate", False)
    assert nothing["ask"]
    assert not almost["safe_now"]


def test_damage_that_is_none_and_estate_wide_is_asked_again_and_nothing_is_rolled_back(run: Run) -> None:
    mistaken = {**RELEASE, "data_loss_mechanism": "delete", "data_scope": "estate"}
    _, (said,), _ = run(json.dumps(mistaken))

    assert (said["proposal"], said["safe_now"]) == ("ask", False)
    assert said["ask"][0]["fact"] == "data_corruption"
    assert said["possible"] == ["mitigate", "code_rollback"]
    assert "so one of them is mistaken" in said["why"][-1]


def test_a_contradiction_that_changes_no_answer_leaves_it_and_takes_the_safety(run: Run) -> None:
    _, (said,), _ = run(json.dumps({**RELEASE, "backup_verified": True}))

    assert (said["proposal"], said["ask"], said["safe_now"]) == ("code_rollback", [], False)


def test_a_failover_waits_until_the_copies_are_known_to_be_clean(run: Run) -> None:
    failed = {**RELEASE, "change_suspected": False, "node_or_site_failure": True}
    failed |= {"healthy_replica_available": True, "data_corruption": "suspected"}
    unasked = {name: value for name, value in failed.items() if name != "replicas_affected"}
    sheets = [{**failed, "replicas_affected": told} for told in (False, True, None)]
    _, (clean, damaged, nobody, open_), _ = run("\n".join(map(json.dumps, [*sheets, unasked])))

    assert (clean["proposal"], clean["safe_now"]) == ("failover", True)
    assert [said["proposal"] for said in (damaged, nobody)] == ["mitigate", "mitigate"]
    assert (open_["safe_now"], [ask["fact"] for ask in open_["ask"]]) == (False, ["replicas_affected"])


def test_lines_may_be_bare_facts_or_whole_records_and_keep_their_order(run: Run) -> None:
    lines = library.read("incidents.jsonl").splitlines()[:3]
    code, answers, _ = run("\n\n".join([*lines, json.dumps(DAMAGE)]) + "\n")

    assert code == 0
    assert [said["id"] for said in answers] == [*(json.loads(line)["id"] for line in lines), None]
    assert answers[-1]["proposal"] == "restore_full"


def test_an_object_over_several_lines_is_one(run: Run) -> None:
    code, answers, _ = run(json.dumps({"id": 7, "facts": DAMAGE}, indent=2))

    assert (code, [said["id"] for said in answers]) == (0, [7])


def test_what_is_wrong_is_told_by_line_and_the_others_are_decided(run: Run) -> None:
    good = json.dumps({"id": "good", "facts": {}})
    bad = [
        "{",
        "[]",
        '{"caus_known": true, "cause_known": "maybe"}',
        '{"cause_known": true, "cause_known": false}',
        '{"id": [], "facts": {}}',
        '{"facts": 3}',
        '{"cause_known": ' + "9" * 5000 + "}",
    ]
    code, answers, err = run("\n".join([good, *bad, good]))

    assert (code, [said["id"] for said in answers]) == (2, ["good", "good"])
    assert err.splitlines() == [
        "facts.json:2: this is no JSON from column 2 on",
        'facts.json:3: the facts are no JSON object, write {"data_corruption": "none", "cause_known": null}',
        "facts.json:4: There is no fact 'caus_known': did you mean cause_known?",
        "facts.json:4: cause_known cannot be 'maybe'. Valid are: true, false, or null, which is "
        "that nobody knows.",
        "facts.json:5: 'cause_known' is said twice: only one of them could count",
        "facts.json:6: `facts` is an object, and `id` a text or a number, "
        'write {"data_corruption": "none", "cause_known": null}',
        "facts.json:7: `facts` is an object, and `id` a text or a number, "
        'write {"data_corruption": "none", "cause_known": null}',
        "facts.json:8: this is no JSON that can be read: too deep, or a number too long",
    ]


def test_a_mistake_in_an_object_of_several_lines_has_its_line(run: Run) -> None:
    wrong = run(json.dumps({"cause_known": True, "data_scope": "some"}, indent=1))
    broken = run('{\n "cause_known": true,\n "data_scope": }')
    deep = run("[" * 100_000)

    assert wrong[0] == 2
    assert wrong[2].startswith("facts.json:3: data_scope cannot be 'some'. Valid are: none, rows, tables")
    assert broken[2] == "facts.json:3: this is no JSON from column 16 on\n"
    assert deep[2] == "facts.json:1: this is no JSON that can be read: too deep, or a number too long\n"


def test_nothing_to_read_is_told(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("\n")[2].startswith("facts.json:1: there are no facts, write {")
    assert main(["--facts", "/nowhere.json"]) == 2
    assert capsys.readouterr().err == "/nowhere.json:1: the file cannot be read, no such file or directory\n"


def test_a_file_of_criteria_that_cannot_be_read_is_the_one_that_is_named(run: Run, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_bytes(b"\xff\xfe")

    assert run("{}", "--criteria", str(own))[2] == f"{own}:1: the file cannot be read, it is no UTF-8 text\n"
    assert run("{}", "--criteria", "/no.yaml")[2].startswith("/no.yaml:1: the file cannot be read, no such")


@pytest.mark.parametrize("broken", ['{"id": broken', "rubbish", "["])
def test_a_broken_first_line_takes_no_other_with_it(run: Run, broken: str) -> None:
    code, answers, err = run(f'{broken}\n{{"id": "b", "facts": {{}}}}\nrubbish\n{{}}')

    assert (code, [said["id"] for said in answers]) == (2, ["b", None])
    assert [line.partition(" ")[0] for line in err.splitlines()] == ["facts.json:1:", "facts.json:3:"]


def test_bytes_that_are_no_text_are_told_by_their_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "facts.json"
    file.write_bytes(b'\xef\xbb\xbf{"id": "a", "facts": {}}\r\n{"id": "\xe9", "facts": {}}\r\n{}\r\n')

    assert main(["--facts", str(file), "--format", "json"]) == 2
    out, err = capsys.readouterr()
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["a", None]
    assert err == f"{file}:2: this is no UTF-8 text\n"
    file.write_bytes(b'{\n"id": "\xe9",\n"facts": {}}')
    assert main(["--facts", str(file)]) == 2
    assert capsys.readouterr().err == f"{file}:2: this is no UTF-8 text\n"


def test_other_criteria_decide_when_they_are_named(run: Run, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(mutant(library.read("criteria.yaml"), ("{hotfix.within: 10m}", "{hotfix.within: 1h}")))
    facts = json.dumps({**RELEASE, "cause_known": True, "hotfix_eta_minutes": 45})

    assert run(facts)[1][0]["proposal"] == "code_rollback"
    assert run(facts, "--criteria", str(own))[1][0]["proposal"] == "hotfix"
    own.write_text("rules: 3\n")
    code, answers, err = run(facts, "--criteria", str(own))
    assert (code, answers) == (2, [])
    assert err.startswith(f"{own}:1: ")


def test_people_read_the_same_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {**RELEASE, "cause_known": True, "hotfix_eta_minutes": 35, "customer_impact": "partial"}
    both = [{"id": "INC-1", "facts": facts}, {"data_corruption": None}]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\n".join(map(json.dumps, both)).encode())))

    assert main(["--facts", "-"]) == 0
    first, _, second = capsys.readouterr().out.partition("\nProposal")
    assert first.startswith("INC-1: Proposal: code_rollback\n  Why: A recent release is suspected and")
    assert "  Now: Freeze deployments" in first
    assert "  Ruled out: restore_partial, restore_pitr, restore_full: Nothing shows" in first
    assert "  With config_or_flag_revert_possible yes it would be config_revert" in first
    assert "  With hotfix_eta_minutes at most 10 it would be hotfix; it is 35" in first
    assert second.startswith(": mitigate\n  Why: Nothing better is known")
    assert "  Possible: mitigate" in second or "  Possible: " in second
    assert "  Ask commander: Is harm growing" in second


async def test_it_needs_no_server_no_home_and_no_settings(shell: Shell) -> None:
    ran = await shell.run("decide", "--facts", "-", "--format", "json", stdin=json.dumps(DAMAGE))
    wrong = await shell.run("decide", "--facts", "-", stdin="{}", BACKSTOP_PORT="canary-word")

    assert (ran.code, json.loads(ran.out)["proposal"]) == (0, "restore_full")
    assert list(shell.home.iterdir()) == []
    assert (
        wrong.code,
        wrong.err.startswith("The settings are wrong: BACKSTOP_PORT is no whole number. "),
    ) == (2, True)
    assert "canary-word" not in wrong.err


async def test_its_help_needs_no_token_and_names_the_verb(shell: Shell) -> None:
    ran = await shell.run("decide", "--help")

    assert (ran.code, ran.err) == (0, "")
    assert "--facts FILE" in ran.out
    assert "backstop help decide" in ran.out


def test_a_closed_standard_input_holds_no_facts(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", None)

    assert backstop(["decide", "--facts", "-"]) == 2
    assert capfd.readouterr().err.startswith("stdin:1: there are no facts")


def test_with_standard_output_closed_it_ends_as_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)

    assert backstop(["--version"]) == 0


def test_a_fact_beside_the_facts_is_refused_by_its_line_and_the_fields_of_the_corpus_are_not(
    run: Run,
) -> None:
    lines = (
        {"id": "a", "facts": RELEASE, "severity": 1},
        {"id": "b", "facts": RELEASE, "severty": 1},
        {"id": "c", "facts": RELEASE, "team": "shop"},
        *map(json.loads, library.read("incidents.jsonl").splitlines()[:2]),
    )
    code, said, err = run("\n".join(map(json.dumps, lines)))

    assert code == 2
    assert [each["id"] for each in said] == ["c", *(each["id"] for each in lines[3:])]
    assert err.splitlines() == [
        "facts.json:1: 'severity' stands beside `facts`: write it inside, or it counts for nothing",
        "facts.json:2: 'severty' (did you mean severity?) stands beside `facts`: write it inside, or it "
        "counts for nothing",
    ]


def test_values_are_told_as_json_writes_them(run: Run) -> None:
    facts: tuple[Mapping[str, object], ...] = (
        {"severity": "1"},
        {"backup_verified": "true"},
        {"data_scope": True},
        {"cause_known": "x\n"},
        {"cause_known": "1"},
        {"a b": 1},
    )
    code, _, err = run("\n".join(map(json.dumps, facts)))

    assert code == 2
    assert [line.partition(": ")[2].partition(" Valid")[0] for line in err.splitlines()] == [
        "severity cannot be '1'. Write 1 without quotes.",
        "backup_verified cannot be 'true'. Write true without quotes.",
        "data_scope cannot be true.",
        "cause_known cannot be 'x\\n'.",
        "cause_known cannot be '1'.",
        "There is no fact 'a b': there are " + ", ".join(FACTS),
    ]


def test_an_id_forges_no_line_of_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "facts.json"
    file.write_text(json.dumps({"id": "a\n  Why: \u001b[31mall good", "facts": {}}), encoding="utf-8")

    assert main(["--facts", str(file), "--format", "text"]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "a Why: \\u001b[31mall good: Proposal: mitigate"
    assert second.startswith("  Why: ")


def test_facts_that_do_not_go_together_are_named(run: Run) -> None:
    facts = {**DAMAGE, "backup_available": False, "restore_point_predates_damage": True}
    _, (said,), _ = run(json.dumps(facts))

    assert said["why"][-1] == (
        "backup_available is no and restore_point_predates_damage is yes: they do not go together, so one "
        "of them is mistaken"
    )
