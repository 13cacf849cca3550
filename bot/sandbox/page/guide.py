"""The guided first incident: what has been done, what comes next, and one button that does it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from bot.core.deciding import WROTE
from bot.sandbox.page.html import Html, hidden, joined, tag

COMMANDER, DBA, OWNER = "ana", "bo", "cy"
PLAYBOOK = "checkout-restore"
TITLE = "Customers are told wrong order totals"
KNOWN = "data_corruption:ongoing data_scope:database node_or_site_failure:no change_suspected:yes"
WHY = "Every order is damaged, and the migration cannot be taken back."
DECIDE = f'decide restore_full why:"{WHY}" plan:{PLAYBOOK}'
BY_ITSELF = "This goes on by itself."
MOST_AHEAD = 3
"""How many of the steps to come are named."""
LOST = "Orders between the backup and the stop of checkout are only in the kept copy."


@dataclass(frozen=True, slots=True)
class Press:
    """A button of a message as it stands now."""

    channel: str
    message: str
    action: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an incident is; `press` is where the approval that is asked can be given."""

    damaged_at: datetime | None = None
    release: str = ""
    incident: str = ""
    room: str = ""
    proposal: str = ""
    decided: str = ""
    run: str = ""
    planned: bool = False
    problem: str = ""
    started: bool = False
    approved: frozenset[str] = frozenset()
    press: Press | None = None
    acting: str = ""
    paused: str = ""
    recovered: str = ""
    freeze: str = ""
    resolved: bool = False
    lifted: bool = False
    told: bool = False
    closed: bool = False
    issue: str = ""

    @property
    def asks(self) -> bool:
        """Say whether somebody's approval is still asked for."""
        return self.started and not self.recovered and not self.approved >= {DBA, OWNER}


@dataclass(frozen=True, slots=True)
class Offer:
    """What one button does: a person says a line somewhere, or presses a button, or goes to see something."""

    label: str
    who: str = ""
    line: str = ""
    place: str = ""
    press: Press | None = None
    address: str = ""
    action: str = ""


Said = Callable[[str, str, str], Offer | None]


@dataclass(frozen=True, slots=True)
class Step:
    """One step; without an offer it `waits` for something that nobody has to do."""

    title: str
    why: str
    done: bool
    offer: Offer | None = None
    waits: str = BY_ITSELF


def steps(now: Progress, *, general: str, command: str) -> Iterator[Step]:
    """Yield the steps of the guided incident as they stand."""

    def said(label: str, who: str, line: str) -> Offer | None:
        """Offer to say a line where the incident is talked about, as soon as there is such a place."""
        return Offer(label, who, f"{command} {line}", now.room) if now.room else None

    yield from _until_declared(now, general, command)
    yield from _until_planned(now, said)
    yield from _until_recovered(now, said)
    yield from _until_closed(now, said)
    yield Step(
        "Read the post-mortem",
        "It was written while you acted, and stands in Jira: what happened, who decided what, what was lost.",
        done=False,
        offer=Offer("Read it", address=f"/?as={COMMANDER}&in={now.issue}") if now.issue else None,
    )


def _until_declared(now: Progress, general: str, command: str) -> Iterator[Step]:
    yield Step(
        "A bad release goes out",
        "A nightly backup is taken. Then the pipeline deploys a release whose migration damages every order.",
        now.damaged_at is not None,
        Offer("Let the bad release out", action="break"),
    )
    began = f"{now.damaged_at:%H:%M:%SZ}" if now.damaged_at else "-1m"
    declare = f'declare "{TITLE}" sev:1 svc:checkout release:{now.release} since:{began} damage:{began}'
    yield Step(
        "Declare an incident",
        "Customers complain. Ana is on call: one line opens the incident, its channel and its clocks.",
        bool(now.incident),
        Offer("Declare it", COMMANDER, f"{command} {declare}", general),
    )


def _until_planned(now: Progress, said: Said) -> Iterator[Step]:
    yield Step(
        "Say what is known",
        "Machines look up what they can. Bo, the database administrator, says what only people see; the "
        "card then proposes what to do, and what it rules out.",
        bool(now.proposal or now.decided or now.run),
        said("Say what Bo knows", DBA, f"decide {KNOWN}"),
    )
    decided = said("Plan the restore", COMMANDER, f"plan {PLAYBOOK}")
    offer = decided if now.decided else said("Decide to restore", COMMANDER, DECIDE)
    yield Step(
        "Decide, and see the plan",
        now.problem
        or "Ana decides with a reason that the post-mortem keeps. The playbook is resolved against now; "
        "nothing is done yet.",
        now.planned,
        None if now.run and not now.problem else offer,
    )


def _until_recovered(now: Progress, said: Said) -> Iterator[Step]:
    yield Step(
        "Start it",
        "Read the plan: the backup, the good data that is lost, the point of no return. Starting freezes "
        "deployments and asks two people.",
        now.started,
        said("Start the run", COMMANDER, f"start {now.run}"),
    )
    for who, label, why in (
        (DBA, "Approve as Bo", "Bo approves for the database administrators: this very plan, by its hash."),
        (OWNER, "Approve as Cy", "Cy approves for the owners of checkout. Ana cannot: she started it."),
    ):
        offer = Offer(label, who, press=now.press) if now.press else None
        yield Step(label, why, who in now.approved or bool(now.recovered), offer)
    yield Step(
        "Watch it recover",
        now.paused
        or (now.acting and f"{now.acting}.")
        or "Checkout is stopped, the damaged database kept, the backup put in place, and a real order placed "
        "as proof.",
        bool(now.recovered),
        waits="It is paused: a person decides, with the buttons in the thread." if now.paused else BY_ITSELF,
    )


def _until_closed(now: Progress, said: Said) -> Iterator[Step]:
    yield Step(
        "Resolve the incident",
        "Customers are fine again. Backstop asks what became of the data, and keeps the answer.",
        now.resolved,
        said("Resolve it", COMMANDER, f'resolve "Totals are right again." data:"{LOST}"'),
    )
    yield Step(
        "Let changes go on",
        "A freeze never ends silently: a person lifts it, with a reason.",
        now.lifted,
        said("Lift the freeze", COMMANDER, f'freeze off {now.freeze} why:"every total is right"'),
    )
    yield Step(
        "Answer one last question",
        "Before it is closed: did the failed release write anything that the one before cannot read?",
        now.told,
        said("Answer as Cy", OWNER, f"decide {WROTE}:no"),
    )
    yield Step(
        "Close it",
        "Ana says whether the backup was there and fast enough. The post-mortem is whole.",
        now.closed,
        said("Close it", COMMANDER, "close availability:helped speed:helped"),
    )


def drawn(found: list[Step], *, token: str, here: str, busy: str) -> Html:
    """Return the steps: what is done folded away, the next one open with its button, and what follows."""
    behind = next(number for number, step in enumerate(found) if not step.done)
    current, later = found[behind], found[behind + 1 :]
    rest = len(later) - MOST_AHEAD
    return joined(
        [
            tag("p", f"Step {behind + 1} of {len(found)}", class_="quiet"),
            tag("progress", max=len(found), value=behind, aria_label="Steps done"),
            _done(found[:behind]) if behind else "",
            tag(
                "ol",
                _current(current, token=token, here=here, busy=busy),
                *(tag("li", step.title) for step in later[:MOST_AHEAD]),
                class_="steps",
                start=behind + 1,
            ),
            tag("p", f"… and {rest} more, up to the post-mortem", class_="quiet") if rest > 0 else "",
        ]
    )


def _done(steps: list[Step]) -> Html:
    said = f"✓ {len(steps)} {'step' if len(steps) == 1 else 'steps'} done"
    rows = [tag("li", step.title) for step in steps]
    return tag("details", tag("summary", said), tag("ol", *rows), id="steps-done", class_="past")


def _current(step: Step, *, token: str, here: str, busy: str) -> Html:
    waits = busy or ("" if step.offer else step.waits)
    return tag(
        "li",
        tag("strong", step.title),
        tag("p", step.why),
        tag("p", waits, class_="busy", role="status") if waits else "",
        _offered(step.offer, token=token, here=here) if step.offer and not busy else "",
        class_="next",
        aria_current="step",
    )


def _offered(offer: Offer, *, token: str, here: str) -> Html:
    if offer.address:
        return tag("a", offer.label, href=offer.address, class_="button primary", id="next")
    button = tag("button", offer.label, type="submit", class_="primary", id="next")
    if offer.action:
        form = hidden(token=token, here=here, what=offer.action)
        return tag("form", form, button, method="post", action="/outside")
    if offer.press:
        form = hidden(token=token, here=here, who=offer.who, **asdict(offer.press))
        return tag("form", form, button, method="post", action="/press")
    form = hidden(token=token, here=here, who=offer.who, place=offer.place, line=offer.line)
    said = tag("code", f"{offer.who}: {offer.line}")
    return tag("form", form, said, button, method="post", action="/say")
