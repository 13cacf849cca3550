"""Backstage's descriptions of services, groups and people, read as parts of a catalog.

Backstage knows who owns what; it has no words for environments, data classes and recovery objectives. The
first two are given beside it, the last may stand in the annotations `backstop.dev/tier`, `rto` and `rpo`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from playbooks.durations import parse_duration, say_duration
from playbooks.problems import PlaybookInvalid, Problem
from playbooks.validate import details, model_problems
from playbooks.words import Name
from playbooks.yaml_text import Text, read_yaml

_DOCUMENT = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_NAME = TypeAdapter(Name)
_ISO = TypeAdapter(timedelta)
_TIER = re.compile(r"tier-?(.+)")
_OURS = "backstop.dev/"


class _Part(BaseModel):
    """What is read of an entity; Backstage and its plugins keep more there, which is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Metadata(_Part):
    name: str
    namespace: str = "default"
    title: str = ""
    labels: Mapping[str, str] = Field(default_factory=dict)
    annotations: Mapping[str, str] = Field(default_factory=dict)
    tags: tuple[str, ...] = ()


class _Profile(_Part):
    display_name: str = Field("", alias="displayName")
    email: str = ""


class _Spec(_Part):
    owner: str = ""
    depends_on: tuple[str, ...] = Field((), alias="dependsOn")
    profile: _Profile = _Profile()
    members: tuple[str, ...] = ()
    member_of: tuple[str, ...] = Field((), alias="memberOf")


class Entity(_Part):
    """One document of a catalog-info.yaml."""

    version: Annotated[str, Field(alias="apiVersion", pattern=r"^backstage\.io/v1(alpha|beta)1$")]
    kind: str
    metadata: _Metadata
    spec: _Spec = _Spec()


@dataclass(frozen=True, slots=True)
class Place:
    """Where every imported service runs, which Backstage does not say."""

    environment: str
    region: str
    data: str
    tier: str


@dataclass(slots=True)
class Imported:
    """Parts of a catalog by their keys there, and sentences on what a person has to add or to look at."""

    parts: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {name: {} for name in ("tiers", "services", "people", "groups")}
    )
    notes: list[str] = field(default_factory=list)


def read_entities(text: str, file: str) -> list[Entity]:
    """Return the entities of a file, or raise PlaybookInvalid with every problem by its line."""
    found: list[Entity] = []
    problems: list[Problem] = []
    for document in _documents(text):
        try:
            read = read_yaml(document, file)
            found.append(_entity(read))
        except PlaybookInvalid as invalid:
            problems += invalid.problems
    if problems:
        raise PlaybookInvalid(problems)
    if not found:
        raise PlaybookInvalid([Problem(file, 1, "the file is empty", "there is nothing to import")])
    return found


def import_entities(entities: Iterable[Entity], place: Place) -> Imported:
    """Return what entities say in the words of a catalog; other kinds than it has are left out."""
    made, taken = Imported(), dict[tuple[str, str], str]()
    for entity in sorted(entities, key=lambda entity: _ORDER.get(entity.kind, len(_ORDER))):
        kind, name = entity.kind, entity.metadata.name
        if kind not in _ORDER:
            continue
        key = _key(name)
        if key is None:
            made.notes.append(
                f"{kind} {name} is left out: a name here begins with a letter and is at most 60 long."
            )
        elif (other := taken.setdefault((kind, key), _ref(entity))) != _ref(entity):
            made.notes.append(f"{kind} {_ref(entity)} is left out: {other} is called {key} as well.")
        else:
            _TAKE[kind](key, entity, place, made)
    for name in [name for name, group in made.parts["groups"].items() if not group["people"]]:
        del made.parts["groups"][name]
        made.notes.append(
            f"Group {name} is left out: nobody with an email is in it. Say who is, or its slack_group."
        )
    return made


def differences(imported: Imported, known: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each value that differs; where a service runs Backstage does not say."""
    for part, wanted in imported.parts.items():
        for key, value in wanted.items():
            there = known.get(part, {}).get(key)
            if there is None:
                continue
            for name, said in value.items():
                if name != "environments" and there.get(name) != said:
                    yield (
                        f"{part}.{key}.{name} is {_said(there.get(name))} in the catalog and "
                        f"{_said(said)} in Backstage."
                    )


def additions(imported: Imported, known: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a catalog does not have yet, by its parts."""
    new = {
        part: {key: value for key, value in wanted.items() if key not in known.get(part, {})}
        for part, wanted in imported.parts.items()
    }
    return {part: values for part, values in new.items() if values}


def _documents(text: str) -> Iterator[str]:
    """Yield each document of a text, behind so many empty lines that its lines keep their numbers."""
    for part, begins in zip(
        _DOCUMENT.split(text), [0, *(at.end() for at in _DOCUMENT.finditer(text))], strict=True
    ):
        if re.sub(r"#.*", "", part).strip():
            yield "\n" * text.count("\n", 0, begins) + part


def _entity(read: Text) -> Entity:
    if read.problems:
        raise PlaybookInvalid(list(read.problems))
    try:
        return Entity.model_validate(read.data)
    except ValidationError as error:
        raise PlaybookInvalid(model_problems(details(error), read, Entity)) from error


def _person(key: str, entity: Entity, _place: Place, made: Imported) -> None:
    profile = entity.spec.profile
    if not profile.email:
        made.notes.append(f"User {key} is left out: without an email nobody here is known by it.")
        return
    made.parts["people"][key] = {
        "name": profile.display_name or entity.metadata.name,
        "email": profile.email.lower(),
    }
    for group in entity.spec.member_of:
        _join(_key(_name_of(group)), key, made)


def _group(key: str, entity: Entity, _place: Place, made: Imported) -> None:
    made.parts["groups"].setdefault(key, {"people": []})
    for member in entity.spec.members:
        person = _key(_name_of(member))
        if person in made.parts["people"]:
            _join(key, person, made)
        else:
            made.notes.append(
                f"Group {key}: {_name_of(member)} is left out, no User of that name was imported."
            )


def _join(group: str | None, person: str, made: Imported) -> None:
    if group:
        people = made.parts["groups"].setdefault(group, {"people": []})["people"]
        if person not in people:
            people.append(person)


def _service(key: str, entity: Entity, place: Place, made: Imported) -> None:
    owner = _name_of(entity.spec.owner)
    made.parts["services"][key] = {
        "title": entity.metadata.title or entity.metadata.name,
        "tier": _tier(key, entity.metadata, place, made),
        "owner": _key(owner) or owner,
        "environments": {place.environment: {"region": place.region, "data": place.data}},
    }
    for needed in entity.spec.depends_on:
        if needed.partition(":")[0].lower() == "resource":
            made.notes.append(
                f"Service {key} needs {_name_of(needed)}: say under `targets` how it is reached, "
                "and name it in the service's environment."
            )


def _tier(key: str, metadata: _Metadata, place: Place, made: Imported) -> str:
    """Return the tier of a service; one with objectives of its own is a tier of its own."""
    said = metadata.annotations.get(f"{_OURS}tier") or metadata.labels.get("tier") or ""
    tagged = next((found[1] for tag in metadata.tags if (found := _TIER.fullmatch(tag))), "")
    tier = _key(said) or (_key(f"tier-{said or tagged}") if said or tagged else None)
    objectives = {name: metadata.annotations.get(f"{_OURS}{name}", "") for name in ("rto", "rpo")}
    if not any(objectives.values()):
        if tier is None:
            made.notes.append(f"Service {key} has no tier in Backstage; it is given {place.tier}.")
        return tier or place.tier
    try:
        said_here = {name: say_duration(_lasting(text)) for name, text in objectives.items()}
    except ValueError:
        made.notes.append(
            f"Service {key}: {_OURS}rto and {_OURS}rpo have to be two durations, such as 30m or PT30M."
        )
        return tier or place.tier
    made.parts["tiers"][tier or key] = said_here
    return tier or key


def _lasting(text: str) -> timedelta:
    return _ISO.validate_python(text) if text.startswith("P") else parse_duration(text)


def _key(name: str) -> str | None:
    """Return a name as it is written in a catalog, or None when it cannot be."""
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    try:
        return _NAME.validate_python(key)
    except ValidationError:
        return None


def _name_of(ref: str) -> str:
    """Return the name in a reference such as `group:default/payments`."""
    return ref.rpartition("/")[2].rpartition(":")[2]


def _ref(entity: Entity) -> str:
    return f"{entity.metadata.namespace}/{entity.metadata.name}"


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "nothing")


_TAKE: Mapping[str, Callable[[str, Entity, Place, Imported], None]] = {
    "User": _person,
    "Group": _group,
    "Component": _service,
}
_ORDER = {kind: index for index, kind in enumerate(_TAKE)}
