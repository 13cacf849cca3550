"""What is refused in an incident that is closed, and how that is said."""

from __future__ import annotations

from inline_snapshot import snapshot

from tests.commands.scenes import declared, refusals
from tests.runs.stage import Stage


async def test_a_closed_incident_is_opened_again_before_anything_of_it_is_changed(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", "resolve fixed data:none")
    assert (await stage.say("ana", "sev 2 why:x")).ok, "until it is closed it can be corrected"
    await stage.told("ana", "close availability:no speed:no")
    assert await refusals(
        stage,
        ("ana", "close availability:no speed:no"),
        ("ana", "sev 1 why:x"),
        ("ana", "role scribe @bo"),
        ("ana", "phase identified"),
    ) == snapshot("""\
ana: close availability:no speed:no
  INC-1 is closed already; nothing was recorded.

ana: sev 1 why:x
  INC-1 is closed: `reopen` it first. Nothing was recorded.

ana: role scribe @bo
  INC-1 is closed: `reopen` it first. Nothing was recorded.

ana: phase identified
  INC-1 is closed: `reopen` it first. Nothing was recorded.
""")
