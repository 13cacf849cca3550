"""The one way in: nothing is done on a guess, nothing is done twice, nothing typed is interpreted."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

from inline_snapshot import snapshot

from bot.commands import VERBS, say
from bot.core.document import to_json
from bot.core.errors import Conflict
from bot.core.events import IncidentDeclared, NoteAdded
from bot.core.may import Actor, Right
from bot.shelf import Shelf
from bot.timeline import Timeline
from tests.commands.scenes import declared, folded, refusals, written
from tests.runs.stage import Stage


async def test_what_cannot_be_understood_names_the_nearest_word_and_the_usage(stage: Stage) -> None:
    assert await refusals(
        stage,
        ("ana", "decalre x"),
        ("ana", "xyzzy"),
        ("ana", "declare x serverity:1"),
        ("ana", "declare x colour:red"),
        ("ana", "declare Orders are wrong"),
        ("ana", "ping pong"),
        ("ana", "freeze on a b c d"),
        ("ana", "declare"),
        ("ana", "hold RUN-1"),
        ("ana", "freeze on svc:checkout"),
        ("ana", 'freeze on svc:checkout why:" "'),
        ("ana", 'note "unended'),
        ("ana", "help xyzzy"),
    ) == snapshot("""\
ana: decalre x
  `decalre` is no verb: nothing was done. Did you mean `declare`? `/backstop help` lists what you
      can say.

ana: xyzzy
  `xyzzy` is no verb: nothing was done. `/backstop help` lists what you can say.

ana: declare x serverity:1
  `declare` has no option `serverity:`: nothing was done. Usage: `/backstop declare "title"
      [sev:1..4] [svc:name] [env:name] [release:2.4.0] [since:02:10] [damage:02:10] [change:OPS-12]
      [commander:@ana]`

ana: declare x colour:red
  `declare` has no option `colour:`: nothing was done. Usage: `/backstop declare "title" [sev:1..4]
      [svc:name] [env:name] [release:2.4.0] [since:02:10] [damage:02:10] [change:OPS-12]
      [commander:@ana]`

ana: declare Orders are wrong
  `declare` takes one word, or one text in "quotes", not 3: nothing was done. Usage: `/backstop
      declare "title" [sev:1..4] [svc:name] [env:name] [release:2.4.0] [since:02:10] [damage:02:10]
      [change:OPS-12] [commander:@ana]`

ana: ping pong
  `ping` takes no words, not 1: nothing was done. Usage: `/backstop ping`

ana: freeze on a b c d
  `freeze` takes at most 4 words, or texts in "quotes", not 5: nothing was done. Usage: `/backstop
      freeze on svc:… [env:…] [kinds:…] why:"…" | off FRZ-7 | extend FRZ-7 [for:4h] | allow FRZ-7
      checkout@sha "why" | show`

ana: declare
  The title in "quotes" is missing: nothing was done. Usage: `/backstop declare "title" [sev:1..4]
      [svc:name] [env:name] [release:2.4.0] [since:02:10] [damage:02:10] [change:OPS-12]
      [commander:@ana]`

ana: hold RUN-1
  There is no RUN-1. `/backstop list` shows what is under way.

ana: freeze on svc:checkout
  `why:"…"` is missing: nothing was done. It says the reason, which every refused pipeline will
      read. Usage: `/backstop freeze on svc:… [env:…] [kinds:…] why:"…" | off FRZ-7 | extend FRZ-7
      [for:4h] | allow FRZ-7 checkout@sha "why" | show`

ana: freeze on svc:checkout why:" "
  `why:"…"` is missing: nothing was done. It says the reason, which every refused pipeline will
      read. Usage: `/backstop freeze on svc:… [env:…] [kinds:…] why:"…" | off FRZ-7 | extend FRZ-7
      [for:4h] | allow FRZ-7 checkout@sha "why" | show`

ana: note "unended
  A quote does not end: nothing was recorded. Close it with " and say it again.

ana: help xyzzy
  `xyzzy` is no verb: nothing was done. `/backstop help` lists what you can say.
""")


async def test_an_empty_line_is_help(stage: Stage) -> None:
    assert (await stage.say("ana", " ")).text == (await stage.say("ana", "help")).text


async def test_the_same_delivery_gets_the_same_answer_and_writes_one_event(both: Stage) -> None:
    first = await both.say("ana", 'declare "Orders are wrong"', delivery="once")
    again = await both.say("ana", 'declare "Orders are wrong"', delivery="once")
    refused = await both.say("ana", "xyzzy", delivery="never")

    assert (again.text, again.ok, dict(again.data)) == (first.text, first.ok, dict(first.data))
    assert (await both.say("ana", 'declare "x"', delivery="never")).text == refused.text
    assert await written(both) == 1


HOSTILE = [
    "<!channel> <@U0BO> @everyone",
    "a|b*c_d`e~f & <b>",
    "\u202eright to left",
    "x" * 40_000,
    "🔥" * 200,
    "line\nline",
    "=1+1; DROP TABLE entry --",
    "${run.id} {0} %s",
]


async def test_hostile_text_is_stored_and_answered_as_it_was_typed(both: Stage) -> None:
    for number, text in enumerate(HOSTILE, start=1):
        answer = await both.say("ana", f'declare "{text}"')
        await both.told("ana", f'note "nul\x00 {text}" inc:INC-{number}')

        title = text.replace("\n", " ")
        story = [entry.event for entry in await both.timeline.read(f"incident/INC-{number}")]

        assert [event.title for event in story if isinstance(event, IncidentDeclared)] == [title]
        assert [event.text for event in story if isinstance(event, NoteAdded)] == [rf"nul\u0000 {text}"]
        assert json.dumps(f"{title}. SEV")[1:-1] in json.dumps(to_json(answer.document))


async def test_hostile_words_come_back_in_refusals_cut_short(stage: Stage) -> None:
    for line in ("{}", "status {}", "hold {} why:x", "freeze off {}", "declare x svc:{}", "role ops {}"):
        answer = await stage.say("ana", line.format("<!channel>" * 3_000))
        assert not answer.ok
        assert len(answer.text) < 600, line


async def test_a_pipeline_may_read_and_write_nothing(stage: Stage) -> None:
    await declared(stage)
    ci = Actor("ci", "pipeline")
    for verb in VERBS.values():
        answer = await say(stage.desk, f"{verb.name} x", who=ci, via="http", delivery=f"ci-{verb.name}")
        sentence = (
            "The pipeline ci may only read, ask the gate and record releases; "
            f"a person must use `{verb.name}`.\n"
        )
        assert (answer.text == sentence) is (verb.right not in (Right.READ, Right.REPORT))
    assert await written(stage) == 1


async def test_somebody_outside_of_the_catalog_holds_no_right_that_is_asked_for(stage: Stage) -> None:
    await declared(stage)
    zed = Actor("zed")
    answer = await say(stage.desk, 'resolve "x" data:none', who=zed, via="slack", delivery="zed")
    assert folded(stage, answer) == snapshot("""\
  You may not resolve the incident: that needs the right to command. @ana can; ask one of them here,
      or ask the commander to give you a role with `role`.\
""")


async def test_a_catalog_that_cannot_be_read_is_said_with_its_lines(stage: Stage) -> None:
    stage.shelf.catalog_file.write_text("schema: backstop/catalog/1\nservices: []\n")
    empty = replace(stage.desk, shelf=Shelf(stage.shelf.catalog_file, stage.shelf.playbook_folder))

    answer = await say(empty, "declare x", who=Actor("ana"), via="test", delivery="d")

    assert answer.text.splitlines()[0] == snapshot("The catalog or a playbook cannot be read:")
    assert "catalog.yaml:2:" in answer.text


class Busy(Timeline):
    """A timeline on which somebody else is always faster."""

    async def append(self, *_args: object, **_more: object) -> list[object]:  # type: ignore[override]
        raise Conflict("Somebody else wrote first.")


async def test_whoever_is_always_slower_is_told_after_a_while_that_nothing_was_recorded(stage: Stage) -> None:
    stage.timeline.__class__ = Busy
    assert folded(stage, await stage.say("ana", "declare x")) == snapshot(
        "  Too many people wrote at once: nothing was recorded. Say it again."
    )


async def test_a_database_that_is_gone_is_told_and_the_same_delivery_may_come_again(
    stage: Stage, sqlite_url: str
) -> None:
    file = sqlite_url.partition("///")[2]
    with closing(sqlite3.connect(file)) as database:
        database.execute("ALTER TABLE inbox RENAME TO elsewhere")

    answer = await stage.say("ana", "declare x", delivery="d")

    assert folded(stage, answer) == snapshot("""\
  Backstop's database cannot be reached or written (no such table: inbox): nothing was recorded. Say
      it again in a moment; `backstop doctor` tells more.\
""")
    assert answer.data == {"unavailable": True}
    with closing(sqlite3.connect(file)) as database:
        database.execute("ALTER TABLE elsewhere RENAME TO inbox")
    assert (await stage.say("ana", "declare x", delivery="d")).ok


def test_every_verb_is_listed_under_its_name_with_a_sentence_and_its_options_in_the_usage() -> None:
    for name, verb in VERBS.items():
        assert verb.usage.split()[0] == name
        assert verb.summary.endswith(".")
        for option in verb.options - {"inc", "why", "plan", "commander", "ops", "comms", "scribe", "alerted"}:
            assert f"{option.upper() if len(option) == 1 else option}:" in verb.usage, (name, option)


async def test_what_to_say_next_is_said_as_it_is_typed_where_it_is_read(stage: Stage) -> None:
    told = {
        via: (await say(stage.desk, "decalre x", who=Actor("ana"), via=via, delivery=via)).text
        for via in ("slack", "http")
    }

    assert "`/backstop help` lists" in told["slack"]
    assert "`backstop help` lists" in told["http"]
