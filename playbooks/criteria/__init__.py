"""What a decision is made by: facts, predicates over them, and the file of vetoes and ordered rules."""

from playbooks.criteria.conditions import (
    NEITHER,
    Condition,
    Judge,
    Reading,
    Truth,
    parse_condition,
    say_condition,
)
from playbooks.criteria.facts import FACTS, Fact, Facts, FactUnknown, Known, Value, check_fact, parse_fact
from playbooks.criteria.model import Box, Containment, Criteria, Question, Rule, Veto, limits, load_criteria
from playbooks.criteria.predicates import PREDICATES, Predicate

__all__ = [
    "FACTS",
    "NEITHER",
    "PREDICATES",
    "Box",
    "Condition",
    "Containment",
    "Criteria",
    "Fact",
    "FactUnknown",
    "Facts",
    "Judge",
    "Known",
    "Predicate",
    "Question",
    "Reading",
    "Rule",
    "Truth",
    "Value",
    "Veto",
    "check_fact",
    "limits",
    "load_criteria",
    "parse_condition",
    "parse_fact",
    "say_condition",
]
