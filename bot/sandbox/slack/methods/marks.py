"""Pins, bookmarks and reactions."""

from __future__ import annotations

from dataclasses import replace

from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.methods.method import Method, conversation, own_conversation
from bot.sandbox.slack.records import BOT_USER, Channel, Message
from bot.sandbox.slack.refusals import SlackRefuses, Wire
from bot.sandbox.slack.workspace import Workspace

MOST_PINS = 100


def _marked(workspace: Workspace, args: Args) -> Message:
    channel = own_conversation(workspace, args)
    if "timestamp" not in args:
        raise SlackRefuses("no_item_specified")
    return workspace.message(channel.id, args.text("timestamp"))


def pin(workspace: Workspace, args: Args) -> Wire:
    """Pin a message to its channel."""
    message = _marked(workspace, args)
    pins = workspace.channels[message.channel].pins
    if message.ts in pins:
        raise SlackRefuses("already_pinned")
    if len(pins) >= MOST_PINS:
        raise SlackRefuses("too_many_pins")
    pins.append(message.ts)
    return {}


def unpin(workspace: Workspace, args: Args) -> Wire:
    """Take a pin away."""
    message = _marked(workspace, args)
    pins = workspace.channels[message.channel].pins
    if message.ts not in pins:
        raise SlackRefuses("no_pin")
    pins.remove(message.ts)
    return {}


def pins(workspace: Workspace, args: Args) -> Wire:
    """List the pinned messages of a channel."""
    channel = conversation(workspace, args)
    messages = [workspace.message(channel.id, ts) for ts in channel.pins]
    items = [{"type": "message", "channel": channel.id, "message": message.wire()} for message in messages]
    return {"items": items}


def _bookmarked(workspace: Workspace, args: Args) -> Channel:
    return conversation(workspace, args, "channel_id")


def add_bookmark(workspace: Workspace, args: Args) -> Wire:
    """Add a link to the top of a channel."""
    channel = _bookmarked(workspace, args)
    if args.needed("type") != "link":
        raise SlackRefuses("invalid_bookmark_type")
    if not args.text("link").startswith(("http://", "https://")):
        raise SlackRefuses("invalid_link")
    bookmark = {
        "id": workspace.new_id("Bk"),
        "channel_id": channel.id,
        "title": args.needed("title"),
        "link": args.text("link"),
        "emoji": args.text("emoji"),
        "type": "link",
    }
    channel.bookmarks.append(bookmark)
    return {"bookmark": bookmark}


def _found_bookmark(channel: Channel, args: Args) -> Wire:
    for bookmark in channel.bookmarks:
        if bookmark["id"] == args.text("bookmark_id"):
            return bookmark
    raise SlackRefuses("not_found")


def edit_bookmark(workspace: Workspace, args: Args) -> Wire:
    """Change a bookmark's title, link or emoji."""
    bookmark = _found_bookmark(_bookmarked(workspace, args), args)
    bookmark.update({key: args.text(key) for key in ("title", "link", "emoji") if key in args})
    return {"bookmark": bookmark}


def remove_bookmark(workspace: Workspace, args: Args) -> Wire:
    """Take a bookmark away."""
    channel = _bookmarked(workspace, args)
    channel.bookmarks.remove(_found_bookmark(channel, args))
    return {}


def bookmarks(workspace: Workspace, args: Args) -> Wire:
    """List the bookmarks of a channel."""
    return {"bookmarks": list(_bookmarked(workspace, args).bookmarks)}


def react(workspace: Workspace, args: Args) -> Wire:
    """Add the bot's emoji to a message."""
    message = _marked(workspace, args)
    name = args.needed("name").strip(":")
    users = message.reactions.get(name, ())
    if BOT_USER in users:
        raise SlackRefuses("already_reacted")
    workspace.put(replace(message, reactions={**message.reactions, name: (*users, BOT_USER)}))
    return {}


def unreact(workspace: Workspace, args: Args) -> Wire:
    """Take the bot's emoji away from a message."""
    message = _marked(workspace, args)
    name = args.needed("name").strip(":")
    users = message.reactions.get(name, ())
    if BOT_USER not in users:
        raise SlackRefuses("no_reaction")
    left = {**message.reactions, name: tuple(user for user in users if user != BOT_USER)}
    workspace.put(replace(message, reactions={key: value for key, value in left.items() if value}))
    return {}


def reactions(workspace: Workspace, args: Args) -> Wire:
    """Return a message with its reactions."""
    message = _marked(workspace, args)
    return {"type": "message", "channel": message.channel, "message": message.wire()}


METHODS = {
    "pins.add": Method(pin, 20, ("pins:write",), ("channel",)),
    "pins.remove": Method(unpin, 20, ("pins:write",), ("channel",)),
    "pins.list": Method(pins, 20, ("pins:read",), ("channel",)),
    "bookmarks.add": Method(add_bookmark, 20, ("bookmarks:write",), ("channel_id", "title", "type")),
    "bookmarks.edit": Method(edit_bookmark, 20, ("bookmarks:write",), ("channel_id", "bookmark_id")),
    "bookmarks.remove": Method(remove_bookmark, 20, ("bookmarks:write",), ("channel_id", "bookmark_id")),
    "bookmarks.list": Method(bookmarks, 50, ("bookmarks:read",), ("channel_id",)),
    "reactions.add": Method(react, 50, ("reactions:write",), ("channel", "name", "timestamp")),
    "reactions.remove": Method(unreact, 20, ("reactions:write",), ("name",)),
    "reactions.get": Method(reactions, 50, ("reactions:read",)),
}
