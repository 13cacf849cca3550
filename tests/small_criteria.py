"""Criteria that are small enough to know by heart, for tests of what is made of any criteria."""

from __future__ import annotations

import json
from collections.abc import Mapping

from playbooks.criteria import FACTS, load_criteria

ASKED: Mapping[str, tuple[str, str]] = {
    "data_corruption": ("Is data wrong or missing?", "dba"),
    "data_scope": ("How much data is damaged?", "dba"),
    "hotfix_eta_minutes": ("In how many minutes could a fix be live?", "app"),
}
LOOKED_UP = ("previous_artifact_available", "backup_available")


def _question(name: str) -> Mapping[str, object]:
    ask, role = ASKED.get(name, (f"What of {name}?", "ops"))
    return {"ask": ask, "role": role, "nobody_knows": "neither", "machine": name in LOOKED_UP}


TEXT = json.dumps(
    {
        "schema": "backstop/criteria/1",
        "meanwhile": "Touch nothing",
        "facts": {name: _question(name) for name in FACTS},
        "containment": [
            {"id": "stop", "when": "damage.confirmed", "do": "Stop the writers", "because": "They write on"}
        ],
        "vetoes": [
            {
                "id": "V1",
                "removes": ["code_rollback", "hotfix"],
                "when": "damage.confirmed",
                "because": "No code brings data back",
            },
            {
                "id": "V3",
                "removes": ["code_rollback"],
                "when": "artifact.missing",
                "because": "It cannot be pulled",
                "repair": "Publish it again",
            },
            {"id": "V2", "removes": ["restore_full"], "when": "scope.part", "because": "Most of it is good"},
        ],
        "rules": [
            {
                "id": "part",
                "when": {"all": ["damage.confirmed", "scope.part"]},
                "answer": "restore_partial",
                "because": "Only a part is damaged",
            },
            {
                "id": "whole",
                "when": {"all": ["damage.confirmed", "backup.available"]},
                "answer": "restore_full",
                "because": "All of it is damaged",
            },
            {
                "id": "fix",
                "when": {"hotfix.within": "10m"},
                "answer": "hotfix",
                "because": "The fix is nearly there",
            },
            {
                "id": "back",
                "when": "artifact.available",
                "answer": "code_rollback",
                "because": "The release before is at hand",
            },
            {
                "id": "mend",
                "when": "artifact.missing",
                "answer": "code_rollback",
                "because": "The release before can be had again",
                "repairs": ["V3"],
            },
            {"id": "else", "when": "always", "answer": "mitigate", "because": "Nothing better is known"},
        ],
        "one_click": {"code_rollback": "rollback.tested"},
        "boxes": {},
    },
    indent=1,
)

SMALL = load_criteria(TEXT, "small.yaml")
