"""What cannot be understood or is not allowed is told at every door alike, and nothing is written."""

from __future__ import annotations

from bot.core.events import Entry
from bot.core.words import BACKSTOP
from tests.doors.town import Town

NOT_UNDERSTOOD = {
    "notte x inc:INC-1": "`notte` is no verb: nothing was done. Did you mean `note`?",
    "note x inc:INC-1 lnk:y": "`note` has no option `lnk:`: nothing was done. Did you mean `link:`?",
    "note inc:INC-1": 'The text in "quotes" is missing: nothing was done. Usage:',
    "sev inc:INC-1": "The severity (1 to 4) is missing: nothing was done. Usage:",
    "sev 5 why:x inc:INC-1": "`5` is no severity: nothing was recorded. Say one of: 1, 2, 3, 4",
    "sev 2 inc:INC-1": '`why:"…"` is missing: nothing was done. It says the reason. Usage:',
    'note "x inc:INC-1': "A quote does not end: nothing was recorded.",
    "status INC-7": "There is no INC-7.",
    "approve RUN-7": "There is no RUN-7.",
}
COMMAND = "that needs the right to command. @ana can; ask one of them here"
NOT_ALLOWED = {
    ("bo", "sev 2 why:x inc:INC-1"): COMMAND,
    ("cy", "plan restore-orders inc:INC-1"): COMMAND,
    ("bo", "abort RUN-1"): COMMAND,
    ("cy", 'resolve "over" data:none inc:INC-1'): COMMAND,
    ("bo", "freeze off FRZ-1"): COMMAND,
    ("bo", "role ops @bo inc:INC-1"): COMMAND,
    ("ana", "approve RUN-1"): "You started RUN-1, so your own approval does not count",
    ("cy", "withdraw RUN-1"): "You may not withdraw what others approved",
}


async def recorded(town: Town) -> list[Entry]:
    """Return what people wrote; what Backstop adds by itself may still come."""
    streams = ("incident/INC-1", "run/RUN-1", "freeze/FRZ-1", "incident/INC-2", "run/RUN-2", "freeze/FRZ-2")
    entries = [entry for stream in streams for entry in await town.app.timeline.read(stream)]
    return [entry for entry in entries if entry.by != BACKSTOP]


async def refused_everywhere(town: Town, who: str, line: str, says: str) -> None:
    """Say a line through both doors; the answer is for who said it, the same twice, and writes nothing."""
    before = await recorded(town)

    seen = len(town.slack.ephemerals(who))
    assert (await town.slack.slash(who, f"/backstop {line}")).answered
    by_slack = await town.answered(who, seen)
    status, by_token = await town.said(await town.token(who), line, f"{who}-{abs(hash(line))}")

    assert says in by_slack, line
    assert (status, by_token["ok"]) == (200, False)
    assert says in str(by_token["text"]), line
    assert await recorded(town) == before


async def test_what_cannot_be_understood_is_told_with_the_nearest_verb_or_the_usage(both_doors: Town) -> None:
    await both_doors.told("ana", 'declare "Orders are wrong" sev:1 svc:checkout')
    both_doors.slack.invite_bot("general")

    for line, says in NOT_UNDERSTOOD.items():
        await refused_everywhere(both_doors, "ana", line, says)


async def test_without_the_right_one_is_told_who_may_and_to_ask_them(both_doors: Town) -> None:
    await both_doors.asked()
    await both_doors.told("bo", "approve RUN-1")
    both_doors.slack.invite_bot("general")

    for (who, line), says in NOT_ALLOWED.items():
        await refused_everywhere(both_doors, who, line, says)
