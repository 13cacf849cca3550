"""Say that Backstop is there, and what of it is in trouble."""

from __future__ import annotations

from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.cards.troubled import troubled_line
from bot.core.document import Block, Bullets, Document, Line, Moment, Paragraph
from bot.core.may import Right

MOST = 10
"""How much of what was not done is named."""


async def act(ask: Ask) -> Outcome:
    """Answer with the moment, who carries effects out, what failed, and files that are not in force."""
    blocks: list[Block] = [Paragraph(("Backstop is here, ", Moment(ask.now), "."))]
    troubled = await ask.timeline.effects.troubled()
    items: list[Line] = [
        troubled_line(
            effect.kind,
            effect.subject,
            effect.error or "failed",
            again=None if effect.given_up else effect.not_before,
        )
        for effect in troubled[:MOST]
    ]
    if len(troubled) > MOST:
        items.append((f"{len(troubled) - MOST} more were not done.",))
    items += [
        (f"{stale.file} has mistakes; its last good version is in force: {stale.problems[0]}",)
        for stale in ask.desk.shelf.stale()
    ]
    if silence := await ask.timeline.pulse.silence():
        items.insert(0, (str(silence),))
    elif ask.timeline.duty.elsewhere:
        items.insert(0, ("This process stands by: another one carries effects out.",))
    if items:
        blocks.append(Bullets(items))
    return Outcome(Answer(Document("", tuple(blocks)), data={"troubled": len(troubled)}))


VERB = Verb(
    name="ping", usage="ping", summary="Say whether Backstop is well.", right=Right.READ, act=act, words=0
)
