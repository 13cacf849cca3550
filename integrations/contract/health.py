"""How a target or a source is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fence:
    """The highest fencing token that a target has seen, and the key of the act that brought it.

    `forget` is what a person types on its host so that both count no more.
    """

    token: int
    key: str
    forget: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """What an engine can say of a target or a source now.

    `identity` names the very thing reached (a system identifier, a file's inode and application id);
    it is part of the plan hash, so that approvals given for one database never pass for another.
    `made` names what is there under it now, and changes when a restore replaces that.
    `notes` say of a state that it is right, as that of a standby, and what follows. `fence` is what the
    target remembers of whoever acted on it last, where it remembers that. `server` names what several targets
    may be of: this one is a part of it, or the `whole` of it.
    """

    ok: bool
    identity: str = ""
    version: str = ""
    problems: Sequence[str] = ()
    bytes: int | None = None
    notes: Sequence[str] = ()
    made: str = ""
    fence: Fence | None = None
    server: str = ""
    whole: bool = False
