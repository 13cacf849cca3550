"""Plays a conversation: people type, press and are answered as over a real wire."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from bot.sandbox.slack import Message, Reply
from bot.sandbox.slack.blocks import elements
from tests.journeys.directions import Scene, happen
from tests.journeys.places import Place
from tests.journeys.script import Act, BadScript, Conversation, Read, act_of
from tests.journeys.sight import Sight
from tests.terminal.shell import Shell

TOKEN_LIFE = timedelta(days=1)
_PRESS = re.compile(
    r'presses (?P<label>[^"]+?)(?P<late> late)?(?P<home> at home)?(?: on "(?P<on>[^"]+)")?'
    r'(?: and writes "(?P<text>.*)")?(?P<twice> twice)?'
)
_ANSWER = re.compile(r'answers (?P<label>[^"]+) to "(?P<question>[^"]+)"(?: and writes "(?P<text>.*)")?')
_SAYS = re.compile(r'says "(?P<text>.*?)"(?: with the file "(?P<file>[^"]+)")?')
_REACTS = re.compile(r'reacts with :(?P<name>[\w+-]+): to "(?P<on>[^"]+)"')
_ADDS = re.compile(r'adds "(?P<on>[^"]+)" to the timeline')
_EDITS = re.compile(r'edits "(?P<on>[^"]+)" to "(?P<to>.*)"')
_DELETES = re.compile(r'deletes "(?P<on>[^"]+)"')
_FORM = re.compile(r"fills in (?P<values>.+) and sends")
_FILLED = re.compile(r'([\w-]+):(?:"([^"]*)"|(\S+))')
_SHORTCUT = re.compile(r"uses the shortcut (?P<name>\w+)")
_WAS = re.compile(r"(?:INC|RUN)-1 was (declared|planned|started|approved)")
_BEFORE = {
    "declared": ('ana  /backstop declare "Orders are wrong" sev:1 svc:checkout',),
    "planned": (
        'ana  /backstop impact "Totals are wrong" damage:02:06',
        "ana  /backstop plan restore-orders",
    ),
    "started": ('ana  presses Start on "RUN-1 restore-orders"',),
    "approved": ('bo  presses Approve on "RUN-1 approval"', 'cy  presses Approve on "RUN-1 approval"'),
}
"""What is done first where a journey says that RUN-1 was planned, started or approved; nobody reads it."""


@dataclass
class Player:
    """Everybody in one conversation."""

    place: Place
    home: Path
    sight: Sight
    last: Reply | None = None
    _tokens: dict[str, str] = field(default_factory=dict)

    async def play(self, conversation: Conversation) -> list[Sequence[Read]]:
        """Play it to its end and return what was read after each act."""
        happened: list[Sequence[Read]] = []
        for act in conversation.acts:
            said = await self._do(act, f"{conversation.file.name}:{act.line}")
            await self.place.settle()
            # While the bot is dead it cannot be told what it still said and what it will say.
            news = self.sight.news(self.place) if self.place.bot.app else []
            happened.append([*said, *news])
        return happened

    async def _before(self, how: str) -> None:
        steps = list(_BEFORE)
        for step in steps[: steps.index(how) + 1]:
            for line in _BEFORE[step]:
                await self._do(act_of(line), step)
                await self.place.settle()
        self.sight.news(self.place)

    async def _do(self, act: Act, at: str) -> list[Read]:
        act = replace(act, text=_typed(act.text, self.place.known))
        if found := _WAS.fullmatch(act.text):
            await self._before(found[1])
            return []
        if not act.who:
            read = await happen(Scene(self.place, self.sight, self.last), act.text, at)
            return [read] if read else []
        await self.place.up()
        if act.text.startswith("$ backstop "):
            return [await self._command(act.who, act.text.removeprefix("$ backstop "))]
        channel, thread = self.sight.where(act.place)
        self.place.slack.join(act.who, channel)
        if act.text.startswith("/"):
            self.last = await self.place.slack.slash(act.who, act.text, channel)
        elif act.text.startswith("@backstop "):
            text = act.text.removeprefix("@backstop ")
            self.last = await self.place.slack.mention(act.who, text, channel, thread_ts=thread)
        elif pressed := _PRESS.fullmatch(act.text):
            await self._press(act.who, pressed)
        elif answer := _ANSWER.fullmatch(act.text):
            await self._answer(act.who, answer["label"], answer["question"])
            await self._fill_in(act.who, answer["label"], answer["text"])
        elif form := _FORM.fullmatch(act.text):
            await self._send(act.who, form["values"])
        elif act.text == "opens the home tab":
            self.last = await self.place.slack.open_home(act.who)
        elif not (await self._menu(act) or self._talk(act, channel, thread)):
            raise BadScript(f"{at}: nobody can do this: {act.text}")
        return []

    async def _menu(self, act: Act) -> bool:
        """Choose something of Slack's own menus, or of a message's; False if nobody does."""
        slack = self.place.slack
        if adds := _ADDS.fullmatch(act.text):
            self.last = await slack.shortcut(act.who, "timeline_add", self.sight.said(adds["on"]))
        elif shortcut := _SHORTCUT.fullmatch(act.text):
            self.last = await slack.shortcut(act.who, shortcut["name"])
        else:
            return False
        return True

    def _talk(self, act: Act, channel: str, thread: str | None) -> bool:
        """Let somebody talk to others, of which the bot hears what it asked for; False if nobody does."""
        slack = self.place.slack
        if says := _SAYS.fullmatch(act.text):
            files = [says["file"]] if says["file"] else []
            slack.say(act.who, says["text"], channel, thread_ts=thread, files=files)
        elif reacts := _REACTS.fullmatch(act.text):
            slack.react(act.who, self.sight.said(reacts["on"]), reacts["name"])
        elif edits := _EDITS.fullmatch(act.text):
            slack.edit(act.who, self.sight.said(edits["on"]), edits["to"])
        elif deletes := _DELETES.fullmatch(act.text):
            slack.take_back(act.who, self.sight.said(deletes["on"]))
        else:
            return False
        return True

    async def _command(self, who: str, line: str) -> Read:
        if who not in self._tokens:
            person = who in self.place.app.desk.shelf.catalog().people
            self._tokens[who] = await self.place.app.timeline.records.issue_token(
                who,
                scopes=["say"] if person else ["gate", "say"],
                name=f"{who}'s",
                expires_at=self.place.app.timeline.now() + TOKEN_LIFE,
            )
        door = {"BACKSTOP_URL": self.place.app.url, "BACKSTOP_TOKEN": self._tokens[who]}
        ran = await Shell(self.home).run(*shlex.split(line), **door)
        ended = f" (exit {ran.code})" if ran.code else ""
        return Read(f"terminal{ended}", self.sight.tidy((ran.out + ran.err).strip()))

    async def _press(self, who: str, pressed: re.Match[str]) -> None:
        slack, label, text = self.place.slack, pressed["label"], pressed["on"] or ""
        if pressed["home"]:
            tab = slack.home(who)
            assert tab, f"{who} never opened the home tab"
            self.last = await slack.click(who, tab, label=label)
            await self._fill_in(who, label, pressed["text"])
            return
        if pressed["late"]:
            gone = [each for each in self.sight.drawings if slack.current(each).blocks != each.blocks]
            shown, click = self._offered(gone, label, text), slack.click_late
        else:
            shown, click = self._shown(who, label, text), slack.click
        times = 2 if pressed["twice"] else 1
        clicks = [click(who, shown, label=label) for _ in range(times)]
        self.last = (await asyncio.gather(*clicks))[-1]
        await self._fill_in(who, label, pressed["text"])

    async def _fill_in(self, who: str, label: str, text: str | None) -> None:
        if text is None:
            return
        # A press that asks for words is acknowledged before its form opens.
        await self.place.heard_out()
        form = self.place.slack.view(who)
        assert form, f"{who} sees no form after {label}"
        [field] = [block for block in form.blocks if block["type"] == "input"]
        self.last = await self.place.slack.submit(who, form, {field["block_id"]: text})

    async def _send(self, who: str, values: str) -> None:
        form = self.place.slack.view(who)
        assert form, f"{who} sees no form"
        kinds = {element["action_id"]: element["type"] for _, element in elements(form.blocks)}
        given = {name: quoted or bare for name, quoted, bare in _FILLED.findall(values)}
        chosen = {
            name: value.split(",") if kinds[name].startswith("multi") else value
            for name, value in given.items()
        }
        self.last = await self.place.slack.submit(who, form, chosen)

    async def _answer(self, who: str, label: str, question: str) -> None:
        """Press or choose an answer in what stands under a question, on the newest message that asks it."""
        slack = self.place.slack
        rooms = [message for name in slack.workspace.channels for message in slack.messages(name)]
        seen = [m for m in (*rooms, *slack.ephemerals(who)) if question in slack.plain(m)]
        shown = max(seen, key=lambda message: message.ts)
        asked = [question in json.dumps(block, ensure_ascii=False) for block in shown.blocks].index(True)
        _, element = next(elements(shown.blocks[asked + 1 :]))
        if element["type"] == "static_select":
            self.last = await slack.select(who, shown, action_id=element["action_id"], option=label)
            return
        under = next(b for b in shown.blocks[asked + 1 :] if b["type"] == "actions")
        [found] = [e for e in under["elements"] if e["text"]["text"] == label]
        self.last = await slack.click(who, shown, action_id=found["action_id"])

    def _shown(self, who: str, label: str, text: str) -> Message:
        """Return the newest message a person sees with this button and text."""
        slack = self.place.slack
        rooms = [message for name in slack.workspace.channels for message in slack.messages(name)]
        seen = sorted((*rooms, *slack.ephemerals(who)), key=lambda message: message.ts)
        return self._offered(seen, label, text)

    def _offered(self, messages: Sequence[Message], label: str, text: str) -> Message:
        slack = self.place.slack
        for message in reversed(messages):
            if text in slack.plain(message) and any(b.label == label for b in slack.buttons(message)):
                return message
        seen = "\n".join(f"{slack.plain(each)} {[b.label for b in slack.buttons(each)]}" for each in messages)
        raise AssertionError(f"nobody sees a button {label} on a message that says {text!r}, only:\n{seen}")


def _typed(text: str, known: Mapping[str, str]) -> str:
    """Return what is typed: `{x 40000}` is a run of a letter, `{0}` a NUL, `{202e}` another character.

    Words in angle brackets stand for what is known only once it happened.
    """
    for words, meant in known.items():
        text = text.replace(f"<{words}>", meant)
    text = re.sub(r"\{(\S) (\d+)\}", lambda found: found[1] * int(found[2]), text)
    return re.sub(r"\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), text)
