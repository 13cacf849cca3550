"""How programs of this host are started: by which words, and with which environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from integrations.runner.masks import secret_in

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME", "SSL_CERT_FILE")
_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]


def launcher() -> tuple[str, ...]:
    """Return how this program is started by a person."""
    installed = Path(sys.executable).with_name("backstop-runner")
    return (str(installed),) if installed.exists() else (sys.executable, "-m", "integrations.runner")


def again(*words: str) -> tuple[str, ...]:
    """Return how this program starts itself for one of its own verbs, as quickly as Python can begin."""
    return (sys.executable, "-I", "-S", str(_HERE / "begin.py"), *words)


def environment(env: Mapping[str, str], secret_env: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a program: the listed variables and nothing else."""
    own = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    own |= {"PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1", **env}
    return own | {name: secret_in(Path(file)) for name, file in secret_env.items()}
