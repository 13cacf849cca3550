"""What GitHub says of a run of a workflow, in the words of the contract."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median, quantiles
from typing import Any

from integrations.contract import Estimate, JobState, Json, Phase, Progress
from integrations.moments import moment

_ENDED = {
    "success": Phase.SUCCEEDED,
    "failure": Phase.FAILED,
    "startup_failure": Phase.FAILED,
    "cancelled": Phase.CANCELLED,
    "timed_out": Phase.TIMED_OUT,
}
_ASKS = re.compile(r"^run-name:(?:.*\n(?:[ \t]+.*\n)*)", re.MULTILINE)
_FEW = 3

Run = Mapping[str, Any]


def is_of(run: Run, key: str) -> bool:
    """Say whether a run carries a key in its title, as its workflow's `run-name` puts it there."""
    return re.search(rf"(?<![\w.-]){re.escape(key)}(?![\w.-])", str(run.get("display_title", ""))) is not None


def names_its_runs(workflow: str, key_input: str) -> bool:
    """Say whether the text of a workflow puts the key into the titles of its runs."""
    found = _ASKS.search(workflow + "\n")
    return found is not None and re.search(rf"inputs\.{key_input}\b", found[0]) is not None


def state_of(run: Run, jobs: Sequence[Run], now: datetime) -> JobState:
    """Return where a run is; one that waits for somebody on GitHub says so."""
    status, conclusion = str(run.get("status")), str(run.get("conclusion"))
    phase = _ENDED.get(conclusion, Phase.FAILED) if status == "completed" else Phase.RUNNING
    evidence: dict[str, Json] = {
        "url": run.get("html_url"),
        "commit": run.get("head_sha"),
        "status": status,
        "conclusion": run.get("conclusion"),
    }
    return JobState(
        phase,
        because=_because(phase, status, conclusion, jobs),
        progress=_progress(status, jobs, now),
        evidence=evidence,
        alive=phase is Phase.RUNNING,
        started_at=moment(run.get("run_started_at") or run.get("created_at")),
        ended_at=None if phase is Phase.RUNNING else moment(run.get("updated_at")),
    )


def failed(jobs: Sequence[Run]) -> list[Run]:
    """Return the jobs that did not end well."""
    return [job for job in jobs if job.get("conclusion") not in (None, "success", "skipped", "neutral")]


def estimate_of(runs: Sequence[Run]) -> Estimate | None:
    """Return how long a workflow takes, from runs that ended well, or None when there are too few."""
    lasted = [
        (ended - begun).total_seconds()
        for run in runs
        if (begun := moment(run.get("run_started_at"))) and (ended := moment(run.get("updated_at")))
    ]
    if len(lasted) < _FEW:
        return None
    high = max(quantiles(lasted, n=10)[-1], *lasted)
    return Estimate(median(lasted), high, samples=len(lasted))


def _because(phase: Phase, status: str, conclusion: str, jobs: Sequence[Run]) -> str:
    if phase is Phase.RUNNING:
        return (
            "It waits for somebody to approve it on GitHub."
            if status in ("waiting", "action_required")
            else ""
        )
    if phase is Phase.SUCCEEDED:
        return ""
    names = [
        f"{job.get('name')} › {_broken(job)}" if _broken(job) else str(job.get("name"))
        for job in failed(jobs)
    ]
    ended = f"It ended as {conclusion.replace('_', ' ')}"
    return f"{ended}: {', '.join(names)}." if names else f"{ended}."


def _broken(job: Run) -> str:
    return next(
        (str(step.get("name")) for step in job.get("steps") or () if step.get("conclusion") == "failure"), ""
    )


def _progress(status: str, jobs: Sequence[Run], now: datetime) -> Progress | None:
    steps = [(job, step) for job in jobs for step in job.get("steps") or ()]
    if not steps:
        return Progress(status.replace("_", " "), 0, None, "items", at=now)
    done = sum(step.get("status") == "completed" for _, step in steps)
    at = next(
        (
            f"{job.get('name')} › {step.get('name')}"
            for job, step in steps
            if step.get("status") == "in_progress"
        ),
        "",
    )
    return Progress(at or status.replace("_", " "), done, len(steps), "items", at=now)
