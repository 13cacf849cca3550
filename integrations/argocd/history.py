"""Which entry of an application's history a goal means."""

from __future__ import annotations

from collections.abc import Sequence

from integrations.contract import Goal, RecoveryPoint, Refusal, Resolution, ToPoint, ToRevision, ToTime


def resolve(points: Sequence[RecoveryPoint], goal: Goal) -> Resolution:
    """Return the entry before the current one, one by its number, or what was deployed at a moment."""
    match goal:
        case ToRevision(None):
            return _previous(points)
        case ToRevision(number):
            return _named(points, str(number))
        case ToPoint(id):
            return _named(points, id)
        case ToTime(at):
            late = [Refusal(point, "deployed after the goal") for point in points if point.finished_at > at]
            chosen = next((point for point in points if point.finished_at <= at), None)
            why = "what was deployed at" if chosen else "nothing in the history is as old as"
            return Resolution(chosen, f"{why} {at:%Y-%m-%d %H:%M:%S}Z", late)
        case _:
            return Resolution(
                None, "argocd goes back to what was deployed: name a moment or the previous one."
            )


def _previous(points: Sequence[RecoveryPoint]) -> Resolution:
    if not points:
        return Resolution(None, "the history is empty")
    current = points[0]
    same = [
        Refusal(point, "it is what is deployed now") for point in points if point.digest == current.digest
    ]
    chosen = next((point for point in points if point.digest != current.digest), None)
    if chosen is None:
        return Resolution(None, "the history has nothing else than what is deployed now", same)
    return Resolution(chosen, f"what was deployed before the current entry {current.id}", same)


def _named(points: Sequence[RecoveryPoint], id: str) -> Resolution:
    chosen = next((point for point in points if point.id == id), None)
    because = f"{id} was asked for" if chosen else f"the history has no entry {id}"
    return Resolution(chosen, because)
