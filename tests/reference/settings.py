"""The page of every setting."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.settings import Settings
from tests.reference.markdown import code, codes, page, table

_INTRO = """
Every setting is an environment variable, or a file of the same name in lower case in `/run/secrets`, where
container platforms mount secrets. `backstop doctor` names the variables that look like settings and are
none.
"""


def settings() -> str:
    """Return the page."""
    prefix = str(Settings.model_config.get("env_prefix", ""))
    rows = [
        (code(f"{prefix}{name.upper()}"), info.description or "", _takes(info), _default(info))
        for name, info in Settings.model_fields.items()
    ]
    return page("Settings", _INTRO, table(("Variable", "What it is", "Takes", "Default"), rows))


def _takes(info: FieldInfo) -> str:
    kinds = {kind for kind in (info.annotation, *get_args(info.annotation)) if kind is not type(None)}
    pattern = next((part.pattern for part in info.metadata if getattr(part, "pattern", None)), "")
    chosen = re.fullmatch(r"\^\(([a-z|_]+)\)\$", pattern)
    if chosen:
        return codes(chosen[1].split("|"))
    if SecretStr in kinds:
        return "secret"
    if get_origin(info.annotation) is dict:
        return "JSON"
    if Path in kinds:
        return "path"
    return "whole number" if int in kinds else "text"


def _default(info: FieldInfo) -> str:
    return "none" if info.default in (None, "", {}) else code(info.default)
