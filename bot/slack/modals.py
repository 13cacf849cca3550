"""Opens forms and takes what was filled in.

A trigger lives three seconds, so a form opens before anything is read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.commands import Answer, Desk, look
from bot.commands.grammar import read
from bot.core.document import Code, Document, Line, Paragraph
from bot.manifest import DECLARE
from bot.slack import asked, forms
from bot.slack.api import SlackTrouble
from bot.slack.asked import Stock
from bot.slack.forms import Form, Kept
from bot.slack.hear import VIA, Hear
from bot.slack.letterbox import Letterbox
from bot.slack.messages import Wire
from bot.slack.payloads import Body, place_of, sender_of
from bot.slack.rooms import Ground
from bot.slack.said import Said, Sender
from playbooks.problems import PlaybookInvalid

log = logging.getLogger(__name__)

CATALOG_GONE = "The catalog cannot be read now: nothing was sent. Send it again later."
DECLARED = "declare"
"""The form that may begin with what the line of its button says."""
UPDATE = "update"
DRAFTED = {
    UPDATE: "Backstop drafts it from what happened…",
    "other words": "Backstop reads the draft…",
}
"""The forms that begin with a draft, with what they say until it was read."""

PUBLISHED = "publish"
"""The form that is of use only where a status page is set up."""

Otherwise = Callable[[], Awaitable[None]]


class Modals:
    """Forms, from the button, command or shortcut that opens one to the line that it stands for."""

    def __init__(self, desk: Desk, ground: Ground, hear: Hear, box: Letterbox) -> None:
        self._desk = desk
        self._ground = ground
        self._hear = hear
        self._box = box

    def attach(self, app: AsyncApp) -> None:
        """Register every listener, once."""
        app.action(re.compile(r"^(ask|form):"))(self._pressed)
        app.shortcut(DECLARE)(self._declare)
        app.view_submission(forms.CALLBACK)(self._submitted)

    def opens(self, said: Said) -> bool:
        """Say whether a typed line opens a form for whoever typed it."""
        name = asked.opened_by(said.line)
        # Where customers look nowhere, that is said before anybody finds words for them.
        useful = name is not None and (name != PUBLISHED or bool(self._desk.publishes))
        return useful and not isinstance(self._hear.who(said.sender), Answer)

    def open(self, said: Said, trigger: str) -> None:
        """Open the form of a typed line; where Slack does not, the line is answered as it was typed."""
        name, place = asked.opened_by(said.line) or said.line, said.place
        kept = Kept(name, name, place.channel, place.thread, place.hook)

        async def as_typed() -> None:
            if slow := await self._box.take(said):
                await self._box.tell(said, slow)

        self._box.begin(self._open(kept, trigger, said.sender, as_typed))

    async def _declare(self, body: Body, ack: AsyncAck) -> None:
        """Take the global shortcut; the answer comes as a direct message."""
        await ack()
        sender = sender_of(body)
        delivery = f"slack:{body['trigger_id']}"
        said = Said(sender, "declare", place_of(body, reply="ephemeral"), delivery)
        if self.opens(said):
            self.open(said, body["trigger_id"])
        elif slow := await self._box.take(said):
            await self._box.tell(said, slow)

    async def _pressed(self, body: Body, ack: AsyncAck) -> None:
        await ack()
        action, place = body["actions"][0], place_of(body, reply="ephemeral")
        how, _, rest = str(action["action_id"]).partition(":")
        name, _, wanted = rest.partition(":")[2].partition(":")
        line, label = str(action.get("value", "")).strip(), str(action["text"]["text"])
        kept = Kept("question" if how == "ask" else name, line, place.channel, place.thread)
        if how == "ask":
            kept = replace(kept, into=name or "why")
        begun = self._begun(kept) if kept.form == DECLARED else None
        to_type = f'{line} {kept.into}:"…"' if kept.into else f"{line} …"

        async def refused() -> None:
            said: Line = (
                "Slack did not open the form, and nothing was done. Press again, or type ",
                Code(f"{self._desk.command} {to_type}"),
            )
            answer = Answer(Document("", (Paragraph(said),)), ok=False)
            await self._hear.answer(Said(sender_of(body), "", place, f"slack:{body['trigger_id']}"), answer)

        form = forms.question(kept.into, wanted, label) if kept.into else begun
        if begun:
            kept = replace(kept, line=forms.rest_of(kept.line, begun))
        self._box.begin(self._open(kept, body["trigger_id"], sender_of(body), refused, form))

    async def _open(
        self, kept: Kept, trigger: str, sender: Sender, otherwise: Otherwise, form: Form | None = None
    ) -> None:
        try:
            if kept.form in DRAFTED:
                await self._open_draft(kept, trigger, sender)
            else:
                await self._show(
                    forms.modal(form or self._form(kept), kept), "views.open", trigger_id=trigger
                )
        except SlackTrouble as trouble:
            log.warning("form not opened error=%s", trouble)
            await otherwise()

    async def _show(self, view: Wire | None, method: str, **which: str) -> Mapping[str, Any]:
        if view is None:
            raise SlackTrouble("The line is too long for a form.", code="view_too_large")
        return await self._ground.api.call(method, view=view, **which)

    def _form(self, kept: Kept) -> Form:
        if kept.form == "question":
            return forms.question(kept.into, "", "")
        return asked.FORMS[kept.form](Stock.of(self._desk.shelf))

    def _begun(self, kept: Kept) -> Form | None:
        """Return the form of a button whose line says already what is suggested."""
        said = read(kept.line)
        draft = {**said.options, **({"1": said.args[0]} if said.args else {})}
        try:
            return asked.with_draft(self._form(kept), draft, "")
        except PlaybookInvalid:
            return None

    async def _open_draft(self, kept: Kept, trigger: str, sender: Sender) -> None:
        """Open at once with a word about the draft, and put the draft in when it is read."""
        form = self._form(kept)
        opened = await self._show(
            forms.sheet(form.title, DRAFTED[kept.form], kept),
            "views.open",
            trigger_id=trigger,
        )
        view = opened["view"]
        drafted = await self._drafted(form, kept, sender)
        try:
            await self._show(drafted, "views.update", view_id=str(view["id"]), hash=str(view["hash"]))
        except SlackTrouble as trouble:
            # Whoever closed the form meanwhile wants no draft; one that still says it drafts can be closed.
            log.info("draft not shown error=%s", trouble)

    async def _drafted(self, form: Form, kept: Kept, sender: Sender) -> Wire | None:
        who = self._hear.who(sender)
        assert not isinstance(who, Answer), "nobody else is shown the form"
        answer = await look(self._desk, kept.line, who=who, via=VIA, place=kept.place(sender.user))
        if answer.data.get("unavailable"):
            note = f"There is no draft: {answer.text.strip()}"
            return forms.modal(replace(form, note=note), kept)
        if not answer.ok:
            return forms.sheet(form.title, answer.text.strip(), kept)
        if kept.form != UPDATE:
            words = cast("Mapping[str, str]", answer.data["fields"])
            return forms.modal(asked.with_draft(form, words, form.note), kept)
        incident = str(answer.data["incident"])
        draft = {**cast("Mapping[str, str]", answer.data["draft"]), "next": str(answer.data["next"])}
        note = f"{incident}: a draft from the last update and what happened since. Correct it, then post it."
        # Its line names the incident: another may be open here by the time it is sent.
        return forms.modal(
            asked.with_draft(form, draft, note), replace(kept, line=f"{UPDATE} inc:{incident}")
        )

    async def _submitted(self, body: Body, ack: AsyncAck) -> None:
        view = body["view"]
        kept, values = Kept.of(view), forms.filled(view)
        try:
            form = self._form(kept)
            errors = forms.wrong(form, values, self._desk.now)
        except PlaybookInvalid:
            errors = {next(iter(values)): CATALOG_GONE}
        if errors:
            await ack(response_action="errors", errors=errors)
            return
        place = kept.place(body["user"]["id"])
        line = forms.line_of(form, kept, values)
        await self._box.carry(Said(sender_of(body), line, place, f"slack:{view['id']}"), ack)
