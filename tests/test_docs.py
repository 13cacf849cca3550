"""The documents say what the code does: drawn pages are fresh, links lead somewhere, commands exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.__main__ import COMMANDS
from bot.commands import VERBS
from bot.settings import Settings
from bot.web.openapi import description
from integrations.registry import ENGINES, operations
from integrations.runner import config
from playbooks import library
from playbooks.check import check
from playbooks.criteria import FACTS, PREDICATES, load_criteria
from playbooks.model import Check, Step
from tests.reference import FOLDER, ROOT, written
from tests.reference.events import STREAMS, members
from tests.reference.markdown import slug
from tests.reference.spoken import commands_in, problem

DRAWN = written()
TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
}
OUTSIDE = {"BACKSTOP_REQUIRE", "BACKSTOP_KEY", "BACKSTOP_JOB"}
"""Variables that are no settings of the bot: of the tests, and what a runner's jobs are given."""

_CODE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("path", DRAWN)
def test_what_is_drawn_from_the_code_is_fresh(path: str) -> None:
    file = ROOT / path
    assert file.exists(), f"run `make docs`: {path} is missing"
    assert file.read_text(encoding="utf-8") == DRAWN[path], f"run `make docs`: {path} is stale"


def test_no_drawn_page_was_left_behind() -> None:
    assert {path for path in TEXTS if path.startswith(FOLDER)} <= set(DRAWN)


def known() -> Iterator[tuple[str, str]]:
    """Yield everything that must be told, with the page that tells it."""
    yield from (("verbs", f"### {name}\n") for name in VERBS)
    yield from (("verbs", f"`{option}:`") for verb in VERBS.values() for option in verb.options)
    yield from (("command-line", f"## backstop {name}\n") for name in COMMANDS)
    yield from (("settings", f"`BACKSTOP_{name.upper()}`") for name in Settings.model_fields)
    yield from (("engines", f"## {name}\n") for name in ENGINES)
    yield from (("engines", f"### {name}\n") for name in operations())
    yield from (
        ("events", f"### {event.__name__}\n") for union in STREAMS.values() for event in members(union)
    )
    yield from (("criteria", f"| `{name}` |") for name in (*FACTS, *PREDICATES))
    shipped = load_criteria(library.read("criteria.yaml"), "criteria.yaml")
    yield from (("criteria", f"| `{veto.id}` |") for veto in shipped.vetoes)
    yield from (
        ("http", f"{method.upper()} {path}\n")
        for path, item in description()["paths"].items()
        for method in item
        if method != "parameters"
    )


@pytest.mark.parametrize(("page", "told"), sorted(set(known())))
def test_everything_people_can_use_is_told(page: str, told: str) -> None:
    assert told in TEXTS[f"{FOLDER}/{page}.md"]


def links() -> Iterator[tuple[str, str]]:
    """Yield every link to another place in the project, with the document it stands in."""
    for path, text in TEXTS.items():
        for target in _LINK.findall(_CODE.sub("", text)):
            if not re.match(r"[a-z]+:", target):
                yield path, target


@pytest.mark.parametrize(("path", "target"), sorted(set(links())))
def test_every_link_leads_somewhere(path: str, target: str) -> None:
    name, _, anchor = target.partition("#")
    place = (ROOT / path).parent / name if name else ROOT / path
    assert place.exists()
    if anchor:
        headings = re.findall(r"^#+ (.+)$", _CODE.sub("", place.read_text(encoding="utf-8")), re.MULTILINE)
        assert anchor in [slug(heading) for heading in headings]


def spoken() -> Iterator[tuple[str, str]]:
    """Yield every command line; the page of the command line holds the programs' own words."""
    for path, text in TEXTS.items():
        if path != f"{FOLDER}/command-line.md":
            yield from ((path, line) for line in commands_in(text))


@pytest.mark.parametrize(("path", "line"), sorted(set(spoken())))
def test_every_command_line_can_be_said(path: str, line: str) -> None:
    assert problem(line) == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("backstop statu INC-1", "no verb 'statu'"),
        ("/backstop declare Orders are wrong", "takes 1 words"),
        ('@backstop resolve "done" dat:"none"', "no option 'dat'"),
        ("backstop gate --servce checkout", "no option --servce"),
        ("backstop token isue --for ana", "token isue is no command"),
        ("backstop-runner sqlite restore --from x", "no option --from"),
        ('backstop note "it began', "quotation"),
    ],
)
def test_a_command_line_that_cannot_be_said_is_found(line: str, says: str) -> None:
    assert list(commands_in(f"```sh\n$ {line}\n```")) == [line]
    assert says in problem(line)


@pytest.mark.parametrize("path", TEXTS)
def test_every_variable_is_a_setting(path: str) -> None:
    named = set(re.findall(r"\bBACKSTOP_[A-Z_]*[A-Z]\b", TEXTS[path]))
    assert named - OUTSIDE <= {f"BACKSTOP_{name.upper()}" for name in Settings.model_fields}


def test_every_test_that_a_page_names_is_there() -> None:
    written = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    named = {name for text in TEXTS.values() for name in re.findall(r"`(test_\w+)`", text)}
    assert named
    assert named - written == set()


@pytest.mark.parametrize("path", TEXTS)
def test_every_make_target_exists(path: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = re.findall(r"^(?:\$ )?make ([a-z]+)|`make ([a-z]+)", TEXTS[path], re.MULTILINE)
    assert {first or second for first, second in named} <= targets


def examples(language: str) -> list[tuple[str, str]]:
    """Return the blocks of a language, with the document each stands in."""
    return [
        (path, body) for path, text in TEXTS.items() for name, body in _CODE.findall(text) if name == language
    ]


@pytest.mark.parametrize(("path", "text"), [item for item in examples("toml") if "[project]" not in item[1]])
def test_every_runner_configuration_can_be_used(path: str, text: str) -> None:
    assert config.parse(text).targets


@pytest.mark.parametrize(
    ("path", "text"), [item for item in examples("yaml") if "schema: backstop/playbook/1" in item[1]]
)
def test_every_whole_playbook_passes_its_check(path: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text(library.read("catalog.yaml"), encoding="utf-8")
    (tmp_path / "example.yaml").write_text(text, encoding="utf-8")
    checked = check([tmp_path], operations=operations())
    assert checked.problems == (), checked.lines


def steps_in(value: object) -> Iterator[dict[str, object]]:
    """Yield every step and check that a piece of a playbook holds."""
    match value:
        case {"uses": str(), **_others}:
            yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from steps_in(part)


@pytest.mark.parametrize(("path", "text"), [item for item in examples("yaml") if "uses:" in item[1]])
def test_every_step_of_an_example_is_made_of_words_of_the_language(path: str, text: str) -> None:
    words = {field.alias or name for part in (Step, Check) for name, field in part.model_fields.items()}
    found = list(steps_in(YAML(typ="safe").load(text)))
    assert found
    assert [(step["uses"], sorted(set(step) - words)) for step in found if not set(step) <= words] == []
