"""Releases as people and pipelines say them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from inline_snapshot import snapshot

from bot.commands import say
from bot.core.events import ReleaseRecorded
from bot.core.may import Actor
from tests.commands.scenes import answers
from tests.runs.stage import Stage

WHOLE = (
    "release record checkout version:2.4.0 env:production commit:ab12 strategy:canary change:schema "
    "migrations:m7=reversible,m8=irreversible,m9 components:api,worker "
    "artifact:registry.example:5000/checkout@sha256:ab previous:2.3.0 at:02:10 out-of-pipeline:yes"
)


async def recorded(stage: Stage) -> list[ReleaseRecorded]:
    entries = await stage.timeline.read("service/checkout")
    return [entry.event for entry in entries if isinstance(entry.event, ReleaseRecorded)]


async def test_a_release_is_kept_with_all_that_was_said(both: Stage) -> None:
    await both.told("bo", WHOLE)

    [entry] = await both.timeline.read("service/checkout")
    assert entry.event == ReleaseRecorded(
        version="2.4.0",
        environment="production",
        commit="ab12",
        strategy="canary",
        migrations=("m7", "m8", "m9"),
        change="schema",
        reversible={"m7": True, "m8": False},
        components=("api", "worker"),
        artifact="registry.example:5000/checkout@sha256:ab",
        previous="2.3.0",
        out_of_pipeline=True,
    )
    assert (entry.occurred_at, entry.by) == (datetime(2026, 11, 23, 2, 10, tzinfo=UTC), "bo")


async def test_the_same_release_is_recorded_once_and_both_are_told(stage: Stage) -> None:
    line = "release record checkout version:2.4.0 migrations:none"
    assert await answers(stage, ("bo", line), ("bo", line)) == snapshot("""\
bo: release record checkout version:2.4.0 migrations:none
  checkout 2.4.0 in production is recorded.
  Shown by /backstop release list checkout

bo: release record checkout version:2.4.0 migrations:none
  checkout 2.4.0 in production was recorded before: nothing was changed.
  Shown by /backstop release list checkout
""")
    assert await recorded(stage) == [
        ReleaseRecorded(version="2.4.0", environment="production", change="code", reversible={})
    ]


async def test_a_release_that_is_told_after_the_fact_is_kept_beside_the_one_of_another_moment(
    stage: Stage,
) -> None:
    line = "release record checkout version:2.4.0"
    told = await answers(stage, ("bo", line), ("bo", f"{line} at:-30m"), ("bo", f"{line} at:-30m"))
    assert told == snapshot("""\
bo: release record checkout version:2.4.0
  checkout 2.4.0 in production is recorded.
  Shown by /backstop release list checkout

bo: release record checkout version:2.4.0 at:-30m
  checkout 2.4.0 in production is recorded. It went out 2026-11-23 01:55:00Z, 30 min ago. The same
      version of 2026-11-23 02:25:00Z stays; to correct that one, say it again with
      at:2026-11-23T02:25:00Z.
  Shown by /backstop release list checkout

bo: release record checkout version:2.4.0 at:-30m
  checkout 2.4.0 in production was recorded before: nothing was changed.
  Shown by /backstop release list checkout
""")
    assert len(await recorded(stage)) == 2


async def test_releases_are_listed_newest_first(stage: Stage) -> None:
    await stage.told("bo", WHOLE)
    await stage.told("bo", "release record checkout version:2.5.0 migrations:none")
    await stage.told("bo", 'release record checkout version:"flag new-totals on" change:config')
    assert await answers(stage, ("bo", "release list checkout")) == snapshot("""\
bo: release list checkout
    When                  Version             Environment  Change                      Migrations
      By
    2026-11-23 02:25:00Z  flag new-totals on  production   config                      nobody said
      bo
    2026-11-23 02:25:00Z  2.5.0               production   code                        none
      bo
    2026-11-23 02:10:00Z  2.4.0               production   schema, past the pipelines  m7, m8
      (cannot be taken back), m9  bo
""")
    assert "flag" not in await stage.told("bo", "release list checkout env:staging")


async def test_a_pipeline_records_releases_with_the_verb_as_well(stage: Stage) -> None:
    line = "release record checkout version:2.4.0"
    answer = await say(stage.desk, line, who=Actor("ci", "pipeline"), via="http", delivery="ci-1")

    assert answer.ok
    assert answer.data["recorded"] is True
    [entry] = await stage.timeline.read("service/checkout")
    assert entry.by == "ci"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("release", "`record` or `list` is missing: nothing was done."),
        (
            "release keep checkout",
            "`keep` is no word of release: nothing was recorded. Say one of: record, list.",
        ),
        ("release record", "The service is missing: nothing was done."),
        (
            "release record chekout version:1",
            "There is no service chekout: nothing was recorded. Did you mean checkout?",
        ),
        ("release list moon", "There is no service moon: nothing was recorded. There are: checkout."),
        (
            "release record checkout",
            '`version:"…"` is missing: nothing was done. It says which version, or what was',
        ),
        (
            "release record checkout version:1 env:moon",
            "`moon` is no environment of checkout: nothing was recorded.",
        ),
        ("release record checkout version:1 strategy:yolo", "`yolo` is no strategy: nothing was recorded."),
        (
            "release record checkout version:1 change:magic",
            "`magic` is no kind of change: nothing was recorded.",
        ),
        ("release record checkout version:1 migrations:m7=maybe", "`maybe` is no word about a migration"),
        (
            "release record checkout version:1 migrations:=reversible",
            "The name of a migration is no line of 1 to 200",
        ),
        (
            "release record checkout version:1 artifact:https://a:b@c/d",
            "is not kept, because it holds who may open it",
        ),
        (
            "release record checkout version:1 at:2027-01-01T00:00Z",
            "lies in the future: nothing was recorded.",
        ),
        (
            "release record checkout version:1 out-of-pipeline:maybe",
            "`maybe` is no answer: nothing was recorded.",
        ),
        (f"release record checkout version:{'x' * 201}", "The version is no line of 1 to 200 characters"),
        ('release record checkout version:"2.4.0 final"', "The version holds a blank: nothing was recorded."),
        ("release record checkout version:https://u:pw@x/y", "The version is an address: nothing was"),
        ("release record checkout version:1 previous:https://u:pw@x/y", "The version is an address"),
        ("release record checkout version:u:pw@x", "The version reads as if it held a password: nothing was"),
        ("release record checkout version:1 previous:u:pw@x", "The version reads as if it held a password"),
        ("release record checkout colour:red", "`release` has no option `colour:`: nothing was done."),
    ],
)
async def test_a_release_that_makes_no_sense_is_refused_in_a_sentence(
    stage: Stage, said: str, why: str
) -> None:
    answer = await stage.say("bo", said)

    assert not answer.ok
    assert why in answer.text
    assert await recorded(stage) == []


async def test_an_environment_is_asked_for_where_there_are_several(stage: Stage) -> None:
    catalog = stage.shelf.catalog_file
    place = "production: {region: eu, data: personal"
    catalog.write_text(
        catalog.read_text().replace(place, f"staging: {{region: eu, data: internal}}\n      {place}")
    )
    answer = await stage.say("bo", "release record checkout version:1")
    assert '`env:"…"` is missing: nothing was done. It says where, one of staging, production.' in answer.text


async def test_what_is_said_anew_of_a_release_corrects_it(both: Stage) -> None:
    line = "release record checkout version:3.0.0 migrations:m9="
    told = await answers(both, ("bo", f"{line}reversible"), ("ana", f"{line}irreversible"))
    assert "checkout 3.0.0 in production was recorded before, and is corrected." in told
    assert [each.reversible for each in await recorded(both)] == [{"m9": True}, {"m9": False}]
    listed = await both.told("cy", "release list checkout")
    assert listed.count("3.0.0") == 1
    assert "m9 (cannot be taken back)" in listed
