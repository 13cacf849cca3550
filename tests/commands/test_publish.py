"""What is drafted for customers, who may send it, and what is never sent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from bot.core.events import ExternalDrafted, ExternalSent, ExternalTold
from bot.timeline import Change
from tests.clock import Clock
from tests.commands.scenes import PEOPLE, answers, declared, put, refusals, said_in
from tests.runs.stage import Stage


@pytest.fixture
async def open_stage(stage: Stage) -> Stage:
    """A status page is set up, and INC-1 is open."""
    stage.desk = replace(stage.desk, publishes=("statuspage",))
    await declared(stage)
    return stage


async def newest(stage: Stage) -> ExternalDrafted:
    return (await stage.incident()).external.drafts[-1].drafted


async def test_without_a_status_page_it_is_said_what_to_set(stage: Stage) -> None:
    await declared(stage)
    said = ("ana", 'publish "We look." as:monitoring')
    assert await refusals(stage, ("ana", "publish"), said) == snapshot("""\
ana: publish
  Customers cannot be told anything from here: no status page is set up. Set
      BACKSTOP_STATUSPAGE_PAGE and BACKSTOP_STATUSPAGE_KEY, or BACKSTOP_STATUS_WEBHOOK_URL. Nothing
      was recorded.

ana: publish "We look." as:monitoring
  Customers cannot be told anything from here: no status page is set up. Set
      BACKSTOP_STATUSPAGE_PAGE and BACKSTOP_STATUSPAGE_KEY, or BACKSTOP_STATUS_WEBHOOK_URL. Nothing
      was recorded.
""")


async def test_a_draft_stands_in_the_answer_where_no_channel_shows_it(open_stage: Stage) -> None:
    assert await answers(open_stage, ("bo", "publish")) == snapshot("""\
bo: publish
  INC-1 E2, words for customers
  INC-1 E2 is drafted for customers; nobody reads it until somebody sends it. Open
      (http://here/incidents/INC-1)
  Nobody stated the impact: impact "what customers notice"
    Title   Problem with Checkout
    Status  investigating
    Impact  critical
      We are investigating a problem with Checkout. We will say more by 02:40 UTC.
  @ana: nobody outside has read this. It is sent as it stands here.
    [Send to the status page]  publish send E2 inc:INC-1
    [Other words]  publish of:E2 inc:INC-1 …
    [Do not send]  publish drop E2 inc:INC-1
""")
    in_channel = await said_in(open_stage, "bo", "publish inc:INC-1", "C1")
    assert "nobody outside has read this" not in in_channel.text


async def test_what_cannot_be_drafted(open_stage: Stage) -> None:
    assert await refusals(
        open_stage,
        ("ana", "publish We look"),
        ("ana", 'publish " "'),
        ("ana", "publish as:fine"),
        ("ana", "publish as:resolved"),
        ("ana", "publish send"),
        ("ana", "publish send E7"),
        ("ana", "publish drop what"),
    ) == snapshot("""\
ana: publish We look
  What customers read stands in "quotes", as one text: nothing was done. Usage: `/backstop publish
      ["what customers read"] [of:E14] [as:investigating|identified|monitoring|resolved] [title:"…"]
      [data:"what was lost"] | send E14 | drop E14`

ana: publish " "
  There are no words in what customers read: nothing was done. Usage: `/backstop publish ["what
      customers read"] [of:E14] [as:investigating|identified|monitoring|resolved] [title:"…"]
      [data:"what was lost"] | send E14 | drop E14`

ana: publish as:fine
  `fine` is no status: nothing was recorded. Say one of: investigating, identified, monitoring,
      resolved.

ana: publish as:resolved
  INC-1 is investigating, so customers are not told that it is resolved: `resolve` it first. Nothing
      was recorded.

ana: publish send
  Which draft is meant is missing: nothing was done. `publish` makes one.

ana: publish send E7
  INC-1 has no draft E7: nothing was done. `publish` makes one.

ana: publish drop what
  INC-1 has no draft what: nothing was done. `publish` makes one.
""")


async def test_whoever_sends_it_reads_all_of_it(open_stage: Stage) -> None:
    long = await open_stage.say("ana", f'publish "{"word " * 201}"')
    assert not long.ok
    assert long.text.strip() == (
        "Customers would read 1004 characters, and whoever sends it is shown 1000: nothing was recorded. "
        "Say it shorter."
    )
    wide = await open_stage.say("ana", f'publish title:"{"x" * 101}"')
    assert wide.text.strip() == (
        "The title has 101 characters, and 100 are read: nothing was recorded. Shorten it."
    )


async def test_a_draft_is_sent_once_and_never_again(open_stage: Stage) -> None:
    await open_stage.told("ana", 'publish "We look."')
    await open_stage.told("ana", 'publish "We look at it."')
    await open_stage.told("ana", "publish send E3")
    assert await refusals(
        open_stage, ("ana", "publish send E2"), ("ana", "publish send e3"), ("ana", "publish drop E2")
    ) == snapshot("""\
ana: publish send E2
  A later draft replaced E2; the newest is E3. Nothing was sent.

ana: publish send e3
  E3 was sent by @ana at 02:25:00Z. Nothing was sent.

ana: publish drop E2
  A later draft replaced E2; the newest is E3. Nothing was changed.
""")
    await open_stage.told("ana", "publish")
    await open_stage.told("ana", "publish drop 5")
    assert await refusals(open_stage, ("ana", "publish send E5")) == snapshot("""\
ana: publish send E5
  @ana said not to send E5: `publish` drafts anew. Nothing was sent.
""")
    assert await answers(open_stage, ("ana", "publish drop E3")) == snapshot("""\
ana: publish drop E3
  INC-1 E3 is not tried any more. Whether customers read it already, look there. Open
      (http://here/incidents/INC-1)
""")
    entries = await open_stage.timeline.read("incident/INC-1")
    sent = [entry.event for entry in entries if isinstance(entry.event, ExternalSent)]
    assert sent == [ExternalSent(draft=3, systems=("statuspage",))]


async def test_what_is_not_true_any_more_is_not_sent(open_stage: Stage, clock: Clock) -> None:
    await open_stage.told("ana", "publish")
    clock.advance(15 * 60)
    late = await refusals(open_stage, ("ana", "publish send E2"))
    await open_stage.told("ana", 'publish "We look."')
    await open_stage.told("ana", "resolve fixed data:none")
    over = await refusals(open_stage, ("ana", "publish send E3"), ("ana", "publish as:investigating"))
    await open_stage.told("ana", "publish")
    await open_stage.told("ana", "reopen why:again")
    assert late + over + await refusals(open_stage, ("ana", "publish send E5")) == snapshot("""\
ana: publish send E2
  E2 promises more by 02:40Z, which is over: nothing was sent. `publish` drafts anew.
ana: publish send E3
  INC-1 is resolved, so customers are not told that it is investigating: `reopen` it first. Nothing
      was recorded.

ana: publish as:investigating
  INC-1 is resolved, so customers are not told that it is investigating: `reopen` it first. Nothing
      was recorded.
ana: publish send E5
  INC-1 is investigating, so customers are not told that it is resolved: `resolve` it first. Nothing
      was recorded.
""")
    open_stage.desk = replace(open_stage.desk, publishes=())
    await open_stage.told("ana", "resolve fixed data:none")
    assert await refusals(open_stage, ("ana", "publish send E5")) == snapshot("""\
ana: publish send E5
  Customers cannot be told anything from here: no status page is set up. Set
      BACKSTOP_STATUSPAGE_PAGE and BACKSTOP_STATUSPAGE_KEY, or BACKSTOP_STATUS_WEBHOOK_URL. Nothing
      was recorded.
""")


async def test_the_last_words_say_what_was_lost(open_stage: Stage) -> None:
    await open_stage.told("ana", 'resolve "Totals are right" data:"Three orders were lost"')
    await open_stage.told("ana", "publish")
    assert (await newest(open_stage)).text == (
        "The problem with Checkout is resolved. Totals are right. Three orders were lost."
    )
    await open_stage.told("ana", 'publish "It works again."')
    assert (await newest(open_stage)).text == "It works again. Three orders were lost."
    await open_stage.told("ana", 'publish "It works again." data:"We call who lost an order."')
    assert (await newest(open_stage)).text == "It works again. We call who lost an order."


async def test_a_false_alarm_is_told_as_one(open_stage: Stage) -> None:
    await open_stage.told("ana", "false-alarm why:x")
    await open_stage.told("ana", "publish")
    assert (await newest(open_stage)).text == "What we reported of Checkout was a false alarm."


async def test_what_was_merged_is_told_as_one_problem_without_its_data(open_stage: Stage) -> None:
    await open_stage.told("ana", 'declare "Payments fail" sev:2')
    await open_stage.told("ana", "merge INC-1 into INC-2 why:x")
    await open_stage.told("ana", "publish inc:INC-1")
    said = (await newest(open_stage)).text
    assert said == "What we reported of Checkout is the same problem as another one that we report of."


async def test_what_people_type_is_sent_as_it_is_shown(open_stage: Stage) -> None:
    await open_stage.told("ana", 'publish "a\u202eb\x1b[2J <i>&</i>" title:"one\ntwo\u2066"')
    drafted = await newest(open_stage)
    assert drafted.text == "a\\u202eb\\u001b[2J <i>&</i>"
    assert drafted.title == "one two\\u2066"


async def test_the_component_of_the_service_is_as_bad_as_the_incident(open_stage: Stage) -> None:
    put(
        open_stage,
        catalog=PEOPLE.replace("title: Checkout", "title: Checkout\n    status_component: k7730b5v92bv"),
    )
    await open_stage.told("ana", "publish")
    drafted = await newest(open_stage)
    assert (drafted.component, drafted.state, drafted.impact) == ("k7730b5v92bv", "major_outage", "critical")
    await open_stage.told("ana", "sev 3 why:x")
    await open_stage.told("ana", "publish")
    assert ((await newest(open_stage)).state, (await newest(open_stage)).impact) == (
        "degraded_performance",
        "minor",
    )


async def test_nobody_takes_the_role_that_may_send(open_stage: Stage) -> None:
    assert await refusals(open_stage, ("eli", "role comms @eli")) == snapshot("""\
eli: role comms @eli
  You may not give the role comms: that needs the right to command. @ana can; ask one of them here,
      or ask the commander to give you a role with `role`.
""")
    open_stage.desk = replace(open_stage.desk, publishes=())
    await open_stage.told("eli", "role comms @eli")


async def test_what_words_were_removed_from_is_not_sent(open_stage: Stage) -> None:
    await open_stage.told("ana", 'publish "The key is hunter2."')
    await open_stage.told("ana", "redact 2 why:x")
    assert await refusals(open_stage, ("ana", "publish send E2")) == snapshot("""\
ana: publish send E2
  Words were removed from E2: nothing was sent. `publish` drafts anew.
""")


async def test_who_ends_it_reads_what_customers_still_read(open_stage: Stage) -> None:
    await open_stage.told("ana", "publish")
    await open_stage.told("ana", "publish drop E2")
    assert (await open_stage.incident()).external.read is None
    await open_stage.told("ana", "publish")
    await open_stage.told("ana", "publish send E4")
    await open_stage.told("ana", 'action "Alert earlier" @bo')
    assert await answers(
        open_stage,
        ("ana", 'resolve "Prices are right." data:"none lost"'),
        ("ana", "publish as:resolved inc:INC-1"),
        ("ana", "close availability:no speed:no inc:INC-1"),
    ) == snapshot("""\
ana: resolve "Prices are right." data:"none lost"
  INC-1 is resolved. Open (http://here/incidents/INC-1)
  Customers still read: investigating. publish as:resolved inc:INC-1 drafts the end.

ana: publish as:resolved inc:INC-1
  INC-1 E8, words for customers
  INC-1 E8 is drafted for customers; nobody reads it until somebody sends it. Open
      (http://here/incidents/INC-1)
  Nobody stated the impact: impact "what customers notice"
    Title   Problem with Checkout
    Status  resolved
    Impact  critical
      The problem with Checkout is resolved. Prices are right. none lost.
  @ana: nobody outside has read this. It is sent as it stands here.
    [Send to the status page]  publish send E8 inc:INC-1
    [Other words]  publish of:E8 inc:INC-1 …
    [Do not send]  publish drop E8 inc:INC-1

ana: close availability:no speed:no inc:INC-1
  INC-1 is closed. Open (http://here/incidents/INC-1)
  Not done yet: T1 of @bo. Nobody is reminded from now on; task done INC-1.T1 says that one is.
      Customers still read: investigating. publish send E8 inc:INC-1 sends the end.
""")
    draft = (await open_stage.incident()).external.drafts[-1]
    await open_stage.told("ana", f"publish send {draft.name} inc:INC-1")
    await open_stage.told("ana", 'reopen INC-1 why:"once more"')
    answer = await open_stage.say("ana", 'resolve "Prices are right." data:"none lost"')
    assert "Customers" not in answer.text


async def test_an_update_for_everybody_says_that_customers_do_not_read_it(open_stage: Stage) -> None:
    assert await answers(open_stage, ("ana", "update post to:public")) == snapshot("""\
ana: update post to:public
  INC-1 update 1 posted. Open (http://here/incidents/INC-1)
  Customers do not read this: /backstop publish drafts words for them.
""")
    assert "Customers" not in (await open_stage.say("ana", "update post to:exec")).text


async def test_other_words_go_on_with_those_of_a_draft(open_stage: Stage, clock: Clock) -> None:
    await open_stage.told("ana", 'impact "Totals are wrong" start:02:05')
    await open_stage.told("ana", 'publish title:"Wrong totals"')
    await open_stage.told("ana", "publish drop E3")
    first = await newest(open_stage)
    began = await open_stage.say("ana", "publish of:E3")
    assert began.data["fields"] == {
        "1": first.text,
        "as": "investigating",
        "title": "Wrong totals",
        "data": "",
    }
    assert await newest(open_stage) == first

    await open_stage.told("ana", "publish of:e3 as:identified")
    again = await newest(open_stage)
    assert (again.text, again.status, again.title) == (first.text, "identified", "Wrong totals")
    promised = 'publish "Totals are wrong, and we will mend them. We will say more by 02:40 UTC." of:E3'
    await open_stage.told("ana", promised)
    assert (await newest(open_stage)).promised == again.promised == first.promised
    await open_stage.told("ana", 'publish "We look. We will say more soon." of:E3')
    assert (await newest(open_stage)).promised is None
    await open_stage.told("ana", 'publish "We look." of:E7')
    assert (await newest(open_stage)).promised is None
    await open_stage.told("ana", promised)
    clock.advance(15 * 60)
    assert "promises more by 02:40Z, which is over" in (await open_stage.say("ana", "publish send E10")).text


async def test_other_words_say_once_what_was_lost(open_stage: Stage) -> None:
    await open_stage.told("ana", 'resolve "Totals are right" data:"Three orders were lost"')
    await open_stage.told("ana", 'publish "It works again." data:"We call who lost an order."')
    began = await open_stage.say("ana", "publish of:E3")
    assert began.data["fields"] == {
        "1": "It works again.",
        "as": "resolved",
        "title": "Problem with Checkout",
        "data": "We call who lost an order.",
    }
    await open_stage.told("ana", "publish of:E3")
    assert (await newest(open_stage)).text == "It works again. We call who lost an order."
    await open_stage.told("ana", 'publish "All works." of:E3 data:"We call who lost an order"')
    assert (await newest(open_stage)).text == "All works. We call who lost an order."
    await open_stage.told("ana", 'publish "All works. Three orders were lost." of:E3')
    assert (await newest(open_stage)).text == "All works. Three orders were lost."
    await open_stage.told("ana", "publish of:E7")
    assert (await newest(open_stage)).text == "All works. Three orders were lost."


async def test_of_what_no_other_words_are_drafted(open_stage: Stage) -> None:
    await open_stage.told("ana", 'publish "The key is hunter2." data:"hunter2 was lost"')
    await open_stage.told("ana", 'redact words:"hunter2" why:x')
    assert "hunter2" not in repr((await open_stage.timeline.read("incident/INC-1"))[1].event)
    assert await refusals(
        open_stage, ("ana", "publish of:E2"), ("ana", "publish of:E9"), ("ana", "publish of:x")
    ) == snapshot("""\
ana: publish of:E2
  Words were removed from E2: nothing was recorded. `publish` drafts anew.

ana: publish of:E9
  INC-1 has no draft E9: nothing was done. The newest is E2.

ana: publish of:x
  INC-1 has no draft x: nothing was done. The newest is E2.
""")


async def test_a_title_that_stands_on_the_page_is_no_change_of_it(open_stage: Stage) -> None:
    await open_stage.told("ana", "publish")
    await open_stage.told("ana", "publish send E2")
    told = ExternalTold(draft=2, system="statuspage", status="investigating", key="k")
    await open_stage.timeline.append({"incident/INC-1": Change(3, (told,))}, by="backstop", via="test")
    await open_stage.told("ana", 'publish "We look." title:"Problem with Checkout"')
    refused = await open_stage.say("ana", 'publish "We look." title:"Another title"')
    assert "On the status page it has its title already" in refused.text
