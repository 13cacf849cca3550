from __future__ import annotations

from pathlib import Path

import pytest

from integrations.registry import operations
from playbooks import library
from playbooks.catalog import load_catalog
from playbooks.check import check
from playbooks.lint import lint
from playbooks.load import load_playbook
from playbooks.model import Option, Playbook

FOLDER = Path(library.__file__).parent
# Restored elsewhere, a cluster of pgBackRest would archive into the stanza of the real one.
NO_DRILL = {"warehouse-restore.yaml": ["L22"]}
CATALOG = load_catalog(library.read("catalog.yaml"), "catalog.yaml")


def playbook(name: str) -> Playbook:
    return load_playbook(library.read(name), name).playbook


def test_the_library_checks_clean_as_a_folder() -> None:
    checked = check([FOLDER], operations=operations())

    assert {Path(problem.file).name: [problem.code] for problem in checked.problems} == NO_DRILL
    assert len(checked.playbooks) == len(library.names()) >= 6


@pytest.mark.parametrize("name", library.names())
def test_each_example_loads_lints_clean_and_tells_its_readers_when_to_use_it(name: str) -> None:
    text = library.read(name)

    found = lint(load_playbook(text, name), operations=operations(), catalog=CATALOG)

    assert [problem.code for problem in found] == NO_DRILL.get(name, [])
    assert text.startswith("# Use this when ")
    assert playbook(name).name == name.removesuffix(".yaml")


def test_the_examples_cover_every_answer_but_waiting() -> None:
    answers = {option for name in library.names() for option in playbook(name).options}

    assert answers == set(Option) - {Option.WAIT}


def test_the_restore_stops_writers_keeps_a_copy_and_needs_two_people() -> None:
    restore = playbook("checkout-restore.yaml")

    assert [step.id for step in restore.steps] == [
        "stop-writers",
        "keep-damaged",
        "restore",
        "previous-release",
        "start",
    ]
    assert restore.steps[0].stops_writers
    assert [(quorum.role, quorum.min) for quorum in restore.approvals["overwrite-orders"].require] == [
        ("dba", 1),
        ("app", 1),
    ]
    assert restore.steps[2].no_way_back


def test_a_setting_that_a_reference_names_must_be_in_the_catalog() -> None:
    name = "storefront-rollback.yaml"
    loaded = load_playbook(library.read(name).replace("target.url/}", "target.urll/}"), name)

    problems = lint(loaded, operations=operations(), catalog=CATALOG)

    assert [(problem.code, problem.what, problem.why) for problem in problems] == [
        ("C04", "'storefront' has no setting 'urll'", "did you mean url?")
    ]
    assert lint(loaded, operations=operations()) == ()


def test_a_check_of_a_recovery_point_takes_the_one_that_was_restored() -> None:
    name = "checkout-restore.yaml"
    text = library.read(name).replace(
        "  - id: totals-right\n",
        "  - {id: same, uses: sqlite.restored, with: {target: orders-db}}\n  - id: totals-right\n",
    )

    assert lint(load_playbook(text, name), operations=operations(), catalog=CATALOG) == ()

    name = "checkout-rollback.yaml"
    text = library.read(name).replace("uses: sqlite.integrity", "uses: sqlite.restored")

    problems = lint(load_playbook(text, name), operations=operations(), catalog=CATALOG)

    assert [(problem.code, problem.what) for problem in problems] == [
        ("E05", "sqlite.restored needs a source")
    ]


def test_the_warm_restore_of_a_cluster_asks_only_for_the_switch_and_ends_with_a_backup() -> None:
    restore = playbook("warehouse-restore.yaml")

    prepare, stop, switch, _, backup = restore.steps
    assert restore.warm
    assert (prepare.warm, prepare.approval, stop.stops_writers, stop.needs) == (True, None, True, ())
    assert (switch.approval, switch.needs) == ("switch", ("prepare", "stop-writers"))
    assert backup.uses == "pgbackrest.backup"
