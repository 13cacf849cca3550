"""What loads and is still unwise or cannot work. An error fails the check, a warning is told beside it.

To add a lint: write a generator over `Look` in one of the files beside this, list it here, and give it
a mutant of the good example in the tests that triggers it and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from integrations.contract import Operation
from playbooks.catalog import Catalog
from playbooks.lint import around, engines, later, steps, whole
from playbooks.lint.finding import Look
from playbooks.load import Loaded
from playbooks.problems import Problem, in_lines

LINTS: tuple[Callable[[Look], Iterator[Problem]], ...] = (
    steps.destructive,
    steps.reversible,
    steps.repeated,
    steps.manual,
    steps.locked,
    steps.kept_copy,
    steps.writers,
    steps.warm,
    whole.time,
    whole.approvers,
    whole.drilled,
    whole.beforehand,
    whole.proven,
    engines.named,
    engines.operations,
    engines.sources,
    around.approvable,
    around.loss,
    around.names,
    around.places,
    around.settings,
    around.stand_ins,
    later.later,
)

HARMFUL = frozenset({"L02", "L03", "L05", "L06", "L08", "L09", "L13", "L30"})
"""The errors with which no run is started: what is destroyed would be unlocked, unproven, lost or done twice.

The others (time, objectives, drill, names) make no emergency worse; a missing approval (L01) the plan knows.
"""


def lint(
    loaded: Loaded,
    *,
    operations: Mapping[str, Operation] | None = None,
    catalog: Catalog | None = None,
) -> tuple[Problem, ...]:
    """Return what is wrong with a playbook, by line.

    Without `operations` no step is checked against its engine, without a catalog no name outside the file.
    """
    look = Look(loaded, operations, catalog)
    return in_lines(problem for check in LINTS for problem in check(look))


def harmful(loaded: Loaded) -> tuple[Problem, ...]:
    """Return the errors of a playbook with which no run of it is started."""
    return tuple(found for found in lint(loaded) if found.code in HARMFUL)
