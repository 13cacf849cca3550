"""A playbook that loads, with errors that the lint finds: what could do harm is not started, all is told."""

from __future__ import annotations

from pathlib import Path

from inline_snapshot import snapshot

from bot.core.events import WarmAsked
from tests.runs.stage import Stage
from tests.runs.test_as_written import says
from tests.runs.test_carry import planned
from tests.runs.test_drills import changed, rehearsed
from tests.runs.test_warm import WARM

UNPROVEN = ("within: 1m}", "within: 1m, severity: warn}")


async def refused(stage: Stage) -> tuple[str, ...]:
    """Return the problems of a plan, which nobody can start or have made ready."""
    await planned(stage)
    run = await stage.run()
    assert run.plan
    for verb in ("start", "prepare"):
        answer = await stage.say("ana", f"{verb} RUN-1")
        assert not answer.ok
    assert (await stage.run()).started_at is None
    return run.plan.problems


async def test_a_playbook_without_a_blocking_end_check_is_planned_and_cannot_be_started(
    stage: Stage, tmp_path: Path
) -> None:
    says(tmp_path, UNPROVEN)

    assert await refused(stage) == snapshot(
        (
            (
                "The playbook has an error, restore.yaml:54: L30 no end check blocks, a run would be "
                "called recovered unproven. Until it is mended no run of it can start."
            ),
        )
    )
    assert (await stage.say("ana", "start RUN-1")).text == snapshot(
        "RUN-1 cannot start: The playbook has an error, restore.yaml:54: L30 no end check blocks, a "
        "run would be called recovered unproven. Until it is mended no run of it can start. Mend it "
        "and say `plan restore-orders` again.\n"
    )


async def test_a_playbook_whose_restore_nothing_proves_cannot_be_started(
    stage: Stage, tmp_path: Path
) -> None:
    says(tmp_path, ("    verify:\n      - {id: rows, uses: stage.rows, with: {target: orders-db}}\n", ""))

    assert await refused(stage) == snapshot(
        (
            (
                "The playbook has an error, restore.yaml:30: L03 the destructive step 'restore' has no "
                "blocking check, the engine's success proves nothing. Until it is mended no run of it can "
                "start."
            ),
        )
    )


async def test_once_the_file_is_mended_the_next_plan_can_be_started(stage: Stage, tmp_path: Path) -> None:
    says(tmp_path, UNPROVEN)
    await planned(stage)
    says(tmp_path)

    await stage.told("ana", "plan restore-orders")
    await stage.carry("RUN-2")

    plan = (await stage.run("RUN-2")).plan
    assert plan
    assert (plan.problems, plan.warnings) == ((), ())


async def test_an_error_that_does_no_harm_is_told_and_the_run_can_be_started(
    stage: Stage, tmp_path: Path
) -> None:
    says(tmp_path, ("freeze:", "objectives: {rto: 1m}\nfreeze:"))
    await planned(stage)

    plan = (await stage.run()).plan
    assert plan
    assert plan.problems == ()
    assert plan.warnings == snapshot(
        (
            (
                "`backstop playbook check` finds an error: restore.yaml:16: L10 recovery takes 15m and the "
                "RTO is 1m, 0s to decide, 10m for approvals, 4m for stop → restore → go, 1m for the end "
                "checks."
            ),
        )
    )
    await stage.told("ana", "start RUN-1")


async def test_a_warm_playbook_with_errors_makes_nothing_ready(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "home" / "playbooks" / "restore.yaml").write_text(WARM.replace(*UNPROVEN))
    await planned(stage)

    events = [entry.event for entry in await stage.timeline.read("run/RUN-1")]
    assert not any(isinstance(event, WarmAsked) for event in events)


async def test_a_drill_that_would_prove_nothing_is_not_held(stage: Stage, tmp_path: Path) -> None:
    lab = changed(stage, tmp_path, playbook=UNPROVEN)

    ended = await rehearsed(lab)

    assert (ended.outcome, lab.acts) == ("refused", [])
    assert ended.because == snapshot(
        "The playbook has an error, restore.yaml:56: L30 no end check blocks, a run would be called "
        "recovered unproven. Until it is mended no run of it can start."
    )
