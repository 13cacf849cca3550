"""The home tab of each person who has opened it: drawn when it is opened, and after what changes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.core import freeze as freezes
from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.cards import GoingOn, home_page
from bot.core.document import Document, Moment, Paragraph, Small
from bot.core.effects import Effect
from bot.core.freeze import Freeze
from bot.core.gaps import to_do
from bot.core.incident import Incident, stream_of
from bot.core.people import holders_now
from bot.core.run import Run
from bot.core.tasks import ToDo
from bot.jobs import Again, Handler
from bot.slack.messages import home
from bot.slack.rooms import Ground
from bot.timeline.rehearsals import gaps_of
from playbooks.catalog import Catalog
from playbooks.problems import PlaybookInvalid

EVERY = timedelta(seconds=3)
"""How often one person's home tab is drawn at most."""
MOST_RESOLVED = 50
"""Of how many resolved incidents, the newest, the actions are shown until they are closed."""
LOOKED = timedelta(hours=8)
"""Whoever has not opened it for so long sees it drawn when they do."""
NOBODY = Document(
    "Backstop",
    (
        Paragraph(
            ("You are not in the catalog. Ask a commander to add you to catalog.yaml with your member id.",)
        ),
    ),
)


class HomeTabs:
    """Draws home tabs. What is remembered of each: when it was opened and drawn, and its mark."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._timeline = ground.timeline

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by the kind of effect."""
        return {"homes": self.all, "home": self.one}

    async def opened(self, user: str) -> None:
        """Have the tab of whoever opened it drawn, whatever it shows already."""
        records, now = self._timeline.records, self._timeline.now()
        await records.remember(f"home:{user}", {"opened": now.isoformat()})
        await self._timeline.effects.ask(_of(user))

    async def all(self, _subject: str) -> Again | None:
        """Have the tab of everybody drawn who may be looking at it."""
        now = self._timeline.now()
        for user, known in (await self._timeline.records.remotes("home:")).items():
            if now - datetime.fromisoformat(known["opened"]) < LOOKED:
                await self._timeline.effects.ask(_of(user))
        return None

    async def one(self, user: str) -> Again | None:
        """Draw the tab of one person, unless it shows the same already."""
        records, now = self._timeline.records, self._timeline.now()
        known = await records.remote(f"home:{user}") or {}
        drawn = known.get("drawn")
        if drawn and datetime.fromisoformat(drawn) <= now < datetime.fromisoformat(drawn) + EVERY:
            return Again(datetime.fromisoformat(drawn) + EVERY)
        page = await self._page(user)
        people, url = self._ground.people(), self._ground.settings.door
        _, mark = home(page, people=people, url=url)
        if known.get("mark") == mark:
            return None
        dated = replace(page, blocks=(*page.blocks, Small(("As of ", Moment(now)))))
        view, _ = home(dated, people=people, url=url)
        await self._ground.api.call("views.publish", user_id=user, view=view)
        again = await records.remote(f"home:{user}") or known
        await records.remember(f"home:{user}", {**again, "drawn": now.isoformat(), "mark": mark})
        return None

    async def _page(self, user: str) -> Document:
        try:
            person = self._ground.shelf.catalog().person(user)
        except PlaybookInvalid as invalid:
            return Document("Backstop", (Paragraph((f"The catalog cannot be read:\n{invalid}",)),))
        return NOBODY if person is None else home_page(person, await self._going_on())

    async def _going_on(self) -> GoingOn:
        lookup, now = self._timeline.lookup, self._timeline.now()
        listed = await lookup.incidents(only_open=True)
        opened = await self._incidents(f"incident/{item.id}" for item in listed)
        found = [await self._run(id) for id in await lookup.runs(only_open=True)]
        asking = [run for run in found if run and run.gates]
        pairs = [(run, each) for run in asking for each in await self._incidents([stream_of(run.incident)])]
        catalog, groups = self._ground.shelf.catalog(), self._ground.slack_groups()
        held = {run.id: holders_now(run, incident, catalog, groups, now=now) for run, incident in pairs}
        frozen = [await self._freeze(id) for id in await lookup.freezes()]
        names = await lookup.unreviewed(MOST_RESOLVED)
        return GoingOn(
            opened,
            pairs,
            held,
            [each for each in frozen if each and each.in_force(now)],
            now,
            resolved=await self._incidents(f"incident/{id}" for id in names),
            gaps=await self._gaps(catalog, groups),
        )

    async def _gaps(self, catalog: Catalog, groups: Mapping[str, Iterable[str]]) -> list[tuple[ToDo, str]]:
        """Return what drills of the playbooks in force showed and no later one mended, for their owners."""
        found = []
        for name, loaded in self._ground.shelf.playbooks().items():
            owners = catalog.members(loaded.playbook.metadata.owner, groups)
            found += [(to_do(gap, owners), gap.first) for gap in await gaps_of(self._timeline, name)]
        return found

    async def _incidents(self, streams: Iterable[str]) -> list[Incident]:
        folded = [incidents.fold(await self._timeline.read(stream)) for stream in streams]
        return [incident for incident in folded if incident]

    async def _run(self, id: str) -> Run | None:
        return runs.fold(await self._timeline.read(f"run/{id}"))

    async def _freeze(self, id: str) -> Freeze | None:
        return freezes.fold(await self._timeline.read(f"freeze/{id}"))


def _of(user: str) -> Effect:
    return Effect("home", user, f"home/{user}")
