"""backstop-runner: serve on the host of the data, or do one thing to a target by hand.

What a verb does not need is not loaded: a supervisor begins before every step of a restore.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; 0 is success, 1 a failure, 2 a refusal that is explained on standard error."""
    os.umask(0o077)
    given = list(sys.argv[1:] if argv is None else argv)
    match given:
        case [("supervise" | "sweep") as verb, job] if (Path(job) / "spec.json").is_file():
            getattr(_loaded("supervisor"), verb)(Path(job).absolute())
            return 0
        case ["nursery"]:
            _loaded("nursery").wait_to_fork()
            return 0
        case [kind, *words] if kind in (kinds := _loaded("kinds").KINDS) and kinds[kind].operations:
            return int(_loaded("program").main(kind, words))
        case _:
            return int(_loaded("command_line").main(given))


def _loaded(name: str) -> Any:
    return import_module(f"integrations.runner.{name}")


if __name__ == "__main__":
    sys.exit(main())
