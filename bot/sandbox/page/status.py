"""The status page as customers see it: beside Slack the newest word, in the middle of the page everything."""

from __future__ import annotations

from collections.abc import Mapping

from bot.sandbox.page.html import Html, joined, tag
from bot.sandbox.page.seat import STATUS, Seat
from bot.sandbox.page.talk import Items
from bot.sandbox.statuspage import Shown, StatuspageStandIn

NOBODY = "Customers have been told nothing yet."


def newest(page: StatuspageStandIn, seat: Seat, command: str) -> Html:
    """Return how the components are shown, and what customers were told last."""
    shown = [_component(name, state) for name, state in page.components.items()]
    told = [each for each in page.incidents if each.updates]
    if not told:
        how = tag("p", tag("code", f"{command} publish"), " drafts words for them.", class_="quiet")
        return joined([*shown, tag("p", NOBODY, class_="nothing"), how])
    last = told[-1]
    whole = tag("a", "All that customers read", href=seat.at(place=STATUS).address)
    return joined([*shown, tag("h3", last.name), _update(last.updates[-1]), tag("p", whole)])


def everything(page: StatuspageStandIn) -> Items:
    """Return every incident on the status page with its updates, newest first."""
    items = [(each.id, _incident(each)) for each in reversed(page.incidents)]
    return items or [("nothing", tag("p", NOBODY, class_="nothing"))]


def _component(name: str, state: str) -> Html:
    works = state == "operational"
    said = f"{'✓' if works else '✗'} {name} is shown as {state.replace('_', ' ')}"
    return tag("p", said, class_=f"state {'good' if works else 'bad'}")


def _incident(shown: Shown) -> Html:
    told = [_update(each) for each in reversed(shown.updates)]
    return tag("article", tag("h2", shown.name), *told, class_="issue")


def _update(update: Mapping[str, str]) -> Html:
    at = update["at"]
    head = tag("p", tag("strong", update["status"]), " ", tag("time", f"{at[11:19]}Z", datetime=at, title=at))
    return tag("div", head, tag("p", update["body"]), class_="update")
