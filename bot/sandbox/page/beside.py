"""The right of the page: the shop, what its pipeline wrote, Jira's issues, and what can go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.sandbox.jira import JiraStandIn
from bot.sandbox.jira.page import document
from bot.sandbox.page.html import Html, hidden, joined, tag
from bot.sandbox.page.outside import Typed
from bot.sandbox.page.seat import Seat
from bot.sandbox.page.talk import Items
from bot.sandbox.shop.home import ShopError
from bot.sandbox.shop.keeper import Keeper
from bot.sandbox.shop.verify import Verdict, verify
from bot.sandbox.slack import SlackStandIn

SWITCHES = {
    "limits": ("Slack rate-limits us", "One message a second in each channel, no burst."),
    "slack": ("Slack is down", "Nobody can say anything here; runs and the command line go on."),
    "jira": ("Jira is down", "The post-mortem waits; nothing else does."),
}


@dataclass(frozen=True, slots=True)
class Shop:
    """The shop as a customer and an operator see it; `verdict` compares its orders with their receipts."""

    version: str
    up: bool
    verdict: Verdict | None

    @property
    def wrong(self) -> int:
        """Return how many stored orders are not what the customer was told."""
        return len({*self.verdict.wrong, *self.verdict.inconsistent}) if self.verdict else 0


async def look(keeper: Keeper, now: Callable[[], datetime]) -> Shop:
    """Look at the shop; one that is stopped is not compared, for a restore must find its database unused."""
    actual = keeper.home.actual()
    if actual is None or not actual.replicas:
        return Shop(actual.version if actual else "", up=False, verdict=None)
    found: Verdict | None
    try:
        found = await asyncio.to_thread(verify, keeper.home, at=now())
    except (ShopError, OSError):
        found = None
    return Shop(actual.version, up=True, verdict=found)


def shop(seen: Shop, url: str) -> Html:
    """Return the state of the shop."""
    if seen.verdict is None or not seen.up:
        state, kind = "checkout is stopped", "off"
    elif seen.wrong:
        state, kind = "customers are told wrong totals", "bad"
    else:
        state, kind = "every total is right", "good"
    mark = {"off": "■", "bad": "✗", "good": "✓"}[kind]
    figures = [("Release", seen.version or "none")]
    if seen.verdict:
        figures += [
            ("Orders", f"{seen.verdict.stored:,}"),
            ("Wrong totals", f"{seen.wrong:,}"),
            ("Confirmed, but not there", f"{len(seen.verdict.missing):,}"),
        ]
    pairs = [part for name, value in figures for part in (tag("dt", name), tag("dd", value))]
    return joined(
        [
            tag("p", f"{mark} {state}", class_=f"state {kind}", role="status"),
            tag("dl", *pairs),
            tag(
                "p",
                tag(
                    "a", "Its newest orders", href=f"{url}/orders", target="_blank", rel="noopener noreferrer"
                ),
            ),
        ]
    )


def pipeline(typed: Sequence[Typed], *, token: str, here: str, busy: str) -> Html:
    """Return what was run outside Slack lately, and a button that deploys once more."""
    shown = [tag("pre", f"{each.who} $ {each.command}\n{each.output}", tabindex=0) for each in typed[-2:]]
    deploy = tag("button", "Deploy now", type="submit", id="deploy", disabled=bool(busy))
    form = tag(
        "form", hidden(token=token, here=here, what="deploy"), deploy, method="post", action="/outside"
    )
    nothing = tag("p", "Nothing was run yet.", class_="nothing")
    return joined([*(shown or [nothing]), tag("p", busy, class_="busy") if busy else "", form])


def issues(jira: JiraStandIn, seat: Seat) -> Html:
    """Return the issues, newest first."""
    rows = [
        tag(
            "li", tag("a", f"{issue.key} ", tag("span", issue.summary), href=seat.at(place=issue.key).address)
        )
        for issue in reversed(jira.issues.values())
    ]
    return tag("ul", *rows) if rows else tag("p", "No issue has been created yet.", class_="nothing")


def issue(jira: JiraStandIn, key: str) -> Items:
    """Return one issue to be read in the middle of the page."""
    found = jira.issues[key]
    comments = [tag("section", tag("h2", "Comment"), Html(document(each.body))) for each in found.comments]
    whole = tag(
        "a", "The page in Jira", href=f"{jira.url}/browse/{key}", target="_blank", rel="noopener noreferrer"
    )
    said = tag("article", tag("p", whole), Html(document(found.description)), *comments, class_="issue")
    return [(key, said)]


def switches(slack: SlackStandIn, jira: JiraStandIn, *, token: str, here: str) -> Html:
    """Return what can be made to go wrong, each as a button that is pressed or not."""
    on = {"limits": slack.limits.on, "slack": slack.faults.down, "jira": jira.faults.down}
    return joined(
        tag(
            "form",
            hidden(token=token, here=here, name=name, on="" if on[name] else "yes"),
            tag("button", said, type="submit", role="switch", aria_checked="true" if on[name] else "false",
                aria_describedby=f"about-{name}", id=f"switch-{name}", class_="switch"),
            tag("p", about, id=f"about-{name}", class_="quiet"),
            method="post",
            action="/switch",
        )
        for name, (said, about) in SWITCHES.items()
    )  # fmt: skip
