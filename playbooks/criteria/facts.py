"""The facts a decision is made from. A fact is known, was not asked, or is known to nobody.

In a mapping of facts a missing name was not asked; None means that nobody knows. To add a fact: add its
line to FACTS, predicates over it in `predicates.py`, and its question to the criteria file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from playbooks.problems import instead

Value = bool | int | float | str | None
Facts = Mapping[str, Value]

_TOO_MANY = 1e9
_LONGEST, _DIGITS = 60, 10


@dataclass(frozen=True, slots=True)
class Fact:
    """What values a fact can have; numbers are in `unit`, not negative, and of `words` where it has any."""

    kind: Literal["yes_no", "choice", "number"]
    words: tuple[str, ...] = ()
    unit: str = ""

    def counts(self, number: float) -> bool:
        """Say whether it is a number, and can be this one."""
        if self.kind != "number":
            return False
        return number in tuple(map(int, self.words)) if self.words else 0 <= number < _TOO_MANY


_YES_NO = Fact("yes_no", ("yes", "no"))
_MINUTES = Fact("number", unit="minutes")


def _choice(words: str) -> Fact:
    return Fact("choice", tuple(words.split()))


FACTS: Mapping[str, Fact] = {
    "change_suspected": _YES_NO,
    "change_type": _choice("code config schema data_op infra capacity none"),
    "minutes_since_change": _MINUTES,
    "config_or_flag_revert_possible": _YES_NO,
    "previous_artifact_available": _YES_NO,
    "rollback_tested": _YES_NO,
    "schema_change": _choice("none reversible irreversible"),
    "new_version_wrote_incompatible_state": _YES_NO,
    "mixed_versions_running": _YES_NO,
    "data_corruption": _choice("none suspected confirmed ongoing"),
    "data_loss_mechanism": _choice("none delete overwrite divergence corruption reset"),
    "data_scope": _choice("none rows tables tenants database estate"),
    "irreversible_harm_accruing": _YES_NO,
    "backup_available": _YES_NO,
    "backup_verified": _YES_NO,
    "backup_age_minutes": _MINUTES,
    "restore_point_predates_damage": _YES_NO,
    "pitr_available": _YES_NO,
    "replicas_affected": _YES_NO,
    "healthy_replica_available": _YES_NO,
    "failover_target_warm": _YES_NO,
    "node_or_site_failure": _YES_NO,
    "overload_or_metastable": _YES_NO,
    "estimated_restore_minutes": _MINUTES,
    "good_writes_since_restore_point": _choice("none low high"),
    "cause_known": _YES_NO,
    "hotfix_eta_minutes": _MINUTES,
    "hotfix_can_be_staged": _YES_NO,
    "traffic_drain_possible": _YES_NO,
    "external_dependency": _YES_NO,
    "forward_only_clients": _YES_NO,
    "self_recovering": _YES_NO,
    "service_currently_down": _YES_NO,
    "control_plane_lost": _YES_NO,
    "severity": Fact("number", ("1", "2", "3", "4"), unit="SEV"),
    "customer_impact": _choice("none partial full"),
}


@dataclass(frozen=True, slots=True)
class Known:
    """What was said of a fact: its value, by whom and when; `source` is `person` or `machine:<probe>`.

    `because` is what a machine rests it on.
    """

    value: Value
    source: str
    by: str
    at: datetime
    because: str = ""

    @property
    def of_person(self) -> bool:
        """Say whether a person said it."""
        return self.source == "person"


class FactUnknown(ValueError):
    """A sentence for the person who named a fact or a value that does not exist."""


def check_fact(name: str, value: object) -> Value:
    """Return a value, as JSON or YAML has it, if the fact can have it; None is nobody knows.

    Anything else raises FactUnknown with the words of such a file.
    """
    fact = _fact(name)
    match value:
        case None:
            return None
        case bool() if fact.kind == "yes_no":
            return value
        case str() if fact.kind == "choice" and value in fact.words:
            return value
        case int() | float() if not isinstance(value, bool) and fact.counts(value):
            return value
        case _:
            words = ("true", "false") if fact.kind == "yes_no" else fact.words
            raise _cannot_be(name, value, fact, words, "null, which is that nobody knows", quoted=True)


def parse_fact(name: str, text: str) -> Value:
    """Return the value a person typed for a fact: yes, no, a number, one of its words, or unknown."""
    fact = _fact(name)
    word = text.strip().lower()
    if word in ("unknown", "nobody knows", "?"):
        return None
    if fact.kind == "yes_no" and word in ("yes", "no", "true", "false"):
        return word in ("yes", "true")
    if word.isascii() and word.isdigit() and len(word) < _DIGITS and fact.counts(int(word)):
        return int(word)
    if fact.kind != "number" and word in fact.words:
        return word
    raise _cannot_be(name, text, fact, fact.words, "unknown", quoted=False)


def known_fact(name: str) -> str:
    """Return the name of a fact, or raise FactUnknown with the nearest ones."""
    _fact(name)
    return name


def _fact(name: str) -> Fact:
    fact = FACTS.get(name)
    if fact is None:
        hint = instead(name, tuple(FACTS)) or f"there are {', '.join(FACTS)}"
        raise FactUnknown(f"There is no fact {shown(name)}: {hint}")
    return fact


def shown(value: object) -> str:
    """Return a value for a sentence, on one line and not too long: `'x'`, and `true` or `null` as in JSON."""
    text = json.dumps(value, default=str)
    if isinstance(value, str):
        text = f"'{value if value.isprintable() else text[1:-1]}'"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _is_bare(value: object, fact: Fact, words: Iterable[str]) -> bool:
    """Say whether a text would be a value of the fact if it were none."""
    if not isinstance(value, str) or fact.kind == "choice":
        return False
    return value in words or (value.isdecimal() and len(value) < _DIGITS and fact.counts(int(value)))


def _cannot_be(
    name: str, value: object, fact: Fact, words: Iterable[str], nobody: str, *, quoted: bool
) -> FactUnknown:
    """Return what is wrong; a `quoted` text that would be right without its quotes is told so."""
    hint = f" Write {value} without quotes." if quoted and _is_bare(value, fact, words) else ""
    valid = ", ".join(words) or f"a number of {fact.unit}"
    return FactUnknown(f"{name} cannot be {shown(value)}.{hint} Valid are: {valid}, or {nobody}.")
