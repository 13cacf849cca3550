"""Phrases in a narrative that blame or judge by hindsight, each with another way to say it.

A hint only ever advises: nothing is blocked or rewritten. What people said in chat is
evidence and is not looked at.

In a rule PERSON is somebody who is named, by @name or as the catalog has them, and WHO is that, or he, she, a
role. A thing may break and be at fault: what only people are blamed for says nothing of `the job broke it`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from playbooks.catalog import Person

_ROLE = r"(the|an?|our) (team|engineers?|operators?|developers?|admins?|colleagues?|responders?|on-?call)"
_WHO = rf"he|she|they|someone|somebody|responders?|{_ROLE}"
_WHOSE_FAULT = "name the step and what it did, not whose it was"
_DONE_BY = "say which step did it and what let it, not whose hand it was"
_NOTICED = "say what there was to notice, and where"

_RULES: tuple[tuple[str, str], ...] = (
    (
        r"(WHO|we|nobody) (should|could|would|must)( have|'ve)",
        "say what was done and seen, not what might have been",
    ),
    (
        r"(should|could) have been (noticed|caught|seen|tested|checked|prevented)",
        "say what was done and seen, not what might have been",
    ),
    (r"if only", "say what was known at the time"),
    (r"had (WHO|we|nobody) (only )?(not )?\w+ed", "say what was known at the time"),
    (r"human error|operator error|user error|pilot error", "say what made the step easy to get wrong"),
    (r"(mistake|error|fault) (by|of) ((a|an|the|our)\W\w+|PERSON)", _WHOSE_FAULT),
    (rf"(his|her|their|your|(PERSON|{_ROLE})'s) (own )?(fault|mistake|error|doing|negligence)", _WHOSE_FAULT),
    (r"(?!nobody|anybody|one|anyone)\w+'s (own )?fault|fault (lies|lay) with", _WHOSE_FAULT),
    (r"to blame|blam(e|es|ed|ing) (for|on|PERSON|him|her|them)|guilty", "say how it came about"),
    (
        r"(PERSON|he|she|someone|somebody) "
        r"(broke|crashed|ruined|wrecked|caused|took down|brought down|messed|screwed)",
        _DONE_BY,
    ),
    (r"(broken|crashed|ruined|wrecked|caused|messed up|taken down|brought down) by PERSON", _DONE_BY),
    (r"(because of|due to) PERSON(?!'s)", _DONE_BY),
    (r"WHO (accidentally|mistakenly|wrongly|blindly|negligently)", _DONE_BY),
    (r"(messed|screwed) (it |this |that |things )?up|fat-fingered|botched|bungled", _DONE_BY),
    (r"careless(ly|ness)?|negligen(t|ce|tly)|sloppy|lazy|reckless(ly)?", "say what the step asked of people"),
    (r"incompeten(t|ce)|stupid(ly|ity)?|idiot(ic)?|clueless", "say what was hard about it"),
    (
        r"((WHO|\w+) )?forgot( to)?(?! (their|your|my|his|her|the|a) password)|(WHO|we) neglected( to)?",
        "say what did not remind anybody",
    ),
    (r"WHO failed to", "say what was done, and what showed that it was not enough"),
    (r"(didn't|did not) (bother|care|think|pay attention)", _NOTICED),
    (
        r"WHO (didn't|did not|never) "
        r"(check|checked|follow|followed|notice|noticed|read|test|tested|look|looked|verify|verified)",
        _NOTICED,
    ),
    (
        r"(ignored|disregarded|violated) (the|a|all|our) (warning|alert|alarm|process|procedure|rule)s?",
        "say what the signal looked like among others",
    ),
    (
        r"who (broke|caused|crashed)|who (did|deployed|deleted|changed) (it|this|that)",
        "ask how it came about, not who",
    ),
    (r"why did WHO", "ask what they saw, and how the step was taken"),
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


@lru_cache(maxsize=8)
def _found(names: frozenset[str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    person = "|".join((r"@\w[\w.-]*", *(re.escape(name) for name in sorted(names, key=len, reverse=True))))
    who = f"{person}|{_WHO}"
    filled = (
        (pattern.replace("WHO", f"(?:{who})").replace("PERSON", f"(?:{person})"), instead)
        for pattern, instead in _RULES
    )
    return tuple(
        (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE), instead) for pattern, instead in filled
    )


def _names(people: Mapping[str, Person]) -> frozenset[str]:
    """Return what people are called: by their name in the catalog, in full, and by the first part of that."""
    full = (" ".join(person.name.split()) for person in people.values())
    return frozenset(name for whole in full for name in (whole, whole.split()[0])) | frozenset(people)


def hints(texts: Iterable[str], people: Mapping[str, Person]) -> tuple[str, ...]:
    """Return what could be said in another way, each piece of advice once; `people` is the catalog's."""
    rules, found = _found(_names(people)), dict[str, str]()
    for text in texts:
        plain = " ".join(text.replace("’", "'").split())
        for pattern, instead in rules:
            if (match := pattern.search(plain)) is not None:
                found.setdefault(instead, match[0])
    return tuple(f"“{phrase}”: {instead}." for instead, phrase in found.items())
