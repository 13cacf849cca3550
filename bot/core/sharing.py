"""A server that several targets are of: runs act side by side on parts of it, not on a part and the whole."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.core.document import utc
from bot.core.events import Entry, TargetHeld, TargetReleased
from bot.core.plan import Plan, PlannedTarget


@dataclass(frozen=True, slots=True)
class Claim:
    """What a run holds of a server, or held until the moment `at`: a part, or the whole with an empty one."""

    run: str
    part: str
    at: datetime
    held: bool = True


@dataclass(frozen=True, slots=True)
class Shared:
    """Who holds a server, or held it; `seq` is that of its timeline."""

    seq: int = 0
    claims: tuple[Claim, ...] = ()

    def others(self, run: str, target: PlannedTarget) -> tuple[Claim, ...]:
        """Return the claims of other runs on what a run acts on with a target."""
        part = part_of(target)
        alike = [claim for claim in self.claims if not claim.part or not part or claim.part == part]
        return tuple(claim for claim in alike if claim.run != run)

    def held_by(self, run: str) -> bool:
        """Say whether a run holds anything of it."""
        return any(claim.run == run and claim.held for claim in self.claims)


def server_of(target: PlannedTarget) -> str:
    """Return the name under which runs hold a target's server, empty where nothing else can be of the same.

    A copy of a server calls itself as that does: a stand-in, or one of another environment, is another one.
    """
    return "" if target.isolated or not target.server else f"{target.server}@{target.environment}"


def part_of(target: PlannedTarget) -> str:
    """Return which part of its server a target is, empty for the whole."""
    return "" if target.whole else target.identity


def fold_server(entries: Iterable[Entry]) -> Shared:
    """Return who holds the server that a timeline describes."""
    claims: dict[tuple[str, str], Claim] = {}
    seq = 0
    for entry in entries:
        seq, at = entry.seq, entry.occurred_at
        match entry.event:
            case TargetHeld(run=run, part=str(part)):
                claims[run, part] = Claim(run, part, at)
            case TargetReleased(run=run):
                own = {key: claim for key, claim in claims.items() if claim.run == run}
                claims |= {key: replace(claim, at=at, held=False) for key, claim in own.items()}
            case _:
                pass
    return Shared(seq, tuple(claims.values()))


@dataclass(frozen=True, slots=True)
class Undone:
    """What a run did on a server until a moment, and which target of it goes `back` to an earlier one."""

    run: str
    until: datetime
    target: PlannedTarget
    back: datetime

    @property
    def warning(self) -> str:
        """Return what is said before it is done."""
        return (
            f"{self.run} acted on {self.target.server} until {utc(self.until)}, and {self.target.name}, "
            f"{_share(self.target)} it, goes back to {utc(self.back)}: what {self.run} did there since, "
            "and what was written after it, is undone as well."
        )

    def done_by(self, run: str) -> str:
        """Return what those are told whose run it was."""
        return (
            f"{run} put {self.target.name}, {_share(self.target)} {self.target.server}, back to "
            f"{utc(self.back)}: what {self.run} did there until {utc(self.until)}, and what was written "
            "after it, is undone. Look at the data again."
        )


@dataclass(frozen=True, slots=True)
class Servers:
    """The targets that a run acts on and that are of a server, with who holds those servers, by name."""

    parts: tuple[PlannedTarget, ...]
    shared: Mapping[str, Shared]

    def of(self, names: Container[str]) -> Servers:
        """Return the same of some of these targets."""
        return replace(self, parts=tuple(target for target in self.parts if target.name in names))

    def held_elsewhere(self, run: str) -> str | None:
        """Say which other run holds what one of these targets is of."""
        for target, claim in self._others(run):
            if claim.held:
                return (
                    f"{claim.run} acts on {target.server}, and {target.name} is {_share(target)} it: one of "
                    f"them would undo the other. {claim.run} must end or be aborted first."
                )
        return None

    def changed_elsewhere(self, run: str, since: datetime) -> str | None:
        """Say which other run has changed what one of these targets is of since the run was planned."""
        for target, claim in self._others(run):
            if claim.at > since:
                return (
                    f"{claim.run} has changed {target.server} since {run} was planned, and {target.name} is "
                    f"{_share(target)} it. Abort and plan again."
                )
        return None

    def undone(self, run: str, plan: Plan) -> Iterator[Undone]:
        """Yield what runs that are over did on a server after the moment to which a plan puts it back.

        What recovered a target itself is told with what is lost.
        """
        moments = _goes_back(plan)
        for target, claim in self._others(run):
            back = moments.get(target.name)
            told = claim.held or claim.run in {each.run for each in target.recovered}
            if back and claim.at > back and not told:
                yield Undone(claim.run, claim.at, target, back)

    def claims(self, held: TargetHeld, server: str) -> tuple[TargetHeld, ...]:
        """Return what a server's timeline gets when a run takes these targets."""
        own = (part_of(target) for target in self.parts if server_of(target) == server)
        return tuple(held.model_copy(update={"part": part}) for part in own)

    def _others(self, run: str) -> Iterator[tuple[PlannedTarget, Claim]]:
        for target in self.parts:
            for claim in self.shared[server_of(target)].others(run, target):
                yield target, claim


def _goes_back(plan: Plan) -> Mapping[str, datetime]:
    """Return to which moment a plan puts back what its targets hold, the earliest where there are several."""
    moments = {source.id: source.moment for source in plan.sources}
    found: dict[str, datetime] = {}
    for step in plan.steps:
        moment = moments.get(step.call.source or "")
        if moment:
            found |= {name: min(moment, found.get(name, moment)) for name in step.acts_on}
    return found


def _share(target: PlannedTarget) -> str:
    return "the whole of" if target.whole else "a part of"
