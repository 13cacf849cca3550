"""Replay: decide a real incident again, to practise. It reads corpus and criteria, and changes nothing."""

from __future__ import annotations

from bot.commands.grammar import one_of
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.cards.replay import replay_card, replay_end, replay_list
from bot.core.errors import Refused
from bot.core.may import Right
from bot.core.replay import Chose, answer, begin, find, matching, played, result, step
from playbooks.corpus import corpus
from playbooks.words import Option

OPTIONS = tuple(option.value for option in Option)


async def act(ask: Ask) -> Outcome:
    """Show where a replay stands, or how the incident was once an option is named.

    A line holds all of it, so nothing is kept: `fact:ask` lets the record answer, `fact:value` is an answer
    of one's own. Another word than an incident lists those that tell of it.
    """
    word, *chosen = ask.words.args or ("",)
    found = corpus()
    listed = matching(word, found)
    if word.lower() not in found and listed and not (chosen or ask.words.options):
        ids = [precedent.id for precedent in listed]
        return Outcome(Answer(replay_list(listed, ask.desk.command), data={"incidents": ids}))
    await _apart(ask)
    criteria, _ = ask.desk.shelf.criteria()
    moves = [answer(name, text) for name, text in ask.words.options.items()]
    session = played(begin(find(word, found), criteria), moves)
    if not chosen:
        return Outcome(Answer(replay_card(session, ask.desk.command), data=result(session)))
    option = Option(one_of(chosen[0].replace("-", "_"), OPTIONS, "option"))
    ended = step(session, Chose(option))
    return Outcome(Answer(replay_end(ended), data=result(ended)))


async def _apart(ask: Ask) -> None:
    """Refuse beside an open incident: at its worst moment nobody shall take one card for the other."""
    live = [item.id for item in await ask.here() if item.open] if ask.place.channel else []
    if live:
        raise Refused(
            f"{live[0]} is open here, and a replay could be taken for it: nothing is shown. "
            "Say it in another channel, or `backstop replay` in a shell."
        )


VERB = Verb(
    name="replay",
    usage="replay [word] | replay <incident> [fact:ask] [fact:value …] [option]",
    summary="Practise: decide a real incident of another company again, and read how it was.",
    right=Right.READ,
    act=act,
    words=2,
    free_options=True,
)
