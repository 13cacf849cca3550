"""The corpus: decisions of real incidents, coded to the facts of the criteria in our own words, with links.

`corpus()` returns those that come with Backstop, `load_corpus` reads the text of a file of them. To add one:
a line in `library/incidents.jsonl`; facts that nobody wrote down are null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, StrictBool, StringConstraints

from playbooks import library
from playbooks.criteria import Facts, check_fact
from playbooks.problems import PlaybookInvalid, Problem
from playbooks.validate import Part, validated
from playbooks.words import Name, Option
from playbooks.yaml_text import Text

FILE = "incidents.jsonl"

Prose = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")]
Minutes = Annotated[int, Field(strict=True, ge=0)]

_SENTENCE_END = re.compile(r"(?<=[.])\s+(?=[A-Z])")
_ADDRESS = re.compile(r"https?://\S+")
_ON_GITHUB = re.compile(r"github:([\w.-]+/[\w.-]+) (\S+\.md)")


def _checked(value: object) -> Facts:
    if not isinstance(value, dict):
        raise ValueError("facts are an object of names and values")
    return MappingProxyType({str(name): check_fact(str(name), given) for name, given in value.items()})


class Times(Part):
    """Minutes of the incident, as far as anybody published them."""

    minutes_to_detect: Minutes | None
    minutes_detect_to_decide: Minutes | None
    minutes_to_recover: Minutes | None
    data_loss_minutes: Minutes | None


class Precedent(Part):
    """One decision of a real incident: what was known, what was done, and what would have been best.

    A fact that is None was known to nobody, or nobody published it. `date` is a day, a month or a year. An
    `opening` stands where the first sentence of the summary tells how it ended.
    """

    id: Name
    company: Prose
    date: Day
    source: Prose
    source_level: Literal["full_text", "page_excerpt", "digest", "one_line_digest", "memory"]
    summary: Prose
    opening: Prose | None = None
    facts: Annotated[Facts, PlainValidator(_checked)]
    options: tuple[Option, ...]
    action_taken: Option | None
    best_action: Option | None
    acceptable_actions: tuple[Option, ...]
    best_containment: Name | None
    best_followup: Option | None
    best_action_confidence: Literal["high", "medium", "low"]
    best_action_basis: Literal["postmortem_states", "outcome_evident", "coder_judgement"]
    why_best: str
    times: Times
    backup_role: Literal["saved", "saved_slow", "saved_with_loss", "failed_or_missing", "not_applicable"]
    backup_affected_outcome: StrictBool
    lesson: Prose

    @property
    def scene(self) -> str:
        """Return what went wrong, without what was done about it."""
        return self.opening or _SENTENCE_END.split(self.summary)[0]

    @property
    def link(self) -> str | None:
        """Return where it can be read, or None if it is told from memory."""
        if address := _ADDRESS.search(self.source):
            return address[0]
        if file := _ON_GITHUB.search(self.source):
            return f"https://github.com/{file[1]}/blob/HEAD/{file[2]}"
        return None


Corpus = Mapping[str, Precedent]
"""Precedents by their id, in the order of the file."""


def load_corpus(text: str, file: str) -> Corpus:
    """Return the precedents of JSON Lines, or raise PlaybookInvalid with every problem as file:line.

    `file` labels the problems; nothing is read from it.
    """
    found: dict[str, Precedent] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            precedent = validated(_read(line, file, number), Precedent)
        except PlaybookInvalid as invalid:
            problems += invalid.problems
            continue
        if precedent.id in found:
            problems.append(Problem(file, number, f"a second {precedent.id!r}", "replays name it"))
        found[precedent.id] = precedent
    if problems:
        raise PlaybookInvalid(problems)
    return found


def _read(line: str, file: str, number: int) -> Text:
    try:
        data = json.loads(line)
    except json.JSONDecodeError as error:
        raise _unreadable(file, number, f"no JSON from column {error.colno} on") from error
    if not isinstance(data, dict):
        raise _unreadable(file, number, "no JSON object")
    return Text(file, data, {(): number})


def _unreadable(file: str, number: int, what: str) -> PlaybookInvalid:
    return PlaybookInvalid([Problem(file, number, f"the line is {what}", "each is one decision")])


@cache
def corpus() -> Corpus:
    """Return the precedents that come with Backstop."""
    return load_corpus(library.read(FILE), FILE)
