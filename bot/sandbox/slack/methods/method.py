"""What a Web API method is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.records import BOT_USER, Channel
from bot.sandbox.slack.refusals import SlackRefuses, Wire
from bot.sandbox.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Method:
    """One method: `scopes` are those of which one is needed, `per_minute` its tier, `needs` its arguments."""

    do: Callable[[Workspace, Args], Wire]
    per_minute: int
    scopes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    held_by: Literal["bot", "app"] = "bot"


def conversation(workspace: Workspace, args: Args, name: str = "channel") -> Channel:
    """Return the channel an argument names; a private one the bot is not in does not exist for it."""
    channel = workspace.channel(args.needed(name))
    if channel.kind != "public" and BOT_USER not in channel.members:
        raise SlackRefuses("channel_not_found")
    return channel


def own_conversation(workspace: Workspace, args: Args, name: str = "channel") -> Channel:
    """Return the channel an argument names, if it is open and the bot is a member."""
    channel = conversation(workspace, args, name)
    if channel.archived:
        raise SlackRefuses("is_archived")
    if BOT_USER not in channel.members:
        raise SlackRefuses("not_in_channel")
    return channel


def page(found: list[Wire], args: Args, key: str, *, most: int = 200) -> Wire:
    """Return one page of a listing and the cursor that continues it."""
    start = args.text("cursor").removeprefix("from:")
    if start and not start.isdigit():
        raise SlackRefuses("invalid_cursor")
    first, size = int(start or 0), args.number("limit", most) or most
    rest = first + size
    cursor = f"from:{rest}" if rest < len(found) else ""
    return {key: found[first:rest], "response_metadata": {"next_cursor": cursor}}
