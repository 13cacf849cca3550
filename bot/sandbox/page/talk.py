"""The middle of the page: what was said in a channel and in one thread, as one person sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from bot.core.document import utc
from bot.sandbox.page.blocks import attachments, blocks
from bot.sandbox.page.controls import Held
from bot.sandbox.page.html import Html, hidden, joined, tag, text
from bot.sandbox.page.markup import Eyes, link, mrkdwn
from bot.sandbox.page.menu import Menus
from bot.sandbox.page.seat import Seat
from bot.sandbox.slack import Message, SlackStandIn
from bot.sandbox.slack.records import BOT_USER, SLACKBOT, Channel

SHOWN = 60
"""How many messages of a channel are on the page; a link leads to earlier ones."""
MOST_KEPT = 4000

Items = list[tuple[str, Html]]


@dataclass(frozen=True, slots=True)
class Around:
    """What a message's drawing depends on beside the message; `replies` is None inside a thread."""

    seat: Seat
    replies: int | None
    pinned: bool
    today: date


class Talk:
    """Draws messages; what did not change since is not drawn again. `token` goes with every form."""

    def __init__(self, slack: SlackStandIn, token: str, menus: Menus) -> None:
        self._slack = slack
        self._token = token
        self._menus = menus
        self._kept: dict[tuple[str, str, Around], tuple[Message, Html]] = {}

    def room(self, seat: Seat) -> Items:
        """Return the newest messages of a channel, or those before a moment, and a link to earlier ones."""
        everything = self._slack.messages(seat.place)
        replies = Counter(each.thread_ts for each in everything if each.is_reply)
        told = [each for each in everything if not each.is_reply or each.subtype == "thread_broadcast"]
        own = [each for each in self._own(seat) if not each.is_reply]
        told = sorted([*told, *own], key=lambda each: each.ts) if own else told
        if seat.before:
            told = [each for each in told if each.ts < seat.before]
        newest = told[-SHOWN:]
        items = [(each.ts, self._message(seat, each, replies[each.ts])) for each in newest]
        if len(told) > SHOWN:
            earlier = seat.at(before=newest[0].ts).address
            items.insert(0, ("earlier", tag("a", "Earlier messages", href=earlier, class_="earlier")))
        if seat.before:
            items.append(("newest", tag("a", "Newest messages", href=seat.at().address, class_="earlier")))
        if not items:
            items = [("nothing", tag("p", "Nobody has said anything here yet.", class_="nothing"))]
        return items

    def thread(self, seat: Seat) -> Items:
        """Return a message and what was answered to it."""
        own = [each for each in self._own(seat) if each.thread_ts == seat.thread]
        told = [*self._slack.messages(seat.place, seat.thread), *own]
        return [(each.ts, self._message(seat, each, None)) for each in sorted(told, key=lambda each: each.ts)]

    def _own(self, seat: Seat) -> list[Message]:
        mine = self._slack.ephemerals(seat.person.name)
        return [each for each in mine if each.channel == seat.place]

    def _message(self, seat: Seat, message: Message, replies: int | None) -> Html:
        pinned = message.ts in self._slack.channel(message.channel).pins
        around = Around(seat, replies, pinned, self._slack.workspace.now().date())
        key = (message.channel, message.ts, around)
        kept = self._kept.get(key)
        if kept is None or kept[0] is not message:
            if len(self._kept) > MOST_KEPT:
                self._kept.clear()
            self._kept[key] = kept = (message, self._drawn(around, message))
        return kept[1]

    def _drawn(self, around: Around, message: Message) -> Html:
        seat = around.seat
        eyes = Eyes(self._slack.workspace, seat)
        key = f"m{message.ts}{'t' if around.replies is None else ''}"
        held = Held(eyes, key)
        said = blocks(held, message.blocks) if message.blocks else tag("p", mrkdwn(eyes, message.text))
        body = joined([said, attachments(held, message.attachments), *_files(message)])
        if "<button" in body:
            where = hidden(token=self._token, here=seat.query, channel=message.channel, message=message.ts)
            body = tag("form", where, body, method="post", action="/press")
        own = " own" if message.user == seat.person.id else ""
        kind = " only" if message.only_for else ""
        return tag(
            "article",
            tag(
                "div",
                self._name(message)[:1].upper(),
                class_=f"face {_tint(message.user)}",
                aria_hidden="true",
            ),
            tag("div", self._head(around, message), body, self._foot(around, message), class_="said"),
            self._menus.drawn(seat, message, key=key, name=self._name(message)),
            class_=f"message{own}{kind}",
        )

    def _name(self, message: Message) -> str:
        person = self._slack.workspace.people.get(message.user)
        return person.name if person else message.user

    def _head(self, around: Around, message: Message) -> Html:
        at = datetime.fromtimestamp(float(message.ts), UTC)
        marks = [
            tag("span", "App", class_="mark") if message.user in (BOT_USER, SLACKBOT) else "",
            tag("time", f"{at:%H:%M:%S}", datetime=at.isoformat(), title=utc(at)),
            tag("span", "pinned", class_="mark quiet") if around.pinned else "",
            tag("span", "edited", class_="quiet") if message.edited_ts else "",
            tag("span", "only you see this", class_="mark quiet") if message.only_for else "",
        ]
        return tag("header", tag("strong", self._name(message)), *marks)

    def _foot(self, around: Around, message: Message) -> Html:
        parts = [self._reaction(name, users) for name, users in message.reactions.items()]
        if around.replies is not None and not message.only_for:
            parts.append(self._to_thread(around.seat, message, around.replies))
        return tag("footer", *parts) if parts else Html()

    def _reaction(self, name: str, users: Sequence[str]) -> Html:
        people = self._slack.workspace.people
        who = ", ".join(people[each].name if each in people else each for each in users)
        return tag("span", f":{name}: {len(users)}", tag("span", f" by {who}", class_="unseen"),
                   class_="mark quiet", title=who)  # fmt: skip

    def _to_thread(self, seat: Seat, message: Message, count: int) -> Html:
        said = f"{count} {'reply' if count == 1 else 'replies'}" if count else "Reply"
        return tag(
            "a",
            said,
            href=seat.at(thread=message.ts).address,
            id=f"r{message.ts}",
            class_="reply",
            data_count=str(count),
            aria_label=f"{said}, in the thread of {self._name(message)}",
        )

    def title(self, seat: Seat) -> Html:
        """Return what stands over a channel."""
        channel = self._slack.channel(seat.place)
        people = self._slack.workspace.people
        members = ", ".join(people[each].name for each in channel.members if each in people)
        links = (link(str(each.get("link", "")), str(each.get("title", ""))) for each in channel.bookmarks)
        return joined(
            [
                tag("h1", name_of(self._slack, seat, channel)),
                tag("p", text(channel.topic), class_="topic") if channel.topic else "",
                tag("p", f"{members}", " ", *links, class_="quiet"),
            ]
        )


def name_of(slack: SlackStandIn, seat: Seat, channel: Channel) -> str:
    """Return what a channel is called by a person; direct messages go by whom they are with."""
    if channel.name:
        return f"#{channel.name}"
    others = [slack.workspace.people[each].name for each in channel.members if each != seat.person.id]
    return ", ".join(others)


def _files(message: Message) -> Sequence[Html]:
    return [
        tag("p", "📄 ", str(each.get("title") or each.get("name")), class_="b-context")
        for each in message.files
    ]


def _tint(user: str) -> str:
    return "bot" if user in (BOT_USER, SLACKBOT) else f"tint{sum(user.encode()) % 5}"
