"""What a program says of its progress: news, each once, and how its silence is to be read."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from integrations.runner.program import _work
from integrations.runner.report import Step


def asked_again_and_again() -> Iterator[Step]:
    for done in (1, 1, 1, 2, 2):
        yield Step("replaying", done, 9, by_figures=True)
    yield Step("done")


def test_the_same_figure_again_is_no_news(capsys: pytest.CaptureFixture[str]) -> None:
    assert _work(asked_again_and_again()) == 0

    said = [json.loads(line.removeprefix("::progress ")) for line in capsys.readouterr().out.splitlines()]
    assert [(each["phase"], each["done"], each.get("by_figures")) for each in said] == [
        ("replaying", 1, True),
        ("replaying", 2, True),
        ("done", 0, None),
    ]
