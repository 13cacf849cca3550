"""Phrases in a narrative that blame or judge by hindsight, each with another way to say it.

A hint only ever advises: nothing is blocked or rewritten. What people said in chat is
evidence and is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_RULES: tuple[tuple[str, str], ...] = (
    (
        r"(he|she|they|we|someone|somebody|nobody|responders?|the (team|engineer|operator)|@\w+) "
        r"(should|could|would|must)( have|'ve)",
        "say what was done and seen, not what might have been",
    ),
    (
        r"(should|could) have been (noticed|caught|seen|tested|checked|prevented)",
        "say what was done and seen, not what might have been",
    ),
    (r"if only", "say what was known at the time"),
    (r"had (he|she|they|we|someone|somebody) (only )?\w+ed", "say what was known at the time"),
    (r"human error|operator error|user error|pilot error", "say what made the step easy to get wrong"),
    (
        r"(mistake|error|fault) (by|of) (a|an|the|our|@)\W?\w+",
        "name the step and what it did, not whose it was",
    ),
    (
        r"(his|her|their|@\w+'s) (own )?(fault|mistake|error)",
        "name the step and what it did, not whose it was",
    ),
    (r"to blame|blamed? (for|on)|guilty", "say how it came about"),
    (r"careless(ly|ness)?|negligen(t|ce|tly)|sloppy|lazy|reckless(ly)?", "say what the step asked of people"),
    (r"incompeten(t|ce)|stupid(ly|ity)?|idiot(ic)?|clueless", "say what was hard about it"),
    (r"(he|she|they|someone|somebody|@\w+) (forgot|neglected)( to)?", "say what did not remind anybody"),
    (
        r"(he|she|they|someone|somebody|@\w+) failed to",
        "say what was done, and what showed that it was not enough",
    ),
    (r"(didn't|did not) (bother|care|think|pay attention)", "say what there was to notice, and where"),
    (
        r"(he|she|they|someone|somebody|@\w+) (didn't|did not) (check|follow|notice|read|test)",
        "say what there was to notice, and where",
    ),
    (
        r"(ignored|disregarded|violated) (the|a|all|our) (warning|alert|alarm|process|procedure|rule)s?",
        "say what the signal looked like among others",
    ),
    (r"who (broke|caused|did|deployed|deleted|changed) (it|this|that)", "ask how it came about, not who"),
    (r"why did (he|she|they|@\w+)", "ask what they saw, and how the step was taken"),
    (r"obviously|clearly|of course", "leave it out: it was not so at the time"),
    (
        r"(just|simply) (had to|needed to|forgot|run|ran|restart|revert|roll)",
        "leave out “just”: it hides what was hard",
    ),
    (r"everyone knows|common sense|any(one|body) (would|could)", "say where it is written down"),
    (r"the root cause (was|is)", "say what contributed; there is seldom one cause"),
    (
        r"inadequate|insufficient (monitoring|testing|care|review)|lack of (care|attention|discipline)",
        "say what was there, and what it did not show",
    ),
    (r"too (slow|late) to (react|respond|notice)", "say when it was seen, and by what"),
    (r"inexperienced|junior (engineer|developer|admin)|new hire", "say which knowledge the step took"),
    (
        r"never again|must be more careful|be more careful|pay more attention",
        "name a change that does not rest on care",
    ),
    (r"luckily nobody|should know better|known better", "say what was known, and to whom"),
)
_FOUND = tuple(
    (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE), instead) for pattern, instead in _RULES
)


def hints(texts: Iterable[str]) -> tuple[str, ...]:
    """Return what could be said in another way, each piece of advice once."""
    found: dict[str, str] = {}
    for text in texts:
        for pattern, instead in _FOUND:
            if (match := pattern.search(text.replace("’", "'"))) is not None:
                found.setdefault(instead, match[0])
    return tuple(f"“{phrase}”: {instead}." for instead, phrase in found.items())
