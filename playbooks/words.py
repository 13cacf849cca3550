"""The small vocabulary that playbooks, the catalog and the criteria share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*([-_][a-z0-9]+)*$", max_length=60)]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class Option(StrEnum):
    """An answer of a decision. Containment comes before all of them and is none."""

    CONFIG_REVERT = "config_revert"
    CODE_ROLLBACK = "code_rollback"
    HOTFIX = "hotfix"
    RESTORE_PARTIAL = "restore_partial"
    RESTORE_PITR = "restore_pitr"
    RESTORE_FULL = "restore_full"
    FAILOVER = "failover"
    MITIGATE = "mitigate"
    WAIT = "wait"
