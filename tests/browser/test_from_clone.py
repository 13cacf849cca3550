"""A newcomer clones the repository, follows README and the guide, and ends up reading a post-mortem.

What is needed to run is there already: the clone uses what is installed for these tests, and its own code.
`make newcomer` installs everything anew, as a newcomer's own machine does.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.browser.driver import ABSENT, Browser, browser, programs
from tests.required import missing

ROOT = Path(__file__).parents[2]
MOST_ACTIONS = 6
MOST_PRESSES = 20
STARTED_WITHIN_S = 60.0
INSTALLED_WITHIN_S = 600.0
_COMMAND = re.compile(r"^## Try it\n.*?^(make \w+)", re.MULTILINE | re.DOTALL)
_OPEN = re.compile(r"Open (http://127\.0\.0\.1:\d+/)")
OFFERED = (
    "const next = document.querySelector('#next');"
    "return next?.checkVisibility() && next.innerText !== arguments[0] && next.innerText"
)

pytestmark = [pytest.mark.real, pytest.mark.timeout(900 if os.environ.get("FRESH") else 300)]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone of what was committed, in which nothing has to be installed unless FRESH is set."""
    place = tmp_path / "backstop"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(place)], check=True)
    if not os.environ.get("FRESH"):
        furnish(place)
    return place


def furnish(place: Path) -> None:
    """Give a clone an environment with the packages of this one and the clone's own code."""
    venv.create(place / ".venv", with_pip=False)
    python = place / ".venv" / "bin" / "python"
    [packages] = (place / ".venv" / "lib").glob("python*/site-packages")
    (packages / "prepared.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "--python", str(python)]
    own = ["--no-deps", "--no-build-isolation", "--no-index", "-e", str(place)]
    subprocess.run([*pip, "install", *own], check=True)
    (place / ".venv" / ".run").touch()
    where = [python, "-c", "import bot; print(bot.__file__)"]
    found = subprocess.run(where, cwd=place.parent, capture_output=True, text=True, check=True).stdout
    assert Path(found.strip()).is_relative_to(place), "the code of the clone is what runs"


@asynccontextmanager
async def typed(command: str, place: Path) -> AsyncIterator[str]:
    """Type a command in a folder, give the address that it prints, and press Ctrl-C at the end."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    indexes = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    process = await asyncio.create_subprocess_exec(
        *command.split(),
        cwd=place,
        env={**kept, **indexes},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout
    said = ""
    try:
        async with asyncio.timeout(INSTALLED_WITHIN_S if os.environ.get("FRESH") else STARTED_WITHIN_S):
            while not (told := _OPEN.search(said)):
                line = await process.stdout.readline()
                assert line, f"`{command}` ended:\n{said}"
                said += line.decode()
        yield told[1]
    finally:
        os.killpg(process.pid, signal.SIGINT)
        await process.communicate()


async def follow(window: Browser) -> list[str]:
    """Press what the guide offers until it offers nothing more, and return what was pressed."""
    pressed: list[str] = []
    while pressed[-1:] != ["Read it"]:
        assert len(pressed) < MOST_PRESSES, pressed
        pressed.append(await window.until(OFFERED, pressed[-1] if pressed else ""))
        await window.click("#next")
    return pressed


async def test_a_newcomer_comes_from_a_clone_to_a_post_mortem(
    clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = programs()
    if found is None:
        missing("chromium", ABSENT)
    told = _COMMAND.search((clone / "README.md").read_text(encoding="utf-8"))
    assert told, "README says what to type first"
    async with typed(told[1], clone) as address, browser(*found, tmp_path / "profile") as window:
        await window.size(1280, 900)
        await window.open(address)
        pressed = await follow(window)
        for section in ("Summary", "Impact", "Recovery", "Decisions", "Approvals", "Timeline"):
            await window.reads(section, within="#talk")
        await window.reads("every total is right", within="#shop")
        assert window.actions == len(pressed)
    # Only a run that every blocking end check found right is one whose incident the guide lets resolve.
    recovered = pressed.index("Resolve it")
    with capsys.disabled():
        sys.stdout.write(
            f"\nFrom a clone: `{told[1]}`, {recovered} actions to a verified restore, "
            f"{len(pressed)} to its post-mortem.\n"
        )
    assert 0 < recovered <= MOST_ACTIONS
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(address)
