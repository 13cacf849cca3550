"""What happens between an incident and the system that pages people."""

from __future__ import annotations

from typing import Literal

from bot.core.events.kind import Kind


class PagerLinked(Kind):
    """The incident in the system that pages people; opening it pages who is on call for its service."""

    kind: Literal["pager-linked"] = "pager-linked"
    system: str
    key: str
    number: int
    url: str


class PageAsked(Kind):
    """Somebody wants people to come: groups of the catalog, and people by name."""

    kind: Literal["page-asked"] = "page-asked"
    groups: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    why: str


class Paged(Kind):
    """A page was sent, or why not to whom; `page` is its mark, which stands in its text too."""

    kind: Literal["paged"] = "paged"
    page: str
    groups: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()


class PagerTold(Kind):
    """Something happened there, and changes nothing here: `who` did it, where that is nobody of the catalog.

    `whom` were asked to respond, or answered with `state`.
    """

    kind: Literal["pager-told"] = "pager-told"
    what: str
    who: str = ""
    whom: str = ""
    text: str = ""
    state: str = ""


PagerEvent = PagerLinked | PageAsked | Paged | PagerTold
