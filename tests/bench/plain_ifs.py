"""The shipped criteria written by hand as plain `if`s, for facts that are all known or known to nobody.

A test holds it to the criteria file on the whole corpus, so the comparison is of equals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playbooks.criteria import Facts

SPARES_ROLLBACK = ("V2-unseen", "V6-copies", "V7", "V7-upgrade", "V9", "V10", "V11")


@dataclass(slots=True)
class Plain:
    """What the `if`s come to."""

    proposal: str
    vetoes: list[str]
    containment: list[str]


def plain(facts: Facts) -> Plain:
    """Return the proposal, the vetoes and the containment."""
    f: dict[str, Any] = dict(facts)
    corruption = f["data_corruption"]
    confirmed = corruption in ("confirmed", "ongoing")
    damaged = confirmed or (corruption is None and f["data_loss_mechanism"] not in (None, "none"))
    whole = confirmed and f["data_scope"] in ("database", "estate")
    partial = damaged and not whole
    harm = f["irreversible_harm_accruing"] is not False
    vetoes, taken = _vetoes(f, damaged=damaged, partial=partial, harm=harm)
    contain = _contain(f, damaged=confirmed)
    return Plain(_choose(f, taken, damaged=damaged, whole=whole, harm=harm), vetoes, contain)


def _contain(f: dict[str, Any], *, damaged: bool) -> list[str]:
    contain = []
    if f["data_corruption"] == "ongoing" or f["irreversible_harm_accruing"] is not False:
        contain.append("stop-writers")
    contain.append("freeze")
    if damaged or f["data_corruption"] in ("suspected", None):
        contain.append("hold-backups")
    return contain


def _vetoes(f: dict[str, Any], *, damaged: bool, partial: bool, harm: bool) -> tuple[list[str], set[str]]:
    """Return what rules something out, and what is ruled out; what a repair comes before stays."""
    vetoes: list[str] = []
    taken: set[str] = set()
    suspected = f["data_corruption"] in ("suspected", None)
    if (damaged or suspected) and f["replicas_affected"] is not False:
        vetoes.append("V6-copies")
        taken.add("failover")
    if suspected:
        vetoes.append("V6-suspected")
        taken |= {"code_rollback", "restore_pitr", "restore_full"}
    if damaged:
        vetoes.append("V6")
        taken |= {"code_rollback", "config_revert", "hotfix"}
    elif f["schema_change"] != "irreversible":
        vetoes.append("V7")
        taken |= {"restore_partial", "restore_pitr", "restore_full"}
    elif _older(f, 1440) or not f["service_currently_down"]:
        vetoes.append("V7-upgrade")
        taken |= {"restore_partial", "restore_pitr", "restore_full"}
    if partial:
        vetoes.append("V9")
        taken |= {"restore_pitr", "restore_full"}
    if f["overload_or_metastable"] and f["failover_target_warm"] is False:
        vetoes.append("V10")
        taken.add("failover")
    if (f["severity"] is None or f["severity"] <= 1) and f["hotfix_can_be_staged"] is False:
        vetoes.append("V11")
        taken.add("hotfix")
    vetoes += _against_rollback(f, harm=harm)
    if any(id not in SPARES_ROLLBACK for id in vetoes):
        taken.add("code_rollback")
    return vetoes, taken


def _against_rollback(f: dict[str, Any], *, harm: bool) -> list[str]:
    vetoes: list[str] = []
    if f["new_version_wrote_incompatible_state"] or f["schema_change"] in ("irreversible", None):
        vetoes.append("V1")
    unread = f["new_version_wrote_incompatible_state"] is None
    if unread and (f["cause_known"] or _older(f, 30)) and f["customer_impact"] in ("full", None):
        vetoes.append("V1-unread")
    if f["mixed_versions_running"] is not False:
        vetoes.append("V2" if f["mixed_versions_running"] else "V2-unseen")
    if not f["previous_artifact_available"]:
        vetoes.append("V3")
    if f["rollback_tested"] is False:
        vetoes.append("V4")
    minutes = f["minutes_since_change"]
    if minutes is not None and minutes > 4320:
        vetoes.append("V4-old")
    late = _older(f, 60) or f["config_or_flag_revert_possible"] is not False or harm
    if f["rollback_tested"] is None and late:
        vetoes.append("V4-unproven")
    if f["forward_only_clients"] is not False:
        vetoes.append("V5")
    if f["customer_impact"] == "none" and not harm:
        vetoes.append("V12")
    return vetoes


def _older(f: dict[str, Any], minutes: int) -> bool:
    return f["minutes_since_change"] is None or bool(f["minutes_since_change"] > minutes)


def _upgrade_took_it_down(f: dict[str, Any]) -> bool:
    few = f["good_writes_since_restore_point"] in ("none", "low")
    return bool(f["service_currently_down"]) and not _older(f, 1440) and few


def _choose(f: dict[str, Any], taken: set[str], *, damaged: bool, whole: bool, harm: bool) -> str:
    backup, fails, healthy = f["backup_available"], f["node_or_site_failure"], f["healthy_replica_available"]
    if damaged:
        return _damaged(f, taken, whole=whole)
    suspected, kind, overload = f["change_suspected"], f["change_type"], f["overload_or_metastable"]
    cause, fix = f["cause_known"], f["hotfix_eta_minutes"]
    if f["config_or_flag_revert_possible"]:
        return "mitigate" if overload and f["traffic_drain_possible"] else "config_revert"
    if f["self_recovering"]:
        return "wait"
    if healthy and "failover" not in taken and ((suspected and kind == "infra") or fails):
        return "failover"
    irreversible = f["schema_change"] == "irreversible"
    if (
        irreversible
        and cause is False
        and backup
        and _upgrade_took_it_down(f)
        and "restore_full" not in taken
    ):
        return "restore_pitr" if f["pitr_available"] else "restore_full"
    written = f["new_version_wrote_incompatible_state"]
    if irreversible and written and not harm and "hotfix" not in taken:
        return "hotfix"
    if overload:
        return "hotfix" if cause and fix is not None and fix <= 60 and "hotfix" not in taken else "mitigate"
    release = kind in ("code", "schema", "infra")
    if release and f["service_currently_down"] is False and f["customer_impact"] == "none" and not harm:
        return "wait"
    steady = overload is False
    if suspected and cause and fix is not None and fix <= 10 and steady and "hotfix" not in taken:
        return "hotfix"
    goes_back = suspected and steady and release and f["previous_artifact_available"]
    if goes_back and "code_rollback" not in taken:
        return "code_rollback"
    forward = release and written and f["mixed_versions_running"] is False and not harm
    if "hotfix" not in taken and (cause or forward):
        return "hotfix"
    return "mitigate"


def _damaged(f: dict[str, Any], taken: set[str], *, whole: bool) -> str:
    below = f["data_loss_mechanism"] == "corruption" and (
        not f["change_suspected"] or f["change_type"] in ("infra", "capacity", "none")
    )
    elsewhere = (f["node_or_site_failure"] or below) and f["healthy_replica_available"]
    if elsewhere and "failover" not in taken:
        return "failover"
    if not f["backup_available"]:
        return "mitigate"
    if not whole:
        return "restore_partial"
    return "restore_pitr" if f["pitr_available"] else "restore_full"
