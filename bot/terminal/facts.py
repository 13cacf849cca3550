"""Facts decided on this machine, without a server: `backstop decide --facts`.

One JSON object, or one on each line; each is the facts, or holds them under `facts` beside an `id`. What is
wrong is told as file:line, and everything else is decided all the same.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.core.cards.lines.incidents import apart_in_words
from bot.core.decide import Decision, Flip, Threshold, decide
from bot.core.decide.walk import OVERWRITES
from bot.core.literal import visible
from bot.core.words import one_line, value_in_words
from bot.settings import say_wrong
from bot.terminal import OK, USAGE
from bot.terminal.reading import criteria_in, unreadable
from bot.terminal.screen import tell, warn
from playbooks.corpus import Precedent
from playbooks.criteria import FACTS, Facts, FactUnknown, Value, check_fact, shown
from playbooks.problems import PlaybookInvalid, Problem, nearest

STDIN = "-"
ID_SHOWN = 200
"""So many characters of an id head its answer in text; JSON has all of it."""
EXAMPLE = '{"data_corruption": "none", "cause_known": null}'


@dataclass(frozen=True, slots=True)
class Sheet:
    """The facts of one decision, and the id its answer is given under."""

    id: str | int | None
    facts: Facts


def main(argv: Sequence[str]) -> int:
    """Print what the criteria make of facts: 0, or 2 when some of them could not be read."""
    given = _parser().parse_args(argv)
    try:
        text = _read(given.facts)
        criteria = criteria_in(given.criteria)
    except PlaybookInvalid as invalid:
        warn(str(invalid))
        return USAGE
    except ValidationError as invalid:
        warn(say_wrong(invalid))
        return USAGE
    problems = 0
    say = _json if given.format == "json" else _text
    for found in sheets(text, "stdin" if given.facts == STDIN else given.facts):
        if isinstance(found, Problem):
            problems += 1
            warn(str(found))
        else:
            tell(say(found, decide(found.facts, criteria)))
    return USAGE if problems else OK


def _read(file: str) -> str:
    """Return a file, or standard input; a byte that is no text stays one, to be told by its line."""
    try:
        given = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as unread:
        raise unreadable(file, unread) from unread
    return given.decode("utf-8-sig", "surrogateescape")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="backstop decide",
        allow_abbrev=False,
        epilog="Of an incident `decide` is said to the server: `backstop help decide`.",
    )
    parser.add_argument(
        "--facts", required=True, metavar="FILE", help="JSON, one object or one a line; - for standard input"
    )
    parser.add_argument("--criteria", type=Path, metavar="FILE", help="a criteria file")
    parser.add_argument("--format", choices=("json", "text"), default="text")
    return parser


def sheets(text: str, file: str) -> Iterator[Sheet | Problem]:
    """Yield each decision that a text asks for, and each of its mistakes, in their order."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        yield Problem(file, 1, "there are no facts", f"write {EXAMPLE}")
    elif _by_line([line for _, line in lines], text):
        for number, line in lines:
            yield from _sheet(line, file, number)
    else:
        yield from _sheet(text, file, 1)


def _by_line(lines: Sequence[str], text: str) -> bool:
    """Say whether each line is a decision, and not all of them one; a first line may be the broken one."""
    if len(lines) == 1 or _is_json(lines[0]):
        return True
    return not _is_json(text) and any(line.lstrip().startswith("{") and _is_json(line) for line in lines)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _sheet(text: str, file: str, number: int) -> Iterator[Sheet | Problem]:
    """Yield one decision, or every mistake in it; `number` is the line at which the text begins."""
    if (broken := _no_text(text)) is not None:
        yield Problem(file, number + text.count("\n", 0, broken), "this is no UTF-8 text")
        return
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        yield Problem(file, number + error.lineno - 1, f"this is no JSON from column {error.colno} on")
        return
    except FactUnknown as twice:
        yield Problem(file, number, str(twice))
        return
    except (ValueError, RecursionError):
        yield Problem(file, number, "this is no JSON that can be read: too deep, or a number too long")
        return
    if not isinstance(found, dict):
        yield Problem(file, number, "the facts are no JSON object", f"write {EXAMPLE}")
        return
    id, facts = (found.get("id"), found["facts"]) if "facts" in found else (None, found)
    if not isinstance(facts, dict) or not isinstance(id, str | int | None):
        yield Problem(file, number, "`facts` is an object, and `id` a text or a number", f"write {EXAMPLE}")
        return
    outside = _outside(found) if facts is not found else ()
    problems = [
        Problem(file, number + _lines_before(text, name), str(wrong))
        for name, wrong in (*outside, *_wrong(facts))
    ]
    if problems:
        yield from problems
    else:
        yield Sheet(id, facts)


def _no_text(text: str) -> int | None:
    """Return where the first byte stands that is no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as broken:
        return broken.start
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FactUnknown(f"{shown(twice)} is said twice: only one of them could count")
    return found


def _wrong(facts: Mapping[str, object]) -> Iterator[tuple[str, FactUnknown]]:
    for name, value in facts.items():
        try:
            check_fact(name, value)
        except FactUnknown as wrong:
            yield name, wrong


def _outside(record: Mapping[str, object]) -> Iterator[tuple[str, FactUnknown]]:
    """Yield what stands beside `facts` and reads as one: nobody would know that it counts for nothing."""
    for name in record.keys() - {"id", "facts"} - Precedent.model_fields.keys():
        near = name if name in FACTS else nearest(name, FACTS)
        if near:
            meant = "" if near == name else f" (did you mean {near}?)"
            why = "write it inside, or it counts for nothing"
            yield name, FactUnknown(f"{shown(name)}{meant} stands beside `facts`: {why}")


def _lines_before(text: str, name: str) -> int:
    return text.count("\n", 0, max(text.find(json.dumps(name)), 0))


def _safe_now(decision: Decision) -> bool:
    """Say whether a script may act on it: nothing is left to ask or mend, and nothing is overwritten."""
    return decision.one_click and not decision.apart and decision.proposal not in OVERWRITES


def _json(sheet: Sheet, decision: Decision) -> str:
    said = {
        "id": sheet.id,
        "proposal": decision.so_far,
        "containment": [
            {"id": part.id, "do": part.do, "because": part.because} for part in decision.containment
        ],
        "vetoes": [
            {"id": veto.id, "removes": veto.removes, "because": veto.because} for veto in decision.vetoes
        ],
        "possible": decision.possible,
        "ask": [{"fact": ask.fact, "question": ask.question, "role": ask.role} for ask in decision.ask],
        "flips": [*map(_flip, decision.flips), *map(_threshold, decision.thresholds)],
        "safe_now": _safe_now(decision),
        "why": list(_why(decision)),
    }
    return json.dumps(said)


def _flip(flip: Flip) -> Mapping[str, Value]:
    return {"fact": flip.fact, "value": flip.value, "proposal": flip.option}


def _threshold(threshold: Threshold) -> Mapping[str, Value]:
    side = "at_most" if threshold.below else "over"
    return {
        "fact": threshold.fact,
        side: threshold.limit,
        "known": threshold.known,
        "proposal": threshold.option,
    }


def _why(decision: Decision) -> Iterator[str]:
    """Yield the reason, the first steps, and the facts it rests on as they are known."""
    lead = decision.lead
    if not lead.stands:
        yield f"So far it is {lead.option}, and what is asked could forbid it or find a better one"
    yield lead.because
    yield from (f"First: {step}" for step in lead.first)
    for ground in lead.grounds:
        yield f"{ground.fact} is {_said(ground.value)}"
    yield from (apart_in_words(decision.facts, *pair) for pair in decision.apart)


def _said(value: Value) -> str:
    return "known to nobody" if value is None else value_in_words(value)


def _text(sheet: Sheet, decision: Decision) -> str:
    head = f"{one_line(visible(str(sheet.id)), ID_SHOWN)}: " if sheet.id is not None else ""
    lines = [f"{head}Proposal: {decision.so_far}"]
    lines += [f"  Why: {reason}" for reason in _why(decision)]
    lines += [f"  Now: {what}" for what in decision.safe_now]
    lines += [f"  Ruled out: {', '.join(veto.removes)}: {veto.because}" for veto in decision.vetoes]
    lines += [f"  Possible: {', '.join(decision.possible)}"] if decision.proposal is None else []
    lines += [f"  Ask {ask.role}: {ask.question} ({ask.fact})" for ask in decision.ask]
    lines += _turns(decision.flips, decision.thresholds)
    return "\n".join(lines)


def _turns(flips: Iterable[Flip], thresholds: Iterable[Threshold]) -> list[str]:
    lines = [f"  With {flip.fact} {_said(flip.value)} it would be {flip.option}" for flip in flips]
    for turn in thresholds:
        side = "at most" if turn.below else "over"
        now = "" if turn.known is None else f"; it is {turn.known:g}"
        lines.append(f"  With {turn.fact} {side} {turn.limit:g} it would be {turn.option}{now}")
    return lines
