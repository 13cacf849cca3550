"""Views: the modal on top of a person's screen, and the app's home."""

from __future__ import annotations

from bot.sandbox.page.blocks import blocks
from bot.sandbox.page.controls import Held, Values
from bot.sandbox.page.html import Html, hidden, tag
from bot.sandbox.page.markup import Eyes, words
from bot.sandbox.page.seat import Seat
from bot.sandbox.page.talk import Items
from bot.sandbox.slack import SlackStandIn, View


class Dialogs:
    """Draws views; `typed` keeps what was filled into a form that was rejected, by view id."""

    def __init__(self, slack: SlackStandIn, token: str) -> None:
        self._slack = slack
        self._token = token
        self.typed: dict[str, Values] = {}

    def modal(self, seat: Seat) -> Items:
        """Return the modal a person sees, if any."""
        view = self._slack.view(seat.person.name)
        self.typed = {id: kept for id, kept in self.typed.items() if id in self._slack.workspace.views}
        return [(view.id, self._modal(seat, view))] if view else []

    def _modal(self, seat: Seat, view: View) -> Html:
        eyes = Eyes(self._slack.workspace, seat)
        held = Held(eyes, f"v{view.id}", self.typed.get(view.id, {}), view.errors, to="/press")
        content = view.content
        close = words(eyes, content.get("close")) or "Close"
        submit = content.get("submit")
        buttons = [
            tag("button", words(eyes, submit), type="submit", class_="primary", id="view-submit")
            if submit
            else "",
            tag("button", close, type="submit", formaction="/close", formnovalidate=True, id="view-close"),
        ]
        form = tag(
            "form",
            hidden(token=self._token, here=seat.query, view=view.id),
            tag("h2", words(eyes, content["title"]), id="view-title"),
            tag("div", blocks(held, view.blocks), class_="view-body"),
            tag("div", *buttons, class_="b-actions"),
            method="post",
            action="/submit",
        )
        return tag("dialog", form, id="view", open=True, aria_labelledby="view-title", data_view=view.id)

    def home(self, seat: Seat) -> Items:
        """Return the app's home as it was last published for a person."""
        view = self._slack.home(seat.person.name)
        if view is None:
            nothing = tag("p", "Backstop has not shown anything here yet.", class_="nothing")
            return [("nothing", nothing)]
        held = Held(Eyes(self._slack.workspace, seat), f"v{view.id}")
        form = tag(
            "form",
            hidden(token=self._token, here=seat.query, view=view.id),
            blocks(held, view.blocks),
            method="post",
            action="/press",
        )
        return [("home", tag("div", form, class_="home"))]
