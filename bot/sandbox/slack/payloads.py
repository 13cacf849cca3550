"""The payloads Slack sends to an app, in the shapes it documents."""

from __future__ import annotations

from bot.sandbox.slack.records import APP, BOT_USER, TEAM, Channel, Message, Person, View
from bot.sandbox.slack.refusals import Wire
from bot.sandbox.slack.workspace import Workspace

# A relic of Slack's: apps check the signature instead.
VERIFICATION_TOKEN = "sandbox-verification-token"  # noqa: S105


def _from(person: Person) -> Wire:
    return {
        "team": {"id": TEAM, "domain": "sandbox"},
        "user": {
            "id": person.id,
            "username": person.name,
            "name": person.name,
            "team_id": person.team_id,
        },
        "api_app_id": APP,
        "token": VERIFICATION_TOKEN,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def slash_command(workspace: Workspace, person: Person, channel: Channel, command: str, text: str) -> Wire:
    """Return what a slash command sends; `text` is already escaped."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM,
        "team_domain": "sandbox",
        "channel_id": channel.id,
        "channel_name": {"private": "privategroup", "im": "directmessage"}.get(channel.kind, channel.name),
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": workspace.new_hook(person.id, channel.id),
        "trigger_id": workspace.new_trigger(person.id),
    }


def message_action(workspace: Workspace, person: Person, message: Message, action: Wire) -> Wire:
    """Return what pressing or choosing something in a message sends."""
    channel = workspace.channels[message.channel]
    container: Wire = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.only_for is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    shown = {} if message.only_for else {"message": message.wire()}
    return {
        "type": "block_actions",
        **_from(person),
        "container": container,
        "trigger_id": workspace.new_trigger(person.id),
        "channel": {"id": channel.id, "name": channel.name or "directmessage"},
        **shown,
        "state": {"values": {}},
        "response_url": workspace.new_hook(person.id, channel.id, message),
        "actions": [action],
    }


def view_action(workspace: Workspace, person: Person, view: View, action: Wire) -> Wire:
    """Return what pressing or choosing something in a modal or home tab sends."""
    return {
        "type": "block_actions",
        **_from(person),
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": workspace.new_trigger(person.id, view_id=view.id),
        "view": view.wire(),
        "actions": [action],
    }


def view_submission(workspace: Workspace, person: Person, view: View, state: Wire) -> Wire:
    """Return what submitting a modal sends."""
    return {
        "type": "view_submission",
        **_from(person),
        "trigger_id": workspace.new_trigger(person.id, view_id=view.id),
        "view": view.wire(state),
        "response_urls": [],
    }


def view_closed(person: Person, view: View, *, cleared: bool) -> Wire:
    """Return what closing a modal sends, when the view asks to be told."""
    return {"type": "view_closed", **_from(person), "view": view.wire(), "is_cleared": cleared}


def shortcut(workspace: Workspace, person: Person, callback_id: str) -> Wire:
    """Return what a global shortcut sends."""
    trigger = workspace.new_trigger(person.id)
    ts = workspace.new_ts()
    return {
        "type": "shortcut",
        **_from(person),
        "callback_id": callback_id,
        "trigger_id": trigger,
        "action_ts": ts,
    }


def message_shortcut(workspace: Workspace, person: Person, callback_id: str, message: Message) -> Wire:
    """Return what a shortcut on a message sends."""
    channel = workspace.channels[message.channel]
    return {
        "type": "message_action",
        **_from(person),
        "callback_id": callback_id,
        "trigger_id": workspace.new_trigger(person.id),
        "message_ts": message.ts,
        "channel": {"id": channel.id, "name": channel.name or "directmessage"},
        "message": message.wire(),
        "response_url": workspace.new_hook(person.id, channel.id),
        "action_ts": workspace.new_ts(),
    }


def reaction_added(person: Person, message: Message, name: str, ts: str) -> Wire:
    """Return the event of a person's reaction to a message."""
    item = {"type": "message", "channel": message.channel, "ts": message.ts}
    return {
        "type": "reaction_added",
        "user": person.id,
        "reaction": name,
        "item": item,
        "item_user": message.user,
        "event_ts": ts,
    }


def message_changed(before: Message, after: Message, ts: str) -> Wire:
    """Return the event of a message that says something else."""
    changed = {"message": after.wire(), "previous_message": before.wire()}
    return {"subtype": "message_changed", **changed, **_hidden(after, ts)}


def message_deleted(gone: Message, ts: str) -> Wire:
    """Return the event of a message that is gone."""
    deleted = {"deleted_ts": gone.ts, "previous_message": gone.wire()}
    return {"subtype": "message_deleted", **deleted, **_hidden(gone, ts)}


def _hidden(message: Message, ts: str) -> Wire:
    where = {"channel": message.channel, "channel_type": "channel"}
    return {"type": "message", "hidden": True, **where, "ts": ts, "event_ts": ts}


def event(workspace: Workspace, inner: Wire) -> Wire:
    """Return the envelope of an event, with an id of its own."""
    where = inner.get("channel") or (inner.get("item") or {}).get("channel") or ""
    channel = workspace.channels.get(str(where))
    shared = channel is not None and channel.shared
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM,
        "context_team_id": TEAM,
        "context_enterprise_id": None,
        "api_app_id": APP,
        "event": inner,
        "type": "event_callback",
        "event_id": workspace.new_id("Ev"),
        "event_time": int(workspace.now().timestamp()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": shared,
        "event_context": f"4-{workspace.new_id('EC')}",
    }
