"""What Backstop did with a Deployment, kept in a note on the Deployment itself.

The note is written in the same patch as the change, so that one is never there without the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from integrations.contract import IntegrationError

NOTE = "backstop.dev/acts"
SCALED = "backstop.dev/scaled"

_KEPT = 16


class Act(BaseModel):
    """One act under its key. `wants` is the template's digest or the number of replicas it asked for.

    `late` is when Kubernetes had given up the rollout before this one, whose word no longer counts.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    operation: str
    at: AwareDatetime
    until: AwareDatetime
    wants: str = ""
    token: int | None = None
    late: str = ""
    ended: Literal["", "settled", "cancelled"] = ""


class Scaled(BaseModel):
    """The number of replicas there were before Backstop asked for another; it counts while that one holds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    before: int
    to: int


_ACTS = TypeAdapter(tuple[Act, ...])


def acts_in(notes: Mapping[str, str]) -> tuple[Act, ...]:
    """Return the acts that notes tell of."""
    try:
        return _ACTS.validate_json(notes.get(NOTE, "[]"))
    except ValidationError as error:
        raise _unreadable(NOTE) from error


def scaled_in(notes: Mapping[str, str]) -> Scaled | None:
    """Return what notes tell of the replicas before."""
    if SCALED not in notes:
        return None
    try:
        return Scaled.model_validate_json(notes[SCALED])
    except ValidationError as error:
        raise _unreadable(SCALED) from error


def noted(acts: Sequence[Act], act: Act) -> str:
    """Return the text of the note with one act more, or with what became of one."""
    others = [each for each in acts if each.key != act.key]
    kept = [each.model_dump(mode="json", exclude_defaults=True) for each in [*others, act][-_KEPT:]]
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _unreadable(note: str) -> IntegrationError:
    text = f"The note `{note}` on the Deployment cannot be read; somebody changed it, look at it."
    return IntegrationError(text, permanent=True)
