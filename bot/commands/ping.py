"""Say that Backstop is there, and what of it is in trouble."""

from __future__ import annotations

from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.document import Block, Bullets, Document, Moment, Paragraph
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """Answer with the moment, who carries effects out, what failed, and files that are not in force."""
    blocks: list[Block] = [Paragraph(("Backstop is here, ", Moment(ask.now), "."))]
    troubled = await ask.timeline.effects.troubled()
    items = [(f"{effect.kind} of {effect.subject}: {effect.error or 'failed'}",) for effect in troubled[:10]]
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
