"""What each answer costs, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from bot.core.budget import Verdict
from bot.core.document import Line, Strong, say
from bot.core.price import Price
from bot.core.words import in_words, roughly

_NONE = timedelta(0)


def price_line(price: Price) -> Line:
    """Return what an answer takes and gives up, what that rests on, and whether the objectives are met."""
    return (Strong(str(price.option)), f"{_with(price)}: ", "; ".join(_parts(price)), ".")


def price_texts(prices: Sequence[Price]) -> tuple[str, ...]:
    """Return the same as plain text, as a decision's record keeps it."""
    return tuple(say(price_line(price)) for price in prices)


def _with(price: Price) -> str:
    """Say whose price it is, and that it is the fastest one's where another playbook may be planned."""
    others = len(price.able) - 1
    if price.playbook is None:
        return f" with one of {len(price.able)} playbooks" if others > 0 and price.takes is None else ""
    return f" with {price.playbook}{f', the fastest measured of {len(price.able)}' if others > 0 else ''}"


def _parts(price: Price) -> Iterator[str]:
    yield _takes(price)
    yield _gives_up(price)
    if price.rto is not Verdict.CANNOT_SAY:
        yield _rto(price)
    if price.rpo is not Verdict.CANNOT_SAY:
        yield f"{price.rpo} the RPO"
    elif price.gives_up:
        yield f"{price.rpo} whether it meets the RPO"


def _takes(price: Price) -> str:
    if price.takes is None:
        return f"nobody can tell how long it takes, {price.rests_on}"
    guess = "a guess, " if price.basis == "guess" else ""
    return f"{roughly(price.takes.likely, price.takes.high)} ({guess}{price.rests_on})"


def _gives_up(price: Price) -> str:
    if price.gives_up is None:
        return "nor what it gives up" if price.takes is None else "nobody can tell what it gives up"
    if price.gives_up == _NONE:
        return "gives up no writes"
    return f"gives up {in_words(price.gives_up)} of writes{_good(price.lost)}{_undone(price)}"


def _good(lost: timedelta | None) -> str:
    if lost is None:
        return ""
    if lost < _NONE:
        return " and brings damaged data back"
    return f", {in_words(lost)} of them good" if lost else ", none of them good"


def _undone(price: Price) -> str:
    """Say that what an earlier run recovered is given up too, and how much good was written since."""
    if price.undoes is None:
        return ""
    if not price.since:
        return f", with all since {price.undoes} recovered"
    return f", {in_words(price.since)} of these since {price.undoes} recovered"


def _rto(price: Price) -> str:
    if price.rto is Verdict.MEETS:
        return "meets the RTO"
    if price.within is None:
        return "the RTO has passed"
    return f"{price.rto} the RTO, {in_words(price.within)} of which are left"
