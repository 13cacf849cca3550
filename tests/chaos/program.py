"""The `backstop-runner` of chaos runs: it writes down when an act begins and when it ends.

Everything else is the real runner. What it writes is a record that neither the bot nor the runner can
embellish: one line each as an act begins and ends, with the act's key, the process and the moment.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

ACTS = "acts.jsonl"
_LONGEST_PAUSE_S = 0.8


def main() -> int:
    """Run the runner, or carry an act out between two lines of the record."""
    given = sys.argv[1:]
    match given:
        case ["sqlite", "restore" | "keep", *_] if "BACKSTOP_KEY" in os.environ:
            from integrations.runner.__main__ import main as runner

            return _recorded(runner, given)
        case ["pgbackrest" | "postgres", "restore" | "restore_in_place", *_] if "BACKSTOP_KEY" in os.environ:
            from integrations.runner.__main__ import main as runner

            # These take their time, so that a kill lands without a pause.
            return _recorded(runner, given, longest_pause_s=0.0)
        case ["shop", *words]:
            from bot.sandbox.shop.__main__ import main as shop

            return _recorded(shop, words)
        case _:
            from integrations.runner.__main__ import main as runner

            return runner(given)


def _recorded(
    act: Callable[[Sequence[str]], int], words: Sequence[str], *, longest_pause_s: float = _LONGEST_PAUSE_S
) -> int:
    """Carry an act out, with a pause on either side in which a kill can land."""
    key = os.environ["BACKSTOP_KEY"]
    pauses = random.Random(key)
    time.sleep(pauses.uniform(0, longest_pause_s))
    _note(key, "begin")
    code = act(words)
    _note(key, "end")
    time.sleep(pauses.uniform(0, longest_pause_s))
    return code


def _note(key: str, what: str) -> None:
    line = {"key": key, "what": what, "pid": os.getpid(), "at": datetime.now(UTC).isoformat()}
    # One write to a file that is only appended to: lines of several processes never mix.
    record = os.open(Path(sys.argv[0]).with_name(ACTS), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(record, json.dumps(line).encode() + b"\n")
    os.close(record)
