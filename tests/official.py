"""The vendors' own documents, to check our traffic against; they are read from beside the repository."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from ruamel.yaml import YAML

HERE = Path(__file__).resolve().parents[1]


def contract(path: str) -> dict[str, Any]:
    """Return an official document, or skip the test where there is none."""
    shared = Path(os.environ.get("BACKSTOP_SHARED", HERE.parent / "shared"))
    file = shared / "contracts" / path
    if not file.is_file():
        pytest.skip(f"no {path} beside the repository: set BACKSTOP_SHARED to a folder with contracts/{path}")
    text = file.read_text(encoding="utf-8")
    document: dict[str, Any] = (
        YAML(typ="safe", pure=True).load(text) if file.suffix == ".yaml" else json.loads(text)
    )
    return document


@cache
def _adf_validator(kind: str) -> jsonschema_rs.Validator:
    schema = contract("adf/adf-full.json") | {"$ref": f"#/definitions/{kind}"}
    return jsonschema_rs.Draft4Validator(schema)


DEFINITIONS = {
    "doc": "doc_node",
    "paragraph": "paragraph_with_no_marks_node",
    "heading": "heading_with_no_marks_node",
    "bulletList": "bulletList_node",
    "listItem": "listItem_node",
    "table": "table_node",
    "tableRow": "table_row_node",
    "tableHeader": "table_header_node",
    "tableCell": "table_cell_node",
    "codeBlock": "codeBlock_node",
    "panel": "panel_node",
    "hardBreak": "hardBreak_node",
    "text": "inline_node",
}


def check_adf(node: dict[str, Any]) -> None:
    """Fail with the innermost node that Atlassian's schema of ADF refuses."""
    for child in node.get("content", ()):
        check_adf(child)
    for error in _adf_validator(DEFINITIONS[node["type"]]).iter_errors(node):
        raise AssertionError(f"{error.message}: {json.dumps(node)[:500]}")
