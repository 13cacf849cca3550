"""Hints on phrases that blame: each rule finds what it is for, and real accounts are left in peace."""

from __future__ import annotations

import pytest

from bot.core.blameless import hints
from playbooks.corpus import corpus


@pytest.mark.parametrize(
    "text",
    [
        "They should have checked the replica.",
        "It should have been noticed in the dashboard.",
        "If only we knew.",
        "Had they looked at the graph it was plain.",
        "The cause was human error.",
        "A mistake by the operator removed it.",
        "It was @bo's fault.",
        "The vendor is to blame.",
        "A careless change went out.",
        "That was stupid.",
        "Someone forgot to renew it.",
        "@bo failed to restart it.",
        "Nobody cared: they didn't bother.",
        "She did not check the host.",
        "They ignored the warning.",
        "Who deleted it?",
        "Why did he press it?",
        "Obviously the copy was old.",
        "We just had to restart it.",
        "Anyone would see it.",
        "The root cause was a flag.",
        "There was insufficient monitoring.",
        "We were too slow to react.",
        "A junior engineer ran it.",
        "We must be more careful.",
        "They should know better.",
        "They should’ve looked.",
    ],
)
def test_a_phrase_that_blames_is_found_with_another_way_to_say_it(text: str) -> None:
    (hint,) = hints([text])
    assert hint.startswith("“")
    assert hint.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "Orders are wrong since 02:04; writers are stopped.",
        "A restart would have confused orders already taken.",
        "The job removed references it should have kept.",
        "The adjusted price is shown.",
    ],
)
def test_an_account_of_what_happened_is_left_in_peace(text: str) -> None:
    assert hints([text]) == ()


def test_the_same_advice_is_given_once() -> None:
    assert len(hints(["Obviously it broke.", "Clearly it broke."])) == 1


def test_accounts_of_real_incidents_are_seldom_found_fault_with() -> None:
    found = {id: hints([one.summary]) for id, one in corpus().items()}
    false = {id: each for id, each in found.items() if each}
    assert len(false) <= len(found) / 50, false
