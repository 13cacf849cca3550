"""PostgreSQL databases: dumps as recovery points, restored beside and put in place by renaming."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import AwareDatetime, Field, field_serializer, model_validator

from integrations.asked import NoParams, Params
from integrations.contract import Cap, Effect, Json, Operation, Repeat
from integrations.copies import Backup, Copies, InStep, Salvage, step


class Rows(Params):
    """How many rows a table must have.

    `of_point` is a share in percent: at least so many of those that the recovery point has.
    """

    table: str = Field(min_length=1, max_length=300)
    at_least: int | None = Field(default=None, ge=0)
    at_most: int | None = Field(default=None, ge=0)
    of_point: int | None = Field(default=None, ge=1, le=100)

    @model_validator(mode="after")
    def _bound(self) -> Self:
        if self.at_least is None and self.at_most is None and self.of_point is None:
            raise ValueError("say how many rows are expected: at_least, at_most or of_point")
        return self


class RecoveredTo(Params):
    """Where the newest moment in a column of a table must lie."""

    table: str = Field(min_length=1, max_length=300)
    column: str = Field(min_length=1, max_length=300)
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None

    @model_validator(mode="after")
    def _bound(self) -> Self:
        if self.not_before is None and self.not_after is None:
            raise ValueError("say where the newest moment is expected: not_before or not_after")
        return self


class Schema(Params):
    """The fingerprint a schema must have; left out, that of the recovery point."""

    equals: str | None = Field(default=None, pattern="^[0-9a-f]{16}$")


class Extract(Params):
    """Tables of the dump beside to copy as `<table>_restored_<mark>`, and of these only the rows of some.

    With `column` only rows are taken in which it has one of the `values`, read as the column's own type.
    """

    tables: tuple[Annotated[str, Field(min_length=1, max_length=300)], ...] = Field(
        min_length=1, max_length=50
    )
    mark: str = Field(pattern="^[a-z0-9][a-z0-9_]{0,19}$")
    column: str | None = Field(default=None, min_length=1, max_length=300)
    values: tuple[str | int, ...] = Field(default=(), max_length=1000)

    @model_validator(mode="after")
    def _rows(self) -> Self:
        if (self.column is None) != (not self.values):
            raise ValueError("say both `column` and `values`, or neither to take all rows")
        return self

    @field_serializer("values")
    def _texts(self, values: tuple[str | int, ...]) -> list[str] | None:
        return [str(value) for value in values] or None


class Extracted(Params):
    """The mark of the tables that were made."""

    mark: str = Field(pattern="^[a-z0-9][a-z0-9_]{0,19}$")


def _check(name: str, params: type[Params] = NoParams) -> Operation:
    return step(name, kind="check", params=params)


class Postgres(Copies):
    """Dumps, restores and proves single PostgreSQL databases."""

    name: ClassVar[str] = "postgres"
    kind: ClassVar[str] = "dump"
    caps: ClassVar[frozenset[Cap]] = frozenset(
        {Cap.POINTS, Cap.CANCEL, Cap.PROGRESS, Cap.VERIFY_POINT, Cap.BACKUP, Cap.HOLD, Cap.GUARD}
    )
    operations: ClassVar[Mapping[str, Operation]] = {
        "backup": step("backup", params=Backup),
        "prepare": step("prepare", needs_point=True),
        "discard": step("discard"),
        "restore": step("restore", Effect.DESTRUCTIVE, repeat=Repeat.ONCE, needs_point=True),
        "salvage": step("salvage", params=Salvage),
        "restore_partial": step("restore_partial", Effect.REVERSIBLE, needs_point=True),
        "drop_partial": step("drop_partial", Effect.REVERSIBLE, needs_point=True),
        "extract": step("extract", Effect.REVERSIBLE, params=Extract, needs_point=True),
        "drop_extracted": step("drop_extracted", Effect.REVERSIBLE, params=Extracted),
        "verify": step("verify", needs_point=True, needs_target=False),
        "look": step("look", kind="check", needs_point=True, needs_target=False),
        "restored": step("restored", kind="check", needs_point=True),
        "rows": _check("rows", Rows),
        "recovered_to": _check("recovered_to", RecoveredTo),
        "schema": _check("schema", Schema),
        "amcheck": _check("amcheck"),
        "in_step": _check("in_step", InStep),
    }
    leaves: ClassVar[Mapping[str, str]] = {
        "backup": "Nothing: a dump that did not finish does not count as a recovery point.",
        "verify": "Nothing is changed.",
        "salvage": "Nothing: files that were not finished are written again.",
        "restore_partial": "At most a database `…_partial_…` in the server, which `drop_partial` drops.",
        "extract": (
            "Whole tables `…_restored_…` or none of each, which `drop_extracted` drops; no other table is "
            "changed."
        ),
        "drop_extracted": "At most some of the tables; carried out again it drops the others.",
        "prepare": (
            "At most a database `…_prepared_…` in the server, which `discard` or the next restore drops."
        ),
        "restore": (
            "Before the swap the database as it is now, after it the restored one, never a mixture; the "
            "replaced database stays in the server as `…_replaced_…`. A half-restored `…_restoring_…` is "
            "dropped by the next restore."
        ),
    }

    def _compares(self, operation: str, params: Mapping[str, Json]) -> bool:
        return (operation == "rows" and "of_point" in params) or (
            operation == "schema" and "equals" not in params
        )
