"""What one person sees, as parts that can be drawn again one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.sandbox.alertmanager import AlertmanagerStandIn
from bot.sandbox.jira import JiraStandIn
from bot.sandbox.page import beside, guide, silences, status
from bot.sandbox.page.beside import Shop
from bot.sandbox.page.dialog import Dialogs
from bot.sandbox.page.html import Html, joined, tag
from bot.sandbox.page.menu import Menus
from bot.sandbox.page.outside import Outside
from bot.sandbox.page.places import Places, listed
from bot.sandbox.page.seat import HOME, STATUS, Seat
from bot.sandbox.page.talk import Items, Talk
from bot.sandbox.shop.keeper import Keeper
from bot.sandbox.slack import SlackStandIn
from bot.sandbox.statuspage import StatuspageStandIn

Parts = Mapping[str, Items]
"""The parts of the page by their id: each a list of items by their key."""

ROLES = {"ana": "incident commander", "bo": "database administrator", "cy": "owner of checkout"}


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the page shows; `command` is what is typed before a verb.

    `customers` is what they read; `reactions` are offered in the menu of a message, where one of them adds it
    to the timeline.
    """

    slack: SlackStandIn
    jira: JiraStandIn
    customers: StatuspageStandIn
    alerts: AlertmanagerStandIn
    keeper: Keeper
    outside: Outside
    command: str
    reactions: tuple[str, ...] = ()


class Screen:
    """Draws the page for whoever sits before it."""

    def __init__(self, world: World, token: str) -> None:
        self.world = world
        self._token = token
        self._talk = Talk(world.slack, token, Menus(world.slack, token, world.reactions))
        self._places = Places(world.slack, token, ROLES)
        self.dialogs = Dialogs(world.slack, token)
        self.shop = Shop("", up=False, verdict=None)

    def parts(self, seat: Seat) -> Parts:
        """Return every part as it is now."""
        world, form = self.world, {"token": self._token, "here": seat.query}
        general = next(iter(world.slack.workspace.channels))
        busy = world.outside.busy
        now = world.outside.progress
        found = list(guide.steps(now, general=general, command=world.command))
        return {
            "people": self._places.people(seat),
            "channels": self._places.channels(seat),
            "title": [("title", self._title(seat))],
            "talk": self._middle(seat),
            "thread": self._talk.thread(seat) if seat.thread else [],
            "layer": self.dialogs.modal(seat),
            "guide": [("guide", guide.drawn(found, busy=busy, **form))],
            "shop": [("shop", beside.shop(self.shop, world.keeper.url))],
            "pipeline": [("pipeline", beside.pipeline(world.outside.typed, busy=busy, **form))],
            "jira": [("jira", beside.issues(world.jira, seat))],
            "status": [("status", status.newest(world.customers, seat, world.command))],
            "silences": [("silences", silences.in_force(world.alerts, world.command))],
            "switches": [("switches", beside.switches(world.slack, world.jira, **form))],
            "outage": [("outage", self._outage())],
        }

    def _title(self, seat: Seat) -> Html:
        if seat.place == HOME:
            return tag("h1", "Home of backstop")
        if seat.place == STATUS:
            return tag("h1", "What customers read")
        if seat.place in self.world.jira.issues:
            return tag("h1", f"{seat.place} {self.world.jira.issues[seat.place].summary}")
        return self._talk.title(seat)

    def _middle(self, seat: Seat) -> Items:
        if seat.place == HOME:
            return self.dialogs.home(seat)
        if seat.place == STATUS:
            return status.everything(self.world.customers)
        if seat.place in self.world.jira.issues:
            return beside.issue(self.world.jira, seat.place)
        items = self._talk.room(seat)
        if not seat.before:
            self._places.looked(seat)
        return items

    def _outage(self) -> Html:
        if not self.world.slack.faults.down:
            return Html()
        said = "Slack is down. Backstop goes on: what it has to say here comes when Slack is back."
        return tag("p", said, class_="outage", role="alert")

    def composer(self, seat: Seat) -> Html:
        """Return where one types."""
        return self._places.composer(seat)


def part(parts: Parts, id: str, *, name: str = "div", **attributes: str) -> Html:
    """Return a part as an element whose children are its items."""
    if name == "ul":
        return listed(parts[id], id=id, data_part=id, **attributes)
    rows = joined(tag("div", shown, data_key=key) for key, shown in parts[id])
    return tag(name, rows, id=id, data_part=id, **attributes)
