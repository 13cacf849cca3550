"""What a decision is made by: facts, predicates over them, and the file of vetoes and ordered rules."""

from playbooks.criteria.conditions import Condition, parse_condition, say_condition
from playbooks.criteria.facts import (
    FACTS,
    Fact,
    Facts,
    FactUnknown,
    Known,
    Value,
    check_fact,
    parse_fact,
    shown,
)
from playbooks.criteria.lax import lax_vetoes
from playbooks.criteria.load import load_criteria, roles_in, unknown_roles
from playbooks.criteria.model import Box, Choice, Containment, Criteria, Look, Question, Rule, Tables, Veto
from playbooks.criteria.odds import apart
from playbooks.criteria.predicates import PREDICATES, Predicate
from playbooks.criteria.sheet import NEITHER, Alternatives, Column, FactSheet, Seen

__all__ = [
    "FACTS",
    "NEITHER",
    "PREDICATES",
    "Alternatives",
    "Box",
    "Choice",
    "Column",
    "Condition",
    "Containment",
    "Criteria",
    "Fact",
    "FactSheet",
    "FactUnknown",
    "Facts",
    "Known",
    "Look",
    "Predicate",
    "Question",
    "Rule",
    "Seen",
    "Tables",
    "Value",
    "Veto",
    "apart",
    "check_fact",
    "lax_vetoes",
    "load_criteria",
    "parse_condition",
    "parse_fact",
    "roles_in",
    "say_condition",
    "shown",
    "unknown_roles",
]
