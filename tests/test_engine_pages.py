"""The pages of the engines: what their examples say is what catalogs, playbooks and engines take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from integrations import contract
from integrations.argocd.server import Reached
from integrations.argocd.server import Settings as Argo
from integrations.github.repository import Environment
from integrations.github.repository import Settings as Hub
from integrations.http_job import Settings as Jobs
from integrations.registry import ENGINES, operations
from integrations.typed import settings_of
from integrations.velero.objects import Kept
from integrations.velero.objects import Settings as Cluster
from playbooks.catalog import Source, Target
from playbooks.model import Select

PAGES = sorted((Path(__file__).parents[1] / "docs" / "engines").glob("*.md"))
TARGETS: Mapping[str, type[BaseModel]] = {"argocd": Argo, "github": Hub, "http_job": Jobs, "velero": Cluster}
SOURCES: Mapping[str, type[BaseModel]] = {"argocd": Reached, "github": Environment, "velero": Kept}

_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def parts(page: Path) -> Iterator[Mapping[str, Any]]:
    """Yield every example of a page that is part of a catalog or a playbook."""
    for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        read = YAML(typ="safe").load(block)
        if isinstance(read, dict) and {"targets", "sources", "steps", "verify"} & set(read):
            yield read


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_short_and_shows_an_example(page: Path) -> None:
    assert any(name.partition("-")[0] == page.stem for name in ENGINES)
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 90
    assert list(parts(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_are_taken_by_the_catalog_and_its_engine(page: Path) -> None:
    for part in parts(page):
        for name, target in part.get("targets", {}).items():
            Target.model_validate(target)
            if wanted := TARGETS.get(target["kind"]):
                settings_of(wanted, contract.Target(name, target["kind"], "x", settings=target["settings"]))
        catalog = part.get("sources", {})
        for name, source in catalog.items() if isinstance(catalog, dict) else ():
            Source.model_validate(source)
            if wanted := SOURCES.get(source["engine"]):
                settings_of(wanted, contract.Source(name, source["engine"], source["settings"]))
        for source in catalog if isinstance(catalog, list) else ():
            assert source["engine"] in ENGINES
            Select.model_validate(source["select"])
        steps = part.get("steps", ())
        checks = (*part.get("verify", ()), *(check for step in steps for check in step.get("verify", ())))
        assert {step["uses"] for step in steps} <= set(operations())
        assert {operations()[check["uses"]].kind for check in checks} <= {"check"}
