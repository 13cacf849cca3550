"""The pages of the files people write: playbooks and the catalog."""

from __future__ import annotations

from pydantic import BaseModel

from playbooks.catalog import Catalog
from playbooks.model import Playbook
from playbooks.references import POINT, RUN, SCOPES
from tests.reference.markdown import Schema, codes, fields, page, sentences

_PLAYBOOK = f"""
A playbook is one YAML file in the folder of playbooks. Backstop reads it again when it changes; while it
has mistakes the last good version stays in force. `backstop playbook check playbooks/` prints every mistake
as `file:line`. For completion in an editor, point it at `playbooks/schema.json`. See [how to write
one](../how-to/write-a-playbook.md).

A *name* is lower case with dashes. A *duration* is a whole number with `s`, `m`, `h` or `d`. A text that is a
reference as a whole becomes the value it stands for: {codes(f"{scope}.<name>" for scope in SCOPES)}.
`point` has {codes(POINT)}; `run` has {codes(RUN)};
`target` has the target's settings in the catalog.

Some fields are refused by this version, which does not act on them yet; [limits](../limits.md) lists them.
"""
_CATALOG = """
The catalog is one YAML file, `catalog.yaml` in the home unless `BACKSTOP_CATALOG` names another. It is read
again when it changes; while it has mistakes the last good version stays in force. It never holds a secret.
`playbooks/library/catalog.yaml` is an example to copy; `backstop playbook check catalog.yaml` checks it.

A *name* is lower case with dashes. A *duration* is a whole number with `s`, `m`, `h` or `d`.
"""


def playbook() -> str:
    """Return the page of playbooks."""
    return _file("Playbook fields", _PLAYBOOK, Playbook)


def catalog() -> str:
    """Return the page of the catalog."""
    return _file("Catalog fields", _CATALOG, Catalog)


def _file(title: str, intro: str, model: type[BaseModel]) -> str:
    schema = model.model_json_schema(by_alias=True)
    defs: dict[str, Schema] = schema["$defs"]
    parts = [f"## {model.__name__}", sentences(schema.get("description")), fields(schema, defs)]
    for name, part in defs.items():
        if "properties" in part:
            parts += [f"## {name}", sentences(part.get("description")), fields(part, defs)]
    return page(title, intro, *parts)
