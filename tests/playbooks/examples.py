"""The good example, its catalog, and engines enough to lint it: what the mutants of the tests start from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from integrations.contract import Effect, Operation
from playbooks.catalog import Catalog, load_catalog
from playbooks.load import Loaded, load_playbook

GOOD = Path(__file__).parent / "good"
PITR = (GOOD / "checkout-pitr.yaml").read_text(encoding="utf-8")
CATALOG = (GOOD / "catalog.yaml").read_text(encoding="utf-8")


class Nothing(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Scale(Nothing):
    replicas: int | str


class Scenario(Nothing):
    file: str


class RecoveredTo(Nothing):
    at: int


class Window(Nothing):
    names: list[int]
    first: int = 0
    last: int = 0

    @model_validator(mode="after")
    def in_order(self) -> Window:
        if self.last < self.first:
            raise ValueError("last comes before first")
        return self


class Revision(Nothing):
    revision: str = "previous"


class Work(Nothing):
    do: list[str]
    confirm: list[str] = []
    evidence: list[str] = []


def _check(name: str, params: type[BaseModel], *, needs_target: bool = True) -> Operation:
    return Operation(name, params, Effect.READ, kind="check", needs_target=needs_target)


OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("kubernetes.scale", Scale, Effect.REVERSIBLE),
        Operation("helm.rollback", Revision, Effect.REVERSIBLE),
        Operation("kubernetes.wipe", Nothing, Effect.DESTRUCTIVE),
        Operation("volume.snapshot", Nothing, Effect.READ),
        Operation("volume.window", Window, Effect.READ),
        Operation("pgbackrest.restore", Nothing, Effect.DESTRUCTIVE, needs_point=True),
        _check("postgres.recovered_to", RecoveredTo),
        _check("postgres.amcheck", Nothing),
        _check("http.scenario", Scenario, needs_target=False),
        Operation("person.do", Work, Effect.READ, kind="person", needs_target=False),
    )
}


def mutant(text: str, *changes: tuple[str, str]) -> str:
    """Return a text with each part replaced once; a part that is not there fails the test."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def pitr(*changes: tuple[str, str]) -> Loaded:
    """Return the good example, or a mutant of it."""
    return load_playbook(mutant(PITR, *changes), "checkout-pitr.yaml")


def catalog(*changes: tuple[str, str]) -> Catalog:
    """Return the catalog of the good example, or a mutant of it."""
    return load_catalog(mutant(CATALOG, *changes), "catalog.yaml")
