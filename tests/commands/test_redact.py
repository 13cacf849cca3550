"""What `redact` answers about what it did not remove."""

from __future__ import annotations

from bot.core.events import IssueLinked
from bot.timeline import Change
from tests.runs.stage import Stage


async def said(stage: Stage, line: str) -> str:
    return " ".join((await stage.told("ana", line)).split())


async def test_other_entries_that_still_say_it_are_named_and_the_words_are_not(stage: Stage) -> None:
    await stage.told("ana", 'declare "Orders are wrong" sev:1')
    await stage.told("ana", 'note "log in with hunter2-7"')
    await stage.told("ana", 'note "The password is hunter2-7, do not tell."')
    await stage.told("ana", 'note "we log in now"')
    own = await stage.timeline.read("incident/INC-1")
    first, second = own[-3].seq, own[-2].seq
    answer = await said(stage, f'redact {second} why:"a password"')
    assert (
        f"does not say that in INC-1#{second} any more. The same words, or some of them, still stand in "
        f'INC-1#{first}: `/backstop redact words:"…" why:"…"` takes them out of every entry.'
    ) in answer
    assert "hunter2" not in answer
    answer = await said(stage, f'redact {first} why:"a password"')
    assert f"does not hold that any more: removed from INC-1#{first}." in answer


async def test_of_many_entries_ten_are_named(stage: Stage) -> None:
    await stage.told("ana", 'declare "Orders are wrong" sev:1')
    for number in range(13):
        await stage.told("ana", f'note "hunter2-7, said for the {number}th time"')
    last = (await stage.timeline.read("incident/INC-1"))[-1].seq
    assert "and 2 more: `/backstop redact words:" in await said(stage, f"redact {last} why:x")


async def test_of_a_title_the_answer_says_that_the_issue_keeps_it_in_its_summary(stage: Stage) -> None:
    await stage.told("ana", 'declare "Orders of hunter2-7 are wrong" sev:1')
    await stage.told("ana", 'note "hunter2-7"')
    seq = len(await stage.timeline.read("incident/INC-1"))
    linked = IssueLinked(system="jira", key="OPS-1", url="https://jira.example/browse/OPS-1")
    change = {"incident/INC-1": Change(seq, (linked,))}
    await stage.timeline.append(change, by="backstop", via="jira")
    kept = "The summary of OPS-1 keeps the old title: change it there yourself."
    assert kept not in await said(stage, f"redact {seq} why:x")
    assert kept in await said(stage, "redact 1 why:x")
