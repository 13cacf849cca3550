"""Reading a call's parameters through its operation's own model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from integrations.contract import Call, IntegrationError, Operation, Target

_P = TypeVar("_P", bound=BaseModel)


class Params(BaseModel):
    """The parameters of an operation; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NoParams(Params):
    """An operation that takes no parameters."""


def operation_of(engine: str, operations: Mapping[str, Operation], call: Call) -> Operation:
    """Return the operation a call names."""
    found = operations.get(call.operation)
    if found is None:
        known = ", ".join(operations)
        raise IntegrationError(
            f"{engine} has no operation {call.operation!r}; it has: {known}.", permanent=True
        )
    return found


def params_of(model: type[_P], call: Call) -> _P:
    """Return a call's parameters, or say which of them is wrong without repeating its value."""
    try:
        return model.model_validate(dict(call.params))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "parameters"
        text = f"{call.operation}: `{place}`: {first['msg']}."
        raise IntegrationError(text, permanent=True) from None


def target_of(call: Call) -> Target:
    """Return the target of a call that needs one."""
    if call.target is None:
        raise IntegrationError(f"{call.operation} needs a target.", permanent=True)
    return call.target
