"""What Slack sends, taken apart: who did it and where. Who it was is what Slack signs, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from bot.commands import Place
from bot.slack.said import Sender

Body = dict[str, Any]


def is_shared(body: Body) -> bool:
    """Say whether other companies can read the channel."""
    return bool(body.get("is_ext_shared_channel"))


def sender_of(body: Body) -> Sender:
    """Return who pressed, filled in or chose something."""
    user = body["user"]
    return Sender(user["id"], user.get("team_id") or body["team"]["id"], is_shared(body))


def place_of(body: Body, *, reply: str) -> Place:
    """Return where it was done; a home tab and a global shortcut are in no channel."""
    container = body.get("container") or {}
    channel = (body.get("channel") or {}).get("id") or container.get("channel_id")
    return Place(channel, container.get("thread_ts"), body["user"]["id"], reply=reply)


def value_of(action: Mapping[str, Any]) -> str:
    """Return the line that a pressed button, or the chosen part of a menu, stands for."""
    chosen = action.get("selected_option") or action
    return str(chosen.get("value", ""))


def press_of(body: Body, action: Mapping[str, Any]) -> str:
    """Return the id of a press: the same button of the same drawing, pressed by the same person.

    A second click has a trigger of its own, so triggers do not tell. The block's id holds the revision of
    the drawing, so that the button of a card that changed since is another one.
    """
    container = body.get("container") or {}
    shown = container.get("message_ts") or container.get("view_id") or ""
    parts = (shown, action.get("block_id"), action["action_id"], value_of(action), body["user"]["id"])
    return "slack:" + hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
