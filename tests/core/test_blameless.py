"""Hints on phrases that blame: each rule finds what it is for, and real accounts are left in peace."""

from __future__ import annotations

import pytest

from bot.core.blameless import hints
from playbooks.catalog import load_catalog
from playbooks.corpus import corpus
from tests.runs.stage import CATALOG

PEOPLE = load_catalog(CATALOG, "catalog.yaml").people


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
        "Bo broke production.",
        "bo broke production",
        "@bo broke it with a flag.",
        "Somebody crashed the host.",
        "The outage was caused by Bo.",
        "Production was taken down by @ana.",
        "It happened because of Ana.",
        "Orders were lost due to cy.",
        "They were lost because Ana forgot the flag.",
        "Orders were lost because\n  Dave forgot to look.",
        "Forgot to renew the certificate.",
        "it was cy's fault",
        "It was Dave's own fault.",
        "It was the operator's mistake.",
        "The fault lies with the vendor.",
        "I blame Bo.",
        "We blamed it on the vendor: he is guilty.",
        "Bo accidentally dropped the table.",
        "The engineer mistakenly ran it.",
        "Ana never tested the restore.",
        "Cy did not look at the graph.",
        "Bo messed up.",
        "He screwed it up.",
        "A botched release.",
        "Who broke production?",
        "Why did Bo press it?",
        "Bo should have asked.",
        "The on-call failed to answer.",
    ],
)
def test_a_phrase_that_blames_is_found_with_another_way_to_say_it(text: str) -> None:
    (hint,) = hints([text], PEOPLE)
    assert hint.startswith("“")
    assert hint.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "Orders are wrong since 02:04; writers are stopped.",
        "A restart would have confused orders already taken.",
        "The job removed references it should have kept.",
        "The adjusted price is shown.",
        "Bo restarted the worker, and Ana looked at the totals.",
        "Ana dropped the copy at 02:31.",
        "The release broke production.",
        "The job broke the index, and it crashed.",
        "Checkout crashed because the disk was full.",
        "Wrong totals were caused by the migration.",
        "We waited because of the freeze, and due to the night shift nobody slept.",
        "The default is an error of rounding; a page fault followed.",
        "It is nobody's fault.",
        "Users who forgot their password could not log in.",
        "Because of Bo's change the totals are right.",
        "Two checks failed, for they broke off at midnight.",
        "Nobody was paged; the alert came at 02:10.",
        "@ana commands, @bo restores. Cy tells customers.",
        "The vendor's mistake in the manual was corrected.",
        "The client's error rate fell.",
        "A blameless review follows; the flag was forgotten in 2019.",
        "The broker wrecked nothing.",
    ],
)
def test_an_account_of_what_happened_is_left_in_peace(text: str) -> None:
    assert hints([text], PEOPLE) == ()


def test_people_are_known_by_their_whole_name_too() -> None:
    dee = {"dee": PEOPLE["bo"].model_copy(update={"name": "Deirdre  Lee"})}
    assert hints(["Deirdre Lee broke it."], dee) == (
        "“Deirdre Lee broke”: say which step did it and what let it, not whose hand it was.",
    )
    assert hints(["Deirdre broke it.", "Dee broke it."], dee) != ()
    assert hints(["Deirdre broke it."], {}) == ()


def test_the_same_advice_is_given_once() -> None:
    assert len(hints(["Obviously it broke.", "Clearly it broke."], PEOPLE)) == 1


def test_accounts_of_real_incidents_are_seldom_found_fault_with() -> None:
    found = {id: hints([one.summary], PEOPLE) for id, one in corpus().items()}
    false = {id: each for id, each in found.items() if each}
    assert len(false) <= len(found) / 50, false
