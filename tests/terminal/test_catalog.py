"""`backstop catalog import`: as its page says, and what it finds in a catalog that is there already."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema_rs
import pytest
from ruamel.yaml import YAML

from bot.terminal.catalog import main
from playbooks.catalog import load_catalog
from tests.official import contract
from tests.terminal.shell import ROOT

PAGE = (ROOT / "docs/how-to/begin-from-backstage.md").read_text()
BACKSTAGE, CATALOG = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
(MISSING,) = re.findall(r"```\n(Service.*?)```", PAGE, re.DOTALL)
WORDS = ("--region", "eu-central-1", "--data", "personal")


@pytest.fixture
def info(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the page, in a home without a catalog."""
    monkeypatch.setenv("BACKSTOP_HOME", str(tmp_path / "home"))
    file = tmp_path / "catalog-info.yaml"
    file.write_text(BACKSTAGE)
    return file


def test_the_page_is_followed(info: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(info), *WORDS]) == 1
    assert capsys.readouterr() == (CATALOG, MISSING)
    assert load_catalog(CATALOG, "catalog.yaml").services["checkout"].tier == "critical"


@pytest.mark.parametrize("kind", ["Component", "Group"])
def test_what_the_page_shows_is_what_backstage_reads(kind: str) -> None:
    (entity,) = (found for found in YAML(typ="safe").load_all(BACKSTAGE) if found["kind"] == kind)
    others = {name: contract(f"backstage/{name}.schema.json") for name in ("Entity", "EntityMeta", "common")}
    schema = contract(f"backstage/{kind}.v1alpha1.schema.json")
    registry = jsonschema_rs.Registry(list(others.items()))
    jsonschema_rs.Draft7Validator(schema, registry=registry).validate(entity)


def test_a_catalog_that_is_there_is_only_added_to(
    info: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "catalog.yaml").write_text(
        CATALOG.replace("title: The checkout of the shop", "title: Checkout")
        .replace("      - cy\n", "      - ana\n")
        .replace("people:\n  cy", "people:\n  ana:\n    name: Ana\n    email: ana@example.com\n  cy", 1)
    )
    info.write_text(
        BACKSTAGE + "---\n" + BACKSTAGE.split("---")[0].replace("name: checkout\n", "name: Pay.Desk\n")
    )
    assert main(["import", str(info), *WORDS]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("services:\n  pay-desk:\n    title: The checkout of the shop\n")
    assert (
        "services.checkout.title is Checkout in the catalog and The checkout of the shop in Backstage.\n"
        in said.err
    )
    assert "groups.checkout-owners.people is ana in the catalog and cy in Backstage.\n" in said.err


def test_nothing_is_missing_any_more(info: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    info.write_text(re.sub(r"  dependsOn.*\n", "", BACKSTAGE))
    catalog = tmp_path / "mine.yaml"
    catalog.write_text(CATALOG)
    assert main(["import", str(info), *WORDS, "--catalog", str(catalog)]) == 0
    assert capsys.readouterr() == (f"# {catalog} has all of it.\n", "")


def test_what_the_result_would_still_lack_is_said(info: Path, capsys: pytest.CaptureFixture[str]) -> None:
    info.write_text(BACKSTAGE.split("---")[0].replace("    backstop.dev/", "    other.dev/"))
    assert main(["import", str(info), *WORDS, "--tier", "gold"]) == 1
    said = capsys.readouterr().err
    assert "Service checkout has no tier in Backstage; it is given gold.\n" in said
    assert "In the catalog people is missing, it has no default.\n" in said


def test_a_tier_that_nobody_described_is_said(info: Path, capsys: pytest.CaptureFixture[str]) -> None:
    info.write_text(BACKSTAGE.replace("    backstop.dev/r", "    other.dev/r"))
    assert main(["import", str(info), *WORDS]) == 1
    assert "In the catalog tiers is missing, it has no default.\n" in capsys.readouterr().err


def test_what_cannot_be_read_is_refused_with_its_line(
    info: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info.write_text("---\n" + BACKSTAGE.replace("name: cy}", "name: cy, labels: [a]}"))
    assert main(["import", str(info), str(tmp_path / "none.yaml"), *WORDS]) == 1
    assert capsys.readouterr() == (
        "",
        f"{info}:24: metadata.labels: Input should be a valid dictionary\n",
    )
    info.write_text(BACKSTAGE)
    assert main(["import", str(info), *WORDS, "--catalog", str(tmp_path / "none.yaml")]) == 1
    assert (
        capsys.readouterr().err
        == f"{tmp_path}/none.yaml:1: the file cannot be read, no such file or directory\n"
    )


def test_settings_that_are_wrong_are_said(
    info: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BACKSTOP_SLACK_MODE", "pigeon")
    assert main(["import", str(info), *WORDS]) == 2
    assert "BACKSTOP_SLACK_MODE" in capsys.readouterr().err
