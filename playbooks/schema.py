"""Draws the JSON Schema of playbooks for editors: `python -m playbooks.schema > playbooks/schema.json`."""

from __future__ import annotations

import json
import sys

from playbooks.model import Playbook


def schema_text() -> str:
    """Return the JSON Schema (2020-12) of a playbook, as the file has it."""
    schema = Playbook.model_json_schema(by_alias=True)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:backstop:playbook:1",
    }
    return json.dumps({**head, **schema}, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
