"""What somebody does on the page, as the acts of the stand-ins: the bot gets what Slack would send it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from bot.sandbox.page.controls import MANY, name_of
from bot.sandbox.page.screen import Screen
from bot.sandbox.page.seat import HOME, Seat, seat_of
from bot.sandbox.slack import Message, PersonCannot, Reply, SlackIsDown, SlackRefuses, View
from bot.sandbox.slack.acts import GONE
from bot.sandbox.slack.blocks import elements
from bot.sandbox.slack.records import BOT_NAME
from bot.sandbox.slack.refusals import Wire

Form = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an act: where the person sits now, and a sentence when it could not be done.

    `anew` says that the page has to be drawn as a whole.
    """

    seat: Seat
    note: str = ""
    anew: bool = False


class Acts:
    """Carries out what is sent to the page, by the name of its address."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._world = screen.world
        self._slack = screen.world.slack
        self._known: dict[str, Callable[[Seat, Form], Awaitable[Done]]] = {
            "say": self._say,
            "press": self._press,
            "react": self._react,
            "shortcut": self._shortcut,
            "edit": self._edit,
            "delete": self._delete,
            "submit": self._submit,
            "close": self._close,
            "home": self._home,
            "join": self._join,
            "switch": self._switch,
            "outside": self._outside,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of what can be done."""
        return tuple(self._known)

    async def carry_out(self, name: str, form: Form) -> Done:
        """Do one thing; what Slack's own screen would not allow is told and changes nothing."""
        seat = self._seat(form)
        try:
            return await self._known[name](seat, form)
        except (PersonCannot, SlackIsDown) as no:
            return Done(seat, str(no))
        except SlackRefuses as no:
            return Done(seat, f"Slack does not allow it: {no.code}.")

    def _seat(self, form: Form) -> Seat:
        return seat_of(self._slack, dict(parse_qsl(one(form, "here"))), self._world.jira.issues)

    async def _say(self, seat: Seat, form: Form) -> Done:
        line = one(form, "line").strip()
        if who := one(form, "who"):
            seat = seat.at(who=self._slack.person(who), place=one(form, "place"))
            self._enter(seat)
        if not line:
            return Done(seat, "Nothing was said.")
        person, thread = seat.person.name, seat.thread or None
        if line.startswith("/"):
            return self._heard(seat, await self._slack.slash(person, line, seat.place, thread_ts=thread))
        if f"@{BOT_NAME}" in line:
            return self._heard(seat, await self._slack.mention(person, line, seat.place, thread_ts=thread))
        self._slack.say(person, line, seat.place, thread_ts=thread)
        return Done(seat)

    def _enter(self, seat: Seat) -> None:
        channel = self._slack.channel(seat.place)
        if seat.person.id not in channel.members:
            self._slack.join(seat.person.name, channel.id)

    def _heard(self, seat: Seat, reply: Reply) -> Done:
        if reply.problems:
            return Done(seat, f"Slack could not show the answer: {'; '.join(reply.problems)}")
        return Done(seat, "" if reply.answered else "Backstop did not answer Slack in time.")

    async def _press(self, seat: Seat, form: Form) -> Done:
        if who := one(form, "who"):
            message = self._message(form)
            thread = message.thread_ts if message.is_reply else ""
            seat = seat.at(who=self._slack.person(who), place=message.channel, thread=thread or "")
        shown = self._shown(seat, form)
        if name := one(form, "choose"):
            return self._heard(seat, await self._choose(seat, shown, name, form))
        return self._heard(
            seat, await self._slack.click(seat.person.name, shown, action_id=one(form, "action"))
        )

    def _shown(self, seat: Seat, form: Form) -> Message | View:
        if view := one(form, "view"):
            found = self._slack.workspace.views.get(view)
            if found is None or found.user != seat.person.id:
                raise PersonCannot(GONE)
            return found
        ts = one(form, "message")
        for own in self._slack.ephemerals(seat.person.name):
            if own.ts == ts:
                return own
        return self._message(form)

    async def _choose(self, seat: Seat, shown: Message | View, name: str, form: Form) -> Reply:
        for block, element in elements(shown.blocks):
            if name_of(block, element) == name:
                chosen = _value(element, form.get(name, []))
                if not chosen:
                    raise PersonCannot("Choose something first.")
                action = element["action_id"]
                return await self._slack.select(seat.person.name, shown, action_id=action, option=chosen)
        raise PersonCannot(GONE)

    def _message(self, form: Form) -> Message:
        try:
            return self._slack.workspace.message(one(form, "channel"), one(form, "message"))
        except SlackRefuses:
            raise PersonCannot(GONE) from None

    async def _react(self, seat: Seat, form: Form) -> Done:
        self._slack.react(seat.person.name, self._message(form), one(form, "reaction"))
        return Done(seat)

    async def _shortcut(self, seat: Seat, form: Form) -> Done:
        name, message = one(form, "shortcut"), self._message(form)
        return self._heard(seat, await self._slack.shortcut(seat.person.name, name, message))

    async def _edit(self, seat: Seat, form: Form) -> Done:
        if not (text := one(form, "text").strip()):
            return Done(seat, "A message says something: nothing was changed.")
        self._slack.edit(seat.person.name, self._message(form), text)
        return Done(seat)

    async def _delete(self, seat: Seat, form: Form) -> Done:
        self._slack.take_back(seat.person.name, self._message(form))
        return Done(seat)

    async def _submit(self, seat: Seat, form: Form) -> Done:
        view = self._shown(seat, form)
        assert isinstance(view, View)
        self._screen.dialogs.typed[view.id] = form
        values = {
            block["block_id"]: _value(element, form.get(name_of(block, element), []))
            for block, element in elements(view.blocks)
            if block["type"] == "input"
        }
        return self._heard(seat, await self._slack.submit(seat.person.name, view, values))

    async def _close(self, seat: Seat, form: Form) -> Done:
        view = self._shown(seat, form)
        assert isinstance(view, View)
        await self._slack.close_view(seat.person.name, view)
        return Done(seat)

    async def _home(self, seat: Seat, _form: Form) -> Done:
        await self._slack.open_home(seat.person.name)
        return Done(seat.at(place=HOME))

    async def _join(self, seat: Seat, _form: Form) -> Done:
        self._enter(seat)
        return Done(seat, anew=True)

    async def _switch(self, seat: Seat, form: Form) -> Done:
        on = one(form, "on") == "yes"
        match one(form, "name"):
            case "limits":
                self._slack.limits.on = on
                self._slack.limits.burst = 1
            case "slack":
                self._slack.faults.down = on
            case "jira":
                self._world.jira.faults.down = on
            case _:
                return Done(seat, "There is no such switch.")
        self._slack.ring()
        return Done(seat)

    async def _outside(self, seat: Seat, form: Form) -> Done:
        if self._world.outside.busy:
            return Done(seat, f"{self._world.outside.busy} Wait for its end.")
        if one(form, "what") == "break":
            self._world.outside.release_badly()
        else:
            self._world.outside.deploy()
        self._slack.ring()
        return Done(seat)


def one(form: Form, name: str) -> str:
    """Return the first value of a form under a name, or nothing."""
    return form.get(name, [""])[0]


def _value(element: Wire, given: list[str]) -> object:
    """Return what was filled in as the stand-in's acts take it."""
    if element["type"] in MANY:
        return given
    said = given[0] if given and given[0] else None
    if said and element["type"] == "datetimepicker":
        return int(datetime.fromisoformat(said).replace(tzinfo=UTC).timestamp())
    return said
