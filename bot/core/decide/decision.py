"""What a decision says: the answer, why, what is against others, what to ask, and what would turn it."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.core.decide.turns import Flip, Threshold, flips, thresholds
from playbooks.criteria import Criteria, Facts, Look, Value, apart
from playbooks.words import Option

ASK = "ask"
"""What is said in place of a proposal while a question could turn it into one that does harm."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question that could change the answer, and whom to ask; `machine` facts are looked up first."""

    fact: str
    question: str
    role: str
    machine: bool


@dataclass(frozen=True, slots=True)
class VetoHit:
    """What took options away, what would give them back, and the role that may go over it with a reason."""

    id: str
    removes: tuple[Option, ...]
    because: str
    repair: str | None
    override: str

    @property
    def takes(self) -> str:
        """Return what it takes away, as people read it: `V6 rules out hotfix, config_revert`."""
        return f"{self.id} rules out {', '.join(self.removes)}"


@dataclass(frozen=True, slots=True)
class Contain:
    """What to stop now, before any choice."""

    id: str
    do: str
    because: str


@dataclass(frozen=True, slots=True)
class Ground:
    """A fact that a rule rests on, as it is known; None counts as its safe value."""

    fact: str
    value: Value


@dataclass(frozen=True, slots=True)
class Lead:
    """The answer if nobody knew what was not asked yet, by which rule, and on what grounds.

    It `stands` as a proposal unless it is a rollback or a restore of everything that a fact not asked yet
    could forbid. `first` are the repairs to make before it. `one_click` is False where it needs a first stage
    or an override.
    """

    option: Option
    rule: str
    because: str
    grounds: tuple[Ground, ...]
    first: tuple[str, ...]
    stands: bool
    one_click: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What is proposed and why, or None and what to ask.

    `proposal` is the answer that no question left can change, `lead` what it is so far. `possible` are the
    answers still open, likeliest first. `look` is when to see whether it helped.
    """

    proposal: Option | None
    rule: str | None
    why: str
    one_click: bool
    lead: Lead
    vetoes: tuple[VetoHit, ...]
    possible: tuple[Option, ...]
    ask: tuple[Ask, ...]
    containment: tuple[Contain, ...]
    safe_now: tuple[str, ...]
    look: Look | None
    facts: Facts = field(repr=False)
    criteria: Criteria = field(repr=False)

    @property
    def so_far(self) -> str:
        """Return the lead where it stands as a proposal, else `ask`."""
        return self.lead.option.value if self.lead.stands else ASK

    @property
    def first(self) -> tuple[str, ...]:
        """Return what must be repaired before the proposal is carried out."""
        return self.lead.first if self.proposal else ()

    @property
    def apart(self) -> tuple[tuple[str, str], ...]:
        """Return the facts that do not go together, two by two: one of them is mistaken."""
        return tuple(apart(self.facts))

    @property
    def flips(self) -> tuple[Flip, ...]:
        """Return the facts that alone would make another proposal; worked out when it is asked for."""
        return tuple(flips(self.facts, self.criteria, self.proposal)) if self.proposal else ()

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """Return the numbers at which another answer overtakes; worked out when it is asked for."""
        return tuple(thresholds(self.facts, self.criteria, self.proposal)) if self.proposal else ()
