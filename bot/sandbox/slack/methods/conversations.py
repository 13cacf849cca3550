"""conversations.*: channels, their members and what was said in them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.methods.method import Method, conversation, own_conversation, page
from bot.sandbox.slack.records import BOT_USER, Channel, Message
from bot.sandbox.slack.refusals import SlackRefuses, Wire
from bot.sandbox.slack.workspace import Workspace

MANAGE = ("channels:manage", "groups:write", "im:write", "mpim:write")
READ = ("channels:read", "groups:read", "im:read", "mpim:read")
HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
TOPIC_LENGTH = 250


def _shape(workspace: Workspace, channel: Channel) -> Wire:
    return {"channel": channel.wire(BOT_USER)}


def _named(args: Args) -> str:
    name = args.text("name")
    if not name:
        raise SlackRefuses("invalid_name_required")
    if len(name) > 80:
        raise SlackRefuses("invalid_name_maxlength")
    if not re.search(r"\w", name):
        raise SlackRefuses("invalid_name_punctuation")
    if not re.fullmatch(r"[\w-]+", name) or name != name.lower():
        raise SlackRefuses("invalid_name_specials")
    return name


def create(workspace: Workspace, args: Args) -> Wire:
    """Create a channel with the bot in it."""
    channel = workspace.open_channel(_named(args), creator=BOT_USER, private=args.flag("is_private"))
    return _shape(workspace, channel)


def invite(workspace: Workspace, args: Args) -> Wire:
    """Bring people into a channel: all of them or nobody, unless `force` leaves out those who cannot come."""
    channel = own_conversation(workspace, args)
    if channel.kind == "im":
        raise SlackRefuses("method_not_supported_for_channel_type")
    names = args.names("users")
    if not names:
        raise SlackRefuses("no_user")
    codes = {name: _why_not(workspace, channel, name) for name in names}
    errors = [{"user": name, "ok": False, "error": code} for name, code in codes.items() if code]
    if errors and (len(errors) == len(names) or not args.flag("force")):
        raise SlackRefuses(next(filter(None, codes.values())), errors=errors)
    for name in (name for name, code in codes.items() if not code):
        workspace.enter(channel, workspace.people[name])
    return _shape(workspace, channel)


def _why_not(workspace: Workspace, channel: Channel, user: str) -> str:
    if user == BOT_USER:
        return "cant_invite_self"
    if user not in workspace.people:
        return "user_not_found"
    return "already_in_channel" if user in channel.members else ""


def join(workspace: Workspace, args: Args) -> Wire:
    """Let the bot into a public channel."""
    channel = conversation(workspace, args)
    if channel.kind != "public":
        raise SlackRefuses("method_not_supported_for_channel_type")
    if channel.archived:
        raise SlackRefuses("is_archived")
    warning = {"warning": "already_in_channel"} if BOT_USER in channel.members else {}
    workspace.enter(channel, workspace.people[BOT_USER])
    return _shape(workspace, channel) | warning


def info(workspace: Workspace, args: Args) -> Wire:
    """Describe a channel."""
    return _shape(workspace, conversation(workspace, args))


def listing(workspace: Workspace, args: Args) -> Wire:
    """List the channels the bot can see, public ones unless `types` says otherwise."""
    return _listed(
        args, [c for c in workspace.channels.values() if c.kind == "public" or BOT_USER in c.members]
    )


def own(workspace: Workspace, args: Args) -> Wire:
    """List the channels the bot is in, public ones unless `types` says otherwise."""
    return _listed(args, [c for c in workspace.channels.values() if BOT_USER in c.members])


def _listed(args: Args, seen: list[Channel]) -> Wire:
    kinds = {"public_channel": "public", "private_channel": "private", "im": "im", "mpim": "mpim"}
    asked = args.names("types") or ["public_channel"]
    if not set(asked) <= set(kinds):
        raise SlackRefuses("invalid_types")
    wanted = {kinds[kind] for kind in asked}
    found = [
        channel.wire(BOT_USER)
        for channel in seen
        if channel.kind in wanted and not (channel.archived and args.flag("exclude_archived"))
    ]
    return page(found, args, "channels")


def members(workspace: Workspace, args: Args) -> Wire:
    """List the members of a channel."""
    channel = conversation(workspace, args)
    listed = page([{"id": member} for member in channel.members], args, "members")
    return listed | {"members": [member["id"] for member in listed["members"]]}


@dataclass(frozen=True, slots=True)
class _Span:
    oldest: float
    latest: float
    inclusive: bool

    def __contains__(self, message: Message) -> bool:
        at = float(message.ts)
        if self.inclusive:
            return self.oldest <= at <= self.latest
        return self.oldest < at < self.latest


def _span(args: Args) -> _Span:
    edges = []
    for name, default in (("oldest", "0"), ("latest", "inf")):
        text = args.text(name) or default
        if text != default and not re.fullmatch(r"\d+(\.\d+)?", text):
            raise SlackRefuses(f"invalid_ts_{name}")
        edges.append(float(text))
    return _Span(edges[0], edges[1], args.flag("inclusive"))


def _told(workspace: Workspace, message: Message, args: Args) -> Wire:
    shape = message.wire()
    if message.metadata and args.flag("include_all_metadata"):
        shape["metadata"] = message.metadata
    if not message.is_reply and message.thread_ts:
        replies = workspace.thread(message.channel, message.ts)[1:]
        shape["reply_count"] = len(replies)
        shape["reply_users"] = sorted({reply.user for reply in replies})
        if replies:
            shape["latest_reply"] = replies[-1].ts
    return shape


def history(workspace: Workspace, args: Args) -> Wire:
    """Return what was said in a channel outside threads, newest first."""
    channel = conversation(workspace, args)
    if BOT_USER not in channel.members:
        raise SlackRefuses("not_in_channel")
    span = _span(args)
    found = [
        _told(workspace, message, args)
        for message in reversed(workspace.messages(channel.id))
        if (not message.is_reply or message.subtype == "thread_broadcast") and message in span
    ]
    listed = page(found, args, "messages", most=100)
    return listed | {
        "has_more": bool(listed["response_metadata"]["next_cursor"]),
        "pin_count": len(channel.pins),
    }


def replies(workspace: Workspace, args: Args) -> Wire:
    """Return a thread, oldest first, its root always among it."""
    channel = conversation(workspace, args)
    if BOT_USER not in channel.members:
        raise SlackRefuses("channel_not_found")
    span = _span(args)
    thread = workspace.thread(channel.id, args.needed("ts"))
    found = [_told(workspace, m, args) for m in thread if m in span or m is thread[0]]
    listed = page(found, args, "messages", most=1000)
    return listed | {"has_more": bool(listed["response_metadata"]["next_cursor"])}


def _written(args: Args, name: str) -> str:
    text = args.text(name)
    if len(text) > TOPIC_LENGTH:
        raise SlackRefuses("too_long")
    return text


def set_topic(workspace: Workspace, args: Args) -> Wire:
    """Change the topic of a channel."""
    channel = own_conversation(workspace, args)
    channel.topic = _written(args, "topic")
    return _shape(workspace, channel) | {"topic": channel.topic}


def set_purpose(workspace: Workspace, args: Args) -> Wire:
    """Change the purpose of a channel."""
    channel = own_conversation(workspace, args)
    channel.purpose = _written(args, "purpose")
    return {"purpose": channel.purpose}


def archive(workspace: Workspace, args: Args) -> Wire:
    """Archive a channel the bot is in."""
    channel = conversation(workspace, args)
    if channel.archived:
        raise SlackRefuses("already_archived")
    if channel.name == "general":
        raise SlackRefuses("cant_archive_general")
    if BOT_USER not in channel.members:
        raise SlackRefuses("not_in_channel")
    channel.archived = True
    return {}


def unarchive(workspace: Workspace, args: Args) -> Wire:
    """Open an archived channel again."""
    channel = conversation(workspace, args)
    if not channel.archived:
        raise SlackRefuses("not_archived")
    channel.archived = False
    return {}


def rename(workspace: Workspace, args: Args) -> Wire:
    """Give a channel another name."""
    channel = own_conversation(workspace, args)
    name = _named(args)
    if any(other.name == name for other in workspace.channels.values()):
        raise SlackRefuses("name_taken")
    channel.previous_names.append(channel.name)
    channel.name = name
    return _shape(workspace, channel)


def open_direct(workspace: Workspace, args: Args) -> Wire:
    """Open the direct messages with one person."""
    if "channel" in args:
        return _shape(workspace, conversation(workspace, args))
    names = args.names("users")
    if not names:
        raise SlackRefuses("users_list_not_supplied")
    if len(names) > 1:
        raise SlackRefuses("too_many_users")
    return _shape(workspace, workspace.direct(workspace.person(names[0])))


METHODS = {
    "conversations.create": Method(create, 20, MANAGE),
    "conversations.invite": Method(invite, 50, MANAGE, ("channel", "users")),
    "conversations.join": Method(join, 50, ("channels:join",), ("channel",)),
    "conversations.info": Method(info, 50, READ, ("channel",)),
    "conversations.list": Method(listing, 20, READ),
    "users.conversations": Method(own, 50, READ),
    "conversations.members": Method(members, 100, READ, ("channel",)),
    "conversations.history": Method(history, 50, HISTORY, ("channel",)),
    "conversations.replies": Method(replies, 50, HISTORY, ("channel", "ts")),
    "conversations.setTopic": Method(set_topic, 20, MANAGE, ("channel",)),
    "conversations.setPurpose": Method(set_purpose, 20, MANAGE, ("channel",)),
    "conversations.archive": Method(archive, 20, MANAGE, ("channel",)),
    "conversations.unarchive": Method(unarchive, 20, MANAGE, ("channel",)),
    "conversations.rename": Method(rename, 20, MANAGE, ("channel",)),
    "conversations.open": Method(open_direct, 50, MANAGE),
}
