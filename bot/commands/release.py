"""Say what was put out, or changed past the pipelines, and show what was."""

from __future__ import annotations

from collections.abc import Mapping

from bot.commands.grammar import a_time, one_of
from bot.commands.impact import told_in_full
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.document import Code, Document, Line, Paragraph, Small, Strong, Table, utc
from bot.core.errors import Refused
from bot.core.events import ReleaseRecorded
from bot.core.may import Right
from bot.core.release import (
    CHANGES,
    STRATEGIES,
    Release,
    Word,
    ahead_in_words,
    kept_out,
    migrated,
    misnamed,
    releases,
    word,
)
from bot.timeline import Change

LISTED = 20
NONE = "none"
_TAGS = {"reversible": True, "irreversible": False}
_YES = {"yes": True, "no": False}


async def act(ask: Ask) -> Outcome:
    """Record a release of the service named, or list the newest ones."""
    action = one_of(ask.argument(0, "`record` or `list`"), ("record", "list"), "word of release")
    service = _service(ask)
    if action == "list":
        return Outcome(await _list(ask, service))
    told = _told(ask, _environment(ask, service))
    at = a_time(ask.words.options["at"], ask.now) if "at" in ask.words.options else None
    entries = await ask.timeline.read(f"service/{service}")
    said = word(entries, told, at)
    answer = _answer(ask, service, told, said)
    if said.keep is None:
        return Outcome(answer)
    return Outcome(answer, {f"service/{service}": Change(len(entries), (said.keep,), said.at)})


def _answer(ask: Ask, service: str, told: ReleaseRecorded, said: Word) -> Answer:
    where: Line = (Strong(f"{service} {told.version}"), f" in {told.environment}")
    new = " was recorded before, and is corrected." if said.corrects else " is recorded."
    done = new if said.keep else " was recorded before: nothing was changed."
    when: Line = ()
    if said.keep and said.at and (typed := ask.words.options.get("at")):
        when = (*told_in_full(ask, " It went out", said.at, said=typed, again="at"), ".")
    if said.ahead and said.at:
        when = (*when, f" {ahead_in_words(said.ahead, said.at)}")
    if said.beside:
        when = (
            *when,
            f" The same version of {utc(said.beside)} stays; "
            f"to correct that one, say it again with at:{said.beside:%Y-%m-%dT%H:%M:%SZ}.",
        )
    data = {
        "service": service,
        "environment": told.environment,
        "version": told.version,
        "recorded": said.keep is not None,
        "corrected": said.corrects,
    }
    small = Small(("Shown by ", Code(f"{ask.desk.command} release list {service}")))
    return Answer(Document("", (Paragraph((*where, done, *when)), small)), data=data)


def _service(ask: Ask) -> str:
    word = ask.argument(1, "The service")
    found = ask.catalog.service(word)
    if found is None:
        near = ask.catalog.nearest_service(word)
        hint = f"Did you mean {near}?" if near else f"There are: {', '.join(sorted(ask.catalog.services))}."
        raise Refused(f"There is no service {word[:60]}: nothing was recorded. {hint}")
    return found


def _environment(ask: Ask, service: str) -> str:
    there = ask.catalog.services[service].environments
    if "env" not in ask.words.options and len(there) == 1:
        return next(iter(there))
    return one_of(ask.option("env", f"where, one of {', '.join(there)}"), there, f"environment of {service}")


def _told(ask: Ask, environment: str) -> ReleaseRecorded:
    options = ask.words.options
    migrations, reversible = _migrations(options.get("migrations"))
    told = ReleaseRecorded(
        version=ask.option("version", "which version, or what was changed"),
        environment=environment,
        commit=_word(options["commit"], "commit") if "commit" in options else None,
        strategy=one_of(options["strategy"], STRATEGIES, "strategy") if "strategy" in options else None,
        migrations=migrations,
        change=one_of(options.get("change", "code"), CHANGES, "kind of change"),
        reversible=reversible,
        components=tuple(_split(options.get("components", ""))),
        artifact=_artifact(options.get("artifact")),
        previous=options.get("previous"),
        out_of_pipeline=_YES[one_of(options.get("out-of-pipeline", "no"), _YES, "answer")],
    )
    if wrong := misnamed(told):
        raise Refused(f"{wrong}: nothing was recorded. Say it as in 2.4.0.")
    return told


def _migrations(text: str | None) -> tuple[tuple[str, ...], Mapping[str, bool] | None]:
    """Return the migrations with what is known of taking them back: `m7=reversible,m8`, or `none`."""
    if text is None:
        return (), None
    if text.strip().lower() == NONE:
        return (), {}
    names, reversible = list[str](), dict[str, bool]()
    for part in _split(text):
        name, tagged, tag = part.partition("=")
        names.append(_word(name, "name of a migration"))
        if tagged:
            reversible[name] = _TAGS[one_of(tag, _TAGS, "word about a migration")]
    return tuple(names), reversible


def _artifact(text: str | None) -> str | None:
    why = kept_out(text) if text else None
    if why:
        raise Refused(f"This address of an artefact is not kept, because {why}: nothing was recorded.")
    return _word(text, "artefact") if text else None


def _word(text: str, what: str) -> str:
    if not text.strip() or len(text) > 200 or not text.isprintable():
        raise Refused(f"The {what} is no line of 1 to 200 characters: nothing was recorded.")
    return text


def _split(text: str) -> list[str]:
    return [_word(part.strip(), "name") for part in text.split(",") if part.strip()]


async def _list(ask: Ask, service: str) -> Answer:
    found = releases(await ask.timeline.read(f"service/{service}"), ask.words.options.get("env"))
    rows = [_row(release) for release in found[:LISTED]]
    header = ("When", "Version", "Environment", "Change", "Migrations", "By")
    none = Paragraph((f"Nothing of {service} was recorded yet.",))
    versions = [release.told.version for release in found[:LISTED]]
    return Answer(Document("", (Table(header, rows) if rows else none,)), data={"releases": versions})


def _row(release: Release) -> tuple[Line, ...]:
    told = release.told
    change = f"{told.change or 'unknown'}{', past the pipelines' if told.out_of_pipeline else ''}"
    unsaid = "none" if told.reversible is not None else "nobody said"
    cells = (told.environment, change, migrated(told) or unsaid, release.by)
    return ((utc(release.at),), (Strong(told.version),), *((cell,) for cell in cells))


VERB = Verb(
    name="release",
    usage="release record <service> version:2.4.0 [env:…] [commit:…] [strategy:canary] "
    "[change:code|config|schema|…] [migrations:none|m7=reversible,m8=irreversible] [components:api,web] "
    "[artifact:…] [previous:2.3.0] [at:02:10] [out-of-pipeline:yes] | list <service>",
    summary="Say what was put out or changed, or show what was.",
    right=Right.REPORT,
    act=act,
    options=frozenset(
        {
            "version",
            "env",
            "commit",
            "strategy",
            "change",
            "migrations",
            "components",
            "artifact",
            "previous",
            "at",
            "out-of-pipeline",
        }
    ),
    words=2,
)
