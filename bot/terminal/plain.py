"""Plain values as YAML that people read and paste."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML


def as_yaml(values: Mapping[str, Any]) -> str:
    """Return values as YAML, in their order and without an end of line."""
    yaml, text = YAML(), StringIO()
    yaml.width = 200
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(dict(values), text)
    return text.getvalue().rstrip()
