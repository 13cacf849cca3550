"""Lints of what the language has words for and this version does not act on: nothing is silently ignored."""

from __future__ import annotations

from collections.abc import Iterator

from playbooks.lint.finding import Look
from playbooks.problems import Problem
from playbooks.yaml_text import Path


def later(look: Look) -> Iterator[Problem]:
    """V01: a field that would change a run, or remind somebody, and that nothing acts on yet."""
    for path, does in (*_around(look), *_steps(look)):
        yield look.found("V01", path, f"this version does not {does} yet", "take it out")


def _around(look: Look) -> Iterator[tuple[Path, str]]:
    book = look.playbook
    if "review_every" in book.metadata.model_fields_set:
        yield ("metadata", "review_every"), "remind anybody to review a playbook"
    if book.applies_to.releases:
        yield ("applies_to", "releases"), "tell releases apart when a playbook is chosen"
    if book.applies_to.deployment:
        yield ("applies_to", "deployment"), "know how a release was deployed"
    if book.updates:
        yield ("updates",), "take the time between updates from a playbook, only from the severity,"


def _steps(look: Look) -> Iterator[tuple[Path, str]]:
    for index, step in enumerate(look.playbook.steps):
        path: Path = ("steps", index)
        if step.when is not None:
            yield (*path, "when"), "judge `when`"
        if step.on_failure.then == "fallback" or step.on_failure.fallback:
            yield (*path, "on_failure"), "change the source by itself when a step fails"
