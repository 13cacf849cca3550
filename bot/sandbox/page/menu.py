"""What one can do with a message: react, use an app's shortcut, and change or delete one's own."""

from __future__ import annotations

from bot.manifest import manifest
from bot.sandbox.page.html import Html, hidden, joined, tag
from bot.sandbox.page.seat import Seat
from bot.sandbox.slack import Message, SlackStandIn
from bot.sandbox.slack.plain import mrkdwn

SHORTCUTS = tuple(
    (str(each["callback_id"]), str(each["name"]))
    for each in manifest(None)["features"]["shortcuts"]
    if each["type"] == "message"
)
"""What the app offers in the menu of a message: the callback id and what is read."""
LONGEST = 4000


class Menus:
    """Draws the menu of each message; `reactions` are offered first, `token` goes with every form."""

    def __init__(self, slack: SlackStandIn, token: str, reactions: tuple[str, ...]) -> None:
        self._slack = slack
        self._token = token
        self._reactions = reactions

    def drawn(self, seat: Seat, message: Message, *, key: str, name: str) -> Html:
        """Return the menu of a message, closed; `key` names it on the page, `name` who said it."""
        if message.only_for or message.subtype == "tombstone":
            return Html()
        own = message.user == seat.person.id
        where = hidden(token=self._token, here=seat.query, channel=message.channel, message=message.ts)
        reactions = [
            tag("button", f":{each}:", type="submit", name="reaction", value=each, formaction="/react",
                aria_label=f"React with {each}", id=f"{key}-{each}")
            for each in self._reactions
        ]  # fmt: skip
        shortcuts = [
            tag(
                "button",
                said,
                type="submit",
                name="shortcut",
                value=id,
                formaction="/shortcut",
                id=f"{key}-{id}",
            )
            for id, said in SHORTCUTS
        ]
        opened = [_opens(f"{key}-edit", "Edit message"), _opens(f"{key}-delete", "Delete message")]
        form = tag(
            "form",
            where,
            tag("div", *reactions, class_="reactions"),
            *shortcuts,
            *(opened if own else ()),
            method="post",
            action="/react",
        )
        said = tag("span", f"More about what {name} said", class_="unseen")
        summary = tag("summary", tag("span", "⋯", aria_hidden="true"), said, id=f"{key}-more")
        menu = tag("details", summary, form, class_="more")
        return joined([menu, self._edit(message, key, where), _delete(key, where)]) if own else menu

    def _edit(self, message: Message, key: str, where: Html) -> Html:
        id = f"{key}-edit"
        text = mrkdwn(self._slack.workspace, message.text)
        return _asks(
            id,
            "Edit message",
            "/edit",
            where,
            tag("label", "What it says", for_=f"{id}-text", class_="unseen"),
            tag("textarea", text, id=f"{id}-text", name="text", rows=4, required=True, maxlength=LONGEST),
            yes=tag("button", "Save changes", type="submit", class_="primary"),
        )


def _delete(key: str, where: Html) -> Html:
    said = tag("p", "It is gone for everybody. What the timeline has of it stays there.")
    yes = tag("button", "Delete", type="submit", class_="danger")
    return _asks(f"{key}-delete", "Delete message", "/delete", where, said, yes=yes)


def _opens(dialog: str, said: str) -> Html:
    return tag(
        "button", f"{said}…", type="button", aria_haspopup="dialog", data_opens=dialog, id=f"{dialog}-open"
    )


def _asks(id: str, title: str, to: str, where: Html, *inside: Html, yes: Html) -> Html:
    """Return a question over the page that is answered by a press of `yes`, or left."""
    form = tag(
        "form",
        where,
        tag("h2", title, id=f"{id}-title"),
        *inside,
        tag("div", yes, tag("button", "Cancel", type="button", data_closes=True), class_="b-actions"),
        method="post",
        action=to,
    )
    return tag("dialog", form, id=id, class_="sure", aria_labelledby=f"{id}-title")
