"""One walk over the criteria with what is known: which rule leads, which answers are possible, what to ask.

Everything is looked up as bits, because a walk is repeated for every fact that might turn the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from playbooks.criteria import Alternatives, Choice, Seen, Tables
from playbooks.words import Option

OVERWRITES = frozenset({Option.RESTORE_PITR, Option.RESTORE_FULL})
"""What throws good writes away; it is proposed only when nothing left to ask could make another answer."""

RISKY = OVERWRITES | {Option.CODE_ROLLBACK, Option.FAILOVER}
"""What makes it worse where it is wrong; it is proposed only when nothing left to ask could forbid it."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What the criteria come to.

    `lead` is the rule that would decide if nobody knew what was not asked. It `stands` unless it is risky and
    a fact not asked could forbid it, or, where it overwrites, make another answer. `left` are the rules that
    may still decide, the last one certain; `doubts` are the bits that could change the answer. `hits` and
    `lead_hits` are vetoes: those that are certain, and those that would be if nobody knew the rest.
    """

    lead: Choice
    stands: bool
    left: tuple[Choice, ...]
    doubts: int
    hits: int
    lead_hits: int

    @property
    def possible(self) -> tuple[Option, ...]:
        """Return the answers that are possible, likeliest first."""
        return tuple(dict.fromkeys(choice.rule.answer for choice in self.left))


def walk(tables: Tables, seen: Seen) -> Walk:
    """Return what the criteria come to, given what is known."""
    hits, unclear, lead_hits = _vetoes(tables, seen)
    lead = next(
        choice
        for choice in tables.choices
        if not choice.against & lead_hits and holds(choice.when, seen.lead)
    )
    left: list[tuple[Choice, int]] = []
    choices = iter(tables.choices)
    # one that waits for nothing always comes, the last at the latest: the loader sees to it
    while not left or left[-1][1]:
        choice = next(choices)
        bits = None if choice.against & hits else open_bits(choice.when, seen)
        if bits is not None:
            for bit, doubt in unclear:
                if choice.against & bit:
                    bits |= doubt
            left.append((choice, bits))
    stands = lead.rule.answer not in RISKY or _certain(lead, left)
    return Walk(lead, stands, tuple(choice for choice, _ in left), _doubts(left), hits, lead_hits)


def _certain(lead: Choice, left: Sequence[tuple[Choice, int]]) -> bool:
    """Return whether nothing left to ask forbids a lead or, where it overwrites, makes another of it."""
    if all(choice.rule.answer is lead.rule.answer for choice, _ in left):
        return True
    return lead.rule.answer not in OVERWRITES and any(choice is lead and not bits for choice, bits in left)


def holds(when: Alternatives, bits: int) -> bool:
    """Return whether a condition is true."""
    for mask in when:  # noqa: SIM110 - a generator takes twice as long, and this is all a walk does
        if bits & mask == mask:
            return True
    return False


def open_bits(when: Alternatives, seen: Seen) -> int | None:
    """Return the bits a condition waits for: none when it is true; None when it is false."""
    true, could = seen.true, seen.true | seen.open
    waits: list[int] = []
    for mask in when:
        if true & mask == mask:
            return 0
        if could & mask == mask:
            waits.append(mask & ~true)
    # one that waits for more than another never decides: what is more need not be asked
    needed = (mask for mask in waits if not any(mask & less == less != mask for less in waits))
    return reduce(or_, needed, 0) or None


def _vetoes(tables: Tables, seen: Seen) -> tuple[int, list[tuple[int, int]], int]:
    """Return the vetoes that are certain, those that wait with the bits they wait for, and the lead's."""
    hits = lead_hits = 0
    unclear: list[tuple[int, int]] = []
    for _, when, bit in tables.vetoes:
        bits = open_bits(when, seen)
        if bits is None:
            continue
        if not bits:
            hits |= bit
            lead_hits |= bit
            continue
        unclear.append((bit, bits))
        if holds(when, seen.lead):
            lead_hits |= bit
    return hits, unclear, lead_hits


def _doubts(left: list[tuple[Choice, int]]) -> int:
    """Return the bits of the rules that could still make another answer than the certain one."""
    answer = left[-1][0].rule.answer
    bits = 0
    for choice, doubt in reversed(left):
        if bits or choice.rule.answer is not answer:
            bits |= doubt
    return bits
