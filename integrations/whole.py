"""Which whole recovery point a goal means, for engines that keep what was there before as a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from integrations.contract import Goal, RecoveryPoint, Refusal, Resolution, ToPoint, ToRevision, ToTime


def choose(
    points: Sequence[RecoveryPoint], goal: Goal, *, place: str, unfit: Mapping[str, str] | None = None
) -> Resolution:
    """Return the point a goal means, with why the others will not do.

    `points` are newest first and kept in a `place`; `unfit` says why a point of a health cannot be taken.
    The previous one is the newest with another content than what is there now.
    """
    why = unfit or {}
    spoilt = [Refusal(point, why[point.health]) for point in points if point.health in why]
    sound = [point for point in points if point.health not in why]
    match goal:
        case ToRevision(None):
            return _previous(sound, spoilt, place)
        case ToRevision(number):
            return _named(sound, str(number), spoilt, place)
        case ToPoint(id):
            return _named(sound, id, spoilt, place)
        case ToTime(at):
            late = [Refusal(point, "later than the goal") for point in sound if point.finished_at > at]
            chosen = next((point for point in sound if point.finished_at <= at), None)
            moment = f"{at:%Y-%m-%d %H:%M:%S}Z"
            because = (
                f"the newest at or before {moment}" if chosen else f"nothing in {place} is as old as {moment}"
            )
            return Resolution(chosen, because, (*late, *spoilt))
        case _:
            return Resolution(
                None, f"in {place} there are whole ones only: name one, a moment, or the previous."
            )


def _previous(sound: Sequence[RecoveryPoint], spoilt: Sequence[Refusal], place: str) -> Resolution:
    if not sound:
        return Resolution(None, f"there is nothing usable in {place}", spoilt)
    current = sound[0]
    same = [Refusal(point, "it is what is there now") for point in sound if point.digest == current.digest]
    chosen = next((point for point in sound if point.digest != current.digest), None)
    if chosen is None:
        return Resolution(None, f"nothing else than what is there now is in {place}", (*same, *spoilt))
    return Resolution(chosen, f"what was there before the current {current.id}", (*same, *spoilt))


def _named(sound: Sequence[RecoveryPoint], id: str, spoilt: Sequence[Refusal], place: str) -> Resolution:
    chosen = next((point for point in sound if point.id == id), None)
    return Resolution(
        chosen, f"{id} was asked for" if chosen else f"there is no usable {id} in {place}", spoilt
    )
