"""The images cannot be built in the tests, so what they would be built from is read and carried out here."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.settings import Settings
from tests.required import missing
from tests.sandbox.shopkeeper import gate

ROOT = Path(__file__).parents[1]
PACKAGES = ("bot", "playbooks", "integrations")
OWN = ("bot", "runner")
OFFLINE = (
    "No package index answers, so the steps of the Dockerfile cannot be tried; connect one and run again."
)


@dataclass
class Stage:
    """One stage of the Dockerfile: what it starts from and its instructions in order."""

    origin: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def of(self, instruction: str) -> list[str]:
        return [rest for name, rest in self.steps if name == instruction]


def stages() -> Mapping[str, Stage]:
    """Return the stages of the Dockerfile by name."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    found: dict[str, Stage] = {}
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "FROM":
            origin, _, name = rest.partition(" AS ")
            found[name] = Stage(origin)
        elif instruction and found:
            found[list(found)[-1]].steps.append((instruction, rest.strip()))
    return found


STAGES = stages()


@pytest.fixture(scope="module")
def compose() -> Mapping[str, Any]:
    """Return compose.yaml."""
    loaded: Mapping[str, Any] = YAML(typ="safe").load((ROOT / "compose.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what .dockerignore lets through to a build."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert lines[0] == "*"
    target = tmp_path_factory.mktemp("image") / "context"
    target.mkdir()
    unwanted = shutil.ignore_patterns(*(line.removeprefix("**/") for line in lines if line[:3] == "**/"))
    for name in (line[1:] for line in lines if line[0] == "!"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=unwanted)
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, target / name)
    return target


def copied(stage: Stage) -> Iterator[tuple[list[str], str]]:
    """Yield what a stage copies from the context, and where to."""
    for rest in stage.of("COPY"):
        *sources, target = rest.split()
        if not sources[0].startswith("--from"):
            yield sources, target


@pytest.mark.parametrize("name", OWN)
def test_the_images_run_as_somebody_without_rights(name: str) -> None:
    stage = STAGES[name]
    assert stage.origin == "base"
    assert not stage.of("USER")
    assert STAGES["base"].of("USER") == ["10001:10001"]


@pytest.mark.parametrize("name", OWN)
def test_the_images_say_how_to_see_that_they_are_healthy(name: str) -> None:
    [check] = STAGES[name].of("HEALTHCHECK")
    program, flag, code = json.loads(check.partition("CMD ")[2])
    assert (program, flag) == ("python", "-c")
    compile(code, "healthcheck", "exec")


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_of_the_bot_believes_the_door(status: int, healthy: bool) -> None:
    [check] = STAGES["bot"].of("HEALTHCHECK")
    code = json.loads(check.partition("CMD ")[2])[2]
    with gate(status, "{}") as door:
        asked = code.replace("http://127.0.0.1:8080", door.url)
        told = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=False, timeout=30)
    assert (told.returncode == 0) is healthy
    assert [path for path, _ in door.asked] == ["/healthz"]


def test_the_last_stage_is_the_bot() -> None:
    assert list(STAGES)[-1] == "bot"


def test_everything_the_build_copies_is_let_through(context: Path) -> None:
    for sources, _ in copied(STAGES["build"]):
        assert [source for source in sources if not (context / source).exists()] == []


def test_every_file_that_is_no_code_is_packaged() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = settings["package-data"]["*"]
    for package in PACKAGES:
        others = (path for path in _files(ROOT / package) if not path.endswith(".py"))
        assert [path for path in others if not any(Path(path).match(pattern) for pattern in patterns)] == []


def test_what_is_tested_is_what_is_shipped() -> None:
    shipped, tested = (_pinned(name) for name in ("requirements.lock", "tests/requirements.lock"))
    assert len(shipped) > 20
    assert sorted(shipped - tested) == []


def _pinned(name: str) -> set[str]:
    return set(re.findall(r"^[^\s#]+==[^\s;]+", (ROOT / name).read_text(), flags=re.MULTILINE))


def test_nothing_that_was_made_here_is_let_through(context: Path) -> None:
    assert {path.name for path in context.iterdir()} <= {
        *PACKAGES,
        *("requirements.lock", "build.lock", "pyproject.toml", "LICENSE", "README.md"),
    }
    assert not list(context.rglob("__pycache__"))


def test_the_services_are_the_bot_its_runner_and_a_database(compose: Mapping[str, Any]) -> None:
    assert set(compose["services"]) == {"bot", "runner", "database"}
    assert all(compose["services"][name]["build"]["target"] in STAGES for name in OWN)


def test_no_service_can_write_to_its_root_or_gain_rights(compose: Mapping[str, Any]) -> None:
    for service in compose["services"].values():
        assert service["read_only"] is True
        assert "no-new-privileges:true" in service["security_opt"]
    assert all(compose["services"][name]["cap_drop"] == ["ALL"] for name in OWN)


def test_only_the_host_itself_reaches_the_bot_and_nobody_reaches_the_rest(compose: Mapping[str, Any]) -> None:
    services = compose["services"]
    assert all(port.startswith("127.0.0.1:") for port in services["bot"]["ports"])
    assert services["runner"]["network_mode"] == "none"
    assert "ports" not in services["database"]
    assert services["database"]["networks"] == ["inside"]
    assert compose["networks"]["inside"]["internal"] is True


def test_secrets_are_files_and_stand_nowhere_in_the_text(compose: Mapping[str, Any]) -> None:
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    used = {name for service in compose["services"].values() for name in service.get("secrets", ())}
    assert used == set(compose["secrets"])
    for service in compose["services"].values():
        for name in service.get("environment", {}):
            assert name.endswith("_FILE") or not re.search("PASSWORD|TOKEN|SECRET|DATABASE_URL|KEY", name)


def test_what_compose_sets_are_settings(compose: Mapping[str, Any]) -> None:
    bot = compose["services"]["bot"]
    named = [*bot["environment"], *(name.upper() for name in bot["secrets"])]
    assert [
        name for name in named if name.removeprefix("BACKSTOP_").lower() not in Settings.model_fields
    ] == []


def test_every_mounted_volume_is_declared(compose: Mapping[str, Any]) -> None:
    mounted = {
        volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service["volumes"]
        if volume[0] not in "./"
    }
    assert mounted == set(compose["volumes"])


def test_the_bot_and_the_runner_meet_at_one_socket(compose: Mapping[str, Any]) -> None:
    socket = compose["services"]["bot"]["environment"]["BACKSTOP_RUNNER_SOCKET"]
    runner = STAGES["runner"]
    assert json.loads(runner.of("CMD")[0])[-2:] == ["--socket", socket]
    assert socket in runner.of("HEALTHCHECK")[0]
    folder = f"socket:{Path(socket).parent}"
    assert all(folder in compose["services"][name]["volumes"] for name in OWN)


@pytest.mark.real
@pytest.mark.timeout(600)
def test_the_steps_of_the_build_install_all_of_backstop_and_its_programs(
    context: Path, tmp_path: Path
) -> None:
    build = STAGES["build"]
    source = tmp_path / "src"
    source.mkdir()
    for instruction, rest in build.steps:
        if instruction == "COPY":
            _copy(context, source, *rest.split())
        elif instruction == "RUN":
            _carry_out(rest, source, tmp_path)

    binaries = tmp_path / "opt" / "backstop" / "bin"
    for program in ("backstop", "backstop-runner"):
        helped = _run([binaries / program, "--help"], tmp_path)
        assert helped.returncode == 0, helped.stderr
    where = _run([binaries / "python", "-I", "-c", "import bot; print(bot.__file__)"], tmp_path)
    installed = Path(where.stdout.strip()).parents[1]
    assert installed.is_relative_to(binaries.parent)
    for package in PACKAGES:
        assert _files(installed / package) == _files(context / package)


def _copy(context: Path, source: Path, *words: str) -> None:
    *names, target = words
    for name in names:
        if (context / name).is_dir():
            shutil.copytree(context / name, source / target)
        else:
            shutil.copy(context / name, source / target)


def _carry_out(step: str, source: Path, top: Path) -> None:
    argv = [re.sub(r"^/(opt|src)\b", rf"{top}/\1", word) for word in shlex.split(step)]
    if argv[0] == "python":
        argv[0] = sys.executable
    done = _run(argv, source)
    if re.search("NewConnectionError|No matching distribution found|ConnectTimeout", done.stderr):
        missing("packaging", f"{OFFLINE} ({step})")
    assert done.returncode == 0, f"{step}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def _run(argv: list[Path | str], folder: Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    return subprocess.run(argv, cwd=folder, env=clean, capture_output=True, text=True, check=False)


def _files(package: Path) -> set[str]:
    return {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
