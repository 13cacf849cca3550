"""Questions to a database as checks: one SELECT, one value, one comparison."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field, model_validator

from integrations.asked import Params, operation_of, params_of, target_of
from integrations.beside import Place, place_of
from integrations.connections import Connections
from integrations.contract import (
    Call,
    Cancel,
    Cap,
    CheckResult,
    Effect,
    Health,
    IntegrationError,
    Json,
    Operation,
    Prepared,
    Repeat,
    Target,
)
from integrations.without import WithoutJobs, WithoutPoints

_ASKED = ("sqlite", "postgres")


class Check(Params):
    """A SELECT whose first value is compared; `values` are bound to its :names."""

    query: str = Field(min_length=1, max_length=4000)
    values: Mapping[str, str | int | float] = Field(default_factory=dict)
    equals: bool | str | int | float | None = None
    at_least: int | float | None = None
    at_most: int | float | None = None
    matches: str | None = Field(default=None, max_length=500)

    @model_validator(mode="after")
    def _compares(self) -> Self:
        compared = (self.equals, self.at_least, self.at_most, self.matches)
        if all(expected is None for expected in compared):
            raise ValueError("say what is expected: equals, at_least, at_most or matches")
        if self.matches is not None:
            _pattern(self.matches)
        return self

    def wants(self) -> str:
        """Return what is expected, in words."""
        words = {"equals": self.equals, "at least": self.at_least, "at most": self.at_most}
        parts = [f"{word} {expected}" for word, expected in words.items() if expected is not None]
        return " and ".join([*parts, *([f"matches {self.matches}"] if self.matches is not None else [])])

    def fits(self, value: Json) -> bool:
        """Say whether a value is what is expected; a value of another type never is."""
        # To Python `true` is 1, to people it is not.
        is_truth = isinstance(value, bool)
        number = value if isinstance(value, int | float) and not is_truth else None
        return all(
            (
                self.equals is None or (value == self.equals and is_truth == isinstance(self.equals, bool)),
                self.at_least is None or (number is not None and number >= self.at_least),
                self.at_most is None or (number is not None and number <= self.at_most),
                self.matches is None
                or (isinstance(value, str) and _pattern(self.matches).fullmatch(value) is not None),
            )
        )


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"`matches` is not a regular expression: {error}") from None


class Sql(WithoutJobs, WithoutPoints):
    """Asks SQLite and PostgreSQL databases through the runner beside them; the connection can only read."""

    name: ClassVar[str] = "sql"
    caps: ClassVar[frozenset[Cap]] = frozenset()
    operations: ClassVar[Mapping[str, Operation]] = {
        "check": Operation(
            name="check",
            params=Check,
            effect=Effect.READ,
            kind="check",
            repeat=Repeat.SAFE,
            cancel=Cancel.CLEAN,
        )
    }

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def health(self, target: Target) -> Health:
        """Say whether the runner of the target answers and knows it."""
        return await place_of(self._connections, target).known(self.name)

    async def plan(self, call: Call) -> Prepared:
        """Show the question and what is expected of its answer."""
        operation = operation_of(self.name, self.operations, call)
        check = params_of(Check, call)
        place, select = self._asks(target_of(call))
        preview = await place.runner.preview(select, place.target, _question(check), how="ask")
        return Prepared(
            preview=(f"{check.query} → {check.wants()}",),
            by_hand=f"{shlex.join(preview.argv)}    # expected: {check.wants()}",
            leaves="Nothing is changed.",
            effect=operation.effect,
            repeat=operation.repeat,
            cancel=operation.cancel,
        )

    async def check(self, call: Call) -> CheckResult:
        """Ask, and compare the first value of the first row."""
        operation_of(self.name, self.operations, call)
        check = params_of(Check, call)
        place, select = self._asks(target_of(call))
        found = await place.runner.ask(select, place.target, _question(check), timeout_s=call.timeout_s)
        value = _first(found)
        return CheckResult(
            ok=check.fits(value),
            found=f"{'no row' if value is None else value}, expected {check.wants()}",
            evidence={"query": check.query, "value": value, "expected": check.wants()},
        )

    def _asks(self, target: Target) -> tuple[Place, str]:
        if target.kind not in _ASKED:
            known = " and ".join(_ASKED)
            text = f"sql asks targets of the kinds {known}; {target.name} is of the kind {target.kind}."
            raise IntegrationError(text, permanent=True)
        return place_of(self._connections, target), f"{target.kind}.select"


def _question(check: Check) -> dict[str, Json]:
    return {"query": check.query, "values": dict(check.values)}


def _first(found: Mapping[str, Json]) -> Json:
    rows = found.get("rows")
    if not isinstance(rows, list):
        raise IntegrationError("The runner answered a query with nonsense.", permanent=False)
    first = rows[0] if rows else None
    return first[0] if isinstance(first, list) and first else None
