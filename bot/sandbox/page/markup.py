"""Slack's two ways to mark text up, as HTML: the old markup with its entities, and rich text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.core.document import utc
from bot.core.literal import leads_to_the_web
from bot.core.words import at_clock
from bot.sandbox.page.html import Html, joined, lines, tag, text
from bot.sandbox.page.seat import Seat
from bot.sandbox.slack.plain import unescape
from bot.sandbox.slack.refusals import Wire
from bot.sandbox.slack.workspace import Workspace

_ENTITY = re.compile(r"<([^<>]+)>")
_CODE = re.compile(r"```\n?(.+?)\n?```|`([^`\n]+)`", re.DOTALL)
_STYLED = re.compile(r"(?<![\w*_~])([*_~])(?=\S)([^\n]*?\S)\1(?![\w*_~])")
_HELD = re.compile("\ue000(\\d+)\ue001")
_TWICE = re.compile(r"(>(?:\d{4}-\d\d-\d\d )?(\d\d:\d\d:\d\dZ)</time>) \(\2\)")
_OPTION = re.compile(r"(?<=\s)--?[A-Za-z]\S*")
_STYLES = {"*": "strong", "_": "em", "~": "s"}
_RICH_STYLES = {"bold": "strong", "italic": "em", "strike": "s", "code": "code"}


@dataclass(frozen=True, slots=True)
class Eyes:
    """Who reads, and the names they know."""

    workspace: Workspace
    seat: Seat

    def person(self, user: str, label: str = "") -> Html:
        """Return a mention of a person; one's own stands out."""
        known = self.workspace.people.get(user)
        name = known.name if known else label or user
        own = user == self.seat.person.id
        return tag("span", f"@{name}", class_="mention own" if own else "mention")

    def channel(self, id: str, label: str = "") -> Html:
        """Return a link to a channel."""
        known = self.workspace.channels.get(id)
        if known is None:
            return text(f"#{label or id}")
        return tag("a", f"#{known.name}", href=self.seat.at(place=id).address, class_="mention")

    def group(self, id: str, label: str = "") -> Html:
        """Return a mention of a group; one that the reader is in stands out."""
        known = self.workspace.groups.get(id)
        own = known is not None and self.seat.person.id in known.users
        name = known.handle if known else label or id
        return tag("span", f"@{name.removeprefix('@')}", class_="mention own" if own else "mention")

    def moment(self, seconds: int) -> Html:
        """Return a moment as Slack would show it to a reader in UTC, with its day where that is not today."""
        at = datetime.fromtimestamp(seconds, UTC)
        return tag("time", at_clock(at, self.workspace.now()), datetime=at.isoformat(), title=utc(at))


def mrkdwn(eyes: Eyes, marked: str) -> Html:
    """Return Slack's markup as HTML: code first, in which only entities mean something."""
    parts: list[Html] = []
    end = 0
    for code in _CODE.finditer(marked):
        block = "pre" if code[1] else "code"
        inside = _spoken(eyes, code[1] or code[2], styled=False)
        parts += [_spoken(eyes, marked[end : code.start()]), tag(block, inside)]
        end = code.end()
    return _once(joined([*parts, _spoken(eyes, marked[end:])]))


def _options(shown: Html) -> Html:
    """Keep each option of a command on one line where it fits: a break after its dashes cannot be read."""
    return shown if "<" in shown else Html(_OPTION.sub(r'<span class="option">\g<0></span>', shown))


def _once(shown: Html) -> Html:
    """Backstop writes a moment in the reader's zone and in UTC; to a reader in UTC once is enough."""
    return Html(_TWICE.sub(r"\1", shown))


def _spoken(eyes: Eyes, marked: str, *, styled: bool = True) -> Html:
    held: list[Html] = []

    def hold(found: re.Match[str]) -> str:
        held.append(_entity(eyes, found[1]))
        return f"\ue000{len(held) - 1}\ue001"

    bare = marked.replace("\ue000", "\ufffd").replace("\ue001", "\ufffd")
    literal: str = lines(unescape(_ENTITY.sub(hold, bare)))
    if styled:
        literal = _styled(literal)
    return Html(_HELD.sub(lambda found: held[int(found[1])], literal))


def _styled(escaped: str) -> str:
    return _STYLED.sub(
        lambda found: f"<{_STYLES[found[1]]}>{_styled(found[2])}</{_STYLES[found[1]]}>", escaped
    )


def _entity(eyes: Eyes, inside: str) -> Html:
    target, _, label = inside.partition("|")
    match target[:1]:
        case "@":
            return eyes.person(target[1:], unescape(label))
        case "#":
            return eyes.channel(target[1:], unescape(label))
        case "!":
            return _special(eyes, target[1:], unescape(label))
        case _:
            return link(unescape(target), unescape(label))


def _special(eyes: Eyes, command: str, label: str) -> Html:
    match command.split("^"):
        case ["date", seconds, *_] if seconds.isdigit():
            return eyes.moment(int(seconds))
        case ["subteam", group, *_]:
            return eyes.group(group, label)
        case _:
            return tag("span", label or f"@{command}", class_="mention own")


def link(url: str, label: str = "") -> Html:
    """Return a link to the web; any other address is shown as the text it is."""
    if not leads_to_the_web(url):
        return text(f"{label} ({url})" if label else url)
    return tag("a", label or url, href=url, target="_blank", rel="noopener noreferrer")


def words(eyes: Eyes, node: Any) -> Html:
    """Return a text object of a block, of either kind."""
    match node:
        case {"type": "mrkdwn", "text": str(marked)}:
            return mrkdwn(eyes, marked)
        case {"text": str(literal)}:
            return lines(literal)
        case str():
            return lines(node)
        case _:
            return Html()


def rich(eyes: Eyes, node: Wire) -> Html:
    """Return rich text: a block, a part of one, or one element."""
    inside = [rich(eyes, part) for part in node.get("elements") or []]
    match node.get("type"):
        case "rich_text":
            return joined(inside)
        case "rich_text_section":
            return tag("p", _once(joined(inside)))
        case "rich_text_preformatted":
            return tag("pre", _options(joined(inside)), tabindex=0)
        case "rich_text_quote":
            return tag("blockquote", *inside)
        case "rich_text_list":
            kind = "ol" if node.get("style") == "ordered" else "ul"
            return tag(kind, *(tag("li", _item(eyes, part)) for part in node["elements"]))
        case _:
            return _styles(_leaf(eyes, node), node.get("style") or {})


def _item(eyes: Eyes, part: Wire) -> Html:
    if part.get("type") == "rich_text_section":
        return _once(joined(rich(eyes, element) for element in part["elements"]))
    return rich(eyes, part)


def _leaf(eyes: Eyes, node: Wire) -> Html:
    match node:
        case {"type": "text", "text": str(literal)}:
            return lines(literal)
        case {"type": "user", "user_id": str(user)}:
            return eyes.person(user)
        case {"type": "channel", "channel_id": str(channel)}:
            return eyes.channel(channel)
        case {"type": "usergroup", "usergroup_id": str(group)}:
            return eyes.group(group)
        case {"type": "broadcast", "range": str(wide)}:
            return tag("span", f"@{wide}", class_="mention own")
        case {"type": "link", "url": str(url)}:
            return link(url, str(node.get("text") or ""))
        case {"type": "emoji", "name": str(name)}:
            return text(f":{name}:")
        case {"type": "date", "timestamp": int(seconds)}:
            return eyes.moment(seconds)
        case _:
            return Html()


def _styles(shown: Html, style: Wire) -> Html:
    for name, element in _RICH_STYLES.items():
        if style.get(name):
            shown = tag(element, shown)
    return shown
