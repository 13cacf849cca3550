from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest
from pydantic import JsonValue
from ruamel.yaml import YAML

import playbooks.schema
from playbooks import library
from tests.playbooks.examples import PITR

FILE = Path(playbooks.schema.__file__).with_name("schema.json")


def test_the_schema_file_is_fresh() -> None:
    assert FILE.read_text(encoding="utf-8") == playbooks.schema.schema_text(), (
        "run: python -m playbooks.schema > playbooks/schema.json"
    )


def test_the_module_prints_the_schema(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "playbooks.schema")

    runpy.run_module("playbooks.schema", run_name="__main__")

    assert capsys.readouterr().out == playbooks.schema.schema_text()


def defaults(part: JsonValue) -> Iterator[JsonValue]:
    """Yield every default of a schema."""
    if isinstance(part, dict):
        yield from ([part["default"]] if "default" in part else [])
        for inner in part.values():
            yield from defaults(inner)


def test_defaults_are_written_as_people_write_them() -> None:
    found = json.dumps(list(defaults(json.loads(FILE.read_text(encoding="utf-8")))))

    assert '"PT' not in found
    assert '"P90D"' not in found
    assert all(f'"{duration}"' in found for duration in ("30m", "4h", "1m", "90d", "10s", "90s"))


@pytest.mark.parametrize("text", [PITR, *map(library.read, library.names())])
def test_an_editor_finds_the_examples_right(text: str) -> None:
    schema = jsonschema_rs.validator_for(json.loads(FILE.read_text(encoding="utf-8")))

    assert [str(error) for error in schema.iter_errors(YAML(typ="safe").load(text))] == []


def test_an_editor_marks_what_the_loader_refuses() -> None:
    schema = jsonschema_rs.validator_for(json.loads(FILE.read_text(encoding="utf-8")))
    wrong = YAML(typ="safe").load(PITR.replace("estimate: 31m", "estimat: 31"))

    assert not schema.is_valid(wrong)
