"""How much text Jira takes in one description or comment."""

from __future__ import annotations

from integrations.contract import IntegrationError

LIMIT = 32_767
ROOM = 25_000
"""How much of it our part takes at most: the rest is for what people add around it."""


def checked(size: int) -> int:
    """Return how much room is left beside so many characters, or refuse what Jira would refuse.

    A refused create would still use an issue number up.
    """
    if size > LIMIT:
        raise IntegrationError(
            f"The text has {size:,} characters and Jira takes {LIMIT:,}: shorten the text around ours.",
            permanent=True,
        )
    return LIMIT - size
