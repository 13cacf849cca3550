"""Draws the JSON Schema of playbooks for editors: `python -m playbooks.schema > playbooks/schema.json`."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from playbooks.durations import say_duration
from playbooks.model import Playbook


class _AsWritten(GenerateJsonSchema):
    """Writes the defaults of durations as people do: 30m."""

    def encode_default(self, dft: Any) -> Any:
        """Return a default as it stands in a file."""
        return say_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def schema_text() -> str:
    """Return the JSON Schema (2020-12) of a playbook, as the file has it."""
    schema = Playbook.model_json_schema(by_alias=True, schema_generator=_AsWritten)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:backstop:playbook:1",
    }
    return json.dumps({**head, **schema}, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
