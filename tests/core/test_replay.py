"""A session is a fold over what a commander asked, told and chose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Refused
from bot.core.replay import (
    Asked,
    Chose,
    Session,
    Told,
    answer,
    begin,
    by_the_record,
    find,
    matching,
    played,
    read,
    result,
    step,
    verdict,
)
from playbooks import library
from playbooks.corpus import corpus
from playbooks.criteria import load_criteria
from playbooks.words import Option
from tests.small_criteria import LOOKED_UP, SMALL

SHIPPED = load_criteria(library.read("criteria.yaml"), "criteria.yaml")
GITLAB = corpus()["gitlab-2017-01-31"]
CODE_SPACES = corpus()["codespaces-2014-06-17"]


def session(id: str = "gitlab-2017-01-31") -> Session:
    return begin(corpus()[id], SMALL)


def refusal(line: str, at: Session) -> str:
    with pytest.raises(Refused) as refused:
        read(at, line)
    return str(refused.value)


def test_only_what_a_machine_looks_up_is_known_before_anybody_is_asked() -> None:
    before = session()

    assert set(before.machine) == set(LOOKED_UP)
    assert before.machine == {"previous_artifact_available": None, "backup_available": True}
    assert before.decision.proposal is None
    assert (before.learnt, before.chosen, before.needed) == ({}, None, None)


def test_the_record_answers_what_is_asked_and_the_commander_what_they_tell() -> None:
    asked = step(session(), Asked("data_corruption"))
    told = step(asked, Told("data_scope", "rows"))

    assert asked.learnt == {"data_corruption": "confirmed"}
    assert told.learnt == {"data_corruption": "confirmed", "data_scope": "rows"}
    assert told.own == {"data_scope"}
    assert told.otherwise == {"data_scope": "database"}


def test_what_nobody_wrote_down_is_known_to_nobody() -> None:
    assert step(session(), Asked("hotfix_can_be_staged")).learnt == {"hotfix_can_be_staged": None}
    own = step(session(), Told("hotfix_can_be_staged", True))
    assert own.otherwise == {}, "the record says nothing else"


def test_a_fact_answered_again_is_corrected_and_counts_once() -> None:
    told = step(session(), Told("data_scope", "rows"))
    corrected = step(told, Asked("data_scope"))

    assert corrected.learnt == {"data_scope": "database"}
    assert (corrected.own, corrected.otherwise) == (frozenset(), {})


def test_asked_to_the_end_the_proposal_is_chosen_and_the_questions_are_counted() -> None:
    ended = by_the_record(session())

    assert ended.chosen is Option.RESTORE_FULL
    assert ended.question is None
    assert ended.learnt == {"data_corruption": "confirmed", "data_scope": "database"}
    assert ended.needed == 2
    assert step(ended, Asked("cause_known")).needed == 2


@pytest.mark.parametrize("id", corpus())
def test_every_incident_can_be_replayed_to_a_proposal(id: str) -> None:
    ended = by_the_record(begin(corpus()[id], SHIPPED))

    assert ended.chosen is not None
    assert json.loads(json.dumps(result(ended)))["questions_needed"] == len(ended.learnt)


def test_criteria_that_ask_nothing_more_end_without_a_choice_of_their_own() -> None:
    """Criteria of one's own may leave nothing to ask; then only the commander can go on."""
    before = session()
    silent = replace(before, decision=replace(before.decision, ask=()))

    assert silent.question is None
    assert by_the_record(silent).chosen is None
    assert refusal("", silent).startswith(
        "Nothing is asked and nothing proposed. Say an option: config_revert"
    )


@given(st.permutations(["data_corruption", "data_scope", "irreversible_harm_accruing", "cause_known"]))
def test_in_which_order_facts_are_asked_for_does_not_matter(order: list[str]) -> None:
    ended = played(session(), map(Asked, order))

    assert ended.decision == played(session(), map(Asked, sorted(order))).decision


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (Option.RESTORE_FULL, "best"),
        (Option.RESTORE_PITR, "acceptable"),
        (Option.CODE_ROLLBACK, "not acceptable"),
        (None, "nobody says"),
    ],
)
def test_a_choice_is_judged_by_the_record(option: Option | None, says: str) -> None:
    assert verdict(option, corpus()["gliffy-2016-03-20"]) == says


def test_where_nothing_was_left_nobody_judges() -> None:
    assert verdict(Option.WAIT, CODE_SPACES) == "nobody says"


def test_a_line_is_an_answer_some_facts_an_option_or_what_comes_next() -> None:
    before = session()

    assert read(before, "") == (Asked("data_corruption"),)
    assert read(before, " ask ") == (Asked("data_corruption"),)
    assert read(before, "confirmed") == (Told("data_corruption", "confirmed"),)
    assert read(before, "nobody knows") == (Told("data_corruption", None),)
    assert read(before, "cause-known:yes data_scope:ask") == (Told("cause_known", True), Asked("data_scope"))
    assert read(before, "Restore-Full") == (Chose(Option.RESTORE_FULL),)
    assert read(by_the_record(before), "") == (Chose(Option.RESTORE_FULL),)


def test_a_line_that_is_nothing_is_refused_with_what_would_be_right() -> None:
    before = session()

    assert refusal("perhaps", before) == (
        "data_corruption cannot be 'perhaps'. Valid are: none, suspected, confirmed, ongoing, or unknown. "
        "`ask` lets the record answer."
    )
    assert refusal("data_scop:rows", before) == (
        "There is no fact 'data_scop': did you mean data_scope? `ask` lets the record answer."
    )
    assert refusal("data_scop:ask", before).startswith("There is no fact 'data_scop'")
    assert refusal("pray", by_the_record(before)) == (
        "'pray' is no option. Say one of: config_revert, code_rollback, hotfix, restore_partial, "
        "restore_pitr, restore_full, failover, mitigate, wait; or fact:value."
    )


def test_an_answer_says_which_fact_it_is_for() -> None:
    assert answer("data-scope", "tenants") == Told("data_scope", "tenants")
    assert answer("hotfix_eta_minutes", "?") == Told("hotfix_eta_minutes", None)


def test_an_incident_is_found_by_its_id_and_the_nearest_one_is_offered() -> None:
    assert find("GitLab-2017-01-31", corpus()) is GITLAB
    for word, near in (
        ("gitlab-2017-01-30", "gitlab-2017-01-31"),
        ("knight", "knight-2012-08-01"),
        ("replica's", "gitlab-2017-01-31"),
    ):
        with pytest.raises(Refused) as refused:
            find(word, corpus())
        assert str(refused.value) == (
            f"There is no incident {word!r} to replay. Did you mean {near}? `replay` alone lists them."
        )
    with pytest.raises(
        Refused, match=r"^There is no incident 'zzz' to replay\. `replay` alone lists them\.$"
    ):
        find("zzz", corpus())


def test_a_word_finds_the_incidents_that_tell_of_it() -> None:
    assert len(matching("", corpus())) == len(corpus())
    assert [each.id for each in matching("KNIGHT", corpus())] == ["knight-2012-08-01"]
    assert "sentry-2015-07-20" in [each.id for each in matching("wraparound", corpus())]


def test_the_end_is_told_for_programs() -> None:
    ended = played(session(), (Asked("data_corruption"), Told("data_scope", "rows"), Chose(Option.WAIT)))
    told: Mapping[str, Any] = json.loads(json.dumps(result(ended)))

    assert told == {
        "id": "gitlab-2017-01-31",
        "company": "GitLab",
        "date": "2017-01-31",
        "choice": "wait",
        "verdict": "not acceptable",
        "proposal": "restore_partial",
        "proposal_verdict": "not acceptable",
        "questions": 2,
        "questions_needed": 2,
        "answers": {"data_corruption": "confirmed", "data_scope": "rows"},
        "otherwise": {"data_scope": "database"},
        "action_taken": "restore_full",
        "best_action": "restore_full",
        "acceptable_actions": ["restore_full"],
        "confidence": "high",
        "basis": "outcome_evident",
        "times": {
            "minutes_to_detect": 0,
            "minutes_detect_to_decide": None,
            "minutes_to_recover": 1124,
            "data_loss_minutes": 360,
        },
        "lesson": GITLAB.lesson,
        "link": GITLAB.link,
    }
