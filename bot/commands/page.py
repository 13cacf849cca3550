"""Page people: groups of the catalog, holders of roles, and people by name."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb, in_incident
from bot.core.document import Line
from bot.core.duplicate import go_on
from bot.core.errors import Refused
from bot.core.events import PageAsked
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.words import joined, people
from playbooks.problems import nearest

MOST = 10


async def act(ask: Ask) -> Outcome:
    """Ask for whoever is on call for a group, and for people, to come."""
    incident = await ask.incident(ask.words.options.get("inc"))
    event = page_of(ask, incident, ask.words.args, ask.option("why", "what they are needed for"))
    line: Line = (*whom(event), " will be paged; what comes of it is said in the channel.")
    return in_incident(ask.done(incident.id, *line), incident, event)


def whom(event: PageAsked) -> Line:
    """Return who is paged."""
    return joined([*((group,) for group in event.groups), *([people(event.people)] if event.people else [])])


def page_of(ask: Ask, incident: Incident, words: tuple[str, ...], why: str) -> PageAsked:
    """Return the event that pages these, or raise Refused when one of them cannot be."""
    _pageable(ask, incident)
    if not words:
        raise Refused(f"Who is to come is missing: nobody was paged. {ask.usage}")
    groups: list[str] = []
    named: list[str] = []
    for word in dict.fromkeys(words):
        if word in ask.catalog.groups:
            groups.append(word)
        elif word in incident.roles:
            named.append(incident.roles[word])
        elif person := ask.catalog.person(word):
            named.append(person)
        else:
            near = nearest(
                word.removeprefix("@"), [*ask.catalog.groups, *incident.roles, *ask.catalog.people]
            )
            hint = f" Did you mean {near}?" if near else ""
            raise Refused(
                f"{word[:40]} is no group, role or person here: nobody was paged.{hint} "
                "Groups and people are listed in catalog.yaml."
            )
    return PageAsked(groups=tuple(groups), people=tuple(dict.fromkeys(named)), why=why)


def _pageable(ask: Ask, incident: Incident) -> None:
    if not ask.desk.pages:
        raise Refused("Nobody was paged: BACKSTOP_PAGERDUTY_TOKEN is not set. Call them yourself.")
    if not incident.open:
        raise Refused(f"{incident.id} is {incident.stands}: {go_on(incident)}. Nobody was paged.")
    service = ask.catalog.services.get(incident.service)
    if service is None or service.pagerduty is None:
        raise Refused(
            f"Nobody was paged: {incident.service} has no `pagerduty: {{service: …}}` in catalog.yaml. "
            "Call them yourself."
        )


VERB = Verb(
    name="page",
    usage='page group|role|@name … why:"…" [inc:INC-42]',
    summary="Page whoever is on call for a group, and people.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"why", "inc"}),
    words=MOST,
)
