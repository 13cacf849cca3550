"""What one part of a playbook says of another: no doubles, no circles, times that fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from integrations.contract import Effect
from playbooks.criteria.conditions import terms_in
from playbooks.criteria.predicates import PREDICATES
from playbooks.durations import say_duration
from playbooks.model import Action, Check, Playbook, Step, target_of
from playbooks.problems import Problem, instead
from playbooks.references import POINT, RUN, SCOPES, Reference, mentioned_in, references_in
from playbooks.yaml_text import Path, Text

_CHOOSES_BY: Mapping[str, tuple[str, ...]] = {
    "pitr": ("before", "marker", "lsn", "xid"),
    "latest_before": ("before",),
    "latest_verified": (),
    "exact": ("point",),
    "previous": (),
}


def inconsistencies(playbook: Playbook, text: Text) -> list[Problem]:
    """Return every contradiction inside a playbook, each at its line."""
    return [*_Reading(playbook, text).problems()]


@dataclass(frozen=True, slots=True)
class _Reading:
    playbook: Playbook
    text: Text

    def problems(self) -> Iterator[Problem]:
        yield from self._doubles()
        yield from self._roles()
        yield from self._inputs()
        yield from self._sources()
        yield from self._steps()
        yield from self._drill()
        yield from self._circles()
        yield from self._references()

    def _doubles(self) -> Iterator[Problem]:
        book = self.playbook
        yield from self._twice(("steps",), "step", (step.id for step in book.steps))
        yield from self._twice(("sources",), "source", (source.id for source in book.sources))
        if book.drill:
            yield from self._twice(("drill", "cleanup"), "operation", (act.id for act in book.drill.cleanup))
        checks = [check.id for _, check in _checks(book)]
        for id, times in Counter(checks).items():
            if times > 1:
                path = next(path for path, check in _checks(book) if check.id == id)
                yield self.text.problem(
                    path, f"the check {id!r} is named {times} times", "results are told apart by it"
                )

    def _drill(self) -> Iterator[Problem]:
        drill, book = self.playbook.drill, self.playbook
        if drill is None:
            return
        for key in ("zone", "window", "after", "within"):
            if drill.schedule is None and key in drill.model_fields_set:
                yield self.text.problem(("drill", key), f"{key} without a schedule", "no window ever opens")
        places = (book.applies_to.services, book.applies_to.environments)
        if drill.schedule and [len(names) for names in places] != [1, 1]:
            what = "a schedule needs one service and one environment in applies_to"
            yield self.text.problem(("drill", "schedule"), what, "nobody is there to say which")

    def _twice(self, at: Path, kind: str, ids: Iterable[str]) -> Iterator[Problem]:
        seen: set[str] = set()
        for index, id in enumerate(ids):
            if id in seen:
                yield self.text.problem(
                    (*at, index, "id"), f"a second {kind} {id!r}", "ids are what people type"
                )
            seen.add(id)

    def _roles(self) -> Iterator[Problem]:
        for name, role in self.playbook.roles.items():
            if not (role.incident or role.group or role.slack_group or role.pagerduty or role.people):
                words = ("incident", "group", "slack_group", "pagerduty", "people")
                yield self.text.problem(("roles", name), f"nobody is named for the role {name!r}", "", words)

    def _inputs(self) -> Iterator[Problem]:
        for name, given in self.playbook.inputs.items():
            if (given.type == "choice") != bool(given.choices):
                why = "a choice needs choices, and nothing else has them"
                yield self.text.problem(("inputs", name), f"the input {name!r} is of type {given.type}", why)

    def _sources(self) -> Iterator[Problem]:
        for index, source in enumerate(self.playbook.sources):
            select = source.select
            ways = _CHOOSES_BY[select.strategy]
            named = [way for way in ways if getattr(select, way) is not None]
            if ways and len(named) != 1:
                what = f"{' and '.join(named)} are both given" if named else f"{' or '.join(ways)} is missing"
                why = f"{select.strategy} chooses by {'one of them' if len(ways) > 1 else 'it'}"
                yield self.text.problem(("sources", index, "select"), what, why)

    def _steps(self) -> Iterator[Problem]:
        for index, step in enumerate(self.playbook.steps):
            yield from self._step_alone(("steps", index), step)

    def _step_alone(self, path: Path, step: Step) -> Iterator[Problem]:
        if step.timeout <= step.estimate:
            what = f"timeout {say_duration(step.timeout)} is not over estimate {say_duration(step.estimate)}"
            yield self.text.problem((*path, "timeout"), what, "the step would be stopped while all is well")
        if step.on_failure.then == "fallback" and step.on_failure.fallback is None:
            yield self.text.problem((*path, "on_failure"), "fallback is missing", "no other source is named")
        if (step.keep is None) != (step.because is None):
            why = "`keep: none` and its `because` belong together"
            yield self.text.problem(path, f"the step {step.id!r} has only one of keep and because", why)
        for term in terms_in(step.when) if step.when else ():
            yield self.text.unknown((*path, "when"), "predicate", term, tuple(PREDICATES))
        if step.no_way_back and step.effect is not Effect.DESTRUCTIVE:
            what = f"no_way_back on a step that is {step.effect}"
            yield self.text.problem((*path, "no_way_back"), what, "only a destructive step has no way back")

    def _circles(self) -> Iterator[Problem]:
        book = self.playbook
        needs = {step.id: book.needs(step) for step in book.steps}
        for id in _circling(needs):
            index = next(index for index, step in enumerate(book.steps) if step.id == id)
            yield self.text.problem(
                ("steps", index), f"the step {id!r} waits for itself", "it could never start"
            )
        fallbacks = {source.id: (source.fallback,) if source.fallback else () for source in book.sources}
        for id in _circling(fallbacks):
            index = next(index for index, source in enumerate(book.sources) if source.id == id)
            yield self.text.problem(
                ("sources", index), f"the source {id!r} falls back on itself", "none would be left"
            )
        substitutes = {
            name: (role.substitute,) if role.substitute else () for name, role in book.roles.items()
        }
        for name in _circling(substitutes):
            yield self.text.problem(
                ("roles", name), f"the role {name!r} stands in for itself", "nobody would be left"
            )

    def _references(self) -> Iterator[Problem]:
        words = {"inputs": tuple(self.playbook.inputs), "point": POINT, "run": RUN}
        for path, reference in references(self.playbook):
            # what settings a target has is in the catalog, which the lint has at hand
            valid = words.get(reference.scope, (reference.name,))
            if reference.name not in valid:
                what = f"{reference} stands for nothing"
                yield self.text.problem(path, what, instead(reference.name, valid), valid or SCOPES)


def target_at(playbook: Playbook, path: Path, action: Action) -> str | None:
    """Return what an action acts on: its own target, else that of the step it belongs to, or None."""
    step = playbook.steps[path[1]] if path[0] == "steps" and isinstance(path[1], int) else None
    return target_of(action) or (step.target if step else None)


def actions(playbook: Playbook) -> Iterator[tuple[Path, Action]]:
    """Yield every action of a playbook with its path: steps, undos, checks, and what cleans a drill up."""
    for index, step in enumerate(playbook.steps):
        yield ("steps", index), step
        if step.undo:
            yield ("steps", index, "undo"), step.undo
    yield from _checks(playbook)
    for index, action in enumerate(playbook.drill.cleanup if playbook.drill else ()):
        yield ("drill", "cleanup", index), action


def _checks(playbook: Playbook) -> Iterator[tuple[Path, Check]]:
    for index, step in enumerate(playbook.steps):
        for place, check in enumerate(step.verify):
            yield ("steps", index, "verify", place), check
    for index, check in enumerate(playbook.verify):
        yield ("verify", index), check
    for index, check in enumerate(playbook.drill.isolation if playbook.drill else ()):
        yield ("drill", "isolation", index), check


def references(playbook: Playbook) -> Iterator[tuple[Path, Reference]]:
    """Yield every reference of a playbook with its path."""
    for path, value in _values(playbook):
        yield from ((path, reference) for reference in references_in(value))
    for index, step in enumerate(playbook.steps):
        for place, sentence in enumerate(step.person.do if step.person else ()):
            path = ("steps", index, "person", "do", place)
            yield from ((path, reference) for reference in mentioned_in(sentence))


def _values(playbook: Playbook) -> Iterator[tuple[Path, JsonValue]]:
    for path, action in actions(playbook):
        yield from (((*path, "with", name), value) for name, value in action.params.items())
    for index, step in enumerate(playbook.steps):
        drill = step.drill.params or {}
        yield from ((("steps", index, "drill", "with", name), value) for name, value in drill.items())
    for index, source in enumerate(playbook.sources):
        for way in ("before", "marker", "lsn", "xid", "point"):
            yield ("sources", index, "select", way), getattr(source.select, way)


def _circling(needs: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the names that lead back to themselves."""
    for name in needs:
        seen: set[str] = set()
        waiting = [*needs[name]]
        while waiting:
            found = waiting.pop()
            if found == name:
                yield name
                break
            if found not in seen:
                seen.add(found)
                waiting.extend(needs.get(found, ()))
