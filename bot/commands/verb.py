"""What a verb is, what it is asked, and what it answers.

A verb reads, decides and returns an `Outcome`; it never writes. `say` appends the outcome's changes, the
delivery and its answer in one transaction, and asks the verb again when somebody else was faster.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from bot.commands.grammar import Words, an_id
from bot.core import drill as drills
from bot.core import freeze as freezes
from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.document import (
    Block,
    Document,
    Line,
    Link,
    Paragraph,
    Small,
    Span,
    Strong,
    from_json,
    plain,
    to_json,
)
from bot.core.drill import Drill
from bot.core.errors import Refused
from bot.core.events import Event
from bot.core.freeze import Freeze
from bot.core.incident import Incident, stream_of
from bot.core.may import COMMANDERS, Actor, Right, commanding, may
from bot.core.people import holders_now
from bot.core.plan import Plan, PlannedStep
from bot.core.run import Run
from bot.shelf import Shelf
from bot.timeline import Change, Timeline
from bot.timeline.lookup import Listed
from playbooks.catalog import Catalog
from playbooks.load import Loaded
from playbooks.problems import nearest
from playbooks.roles import Holders


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was said. `reply` says how the answer gets there when the door cannot return it.

    A `hook` is an address that takes answers for a while.
    """

    channel: str | None = None
    thread: str | None = None
    user: str | None = None
    reply: str = ""
    hook: str = ""

    def as_json(self) -> dict[str, str | None]:
        """Return the place as JSON values."""
        where = {"channel": self.channel, "thread": self.thread, "user": self.user}
        return {**where, "reply": self.reply, "hook": self.hook}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Place:
        """Return the place that was stored."""
        return cls(**cast("dict[str, str]", value))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person reads; `data` is the same for programs. Not `ok` means that nothing was changed."""

    document: Document
    ok: bool = True
    data: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def refused(cls, sentence: str) -> Answer:
        """Return the answer that says why something will not happen."""
        return cls(Document("", (Paragraph((sentence,)),)), ok=False)

    @property
    def text(self) -> str:
        """Return the answer for a terminal."""
        return plain(self.document)

    def as_json(self) -> dict[str, object]:
        """Return the answer as it is stored with its delivery."""
        return {"document": to_json(self.document), "ok": self.ok, "data": dict(self.data)}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Answer:
        """Return the answer that was stored."""
        return cls(
            cast("Document", from_json(value["document"])),
            bool(value["ok"]),
            cast("Mapping[str, object]", value["data"]),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verb decided: the answer, and the events to append by stream."""

    answer: Answer
    changes: Mapping[str, Change] = field(default_factory=dict)


def in_incident(answer: Answer, incident: Incident, *events: Event) -> Outcome:
    """Return an answer with the events that are appended to the incident as it was read."""
    return Outcome(answer, {stream_of(incident.id): Change(incident.seq, events)})


@dataclass(frozen=True, slots=True)
class Desk:
    """What verbs work with; `command` is what people type before a verb, `pages` whether any can be paged.

    `publishes` are the systems through which customers can be told something, `silences`, `talks` and
    `tracks` say whether there is an Alertmanager, Slack and a tracker; `console` is where people reach
    Backstop's pages, empty where nobody said that they can.

    `slack_groups` are the members of groups that are kept elsewhere, for deciding who may; `to_ask` for
    whom to ask, who was in them last.
    """

    timeline: Timeline
    shelf: Shelf
    url: str
    console: str = ""
    command: str = "/backstop"
    slack_groups: Callable[[], Mapping[str, tuple[str, ...]]] = dict
    to_ask: Callable[[], Mapping[str, tuple[str, ...]]] = dict
    pages: bool = False
    publishes: tuple[str, ...] = ()
    silences: bool = False
    talks: bool = False
    tracks: bool = False

    @property
    def now(self) -> datetime:
        """Return the moment."""
        return self.timeline.now()

    def behind(self, via: str) -> Desk:
        """Return the desk as a door shows it: what comes over HTTP was typed into a shell."""
        return replace(self, command="backstop") if via == "http" else self


@dataclass(frozen=True, slots=True)
class Ask:
    """One line that somebody said."""

    desk: Desk
    words: Words
    who: Actor
    via: str
    place: Place
    now: datetime
    verbs: Mapping[str, Verb]

    @property
    def timeline(self) -> Timeline:
        """Return the timeline."""
        return self.desk.timeline

    @property
    def catalog(self) -> Catalog:
        """Return the catalog in force."""
        return self.desk.shelf.catalog()

    def argument(self, index: int, what: str) -> str:
        """Return a word by its place, or raise Refused naming what is missing."""
        if index < len(self.words.args):
            return self.words.args[index]
        raise Refused(f"{what} is missing: nothing was done. {self.usage}")

    def option(self, name: str, what: str) -> str:
        """Return an option with something in it, or raise Refused naming it and what it is."""
        value = self.words.options.get(name, "").strip()
        if not value:
            raise Refused(f'`{name}:"…"` is missing: nothing was done. It says {what}. {self.usage}')
        if name == "why" and not any(sign.isalpha() for sign in value):
            raise Refused(f"`why:` holds no word: nothing was done. It says {what}, as others will read it.")
        return value

    @property
    def usage(self) -> str:
        """Return the sentence that shows how the verb is said."""
        return self.verbs[self.words.verb].shown(self.desk.command)

    def person(self, word: str) -> str:
        """Return a person's catalog name by @name, Slack id or e-mail, or raise Refused."""
        found = self.catalog.person(word)
        if found is None:
            near = self.catalog.nearest_person(word)
            hint = f" Did you mean @{near}?" if near else ""
            raise Refused(
                f"{word[:40]} is not in the catalog: nothing was recorded.{hint} "
                "People are listed in catalog.yaml."
            )
        return found

    async def incident(self, word: str | None = None) -> Incident:
        """Return the incident named, or the one that is open where this was said."""
        id = await self._incident_id(word)
        found = incidents.fold(await self.timeline.read(f"incident/{id}"))
        if found is None:
            raise Refused(f"There is no {id}. `{self.desk.command} list` shows the incidents.")
        return found

    async def occasion(self, run: Run) -> Incident:
        """Return what a run is for: its incident, or its drill as one."""
        return await self.incident_or_drill(run.incident)

    async def incident_or_drill(self, word: str | None = None) -> Incident:
        """Return the incident named or of this place, or the drill named as one."""
        if word is None or not an_id(word, "DRL"):
            return await self.incident(word)
        drill = await self.drill(word)
        found = incidents.fold(await self.timeline.read(stream_of(drill.id)))
        assert found
        return found

    async def drill(self, word: str) -> Drill:
        """Return the drill named, or raise Refused."""
        id = an_id(word, "DRL")
        found = drills.fold(await self.timeline.read(f"drill/{id}")) if id else None
        if found is None:
            raise Refused(f"There is no drill {word[:40]}. `{self.desk.command} drill list` shows them.")
        return found

    async def _incident_id(self, word: str | None) -> str:
        if word and word != ".":
            id = an_id(word, "INC")
            if id is None:
                raise Refused(
                    f"`{word[:40]}` is no incident. Name one as INC-42, or leave it out in its channel."
                )
            return id
        found = await self.here()
        live = [item for item in found if item.open] or found[:1]
        if len(live) == 1:
            return live[0].id
        which = f"{len(live)} incidents are open here" if live else "No incident is open here"
        raise Refused(f"{which}: say which one, as INC-42. `{self.desk.command} list` shows them.")

    async def here(self) -> list[Listed]:
        """Return the incidents that are talked about where this was said, newest first.

        A thread with an incident of its own is a place of its own; a command line is everywhere.
        """
        found = await self.timeline.lookup.incidents(only_open=False, channel=self.place.channel)
        if self.place.channel is None:
            return found
        threaded = [item for item in found if item.thread and item.thread == self.place.thread]
        return threaded or [item for item in found if item.thread is None]

    async def open_here(self) -> Incident | None:
        """Return the only incident that is open where this was said, or None."""
        live = [item for item in await self.here() if item.open]
        return await self.incident(live[0].id) if len(live) == 1 else None

    async def run(self, word: str | None = None) -> Run:
        """Return the run named, or the only one that is under way in the incident of this place."""
        id = an_id(word.partition(".")[0], "RUN") if word else None
        if word and an_id(word, "DRL"):
            id = (await self.drill(word)).runs[-1]
        if word and id is None:
            raise Refused(f"`{word[:40]}` is no run. Name one as RUN-9, or a step as RUN-9.S3.")
        if id is None:
            incident = await self.incident()
            open_runs = await self.timeline.lookup.runs(incident=incident.id, only_open=True)
            if not open_runs:
                plans = f"`{self.desk.command} plan <playbook>` makes one"
                raise Refused(f"No run is under way in {incident.id}: nothing was done. {plans}.")
            if len(open_runs) > 1:
                names = ", ".join(reversed(open_runs))
                raise Refused(f"Several runs are under way in {incident.id} ({names}): say which one.")
            id = open_runs[0]
        found = runs.fold(await self.timeline.read(f"run/{id}"))
        if found is None:
            raise Refused(f"There is no {id}. `{self.desk.command} list` shows what is under way.")
        return found

    async def runs_of(self, incident: Incident) -> list[Run]:
        """Return the runs of an incident, oldest first."""
        found = [runs.fold(await self.timeline.read(f"run/{id}")) for id in incident.runs]
        return [run for run in found if run]

    async def step(self, word: str) -> tuple[Run, Plan, PlannedStep]:
        """Return the step that RUN-9.S3 or RUN-9.restore names, with its run, or raise Refused."""
        run = await self.run(word)
        if run.plan is None or run.started_at is None or run.over or run.abort:
            raise Refused(f"{run.id} is {run.state}: none of its steps can be changed now.")
        part = word.partition(".")[2]
        found = run.plan.step(part) if part else None
        if found is None:
            steps = ", ".join(step.id for step in run.plan.steps)
            raise Refused(f"Say which step of {run.id}, as {run.id}.S2 or by name: {steps}.")
        return run, run.plan, found

    async def freeze(self, word: str) -> Freeze:
        """Return the freeze named, or raise Refused."""
        id = an_id(word, "FRZ")
        found = freezes.fold(await self.timeline.read(f"freeze/{id}")) if id else None
        if found is None:
            raise Refused(f"There is no freeze {word[:40]}. `{self.desk.command} freeze show` lists them.")
        return found

    async def freezes(self) -> list[Freeze]:
        """Return the freezes that are in force now."""
        ids = await self.timeline.lookup.freezes()
        found = [freezes.fold(await self.timeline.read(f"freeze/{id}")) for id in ids]
        return [freeze for freeze in found if freeze and freeze.in_force(self.now)]

    def playbook(self, name: str) -> Loaded:
        """Return a playbook in force by its name, or raise Refused."""
        shelved = self.desk.shelf.playbooks()
        if name in shelved:
            return shelved[name]
        near = nearest(name, shelved)
        hint = f" Did you mean {near}?" if near else f" There are: {', '.join(sorted(shelved)) or 'none'}."
        raise Refused(f"There is no playbook {name[:60]}: nothing was planned.{hint}")

    def holders(self, run: Run, incident: Incident) -> Holders:
        """Return who holds each role of a run's playbook at this moment."""
        return holders_now(run, incident, self.catalog, self.desk.slack_groups(), now=self.now)

    def done(self, id: str, *line: Span, small: Line = (), **data: object) -> Answer:
        """Return the answer to a write: the id, what was recorded, and where to read it."""
        path = {"INC": "incidents", "RUN": "runs", "FRZ": "freezes", "DRL": "drills"}[id[:3]]
        url = f"{self.desk.url}/{path}/{id}"
        blocks: list[Block] = [Paragraph((Strong(id), " ", *line, " ", Link("Open", url)))]
        if small:
            blocks.append(Small(small))
        return Answer(Document("", tuple(blocks)), data={"id": id, "url": url, **data})

    def may(
        self,
        right: Right,
        what: str,
        incident: Incident | None = None,
        run: Run | None = None,
        *,
        other: Incident | None = None,
    ) -> None:
        """Return if whoever asked has the right here, or commands the `other` incident, or raise Refused."""
        operators: tuple[str, ...] = ()
        if run and incident:
            held = self.holders(run, incident).values()
            operators = tuple(dict.fromkeys(name for people in held for name in people))
        may(
            self.who,
            right,
            what=what,
            roles=incident.roles if incident else None,
            operators=operators,
            commanders=(
                *(commanding(other.roles) if other else ()),
                *self.catalog.members(COMMANDERS, self.desk.slack_groups()),
            ),
        )


@dataclass(frozen=True, slots=True)
class Verb:
    """A word people type. `options` are the keys it takes; `words` how many words at most."""

    name: str
    usage: str
    summary: str
    right: Right
    act: Callable[[Ask], Awaitable[Outcome]]
    options: frozenset[str] = frozenset()
    words: int = 1
    free_options: bool = False

    def shown(self, command: str) -> str:
        """Return the sentence that shows how the verb is said."""
        return f"Usage: `{command} {self.usage}`"


def find(name: str, verbs: Mapping[str, Verb], command: str) -> Verb:
    """Return the verb of a name, or raise Refused with the nearest one; nothing is done on a guess."""
    word = name or "help"
    if word in verbs:
        return verbs[word]
    near = nearest(word, verbs)
    hint = f"Did you mean `{near}`? " if near else ""
    raise Refused(
        f"`{word[:40]}` is no verb: nothing was done. {hint}`{command} help` lists what you can say."
    )
