"""How far an incident has come when a verb is said, and the transcripts that tests compare."""

from __future__ import annotations

import textwrap

from bot.commands import Answer, Place, say
from bot.core.may import Actor
from tests.runs.stage import CATALOG, PLAYBOOK, Stage

# dee is a second dba, eli is in the catalog and in no group, ci is a pipeline.
PEOPLE = CATALOG.replace("dba: {people: [bo]}", "dba: {people: [bo, dee]}").replace(
    "groups:",
    """  dee: {name: Dee, slack: U0DEE, email: dee@example.com}
  eli: {name: Eli, slack: U0ELI, email: eli@example.com}
pipelines:
  ci: {title: Continuous delivery, owner: owners}
groups:""",
)
BY_HAND = """  - id: look
    title: Look at the shop
    uses: person
    by: app
    effect: reversible
    person:
      do: [Buy something]
    estimate: 1m
    timeout: 10m
"""


def with_a_person(playbook: str = PLAYBOOK) -> str:
    """Return the playbook with a step at the end that a person does."""
    return playbook.replace("verify:\n  - {id: place-order", f"{BY_HAND}verify:\n  - {{id: place-order", 1)


def with_glass(playbook: str = PLAYBOOK) -> str:
    """Return the playbook with a way out for the commander alone."""
    gate = "expires: 20m, valid_for: 1h"
    lone = playbook.replace(gate, f"{gate}, break_glass: {{role: boss, min: 1}}")
    return lone.replace("roles:\n", "roles:\n  boss: {incident: commander}\n", 1)


def put(stage: Stage, *, catalog: str | None = None, playbook: str | None = None) -> None:
    """Put other files on the shelf."""
    if catalog is not None:
        stage.shelf.catalog_file.write_text(catalog)
    if playbook is not None:
        (stage.shelf.playbook_folder / "restore.yaml").write_text(playbook)


async def declared(stage: Stage) -> None:
    await stage.told("ana", 'declare "Orders are wrong" sev:1')


async def planned(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", 'impact "wrong totals" start:02:10 damage:02:10')
    await stage.told("ana", "plan restore-orders")
    await stage.carry()


async def started(stage: Stage) -> None:
    """RUN-1 was started and waits for its approvals; its first step is over."""
    await planned(stage)
    await stage.told("ana", "start RUN-1")
    await stage.carry()


async def approved(stage: Stage) -> None:
    """RUN-1 has its approvals and was carried on."""
    await started(stage)
    await stage.told("bo", "approve RUN-1")
    await stage.told("cy", "approve RUN-1")
    await stage.carry()


async def written(stage: Stage) -> int:
    """Return how many entries there are in all streams that tests write to."""
    streams = [f"{kind}-{number}" for kind in ("INC", "RUN", "FRZ") for number in (1, 2, 3)]
    folder = {"INC": "incident", "RUN": "run", "FRZ": "freeze"}
    return sum([len(await stage.timeline.read(f"{folder[id[:3]]}/{id}")) for id in streams])


async def refusals(stage: Stage, *said: tuple[str, str]) -> str:
    """Say lines that must change nothing, and return what was said and answered."""
    return await _transcript(stage, said, ok=False)


async def answers(stage: Stage, *said: tuple[str, str]) -> str:
    """Say lines that must be accepted, and return what was said and answered."""
    return await _transcript(stage, said, ok=True)


async def _transcript(stage: Stage, said: tuple[tuple[str, str], ...], *, ok: bool) -> str:
    lines = []
    for who, line in said:
        before = await written(stage)
        answer = await stage.say(who, line)
        assert answer.ok is ok, (line, answer.text)
        assert ok or await written(stage) == before, f"a refusal wrote something: {line}"
        lines.append(f"{who}: {line}\n{folded(stage, answer)}\n")
    return "\n".join(lines)


def folded(stage: Stage, answer: Answer) -> str:
    """Return an answer in lines that a test can hold."""
    text = answer.text.replace(stage.desk.url, "http://here").rstrip()
    return "\n".join(
        textwrap.fill(
            line,
            100,
            initial_indent="  ",
            subsequent_indent="      ",
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
        )
        for line in text.splitlines()
    )


async def said_in(stage: Stage, who: str, line: str, channel: str, thread: str | None = None) -> Answer:
    """Say a line in a place of Slack."""
    stage.said += 1
    groups = frozenset(stage.shelf.catalog().groups_of(who))
    return await say(
        stage.desk,
        line,
        who=Actor(who, groups=groups),
        via="slack",
        place=Place(channel, thread),
        delivery=f"s{stage.said}",
    )
