from __future__ import annotations

import pytest

from playbooks.inputs import read_input, suggestions
from playbooks.model import Input, Playbook
from tests.playbooks.examples import pitr


def playbook(**inputs: Input) -> Playbook:
    return pitr().playbook.model_copy(update={"inputs": inputs})


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("instant", "2026-11-23T03:10:00+01:00", "2026-11-23T02:10:00Z"),
        ("instant", " 2026-11-23T02:10:00Z ", "2026-11-23T02:10:00Z"),
        ("release", "v2.3.0-rc.1+build_5", "v2.3.0-rc.1+build_5"),
        ("secret-ref", "team/storefront-token", "team/storefront-token"),
        ("number", "-3", -3),
        ("number", "0.5", 0.5),
        ("text", "tenants 4 and 7 <!channel> 🔥", "tenants 4 and 7 <!channel> 🔥"),
    ],
)
def test_an_input_is_read_as_its_type(kind: str, text: str, value: object) -> None:
    assert read_input(Input.model_validate({"type": kind, "ask": "Which?"}), text) == value


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        ("instant", "2026-11-23T02:10:00", "with its zone"),
        ("instant", "two o'clock", "with its zone"),
        ("release", "2.3.0; rm -rf /", "letters, digits"),
        ("release", "-rf", "letters, digits"),
        ("secret-ref", "hunter2!", "name the secret, never write it"),
        ("number", "1e9", "write a number"),
        ("number", "٣", "write a number"),
        ("text", "", "1 to 500 characters"),
        ("text", "x" * 501, "1 to 500 characters"),
        ("text", "a\x00b", "1 to 500 characters"),
        ("text", "a\u202eb", "1 to 500 characters"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(kind: str, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_input(Input.model_validate({"type": kind, "ask": "Which?"}), text)


def test_a_choice_is_one_of_its_words() -> None:
    flag = Input(type="choice", ask="Which flag?", choices=("new-prices", "gift-cards"))

    assert read_input(flag, "gift-cards") == "gift-cards"
    with pytest.raises(ValueError, match="did you mean gift-cards"):
        read_input(flag, "gift-card")
    with pytest.raises(ValueError, match="choose of new-prices, gift-cards"):
        read_input(flag, "zzz")


def test_what_is_known_is_suggested() -> None:
    asked = playbook(
        at=Input(type="instant", ask="When?", suggest="decision.damage_start - 60s"),
        later=Input(type="instant", ask="When?", suggest="incident.ended"),
        release=Input(type="release", ask="Which?", suggest="release.previous"),
        why=Input(type="text", ask="Why?"),
    )

    assert suggestions(
        asked,
        {"decision": {"damage_start": "2026-11-23T02:10:00Z"}, "release": {"previous": "2.3.0"}},
    ) == {"at": "2026-11-23T02:09:00Z", "release": "2.3.0"}
    assert suggestions(asked, {"decision": {"damage_start": "about two"}}) == {}
