"""The catalog: services with their tiers, where they and their backups live, and who people are.

One human is one person here: Slack id, e-mail and chat name lead to the same entry, and no two entries
may share them, or one human could approve twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StrictBool, StringConstraints

from integrations import contract
from playbooks.durations import Duration, Lasting
from playbooks.model import Source as Wanted
from playbooks.problems import PlaybookInvalid, Problem, nearest
from playbooks.validate import Part, validated
from playbooks.words import Name, Sentence
from playbooks.yaml_text import Path, Text, read_yaml

Label = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,99}$")]
LabelValue = Annotated[str, StringConstraints(pattern=r'^[^"\\\x00-\x1f\x7f]+$', max_length=200)]
ComponentId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{6,40}$")]
PagerId = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{3,40}$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s<>]+@[^@\s<>]+$", max_length=254, to_lower=True)]


class Tier(Part):
    """How long recovery of such a service may take, and how much of its data may be lost."""

    rto: Lasting
    rpo: Duration


class Tags(Part):
    """The tags by which a service is put out, in a clone on Backstop's own machine.

    `matching` is their name, with a `*` where the version stands. Nothing is fetched.
    """

    clone: Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f\x7f]*$", max_length=1000)]
    matching: Annotated[str, StringConstraints(pattern=r"^[\w./@+-]*\*[\w./@+-]*$", max_length=200)] = "*"


class Deploys(Part):
    """Where deployments of a service come from, what they are called there, and which tags set them off."""

    pipeline: Name
    project: Sentence | None = None
    command: Name | None = None
    tags: Tags | None = None


class Environment(Part):
    """One place a service runs: its data class and region, what is recovered there, and its backups."""

    region: Name
    data: Literal["public", "internal", "personal", "health"]
    targets: tuple[Name, ...] = ()
    deploys: Deploys | None = None
    backups: tuple[Name, ...] = ()


class Paging(Part):
    """The service in PagerDuty, where an incident of `from_severity` or worse is opened and wakes people.

    `page` are groups that are paged at once as well.
    """

    service: PagerId
    from_severity: Annotated[int, Field(ge=1, le=4)] = 2
    page: tuple[Name, ...] = ()


class Service(Part):
    """What is recovered; `owner` is a group, `status_component` what customers see it as on Statuspage."""

    title: Sentence
    tier: Name
    owner: Name
    aliases: tuple[Name, ...] = ()
    pagerduty: Paging | None = None
    status_component: ComponentId | None = None
    environments: Annotated[Mapping[Name, Environment], Field(min_length=1)]


class Target(Part):
    """What is acted on and how its engine reaches it; settings never hold a secret.

    `alerts` are the labels that alerts about it carry, all of them; a silence covers those alone.
    """

    kind: Name
    environment: Name
    runner: Name | None = None
    isolated: StrictBool = False
    settings: Mapping[str, JsonValue] = Field(default_factory=dict)
    alerts: Mapping[Label, LabelValue] | None = None


class Source(Part):
    """Where recovery points are kept; a new one is made `every` so long and arrives `lag` later."""

    engine: Name
    settings: Mapping[str, JsonValue] = Field(default_factory=dict)
    every: Lasting | None = None
    lag: Duration | None = None


class Person(Part):
    """One human, under every name they have."""

    name: Sentence
    slack: Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,20}$")] | None = None
    email: Email
    pagerduty: PagerId | None = None


class OnCall(Part):
    """Who is on call in PagerDuty, by an escalation policy, whose first level counts, or by a schedule."""

    escalation_policy: PagerId | None = None
    schedule: PagerId | None = None

    @property
    def key(self) -> str:
        """Return the name under which its people stand among those of Slack groups."""
        policy = self.escalation_policy
        return f"escalation_policy:{policy}" if policy else f"schedule:{self.schedule}"


class Group(Part):
    """People who hold something together; whoever is on call for it is paged, or else all of its people."""

    people: tuple[Name, ...] = ()
    slack_group: Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]+$")] | None = None
    oncall: OnCall | None = None


class Pipeline(Part):
    """What deploys by itself and asks the gate; it is nobody's approval."""

    title: Sentence
    owner: Name


class Alerts(Part):
    """Which labels of alerts name the service, the environment and the severity, and what its words mean."""

    service: Label = "service"
    environment: Label = "environment"
    severity: Label = "severity"
    severities: Mapping[Sentence, Annotated[int, Field(ge=1, le=4)]] = Field(
        default_factory=lambda: {"critical": 1, "error": 2, "warning": 3, "info": 4}
    )


class Catalog(Part):
    """Everything Backstop knows by name."""

    version: Literal["backstop/catalog/1"] = Field(alias="schema")
    tiers: Mapping[Name, Tier]
    services: Mapping[Name, Service]
    targets: Mapping[Name, Target] = Field(default_factory=dict)
    sources: Mapping[Name, Source] = Field(default_factory=dict)
    people: Mapping[Name, Person]
    groups: Mapping[Name, Group]
    pipelines: Mapping[Name, Pipeline] = Field(default_factory=dict)
    alerts: Alerts = Field(default_factory=Alerts)

    def service(self, name: str) -> str | None:
        """Return the key of a service by its name or an alias, in any case, or None."""
        wanted = name.strip().lower()
        return next(
            (key for key, service in self.services.items() if wanted == key or wanted in service.aliases),
            None,
        )

    def nearest_service(self, name: str) -> str | None:
        """Return the service somebody probably meant, or None."""
        aliases = [alias for service in self.services.values() for alias in service.aliases]
        near = nearest(name.strip().lower(), [*self.services, *aliases])
        return self.service(near) if near else None

    def tier(self, service: str) -> Tier:
        """Return the tier of a service by its key."""
        return self.tiers[self.services[service].tier]

    def person(self, who: str) -> str | None:
        """Return the key of a person by key, Slack id, Slack mention, `@key` or e-mail, or None."""
        wanted = who.strip().removeprefix("<@").removesuffix(">").partition("|")[0].removeprefix("@")
        for key, person in self.people.items():
            if wanted in (key, person.slack) or wanted.lower() in (key, person.email):
                return key
        return None

    def nearest_person(self, who: str) -> str | None:
        """Return the person somebody probably meant, or None."""
        return nearest(who.strip().lower().removeprefix("@"), self.people)

    def groups_of(self, person: str, members: Mapping[str, Iterable[str]] | None = None) -> tuple[str, ...]:
        """Return the groups a person belongs to; `members` are the Slack ids in each Slack group."""
        return tuple(name for name in self.groups if person in self.members(name, members))

    def members(self, group: str, members: Mapping[str, Iterable[str]] | None = None) -> tuple[str, ...]:
        """Return a group's people, those of its Slack group and on call, each once; unknown has none."""
        found = self.groups.get(group, Group())
        slack = self.slack_members(found.slack_group, members)
        on_call = self.slack_members(found.oncall.key if found.oncall else None, members)
        return tuple(dict.fromkeys((*found.people, *slack, *on_call)))

    def called(self, pagerduty: str, email: str) -> str | None:
        """Return who somebody of PagerDuty is, by their id there or else by their e-mail, or None."""
        by_id = (name for name, each in self.people.items() if pagerduty and each.pagerduty == pagerduty)
        by_email = (name for name, each in self.people.items() if each.email == email.lower())
        return next(by_id, None) or next(by_email, None)

    def slack_members(
        self, slack_group: str | None, members: Mapping[str, Iterable[str]] | None
    ) -> tuple[str, ...]:
        """Return the people of a Slack group who are in the catalog; others are nobody here."""
        ids = (members or {}).get(slack_group or "", ())
        found = (self.person(id) for id in ids)
        return tuple(person for person in found if person is not None)

    def target(self, name: str) -> contract.Target | None:
        """Return a target as its engine wants it, or None; its runner is the setting `runner`."""
        found = self.targets.get(name)
        if found is None:
            return None
        settings = {**found.settings, **({"runner": found.runner} if found.runner else {})}
        return contract.Target(name, found.kind, found.environment, found.isolated, settings)

    def source(self, id: str) -> contract.Source | None:
        """Return a source as its engine wants it, or None."""
        found = self.sources.get(id)
        return contract.Source(id, found.engine, found.settings) if found else None

    def completed(self, wanted: Wanted) -> contract.Source:
        """Return a playbook's source as its engine wants it; its own settings go before those from here."""
        known = self.sources.get(wanted.id)
        settings = {**(known.settings if known else {}), **wanted.settings}
        return contract.Source(wanted.id, wanted.engine, settings)


def load_catalog(text: str, file: str) -> Catalog:
    """Return the catalog a text describes, or raise PlaybookInvalid with all its problems by line."""
    read = read_yaml(text, file)
    catalog = validated(read, Catalog)
    problems = list(_Reading(catalog, read).problems())
    if problems:
        raise PlaybookInvalid(problems)
    return catalog


@dataclass(frozen=True, slots=True)
class _Reading:
    catalog: Catalog
    text: Text

    def problems(self) -> Iterator[Problem]:
        for path, kind, word, words in self._named():
            if word not in words:
                yield self.text.unknown(path, kind, word, tuple(words))
        yield from self._aliases()
        yield from self._shared("slack", ((key, person.slack) for key, person in self.catalog.people.items()))
        yield from self._shared("email", ((key, person.email) for key, person in self.catalog.people.items()))
        yield from self._shared(
            "pagerduty", ((key, person.pagerduty) for key, person in self.catalog.people.items())
        )
        yield from self._alerts()
        for name, group in self.catalog.groups.items():
            if group.oncall and bool(group.oncall.escalation_policy) == bool(group.oncall.schedule):
                yield self.text.problem(
                    ("groups", name, "oncall"),
                    "who is on call comes from one place",
                    "name an `escalation_policy` or a `schedule`",
                )
            if not group.people and not group.slack_group and not group.oncall:
                yield self.text.problem(
                    ("groups", name), f"nobody is in the group {name!r}", "it could do nothing"
                )

    def _named(self) -> Iterator[tuple[Path, str, str, Iterable[str]]]:
        catalog = self.catalog
        for name, service in catalog.services.items():
            at: Path = ("services", name)
            yield (*at, "tier"), "tier", service.tier, catalog.tiers
            yield (*at, "owner"), "group", service.owner, catalog.groups
            for index, paged in enumerate(service.pagerduty.page if service.pagerduty else ()):
                yield (*at, "pagerduty", "page", index), "group", paged, catalog.groups
            for key, place in service.environments.items():
                yield from self._environment((*at, "environments", key), place)
        for name, group in catalog.groups.items():
            for index, person in enumerate(group.people):
                yield ("groups", name, "people", index), "person", person, catalog.people
        for name, pipeline in catalog.pipelines.items():
            yield ("pipelines", name, "owner"), "group", pipeline.owner, catalog.groups

    def _environment(self, at: Path, place: Environment) -> Iterator[tuple[Path, str, str, Iterable[str]]]:
        for index, target in enumerate(place.targets):
            yield (*at, "targets", index), "target", target, self.catalog.targets
        for index, backup in enumerate(place.backups):
            yield (*at, "backups", index), "source", backup, self.catalog.sources
        if place.deploys:
            yield (*at, "deploys", "pipeline"), "pipeline", place.deploys.pipeline, self.catalog.pipelines

    def _aliases(self) -> Iterator[Problem]:
        services = self.catalog.services
        times = Counter(services.keys())
        for name, service in services.items():
            for index, alias in enumerate(service.aliases):
                times[alias] += 1
                if times[alias] > 1:
                    path = ("services", name, "aliases", index)
                    yield self.text.problem(
                        path, f"{alias!r} names two services", "nobody could tell them apart"
                    )

    def _alerts(self) -> Iterator[Problem]:
        """What says nothing of one target alone would silence those of everything beside it."""
        shared = {self.catalog.alerts.environment, self.catalog.alerts.severity}
        for name, target in self.catalog.targets.items():
            if target.alerts is not None and not target.alerts.keys() - shared:
                labels = " and ".join(sorted(target.alerts)) or "no label"
                yield self.text.problem(
                    ("targets", name, "alerts"),
                    f"alerts of {name!r} are told from others by {labels} alone",
                    "a silence would hide those of everything else too: name a label that only they carry",
                )

    def _shared(self, key: str, values: Iterable[tuple[str, str | None]]) -> Iterator[Problem]:
        owner: dict[str, str] = {}
        for person, value in values:
            if value is None:
                continue
            if value in owner:
                what = f"{person} has the same {key} as {owner[value]}"
                yield self.text.problem(("people", person, key), what, "one human is one person")
            owner.setdefault(value, person)
