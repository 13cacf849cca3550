"""Every conversation in `tests/journeys/*.md` is run exactly as it is written.

`REWRITE=1 pytest tests/test_journeys.py` writes down what people read now; the diff is what changed for them.
"""

from __future__ import annotations

import logging
import os
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from zlib import crc32

import pytest

from bot.sandbox.surroundings import Transport
from tests.journeys.kinds import HAPPENINGS, KINDS, kinds_of
from tests.journeys.places import Place, stage_place
from tests.journeys.player import Player
from tests.journeys.script import BadScript, Conversation, conversations, rewritten
from tests.journeys.shop import shop_place
from tests.journeys.sight import Sight
from tests.journeys.warehouse import warehouse_place

FOLDER = Path(__file__).parent / "journeys"
JOURNEYS = [each for file in sorted(FOLDER.glob("*.md")) for each in conversations(file)]

WAYS: tuple[Transport, ...] = ("socket", "http")
BOTH = {
    "approvals-a-double-click-and-a-click-that-slack-delivers-again",
    "approvals-somebody-says-no",
    "captured",
    "deciding-each-answers-what-is-theirs-and-a-fact-is-corrected",
    "forms",
    "happy-path",
    "home",
    "repair",
    "restart",
    "slack-down",
    "surprises",
}
"""Files and conversations that are played over both transports: about Slack itself, and some of each kind.

A transport decides how something arrives, is acknowledged and fails, not what people read; everything else is
played over one of them.
"""


def ways(conversation: Conversation) -> tuple[Transport, ...]:
    """Return the transports over which a conversation is played; a file that is added moves no other."""
    stem = conversation.file.stem
    if BOTH & {str(conversation), stem}:
        return WAYS
    # Any bit would share them out; this one changes least of how they were played before.
    return (WAYS[crc32(stem.encode()) >> 6 & 1],)


REAL = (pytest.mark.real, pytest.mark.timeout(300))
PLAYED = [
    pytest.param(each, way, marks=REAL if each.file.stem.startswith("pgbackrest") else ())
    for each in JOURNEYS
    for way in ways(each)
]
SWEEPS = {"conversations.list", "conversations.members", "users.list"}
Opened = AbstractAsyncContextManager[Place]


def opened(
    conversation: Conversation, transport: Transport, home: Path, request: pytest.FixtureRequest
) -> Opened:
    """Open the place where a conversation happens, which the name of its file says."""
    match conversation.file.stem.partition("-")[0]:
        case "paging":
            return stage_place(home, transport, paging=True)
        case "datacenter":
            return stage_place(home, transport, datacenter=True)
        case "status":
            return stage_place(home, transport, publishing=True)
        case "silences":
            return stage_place(home, transport, silencing=True)
        case "shop":
            return shop_place(home, transport)
        case "pgbackrest":
            return warehouse_place(home, transport, request.getfixturevalue("cluster"))
        case _:
            return stage_place(home, transport)


async def played(conversation: Conversation, opened: Opened, home: Path) -> str:
    """Return the file of a conversation as it happened."""
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(opened)
        sight = Sight(place.slack, place.names, place.masks)
        player = Player(place, home / "terminal", sight)
        happened = await player.play(conversation)
        await whole(place, sight)
    return rewritten(conversation.file.read_text(encoding="utf-8"), conversation.part, happened)


async def whole(place: Place, sight: Sight) -> None:
    """What holds at the end of every journey, whatever it tells."""
    assert sight.shouts == [], "a message notified everybody"
    assert not SWEEPS & {call.method for call in place.slack.calls}, "a whole workspace was listed"
    assert await place.app.timeline.verify() == []


@pytest.mark.parametrize(("conversation", "transport"), PLAYED, ids=str)
async def test_people_read_exactly_what_is_written(
    conversation: Conversation,
    transport: Transport,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    request: pytest.FixtureRequest,
) -> None:
    caplog.set_level(logging.ERROR)
    home = tmp_path / "home"
    happened = await played(conversation, opened(conversation, transport, home, request), home)
    if os.environ.get("REWRITE"):
        conversation.file.write_text(happened, encoding="utf-8")
    # The libraries that speak to Slack log every broken connection, however planned it was.
    ours = [record for record in caplog.records if not record.name.startswith(("slack_bolt", "slack_sdk"))]
    assert [record.getMessage() for record in ours] == []
    assert happened.splitlines() == conversation.file.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("way", WAYS)
def test_every_kind_of_interaction_is_met_over_each_transport(way: Transport) -> None:
    met = {kind for each in JOURNEYS if way in ways(each) for act in each.acts for kind in kinds_of(act)}
    assert met == KINDS.keys() | HAPPENINGS.keys()


def test_whatever_somebody_does_in_slack_is_of_a_known_kind() -> None:
    acts = [act for each in JOURNEYS for act in each.acts if act.who and not act.text.startswith("$")]
    assert [act.text for act in acts if not kinds_of(act)] == []


def test_every_name_of_what_is_played_twice_is_one_and_the_others_are_shared_out() -> None:
    assert {name for each in JOURNEYS for name in (str(each), each.file.stem)} >= BOTH
    once = [each for each in JOURNEYS if len(ways(each)) == 1]
    assert len(once) / 3 < sum(ways(each) == ("http",) for each in once) < len(once) * 2 / 3


async def test_a_line_that_nobody_said_is_found(tmp_path: Path) -> None:
    [wrong] = conversations(FOLDER / "wrong" / "answer.md")
    happened = await played(wrong, stage_place(tmp_path / "home", "http"), tmp_path / "home")
    said = wrong.file.read_text().splitlines()
    assert [line for line in said if line not in happened.splitlines()] == ["    backstop (only ana)  Pang."]


def test_a_line_without_a_form_is_refused() -> None:
    with pytest.raises(BadScript, match=r"form\.md:3: no form of a line fits 'ana says hello'"):
        conversations(FOLDER / "wrong" / "form.md")


async def test_a_happening_that_is_not_known_is_refused(tmp_path: Path) -> None:
    [wrong] = conversations(FOLDER / "wrong" / "happening.md")
    with pytest.raises(BadScript, match=r"happening\.md:3: nothing is known to happen as 'pigs fly'"):
        await played(wrong, stage_place(tmp_path / "home", "http"), tmp_path / "home")
