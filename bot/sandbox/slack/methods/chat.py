"""chat.*: posting, editing and deleting messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.sandbox.slack import checks
from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.methods.method import Method, conversation, own_conversation
from bot.sandbox.slack.records import BOT, BOT_USER, Message
from bot.sandbox.slack.refusals import SlackRefuses, Wire
from bot.sandbox.slack.workspace import Workspace

WRITE = ("chat:write",)


def _content(args: Args) -> tuple[str, list[Any], list[Any]]:
    text = args.text("text")
    blocks, attachments = args.json("blocks") or [], args.json("attachments") or []
    if "markdown_text" in args:
        if text or blocks:
            raise SlackRefuses("markdown_text_conflict")
        text = args.text("markdown_text")
    checks.check_message(text, blocks, attachments)
    return text, blocks, attachments


def _answer(message: Message) -> Wire:
    shape = message.wire() | ({"metadata": message.metadata} if message.metadata else {})
    return {"channel": message.channel, "ts": message.ts, "message": shape}


def post_message(workspace: Workspace, args: Args) -> Wire:
    """Post a message as the bot, to a channel it is in or to a person."""
    channel = own_conversation(workspace, args)
    text, blocks, attachments = _content(args)
    metadata = args.json("metadata")
    checks.check_metadata(metadata)
    thread_ts = args.text("thread_ts")
    root = workspace.root_for(channel.id, thread_ts) if thread_ts else None
    message = Message(
        channel.id,
        workspace.new_ts(),
        BOT_USER,
        text,
        tuple(blocks),
        tuple(attachments),
        thread_ts=root,
        metadata=metadata,
        subtype="thread_broadcast" if args.flag("reply_broadcast") and root else None,
    )
    return _answer(workspace.post(message))


def update(workspace: Workspace, args: Args) -> Wire:
    """Edit one of the bot's messages; blocks and metadata that are not given stay."""
    channel = conversation(workspace, args)
    if channel.archived:
        raise SlackRefuses("is_archived")
    message = workspace.message(channel.id, args.needed("ts"))
    if message.user != BOT_USER:
        raise SlackRefuses("cant_update_message")
    text = args.text("text") if "text" in args else message.text
    blocks = args.json("blocks") if "blocks" in args else list(message.blocks)
    attachments = args.json("attachments") if "attachments" in args else list(message.attachments)
    checks.check_message(text, blocks or [], attachments or [])
    metadata = args.json("metadata") if "metadata" in args else message.metadata
    checks.check_metadata(metadata or None)
    edited = replace(
        message,
        text=text,
        blocks=tuple(blocks or ()),
        attachments=tuple(attachments or ()),
        metadata=metadata or None,
        edited_ts=workspace.new_ts(),
    )
    return _answer(workspace.put(edited)) | {"text": text}


def delete(workspace: Workspace, args: Args) -> Wire:
    """Delete one of the bot's messages."""
    channel = conversation(workspace, args)
    message = workspace.message(channel.id, args.needed("ts"))
    if message.user != BOT_USER:
        raise SlackRefuses("cant_delete_message")
    workspace.forget(message)
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(workspace: Workspace, args: Args) -> Wire:
    """Show a message to one member of a channel."""
    channel = own_conversation(workspace, args)
    user = args.needed("user")
    if user not in channel.members:
        raise SlackRefuses("user_not_in_channel")
    text, blocks, attachments = _content(args)
    message = Message(
        channel.id,
        workspace.new_ts(),
        BOT_USER,
        text,
        tuple(blocks),
        tuple(attachments),
        thread_ts=args.text("thread_ts") or None,
        only_for=user,
    )
    return {"message_ts": workspace.post(message).ts}


def permalink(workspace: Workspace, args: Args) -> Wire:
    """Return the address of a message."""
    channel = conversation(workspace, args)
    message = workspace.message(channel.id, args.needed("message_ts"))
    address = f"{workspace.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        address += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": address}


def schedule(workspace: Workspace, args: Args) -> Wire:
    """Keep a message for later; nothing is posted by itself here, because no clock runs in the workspace."""
    channel = own_conversation(workspace, args)
    post_at = args.number("post_at", 0)
    if post_at <= workspace.now().timestamp():
        raise SlackRefuses("time_in_past")
    text, blocks, _ = _content(args)
    name = workspace.new_id("Q")
    kept = {"channel": channel.id, "post_at": post_at}
    message = {"text": text, "type": "delayed_message", "blocks": blocks, "bot_id": BOT, "user": BOT_USER}
    workspace.scheduled[name] = kept | {"message": message}
    return kept | {"scheduled_message_id": name, "message": message}


def unschedule(workspace: Workspace, args: Args) -> Wire:
    """Forget a message kept for later."""
    if workspace.scheduled.pop(args.needed("scheduled_message_id"), None) is None:
        raise SlackRefuses("invalid_scheduled_message_id")
    return {}


METHODS = {
    "chat.postMessage": Method(post_message, 60, WRITE, ("channel",)),
    "chat.update": Method(update, 50, WRITE, ("channel", "ts")),
    "chat.delete": Method(delete, 50, WRITE, ("channel", "ts")),
    "chat.postEphemeral": Method(post_ephemeral, 100, WRITE, ("channel", "user")),
    "chat.getPermalink": Method(permalink, 100, (), ("channel", "message_ts")),
    "chat.scheduleMessage": Method(schedule, 50, WRITE, ("channel", "post_at")),
    "chat.deleteScheduledMessage": Method(unschedule, 50, WRITE, ("channel", "scheduled_message_id")),
}
