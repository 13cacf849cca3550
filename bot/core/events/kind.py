"""What every event is made of."""

from pydantic import BaseModel, ConfigDict


class Kind(BaseModel):
    """An event: frozen, and closed to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
