"""The left of the page: who one is, the channels one can look into, and what one has not read there."""

from __future__ import annotations

from collections.abc import Iterator

from bot.sandbox.page.html import Html, hidden, joined, tag
from bot.sandbox.page.seat import HOME, Seat, people, sees
from bot.sandbox.page.talk import Items, name_of
from bot.sandbox.slack import SlackStandIn
from bot.sandbox.slack.records import Channel

MOST_COUNTED = 99


class Places:
    """Draws channels and people; remembers how far each person has read."""

    def __init__(self, slack: SlackStandIn, token: str, roles: dict[str, str]) -> None:
        self._slack = slack
        self._token = token
        self._roles = roles
        self._read: dict[tuple[str, str], str] = {}

    def looked(self, seat: Seat) -> None:
        """Remember that a person has read a channel up to now."""
        newest = self._slack.messages(seat.place)[-1:]
        for message in newest:
            self._read[seat.person.id, seat.place] = message.ts

    def people(self, seat: Seat) -> Items:
        """Return the people one can be."""
        return [(person.name, self._person(seat, person.name)) for person in people(self._slack)]

    def _person(self, seat: Seat, name: str) -> Html:
        person = self._slack.person(name)
        here = person.id == seat.person.id
        called = sum(self._unread(seat.at(who=person, place=each.id))[1] for each in self._visible(seat))
        waiting = tag("span", str(called), class_="count", aria_label=f"{called} mentions") if called else ""
        return tag(
            "a",
            tag("strong", name),
            tag("small", self._roles.get(name, "")),
            waiting if not here else "",
            href=seat.at(who=person).address,
            aria_current="true" if here else None,
            id=f"as-{name}",
        )

    def channels(self, seat: Seat) -> Items:
        """Return the channels, direct messages and the app's home."""
        items = [(each.id, self._channel(seat, each)) for each in self._visible(seat)]
        opened = tag("button", "Home of backstop", type="submit", id="open-home",
                     aria_current="page" if seat.place == HOME else None)  # fmt: skip
        form = tag("form", hidden(token=self._token, here=seat.query), opened, method="post", action="/home")
        return [*items, (HOME, form)]

    def _visible(self, seat: Seat) -> Iterator[Channel]:
        for channel in self._slack.workspace.channels.values():
            if sees(seat.person, channel.kind, channel.members):
                yield channel

    def _channel(self, seat: Seat, channel: Channel) -> Html:
        here = channel.id == seat.place
        unread, called = (0, 0) if here else self._unread(seat.at(place=channel.id))
        name = name_of(self._slack, seat, channel)
        said = f"{called or unread}{'+' if unread >= MOST_COUNTED else ''}"
        label = f"{called} mentions" if called else f"{unread} unread"
        return tag(
            "a",
            tag("span", f"✉ {name}" if channel.kind == "im" else name),
            tag("span", said, class_="count called" if called else "count", aria_label=label)
            if unread
            else "",
            href=seat.at(place=channel.id).address,
            aria_current="page" if here else None,
            class_="unread" if unread else None,
            id=f"in-{channel.id}",
        )

    def _unread(self, seat: Seat) -> tuple[int, int]:
        """Return how many messages a person has not read in a channel, and how many of them call them."""
        read = self._read.get((seat.person.id, seat.place), "")
        unread = called = 0
        for message in reversed(self._slack.messages(seat.place)):
            if message.ts <= read or unread >= MOST_COUNTED:
                break
            if message.user != seat.person.id:
                unread += 1
                called += seat.person.name in self._slack.pings(message)
        return unread, called

    def composer(self, seat: Seat) -> Html:
        """Return where one types, or what one does first to be able to."""
        if seat.place not in self._slack.workspace.channels:
            return Html()
        channel = self._slack.channel(seat.place)
        form = hidden(token=self._token, here=seat.query)
        if channel.archived:
            return tag("p", "This channel is archived.", class_="nothing")
        if seat.person.id not in channel.members:
            join = tag("button", f"Join #{channel.name}", type="submit", class_="primary", id="join")
            return tag("form", form, join, method="post", action="/join", class_="composer")
        return _typing(self._slack, seat, channel, form)


def _typing(slack: SlackStandIn, seat: Seat, channel: Channel, form: Html) -> Html:
    where = "the thread" if seat.thread else name_of(slack, seat, channel)
    hint = "Reply, or @backstop …" if seat.thread else "Say something, or /backstop …"
    return tag(
        "form",
        form,
        tag("ul", id="offers", role="listbox", aria_label="What can be said", hidden=True),
        tag("label", f"Say something in {where}", for_="line", class_="unseen"),
        tag(
            "textarea",
            id="line",
            name="line",
            rows=1,
            required=True,
            placeholder=hint,
            role="combobox",
            aria_expanded="false",
            aria_controls="offers",
            aria_autocomplete="list",
            autocomplete="off",
            maxlength=4000,
        ),
        tag("button", "Send", type="submit", class_="primary", id="send"),
        method="post",
        action="/say",
        class_="composer",
    )


def listed(items: Items, **attributes: str) -> Html:
    """Return items as a list in which each can be replaced alone."""
    rows = joined(tag("li", shown, data_key=key) for key, shown in items)
    return tag("ul", rows, **attributes)
