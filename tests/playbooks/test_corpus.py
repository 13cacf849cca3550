from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from playbooks import library
from playbooks.corpus import FILE, Precedent, corpus, load_corpus
from playbooks.criteria import FACTS
from playbooks.problems import PlaybookInvalid
from playbooks.words import Option

FIRST: Mapping[str, Any] = json.loads(library.read(FILE).splitlines()[0])


def line(**changed: object) -> str:
    return json.dumps({**FIRST, **changed})


def problems(text: str) -> str:
    with pytest.raises(PlaybookInvalid) as invalid:
        load_corpus(text, "more.jsonl")
    return str(invalid.value)


def test_the_corpus_holds_one_decision_a_line_under_its_own_id() -> None:
    found = corpus()

    assert len(found) == len(library.read(FILE).splitlines()) == 125
    assert all(id == precedent.id for id, precedent in found.items())
    assert corpus() is found


def test_all_but_the_company_that_had_no_way_out_say_what_would_have_been_best() -> None:
    without = [precedent.id for precedent in corpus().values() if precedent.best_action is None]

    assert without == ["codespaces-2014-06-17"]
    assert all(p.best_action in p.acceptable_actions for p in corpus().values() if p.best_action)
    assert Counter(p.best_action for p in corpus().values())[Option.CONFIG_REVERT] == 30


def test_every_precedent_has_a_link_or_says_that_it_is_told_from_memory() -> None:
    for precedent in corpus().values():
        link = precedent.link
        assert (link is None) is precedent.source.startswith("from memory"), precedent.id
        assert link is None or re.fullmatch(r"https?://[^\s@]+", link), precedent.id


def test_a_file_in_a_repository_is_linked_where_people_read_it() -> None:
    assert corpus()["rustup-2021-04-27"].link == (
        "https://github.com/rust-lang/blog.rust-lang.org/blob/HEAD/"
        "content/inside-rust/rustup-1.24.0-incident-report.md"
    )


def test_the_scene_tells_what_went_wrong_and_not_what_was_done() -> None:
    assert corpus()["gitlab-2017-01-31"].scene == (
        "Repairing lagging replication, an operator removed the primary's data directory "
        "instead of the replica's."
    )
    assert corpus()["bungie-2020-01-28"].scene == (
        "A fix for wrong timestamps had a side effect that removed players' items."
    )
    told = re.compile(r"rolled? back|restored|reverted|fail(ed)? over\b|was patched|hotfix")
    assert [p.id for p in corpus().values() if told.search(p.scene)] == []


def test_facts_are_those_of_the_criteria() -> None:
    facts = corpus()["gitlab-2017-01-31"].facts

    assert set(facts) < set(FACTS)
    assert facts["data_corruption"] == "confirmed"
    assert facts["backup_age_minutes"] == 360
    assert facts["pitr_available"] is False
    assert facts["hotfix_eta_minutes"] is None


def test_blank_lines_are_no_decisions() -> None:
    assert list(load_corpus(f"\n{line(id='a')}\n\n{line(id='b')}\n", "more.jsonl")) == ["a", "b"]


def test_a_precedent_cannot_be_changed() -> None:
    facts: Any = corpus()["gitlab-2017-01-31"].facts
    with pytest.raises(TypeError):
        facts["severity"] = 3


def test_each_line_that_is_wrong_is_told_with_its_number() -> None:
    text = "\n".join(
        (
            line(),
            "{",
            "[]",
            line(id="b", facts={**FIRST["facts"], "backup_verified": "maybe"}),
            line(id="c", facts={"backup_verifid": True}),
            line(id="d", facts=["severity"]),
            line(id="e", best_action="roll_back"),
            line(id="f", lessen="Backups are for restoring."),
            line(id="g", times={**FIRST["times"], "minutes_to_detect": -1}),
            line(id="h", date="yesterday"),
            line(),
        )
    )

    assert problems(text).splitlines() == [
        "more.jsonl:2: the line is no JSON from column 2 on, each is one decision",
        "more.jsonl:3: the line is no JSON object, each is one decision",
        "more.jsonl:4: facts: backup_verified cannot be 'maybe'. Valid are: true, false, or null, which is "
        "that nobody knows.",
        "more.jsonl:5: facts: There is no fact 'backup_verifid': did you mean backup_verified?",
        "more.jsonl:6: facts: facts are an object of names and values",
        "more.jsonl:7: best_action cannot be 'roll_back', did you mean code_rollback?, valid: config_revert, "
        "code_rollback, hotfix, restore_partial, restore_pitr, restore_full, failover, mitigate, wait",
        "more.jsonl:8: there is no key 'lessen' here, did you mean lesson?, valid: "
        + ", ".join(Precedent.model_fields),
        "more.jsonl:9: times.minutes_to_detect: Input should be greater than or equal to 0",
        "more.jsonl:10: date: String should match pattern '^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$'",
        "more.jsonl:11: a second 'gitlab-2017-01-31', replays name it",
    ]
