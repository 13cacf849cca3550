"""What follows from the releases that were recorded of a service."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.cards.lines import describe
from bot.core.document import say
from bot.core.events import Entry, NoteAdded, ReleaseRecorded
from bot.core.release import (
    Release,
    Word,
    kept_out,
    migrated,
    misnamed,
    releases,
    schema_change,
    stood_before,
    suspected,
    version_before,
    word,
)


def at(minute: int) -> datetime:
    return datetime(2026, 11, 23, 2, minute, tzinfo=UTC)


def told(version: str = "2.4.0", **more: object) -> ReleaseRecorded:
    return ReleaseRecorded(version=version, **{"environment": "production", **more})  # type: ignore[arg-type]


def entry(minute: int, event: ReleaseRecorded, seq: int = 1) -> Entry:
    return Entry("service/checkout", seq, at(minute), at(minute), "ci", "http", event)


def newest_first(*versions: str, **more: object) -> list[Release]:
    minutes = range(len(versions), 0, -1)
    return [Release(told(name, **more), at(n), "ci") for n, name in zip(minutes, versions, strict=True)]


def test_releases_come_newest_first_whenever_they_were_told() -> None:
    entries = [
        entry(5, told("b")),
        entry(3, told("a"), 2),
        entry(5, told("c"), 3),
        entry(9, told("x", environment="staging"), 4),
        replace(entry(9, told("gone"), 5), event=None),
        replace(entry(9, told("gone"), 6), event=NoteAdded(text="no release")),
    ]
    assert [each.told.version for each in releases(entries, "production")] == ["c", "b", "a"]
    assert [each.told.version for each in releases(entries)] == ["x", "c", "b", "a"]


def test_the_release_before_is_the_one_whose_version_was_replaced() -> None:
    assert stood_before([]) is None
    assert stood_before(newest_first("2.4.0")) is None
    before = stood_before(newest_first("2.4.0", "2.4.0", "2.3.0", "2.2.0"))
    assert before
    assert before.told.version == "2.3.0"


def test_the_release_before_is_the_one_that_was_named() -> None:
    standing, *others = newest_first("2.4.0", "2.3.1", "2.3.0")
    named = Release(told("2.4.0", previous="2.3.0"), standing.at, "ci")
    assert stood_before([named, *others]) == others[1]
    assert stood_before([named, others[0]]) is None


def test_a_flag_or_a_machine_is_no_version_to_go_back_to() -> None:
    flag, machine = (Release(told(kind, change=kind), at(50), "bo") for kind in ("config", "infra"))
    code, schema = newest_first("2.4.0", "2.3.0", change="schema")
    assert stood_before([flag, code, machine, schema]) == schema


def test_what_stood_before_a_suspect_is_counted_from_it() -> None:
    known = newest_first("2.4.1", "2.4.0", "2.3.0")
    assert suspected(known, "2.4.0", at(30)) == known[1:]
    assert suspected(known, None, at(30)) == known
    assert suspected(known, None, at(2)) == known[1:]
    assert suspected(known, None, at(0)) == suspected(known, "9.9", at(30)) == ()


def test_a_release_that_is_suspected_by_its_name_counts_whenever_it_was_recorded() -> None:
    known = newest_first("2.4.0", "2.3.1", "2.4.0", "2.3.0")
    assert suspected(known, "2.4.0", at(3)) == known[2:]
    assert suspected(known, "2.4.0", at(0)) == known


def test_the_version_before_is_told_by_the_release_that_replaced_it() -> None:
    standing, *others = newest_first("2.4.0", "2.3.1", "2.3.0")
    assert version_before([standing, *others]) == "2.3.1"
    assert version_before([Release(told("2.4.0", previous="2.2.9"), standing.at, "ci"), *others]) == "2.2.9"
    assert version_before([standing]) is None
    assert version_before([]) is None


@pytest.mark.parametrize(
    ("release", "schema"),
    [
        (told(), None),
        (told(migrations=("m7",)), None),
        (told(reversible={}), "none"),
        (told(migrations=("m7",), reversible={"m7": True}), "reversible"),
        (told(migrations=("m7", "m8"), reversible={"m7": True}), None),
        (told(migrations=("m7", "m8"), reversible={"m8": False}), "irreversible"),
    ],
)
def test_a_schema_is_as_its_worst_migration_and_not_known_where_nobody_said(
    release: ReleaseRecorded, schema: str | None
) -> None:
    assert schema_change(release) == schema


def recorded_before(entries: list[Entry], release: ReleaseRecorded, moment: datetime | None) -> bool:
    return word(entries, release, moment).keep is None


def test_a_release_is_recorded_once_for_as_long_as_it_stands() -> None:
    entries = [entry(1, told("2.3.0")), entry(2, told("2.4.0"), 2)]
    assert recorded_before(entries, told("2.4.0"), None)
    assert not recorded_before(entries, told("2.4.0", commit="ab"), None)
    assert not recorded_before(entries, told("2.4.0", environment="staging"), None)
    assert not recorded_before(entries, told("2.3.0"), None)
    assert not recorded_before([], told("2.3.0"), None)


def test_a_release_told_again_for_its_moment_is_known_however_old() -> None:
    entries = [entry(1, told("2.3.0")), entry(2, told("2.4.0"), 2)]
    assert recorded_before(entries, told("2.3.0"), at(1))
    assert not recorded_before(entries, told("2.3.0"), at(3))
    assert recorded_before(entries, told("2.4.0"), at(2))


def test_the_same_version_at_another_moment_is_another_deployment_of_it() -> None:
    entries = [entry(10, told("2.4.0"))]
    late = word(entries, told("2.4.0"), at(3))
    assert late == Word(told("2.4.0"), at(3), beside=at(10))
    after = [*entries, Entry("service/checkout", 2, at(3), at(12), "bo", "http", late.keep)]
    assert [each.at for each in releases(after)] == [at(10), at(3)]
    assert word(after, told("2.4.0"), at(3)) == Word(None, at(3))
    assert word(after, told("2.4.0"), None) == Word(None, at(10))
    # nobody deployed it again where only the seconds were left out
    exact = at(10) + timedelta(seconds=7, microseconds=300)
    written = [replace(entries[0], occurred_at=exact)]
    assert word(written, told("2.4.0", commit=None), at(10)) == Word(None, exact)
    assert word(written, told("2.4.0"), exact.replace(microsecond=0)) == Word(None, exact)
    assert word(written, told("2.4.0"), at(10) + timedelta(seconds=8)).keep


PLAIN = "whoever is on the way can change what plain http brings: name an image, or an https address"


@pytest.mark.parametrize(
    ("artifact", "why"),
    [
        ("registry.example:5000/checkout@sha256:ab", None),
        ("registry.example/checkout:2.3.0", None),
        ("https://files.example/checkout-2.3.0.tgz", None),
        ("https://bo:secret@files.example/x.tgz", "it holds who may open it"),
        ("bo:secret@registry.example/checkout:2.3.0", "it holds who may open it"),
        ("bo@registry.example/checkout:2.3.0", "it holds who may open it"),
        ("//bo:secret@registry.example/checkout", "it holds who may open it"),
        ("https:/bo:secret@files.example/x.tgz", "it holds who may open it"),
        ("https://files.example/@shop/x.tgz", None),
        ("https://files.example/x.tgz?X-Signature=ab", "what stands behind `?` or `#` may be a secret"),
        ("https://files.example/x.tgz#ab", "what stands behind `?` or `#` may be a secret"),
        ("https://[files/x.tgz", "it cannot be read as one"),
        ("HTTP://169.254.169.254/latest", PLAIN),
        ("http://files.example/x.tgz", PLAIN),
    ],
)
def test_an_address_that_opens_a_door_is_not_kept(artifact: str, why: str | None) -> None:
    assert kept_out(artifact) == why


@pytest.mark.parametrize(
    ("release", "line"),
    [
        (told(), "Release 2.4.0 was put into production"),
        (told(out_of_pipeline=True), "Release 2.4.0 was put into production past the pipelines"),
        (told("flag-7", change="config"), "flag-7, a change of config, was made in production"),
        (
            told("pool x2", change="infra", out_of_pipeline=True),
            "pool x2, a change of infrastructure, was made in production past the pipelines",
        ),
    ],
)
def test_a_release_and_another_change_are_told_in_words(release: ReleaseRecorded, line: str) -> None:
    assert say(describe(entry(1, release))) == line


def test_migrations_are_named_with_what_is_known_of_taking_them_back() -> None:
    release = told(migrations=("m7", "m8", "m9"), reversible={"m7": True, "m8": False})
    assert migrated(release) == "m7, m8 (cannot be taken back), m9"
    assert migrated(told()) == ""


def test_another_word_on_a_release_corrects_it_at_its_moment_and_keeps_what_it_leaves_out() -> None:
    first = told(migrations=("m9",), reversible={"m9": True}, artifact="registry.example/checkout:2.4.0")
    entries = [entry(1, first), entry(2, told("2.4.0", commit="ab"), 2), entry(1, told("2.3.0"), 3)]
    said = word(entries, told(migrations=("m9",), reversible={"m9": False}), at(1))
    assert (said.at, said.corrects) == (at(1), True)
    assert said.keep == first.model_copy(update={"reversible": {"m9": False}})

    corrected = [*entries, entry(1, said.keep, 4)]
    assert [each.told for each in releases(corrected)] == [
        told("2.4.0", commit="ab"),
        told("2.3.0"),
        said.keep,
    ]
    assert word(corrected, told(), at(1)) == Word(None, at(1))


def test_the_release_of_the_moment_is_corrected_and_not_a_newer_one_of_the_same_version() -> None:
    entries = [entry(1, told("a")), entry(2, told("b"), 2), entry(3, told("a"), 3)]
    assert word(entries, told("a", previous="z"), at(1)).at == at(1)
    assert word(entries, told("a", previous="z"), None).at == at(3)


def test_the_same_telling_that_comes_late_is_no_correction() -> None:
    first = told(migrations=("m9",), reversible={"m9": True}, artifact="registry.example/checkout:2.4.0")
    wrong = told(migrations=("m9",), reversible={"m9": False})
    entries = [entry(1, first), entry(1, first.model_copy(update={"reversible": {"m9": False}}), 2)]
    entries += [entry(1, told("2.4.0", environment="staging"), 3), entry(1, told("2.3.0"), 4)]

    assert word(entries, first, at(1), once=True) == Word(None, at(1))
    assert word(entries, wrong, at(1), once=True) == Word(None, at(1))
    assert word(entries, first, at(1)).corrects
    assert word(entries, told(previous="2.3.0"), at(1), once=True).corrects


@pytest.mark.parametrize(
    ("release", "wrong"),
    [
        (told(previous="2.3.0"), None),
        (told("pool of 64", change="config"), None),
        (told(" "), "The version is no line of 1 to 200 characters"),
        (told("  ", change="config"), "The version is no line of 1 to 200 characters"),
        (told("x" * 201), "The version is no line of 1 to 200 characters"),
        (told("2.4.0\u202e"), "The version is no line of 1 to 200 characters"),
        (told("2.4.0 final"), "The version holds a blank"),
        (told(previous="2.3.0 final"), "The version holds a blank"),
        (told("https://u:pw@x/y", change="infra"), "The version is an address"),
        (told("u:pw@x"), "The version reads as if it held a password"),
        (told("dsn u:pw@x", change="config"), "The version reads as if it held a password"),
        (told(":pw@x"), "The version reads as if it held a password"),
        (told("u:@x"), "The version reads as if it held a password"),
        (told("u:pw@sha256:zz"), "The version reads as if it held a password"),
        (told("u:pw@sha256:ab@x"), "The version reads as if it held a password"),
        (told(previous="u:pw@x"), "The version reads as if it held a password"),
        (told(commit="u:pw@x"), "The commit reads as if it held a password"),
        (told(migrations=("m7", "u:pw@x")), "The name of a migration reads as if it held a password"),
        (told(components=("u:pw@x",)), "The name of a component reads as if it held a password"),
        (told("checkout:2.4.0@sha256:ab12"), None),
        (told("@shop/checkout@2.4.0"), None),
        (told("2.4.0", commit="ab12", migrations=("m7",), components=("api",)), None),
    ],
)
def test_a_version_is_a_word_and_no_address(release: ReleaseRecorded, wrong: str | None) -> None:
    assert misnamed(release) == wrong
