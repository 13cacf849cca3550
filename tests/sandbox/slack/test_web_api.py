"""The Web API through the SDK's own client: what it answers and with which error codes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import SlackStandIn, Terms
from bot.sandbox.slack.stand_in import SCOPES
from tests.clock import Clock
from tests.sandbox.slack.bolt import client_of

Ask = Callable[[AsyncWebClient, dict[str, str]], Awaitable[Any]]


async def refusal(call: Awaitable[Any]) -> str:
    """Return the error code a call is refused with."""
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


async def _incident(client: AsyncWebClient) -> str:
    channel: str = (await client.conversations_create(name="inc-1"))["channel"]["id"]
    return channel


async def test_a_message_is_posted_edited_linked_and_deleted(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    channel = await _incident(client)
    metadata = {"event_type": "backstop", "event_payload": {"key": "k1"}}
    posted = await client.chat_postMessage(channel="#inc-1", text="one", metadata=metadata)
    ts = posted["ts"]
    assert posted["message"]["metadata"] == metadata
    reply = await client.chat_postMessage(channel=channel, text="two", thread_ts=ts)
    await client.chat_update(channel=channel, ts=ts, text="one, edited")
    assert [m.text for m in slack.messages("inc-1")] == ["one, edited", "two"]
    assert slack.messages("inc-1")[0].metadata == metadata

    link = (await client.chat_getPermalink(channel=channel, message_ts=ts))["permalink"]
    async with aiohttp.ClientSession() as session, session.get(link) as page:
        assert await page.text() == "one, edited\n"

    await client.chat_delete(channel=channel, ts=ts)
    assert [m.subtype for m in slack.messages("inc-1")] == ["tombstone", None]
    assert await refusal(client.chat_update(channel=channel, ts=ts, text="x")) == "message_not_found"
    await client.chat_delete(channel=channel, ts=reply["ts"])


async def test_history_and_replies_give_metadata_only_when_asked(client: AsyncWebClient) -> None:
    channel = await _incident(client)
    metadata = {"event_type": "backstop", "event_payload": {"key": "k1"}}
    root = await client.chat_postMessage(channel=channel, text="root", metadata=metadata)
    for number in range(3):
        await client.chat_postMessage(
            channel=channel, text=f"reply {number}", thread_ts=root["ts"], metadata=metadata
        )
    later = await client.chat_postMessage(channel=channel, text="later")

    bare = await client.conversations_history(channel=channel)
    assert [m["text"] for m in bare["messages"]] == ["later", "root"]
    assert "metadata" not in bare["messages"][1]
    assert bare["messages"][1]["reply_count"] == 3
    told = await client.conversations_history(channel=channel, include_all_metadata=True, limit=1)
    assert told["has_more"]
    rest = await client.conversations_history(
        channel=channel,
        include_all_metadata=True,
        limit=1,
        cursor=told["response_metadata"]["next_cursor"],
    )
    assert rest["messages"][0]["metadata"] == metadata
    thread = await client.conversations_replies(channel=channel, ts=root["ts"], include_all_metadata=True)
    assert [m["text"] for m in thread["messages"]] == ["root", "reply 0", "reply 1", "reply 2"]
    assert all(m["metadata"] == metadata for m in thread["messages"])
    newer = await client.conversations_history(channel=channel, oldest=root["ts"])
    assert [m["ts"] for m in newer["messages"]] == [later["ts"]]


CODES: dict[str, tuple[Ask, str]] = {
    "an unknown channel": (lambda c, k: c.chat_postMessage(channel="C404", text="x"), "channel_not_found"),
    "a channel without the bot": (
        lambda c, k: c.chat_postMessage(channel="general", text="x"),
        "not_in_channel",
    ),
    "nothing to say": (
        lambda c, k: c.api_call("chat.postMessage", params={"channel": k["channel"], "text": " "}),
        "no_text",
    ),
    "too much": (lambda c, k: c.chat_postMessage(channel=k["channel"], text="x" * 40_001), "msg_too_long"),
    "a thread that is not there": (
        lambda c, k: c.chat_postMessage(channel=k["channel"], text="x", thread_ts="1.000001"),
        "thread_not_found",
    ),
    "metadata that is none": (
        lambda c, k: c.api_call(
            "chat.postMessage", json={"channel": k["channel"], "text": "x", "metadata": {"key": 1}}
        ),
        "invalid_metadata_format",
    ),
    "blocks that are not JSON": (
        lambda c, k: c.api_call(
            "chat.postMessage", params={"channel": k["channel"], "text": "x", "blocks": "[{"}
        ),
        "invalid_blocks_format",
    ),
    "an edit of nothing": (
        lambda c, k: c.chat_update(channel=k["channel"], ts="1.000001", text="x"),
        "message_not_found",
    ),
    "an edit of an ephemeral message": (
        lambda c, k: c.chat_update(channel=k["channel"], ts=k["ephemeral"], text="x"),
        "message_not_found",
    ),
    "an edit of somebody's words": (
        lambda c, k: c.chat_update(channel=k["channel"], ts=k["hers"], text="x"),
        "cant_update_message",
    ),
    "a deletion of somebody's words": (
        lambda c, k: c.chat_delete(channel=k["channel"], ts=k["hers"]),
        "cant_delete_message",
    ),
    "a whisper to an absent person": (
        lambda c, k: c.chat_postEphemeral(channel=k["channel"], user="U0BO000001", text="x"),
        "user_not_in_channel",
    ),
    "a taken name": (lambda c, k: c.conversations_create(name="inc-1"), "name_taken"),
    "a name with capitals": (lambda c, k: c.conversations_create(name="INC"), "invalid_name_specials"),
    "a long name": (lambda c, k: c.conversations_create(name="x" * 81), "invalid_name_maxlength"),
    "an invitation to a member": (
        lambda c, k: c.conversations_invite(channel=k["channel"], users="U0ANA00001"),
        "already_in_channel",
    ),
    "an invitation to nobody": (
        lambda c, k: c.conversations_invite(channel=k["channel"], users="U404"),
        "user_not_found",
    ),
    "a long topic": (
        lambda c, k: c.conversations_setTopic(channel=k["channel"], topic="x" * 251),
        "too_long",
    ),
    "the end of general": (lambda c, k: c.conversations_archive(channel="general"), "cant_archive_general"),
    "history of elsewhere": (lambda c, k: c.conversations_history(channel="general"), "not_in_channel"),
    "a person nobody knows": (lambda c, k: c.users_info(user="U404"), "user_not_found"),
    "an address nobody has": (lambda c, k: c.users_lookupByEmail(email="x@example.com"), "users_not_found"),
    "an address of another workspace": (
        lambda c, k: c.users_lookupByEmail(email="zed@example.org"),
        "users_not_found",
    ),
    "a group nobody made": (lambda c, k: c.usergroups_users_list(usergroup="S404"), "no_such_subteam"),
    "a second pin": (lambda c, k: c.pins_add(channel=k["channel"], timestamp=k["pinned"]), "already_pinned"),
    "a pin on nothing": (
        lambda c, k: c.pins_add(channel=k["channel"], timestamp="1.000001"),
        "message_not_found",
    ),
    "a trigger of nobody": (
        lambda c, k: c.views_open(trigger_id="1.2", view=json.loads(k["view"])),
        "invalid_trigger_id",
    ),
    "a view that is gone": (
        lambda c, k: c.views_update(view_id="V404", view=json.loads(k["view"])),
        "not_found",
    ),
    "a method nobody made": (lambda c, k: c.api_call("chat.shout"), "unknown_method"),
    "a missing argument": (lambda c, k: c.api_call("chat.update", params={"text": "x"}), "invalid_arguments"),
    "a scope that was not granted": (lambda c, k: c.team_info(), "missing_scope"),
}


@pytest.mark.parametrize("case", CODES)
async def test_the_error_is_the_one_slack_gives(
    slack: SlackStandIn, client: AsyncWebClient, case: str
) -> None:
    channel = await _incident(client)
    slack.join("ana", "inc-1")
    whisper = await client.chat_postEphemeral(channel=channel, user="U0ANA00001", text="psst")
    pinned = await client.chat_postMessage(channel=channel, text="pin me")
    await client.pins_add(channel=channel, timestamp=pinned["ts"])
    view = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "T"},
        "blocks": [{"type": "divider"}],
    }
    known = {
        "channel": channel,
        "ephemeral": whisper["message_ts"],
        "pinned": pinned["ts"],
        "hers": slack.say("ana", "hello", "inc-1").ts,
        "view": json.dumps(view),
    }
    ask, code = CODES[case]
    assert await refusal(ask(client, known)) == code
    assert slack.calls[-1].answer["error"] == code


async def test_tokens_are_told_apart(slack: SlackStandIn) -> None:
    assert await refusal(client_of(slack, "xoxb-other").auth_test()) == "invalid_auth"
    assert await refusal(client_of(slack, slack.app_token).auth_test()) == "not_allowed_token_type"
    opening = client_of(slack).apps_connections_open(app_token=slack.bot_token)
    assert await refusal(opening) == "not_allowed_token_type"
    async with aiohttp.ClientSession() as session, session.post(slack.api_url + "auth.test") as answer:
        assert (answer.status, (await answer.json())["error"]) == (200, "not_authed")
    assert slack.bot_token not in json.dumps(slack.journal())


async def test_a_missing_scope_says_which_one(clock: Clock) -> None:
    async with SlackStandIn(now=clock, terms=Terms(scopes=SCOPES - {"chat:write"})) as slack:
        with pytest.raises(SlackApiError) as refused:
            await client_of(slack).chat_postMessage(channel="general", text="x")
    assert refused.value.response["needed"] == "chat:write"
    assert "channels:read" in refused.value.response["provided"]


@pytest.mark.parametrize("how", ["query", "form", "json", "multipart"])
async def test_arguments_come_in_any_way(slack: SlackStandIn, how: str) -> None:
    slack.invite_bot("general")
    blocks = [{"type": "divider"}]
    plain: dict[str, str] = {"channel": "general", "text": "hi", "blocks": json.dumps(blocks)}
    multipart = aiohttp.FormData(default_to_multipart=True)
    for key, value in plain.items():
        multipart.add_field(key, value)
    ways: dict[str, dict[str, Any]] = {
        "query": {"params": plain},
        "form": {"data": plain},
        "json": {"json": {**plain, "blocks": blocks}},
        "multipart": {"data": multipart},
    }
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    address = slack.api_url + "chat.postMessage"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(address, **ways[how]) as answer,
    ):
        assert (await answer.json())["ok"] is True
    assert slack.messages("general")[0].blocks[0]["type"] == "divider"


async def test_channels_are_run_by_the_bot(slack: SlackStandIn, client: AsyncWebClient) -> None:
    channel = await _incident(client)
    await client.conversations_setTopic(channel=channel, topic="SEV1 · deploys frozen")
    await client.conversations_setPurpose(channel=channel, purpose="Recover checkout")
    await client.conversations_invite(channel=channel, users=["U0ANA00001", "U0BO000001"])
    members = (await client.conversations_members(channel=channel))["members"]
    assert members == [slack.bot_user_id, "U0ANA00001", "U0BO000001"]
    assert await refusal(client.conversations_invite(channel=channel, users="U0BO000001,U0CY000001")) == (
        "already_in_channel"
    )
    await client.conversations_invite(channel=channel, users="U0BO000001,U0CY000001", force=True)
    assert "U0CY000001" in slack.channel("inc-1").members
    bookmark = {"title": "Jira", "type": "link", "link": "https://jira.example.com/OPS-1"}
    await client.bookmarks_add(channel_id=channel, **bookmark)
    assert slack.channel("inc-1").bookmarks[0]["title"] == "Jira"
    await client.conversations_rename(channel=channel, name="inc-1-closed")
    await client.conversations_archive(channel=channel)
    assert await refusal(client.chat_postMessage(channel=channel, text="x")) == "is_archived"
    info = (await client.conversations_info(channel=channel))["channel"]
    assert (info["name"], info["is_archived"], info["topic"]["value"]) == (
        "inc-1-closed",
        True,
        "SEV1 · deploys frozen",
    )
    open_ones = await client.conversations_list(exclude_archived=True)
    assert [found["name"] for found in open_ones["channels"]] == ["general"]


async def test_people_are_looked_up(slack: SlackStandIn, client: AsyncWebClient) -> None:
    found = (await client.users_lookupByEmail(email="BO@example.com"))["user"]
    assert (found["id"], found["name"], found["is_stranger"]) == ("U0BO000001", "bo", False)
    outsider = (await client.users_info(user="U0ZED00001"))["user"]
    assert outsider["is_stranger"] is True
    assert "email" not in outsider["profile"]
    groups = (await client.usergroups_list(include_users=True))["usergroups"]
    assert [(group["handle"], group["users"]) for group in groups] == [("dba", ["U0BO000001"])]
    users = await client.usergroups_users_list(usergroup=groups[0]["id"])
    assert users["users"] == ["U0BO000001"]
    assert (await client.auth_test())["user_id"] == slack.bot_user_id
    direct = (await client.conversations_open(users="U0CY000001"))["channel"]["id"]
    await client.chat_postMessage(channel=direct, text="a word")
    await client.chat_postMessage(channel="U0CY000001", text="another")
    assert [m.text for m in slack.messages(direct)] == ["a word", "another"]


async def test_a_file_is_uploaded_and_shared(slack: SlackStandIn, client: AsyncWebClient) -> None:
    channel = await _incident(client)
    await client.files_upload_v2(
        channel=channel, filename="timeline.json", content='{"events": []}', initial_comment="The timeline"
    )
    shared = slack.find("The timeline", channel="inc-1")
    assert shared is not None
    assert slack.plain(shared) == "The timeline\n[file] timeline.json"
    assert slack.file("timeline.json") == b'{"events": []}'


async def test_a_reaction_is_added_once(slack: SlackStandIn, client: AsyncWebClient) -> None:
    channel = await _incident(client)
    ts = (await client.chat_postMessage(channel=channel, text="done"))["ts"]
    await client.reactions_add(channel=channel, name="white_check_mark", timestamp=ts)
    again = client.reactions_add(channel=channel, name="white_check_mark", timestamp=ts)
    assert await refusal(again) == "already_reacted"
    assert slack.messages("inc-1")[0].reactions == {"white_check_mark": (slack.bot_user_id,)}
    await client.reactions_remove(channel=channel, name="white_check_mark", timestamp=ts)
    assert slack.messages("inc-1")[0].reactions == {}


async def test_a_message_for_later_is_kept_and_taken_back(client: AsyncWebClient, clock: Clock) -> None:
    channel = await _incident(client)
    later = int(clock().timestamp()) + 60
    kept = await client.chat_scheduleMessage(channel=channel, post_at=later, text="next update due")
    name = kept["scheduled_message_id"]
    await client.chat_deleteScheduledMessage(channel=channel, scheduled_message_id=name)
    again = client.chat_deleteScheduledMessage(channel=channel, scheduled_message_id=name)
    assert await refusal(again) == "invalid_scheduled_message_id"
    past = client.chat_scheduleMessage(channel=channel, post_at=later - 60, text="too late")
    assert await refusal(past) == "time_in_past"


async def test_bookmarks_and_pins_are_changed_and_listed(clock: Clock) -> None:
    scopes = SCOPES | {"pins:read", "bookmarks:read", "reactions:read", "files:read", "team:read"}
    async with SlackStandIn(now=clock, terms=Terms(scopes=scopes)) as slack:
        client = client_of(slack)
        channel = await _incident(client)
        ts = (await client.chat_postMessage(channel=channel, text="status"))["ts"]
        await client.pins_add(channel=channel, timestamp=ts)
        pinned = await client.pins_list(channel=channel)
        assert [item["message"]["text"] for item in pinned["items"]] == ["status"]
        await client.pins_remove(channel=channel, timestamp=ts)
        assert await refusal(client.pins_remove(channel=channel, timestamp=ts)) == "no_pin"
        bad = client.bookmarks_add(channel_id=channel, title="x", type="link", link="ftp://x")
        assert await refusal(bad) == "invalid_link"
        added = await client.bookmarks_add(
            channel_id=channel, title="Jira", type="link", link="https://jira.example.com"
        )
        mark = added["bookmark"]["id"]
        await client.bookmarks_edit(channel_id=channel, bookmark_id=mark, title="OPS-1")
        listed = await client.bookmarks_list(channel_id=channel)
        assert [found["title"] for found in listed["bookmarks"]] == ["OPS-1"]
        await client.bookmarks_remove(channel_id=channel, bookmark_id=mark)
        gone = client.bookmarks_remove(channel_id=channel, bookmark_id=mark)
        assert await refusal(gone) == "not_found"
        assert (await client.team_info())["team"]["id"] == slack.team_id
        assert (await client.bots_info(bot="B0BACKSTOP"))["bot"]["user_id"] == slack.bot_user_id
        uploaded = await client.files_upload_v2(channel=channel, filename="a.txt", content="a")
        assert (await client.files_info(file=uploaded["file"]["id"]))["file"]["size"] == 1
        await client.files_delete(file=uploaded["file"]["id"])
        assert await refusal(client.files_info(file=uploaded["file"]["id"])) == "file_not_found"


async def test_an_incomplete_upload_is_refused(client: AsyncWebClient) -> None:
    announced = await client.files_getUploadURLExternal(filename="a.txt", length=5)
    files = [{"id": announced["file_id"], "title": "a"}]
    assert await refusal(client.files_completeUploadExternal(files=files)) == "file_not_found"
    async with aiohttp.ClientSession() as session:
        await session.post(announced["upload_url"], data=b"four")
    assert await refusal(client.files_completeUploadExternal(files=files)) == "file_update_failed"


async def test_a_private_channel_is_not_there_for_an_app_outside_it(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    made = (await client.conversations_create(name="inc-secret", is_private=True))["channel"]["id"]
    assert (await client.conversations_info(channel=made))["channel"]["is_private"] is True
    listed = await client.conversations_list(types="private_channel")
    assert [found["name"] for found in listed["channels"]] == ["inc-secret"]
    slack.remove_bot("inc-secret")
    assert await refusal(client.conversations_info(channel=made)) == "channel_not_found"
    assert (await client.conversations_list(types="private_channel"))["channels"] == []


async def test_the_bot_joins_a_public_channel_and_opens_an_archived_one(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    general = slack.channel("general").id
    await client.conversations_join(channel=general)
    await client.chat_postMessage(channel=general, text="hello")
    channel = await _incident(client)
    assert await refusal(client.conversations_unarchive(channel=channel)) == "not_archived"
    await client.conversations_archive(channel=channel)
    assert await refusal(client.conversations_archive(channel=channel)) == "already_archived"
    assert await refusal(client.conversations_join(channel=channel)) == "is_archived"
    await client.conversations_unarchive(channel=channel)
    await client.chat_postMessage(channel=channel, text="again")


async def test_hostile_text_stays_what_it_is(slack: SlackStandIn, client: AsyncWebClient) -> None:
    channel = await _incident(client)
    hostile = "\u202e|pipes| \"quotes\" 'x' \x00 \U0001f680 &lt;!channel&gt; " + "x" * 39_900
    await client.chat_postMessage(channel=channel, text=hostile)
    assert slack.messages("inc-1")[0].text == hostile
    assert slack.pings(slack.messages("inc-1")[0]) == set()
