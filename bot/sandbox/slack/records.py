"""What a workspace holds: people, groups, channels, messages, views and the short-lived keys to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.sandbox.slack.refusals import Wire

TEAM = "T0BACKSTOP"
OTHER_TEAM = "T0OUTSIDE1"
APP = "A0BACKSTOP"
BOT = "B0BACKSTOP"
BOT_USER = "U0BACKSTOP"
BOT_NAME = "backstop"
SLACKBOT = "USLACKBOT"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a short name; `team_id` differs for people of another workspace (Slack Connect)."""

    name: str
    id: str
    email: str = ""
    team_id: str = TEAM
    is_bot: bool = False

    @property
    def outsider(self) -> bool:
        """Return whether this person belongs to another workspace."""
        return self.team_id != TEAM

    def wire(self) -> Wire:
        """Return the person as users.info does; an outsider's e-mail address is not shown."""
        profile: Wire = {"display_name": self.name, "real_name": self.name.capitalize()}
        if self.email and not self.outsider:
            profile["email"] = self.email
        return {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": False,
            "real_name": self.name.capitalize(),
            "tz": "Etc/UTC",
            "tz_offset": 0,
            "profile": profile,
            "is_bot": self.is_bot,
            "is_stranger": self.outsider,
        }


@dataclass(frozen=True, slots=True)
class Group:
    """A user group; `users` are user ids."""

    id: str
    handle: str
    users: tuple[str, ...]

    def wire(self) -> Wire:
        """Return the group as usergroups.list does, without its users."""
        return {
            "id": self.id,
            "team_id": TEAM,
            "is_usergroup": True,
            "name": self.handle,
            "handle": self.handle,
            "date_delete": 0,
            "user_count": len(self.users),
        }


@dataclass(slots=True)
class Channel:
    """A conversation as it stands now; `members` are user ids in the order they came."""

    id: str
    name: str
    creator: str
    created: int
    members: list[str] = field(default_factory=list)
    kind: Literal["public", "private", "im", "mpim"] = "public"
    archived: bool = False
    shared: bool = False
    topic: str = ""
    purpose: str = ""
    pins: list[str] = field(default_factory=list)
    bookmarks: list[Wire] = field(default_factory=list)
    previous_names: list[str] = field(default_factory=list)

    def wire(self, viewer: str) -> Wire:
        """Return the channel as conversations.info does for a user id."""
        shape: Wire = {
            "id": self.id,
            "is_channel": self.kind == "public",
            "is_group": self.kind == "private",
            "is_im": self.kind == "im",
            "is_mpim": self.kind == "mpim",
            "is_private": self.kind != "public",
            "created": self.created,
            "creator": self.creator,
            "is_archived": self.archived,
            "is_ext_shared": self.shared,
            "is_member": viewer in self.members,
            "context_team_id": TEAM,
        }
        if self.kind == "im":
            return shape | {"user": next(member for member in self.members if member != viewer)}
        return shape | {
            "name": self.name,
            "name_normalized": self.name,
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": self.purpose, "creator": "", "last_set": 0},
            "previous_names": list(self.previous_names),
            "num_members": len(self.members),
        }


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stands at one moment; an edit makes a new one with the same `ts`.

    `user` is a user id; `only_for` is the user id of the single reader of an ephemeral message.
    """

    channel: str
    ts: str
    user: str
    text: str
    blocks: tuple[Wire, ...] = ()
    attachments: tuple[Wire, ...] = ()
    thread_ts: str | None = None
    metadata: Wire | None = None
    edited_ts: str | None = None
    only_for: str | None = None
    subtype: str | None = None
    reactions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[Wire, ...] = ()

    @property
    def is_reply(self) -> bool:
        """Return whether the message stands inside a thread, below its root."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    def wire(self) -> Wire:
        """Return the message as conversations.history does, without its metadata."""
        shape: Wire = {"type": "message", "user": self.user, "text": self.text, "ts": self.ts, "team": TEAM}
        if self.user == BOT_USER:
            shape |= {"bot_id": BOT, "app_id": APP}
        optional: Wire = {
            "blocks": list(self.blocks),
            "attachments": list(self.attachments),
            "files": list(self.files),
            "thread_ts": self.thread_ts,
            "subtype": self.subtype,
            "edited": {"user": self.user, "ts": self.edited_ts} if self.edited_ts else None,
            "reactions": [
                {"name": name, "users": list(users), "count": len(users)}
                for name, users in self.reactions.items()
            ],
        }
        return shape | {key: value for key, value in optional.items() if value}


@dataclass(frozen=True, slots=True)
class View:
    """A modal or home tab that somebody sees; `user` is a user id, `errors` the last rejected submission."""

    id: str
    user: str
    content: Wire
    hash: str
    root_id: str
    previous_id: str | None = None
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def blocks(self) -> tuple[Wire, ...]:
        """Return the blocks of the view."""
        return tuple(self.content["blocks"])

    @property
    def callback_id(self) -> str:
        """Return what the app named the view."""
        return str(self.content.get("callback_id", ""))

    def wire(self, state: Wire | None = None) -> Wire:
        """Return the view as views.open answers it, with the values of its inputs."""
        filled: Wire = {
            "callback_id": "",
            "private_metadata": "",
            "external_id": "",
            "title": None,
            "submit": None,
            "close": None,
            "clear_on_close": False,
            "notify_on_close": False,
        }
        return (
            filled
            | self.content
            | {
                "id": self.id,
                "team_id": TEAM,
                "app_id": APP,
                "app_installed_team_id": TEAM,
                "bot_id": BOT,
                "hash": self.hash,
                "root_view_id": self.root_id,
                "previous_view_id": self.previous_id,
                "state": {"values": state or {}},
            }
        )


@dataclass(slots=True)
class Trigger:
    """The right to open one view for a person within three seconds; `view_id` is the modal it came from."""

    user: str
    issued_at: datetime
    view_id: str | None = None
    used: bool = False


@dataclass(slots=True)
class Hook:
    """A response_url: five uses within thirty minutes, for one person in one channel."""

    channel: str
    user: str
    issued_at: datetime
    message_ts: str | None = None
    thread_ts: str | None = None
    uses: int = 0


@dataclass(slots=True)
class Upload:
    """A file on its way: announced, then filled, then completed."""

    id: str
    name: str
    length: int
    content: bytes | None = None
    title: str = ""
    completed: bool = False

    def wire(self) -> Wire:
        """Return the file as files.info does."""
        return {"id": self.id, "name": self.name, "title": self.title or self.name, "size": self.length}


@dataclass(frozen=True, slots=True)
class Act:
    """Something a person did that leaves no message: a command, a click, a submission."""

    ts: str
    channel: str
    user: str
    text: str
    thread_ts: str | None = None
