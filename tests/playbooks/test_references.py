from __future__ import annotations

from datetime import timedelta

import pytest

from playbooks.references import (
    Reference,
    Suggestion,
    UnknownReference,
    fill_in,
    is_reference,
    mentioned_in,
    parse_suggestion,
    references_in,
    resolve_references,
)

SCOPES = {
    "inputs": {"release": "2.3.0", "replicas": 2},
    "point": {"finished_at": "2026-11-23T02:00:00Z"},
    "run": {"id": "RUN-9"},
}


def test_a_whole_reference_becomes_the_value_with_its_type() -> None:
    given = {"replicas": "inputs.replicas", "args": ["run.id", {"at": "point.finished_at"}], "dry": False}

    assert resolve_references(given, SCOPES) == {
        "replicas": 2,
        "args": ["RUN-9", {"at": "2026-11-23T02:00:00Z"}],
        "dry": False,
    }


def test_a_value_is_never_resolved_again() -> None:
    hostile = {"inputs": {"name": "run.id"}, "run": {"id": "RUN-9"}}

    assert resolve_references("inputs.name", hostile) == "run.id"
    assert fill_in("hello inputs.name", hostile) == "hello run.id"


def test_a_sentence_with_a_reference_stays_as_it_is_and_is_filled_in_for_people() -> None:
    sentence = "Export what is newer than point.finished_at. Then inputs.release."

    assert resolve_references(sentence, SCOPES) == sentence
    assert fill_in(sentence, SCOPES) == "Export what is newer than 2026-11-23T02:00:00Z. Then 2.3.0."


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("inputs.relase", "did you mean release"),
        ("run.zebra", "there are: id"),
    ],
)
def test_a_reference_to_nothing_is_a_clear_error(value: str, why: str) -> None:
    with pytest.raises(UnknownReference, match=why):
        resolve_references(value, SCOPES)


def test_a_scope_that_is_not_given_is_a_clear_error() -> None:
    with pytest.raises(UnknownReference, match="there are: none"):
        resolve_references("point.id", {})


def test_references_are_found_wherever_they_stand() -> None:
    value = {"a": ["inputs.one", 3], "b": "select run.id from run"}
    sentence = "Look before inputs.target-time, not at myinputs.two or http://run.example"

    assert [str(found) for found in references_in(value)] == ["inputs.one"]
    assert [str(found) for found in mentioned_in(sentence)] == ["inputs.target-time"]
    assert list(references_in("point.id")) == [Reference("point", "id")]
    assert is_reference("inputs.one")
    assert not is_reference("say inputs.one")
    assert not is_reference(3)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("release.previous", Suggestion("release", "previous")),
        ("decision.damage_start - 60s", Suggestion("decision", "damage_start", timedelta(seconds=-60))),
        ("incident.started + 2m", Suggestion("incident", "started", timedelta(minutes=2))),
    ],
)
def test_a_suggestion_names_a_value_and_what_is_added(text: str, suggestion: Suggestion) -> None:
    assert parse_suggestion(text) == suggestion


@pytest.mark.parametrize(
    "text", ["now", "inputs.x", "decision.damage_start - 60", "decision.damage_start-60s"]
)
def test_a_suggestion_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"suggests nothing|not a duration"):
        parse_suggestion(text)
