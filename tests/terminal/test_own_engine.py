"""Somebody follows the how-to about own engines word for word, and restores with what came of it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from playbooks import library
from tests.integrations.flagship import Flagship, flagship
from tests.terminal.shell import ROOT, Shell
from tests.terminal.test_serve import started

TEXT = (ROOT / "docs" / "how-to" / "bring-your-own-engine.md").read_text(encoding="utf-8")
WITHIN_S = 30.0
FRAME = """
schema: backstop/playbook/1
metadata: {name: flags-back, title: Put the flags back, owner: checkout-owners, reviewed: "2026-11-02"}
options: [config_revert]
applies_to: {services: [checkout], environments: [production]}
roles:
  app: {group: checkout-owners}
inputs:
  damage-start: {type: instant, ask: "When did the damage begin?", suggest: incident.damage_start}
approvals:
  flags: {require: [{role: app, min: 1}], expires: 10m}
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the package as the how-to has it, and install it into a folder of its own."""
    project, place = tmp_path_factory.mktemp("flagship"), tmp_path_factory.mktemp("installed")
    (project / "flagship.py").write_text(blocks("python")[0], encoding="utf-8")
    (project / "pyproject.toml").write_text(blocks("toml")[0], encoding="utf-8")
    words = ("install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(place))
    argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words, str(project)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return place


def furnish(shell: Shell, service: Flagship) -> None:
    """Write catalog and playbook from the how-to's fragments, with the address of the service."""
    places, steps = blocks("yaml")
    targets, sources = re.split(r"^sources:\n", places, flags=re.MULTILINE)
    catalog = library.read("catalog.yaml")
    catalog = catalog.replace("\ntargets:\n", f"\n{targets}", 1)
    catalog = catalog.replace("\nsources:\n", f"\nsources:\n{sources}", 1)
    catalog = catalog.replace("http://127.0.0.1:8765", service.url)
    (shell.home / "catalog.yaml").write_text(catalog, encoding="utf-8")
    (shell.home / "playbooks").mkdir()
    (shell.home / "playbooks" / "flags.yaml").write_text(FRAME + steps, encoding="utf-8")


class Person:
    """Somebody at a terminal, with a token of their own."""

    def __init__(self, shell: Shell, token: str, environment: dict[str, str]) -> None:
        self._shell = shell
        self._environment = {**environment, "BACKSTOP_TOKEN": token}

    async def say(self, *words: str) -> str:
        said = await self._shell.run(*words, **self._environment)
        assert said.code == 0, said
        return said.out

    async def until(self, word: str) -> None:
        """Wait until the run's status has a word."""
        async with asyncio.timeout(WITHIN_S):
            while word not in await self.say("status", "RUN-1"):
                pass


async def person(shell: Shell, who: str, environment: dict[str, str]) -> Person:
    issued = await shell.run("token", "issue", "--for", who, "--scope", "say,read", **environment)
    return Person(shell, max(issued.out.split(), key=len), environment)


async def test_the_how_to_leads_to_a_restore(shell: Shell, installed: Path) -> None:
    environment = {"PYTHONPATH": str(installed)}
    async with flagship() as service:
        furnish(shell, service)
        checked = await shell.run("playbook", "check", **environment)
        assert checked.code == 0, checked.out
        doctor = await shell.run("doctor", BACKSTOP_SLACK_MODE="off", **environment)
        assert "ok     target     shop-flags: flags 4.1, flags:shop-1" in doctor.out
        assert "ok     source     flag-versions: 3 recovery points, 0 proved, the newest of 20" in doctor.out
        async with started(shell, **environment):
            ana, cy = await person(shell, "ana", environment), await person(shell, "cy", environment)
            began = (datetime.now(UTC) - timedelta(minutes=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
            await ana.say("declare", "Flags are wrong", "svc:checkout")
            await ana.say("impact", f"damage:{began}")
            await ana.say("plan", "flags-back")
            await ana.until("v2")
            await ana.say("start", "RUN-1")
            await cy.say("approve", "RUN-1.flags")
            await ana.until("recovered")

        assert (service.shown, service.restored) == ("v2", 1)
