"""Tools that a machine may lack: a test that needs one is skipped, unless BACKSTOP_REQUIRE names it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NoReturn

import pytest


def required(tool: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether BACKSTOP_REQUIRE, a list with commas, names a tool."""
    return tool in {name.strip() for name in environment.get("BACKSTOP_REQUIRE", "").split(",")}


def missing(tool: str, sentence: str, environment: Mapping[str, str] = os.environ) -> NoReturn:
    """Skip the test with a sentence that says what to install; fail it where the tool is required."""
    if required(tool, environment):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
