"""The predicates that rules are written with. Each looks at one fact.

To add a criterion: a line in PREDICATES, a rule in the criteria file that names it, a case beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from playbooks.criteria.facts import Value


@dataclass(frozen=True, slots=True)
class Is:
    """The fact has one of these values."""

    fact: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class AtMost:
    """The fact, a number, is not over a limit."""

    fact: str
    limit: float


@dataclass(frozen=True, slots=True)
class Over:
    """The fact, a number, is over a limit."""

    fact: str
    limit: float


@dataclass(frozen=True, slots=True)
class IsKnown:
    """Somebody knows the fact."""

    fact: str


Test = Is | AtMost | Over | IsKnown
"""A question to one fact; `holds` answers it."""


def holds(test: Test, value: Value) -> bool:
    """Return whether a value, known or not, meets a test; of what nobody knows nothing is true."""
    match test:
        case IsKnown():
            return value is not None
        case Is(_, values):
            return value in values
        case AtMost(_, limit):
            return isinstance(value, int | float) and value <= limit
        case Over(_, limit):
            return isinstance(value, int | float) and value > limit
        case _:
            assert_never(test)


@dataclass(frozen=True, slots=True)
class Predicate:
    """A test by its name; one with a `limit` compares minutes with a duration that the rule names.

    `values` are for facts in words, `at_most` for a number.
    """

    fact: str
    values: tuple[Value, ...] = ()
    limit: type[AtMost | Over] | None = None
    at_most: float | None = None

    def test(self, minutes: float) -> Test:
        """Return the test; `minutes` is the rule's limit and counts only where there is one."""
        if self.at_most is not None:
            return AtMost(self.fact, self.at_most)
        return self.limit(self.fact, minutes) if self.limit else Is(self.fact, self.values)


def _is(fact: str, *values: Value) -> Predicate:
    return Predicate(fact, values)


def _yes(fact: str) -> Predicate:
    return Predicate(fact, (True,))


def _no(fact: str) -> Predicate:
    return Predicate(fact, (False,))


def _at_most(fact: str) -> Predicate:
    return Predicate(fact, limit=AtMost)


def _over(fact: str) -> Predicate:
    return Predicate(fact, limit=Over)


PREDICATES: Mapping[str, Predicate] = {
    "artifact.available": _yes("previous_artifact_available"),
    "artifact.missing": _no("previous_artifact_available"),
    "backup.available": _yes("backup_available"),
    "backup.verified": _yes("backup_verified"),
    "cause.known": _yes("cause_known"),
    "cause.unknown": _no("cause_known"),
    "change.suspected": _yes("change_suspected"),
    "change.of_code": _is("change_type", "code"),
    "change.of_release": _is("change_type", "code", "schema", "infra"),
    "change.of_infra": _is("change_type", "infra"),
    "change.of_machines": _is("change_type", "infra", "capacity", "none"),
    "clients.forward_only": _yes("forward_only_clients"),
    "config.revertible": _yes("config_or_flag_revert_possible"),
    "control.lost": _yes("control_plane_lost"),
    "damage.confirmed": _is("data_corruption", "confirmed", "ongoing"),
    "damage.ongoing": _is("data_corruption", "ongoing"),
    "damage.suspected": _is("data_corruption", "suspected"),
    "damage.by": _is("data_loss_mechanism", "delete", "overwrite", "divergence", "corruption", "reset"),
    "damage.in_storage": _is("data_loss_mechanism", "corruption"),
    "external": _yes("external_dependency"),
    "failover.cold": _no("failover_target_warm"),
    "harm.accruing": _yes("irreversible_harm_accruing"),
    "hotfix.staged": _yes("hotfix_can_be_staged"),
    "hotfix.at_once": _no("hotfix_can_be_staged"),
    "hotfix.within": _at_most("hotfix_eta_minutes"),
    "hotfix.beyond": _over("hotfix_eta_minutes"),
    "impact.none": _is("customer_impact", "none"),
    "impact.full": _is("customer_impact", "full"),
    "overload": _yes("overload_or_metastable"),
    "pitr.available": _yes("pitr_available"),
    "point.too_young": _no("restore_point_predates_damage"),
    "release.younger_than": _at_most("minutes_since_change"),
    "release.older_than": _over("minutes_since_change"),
    "replica.healthy": _yes("healthy_replica_available"),
    "replicas.clean": _no("replicas_affected"),
    "restore.within": _at_most("estimated_restore_minutes"),
    "rollback.tested": _yes("rollback_tested"),
    "rollback.untested": _no("rollback_tested"),
    "schema.irreversible": _is("schema_change", "irreversible"),
    "scope.part": _is("data_scope", "rows", "tables", "tenants"),
    "scope.whole": _is("data_scope", "database", "estate"),
    "self.recovering": _yes("self_recovering"),
    "service.down": _yes("service_currently_down"),
    "sev1": Predicate("severity", at_most=1),
    "site.failed": _yes("node_or_site_failure"),
    "traffic.drainable": _yes("traffic_drain_possible"),
    "versions.mixed": _yes("mixed_versions_running"),
    "versions.same": _no("mixed_versions_running"),
    "writes.compatible": _no("new_version_wrote_incompatible_state"),
    "writes.incompatible": _yes("new_version_wrote_incompatible_state"),
    "writes.few": _is("good_writes_since_restore_point", "none", "low"),
    "writes.many": _is("good_writes_since_restore_point", "high"),
}
"""Every predicate by the name rules use; those with a limit are written as `hotfix.within: 10m`."""
