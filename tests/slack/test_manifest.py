"""The app that Slack is asked to make: what the door uses, and nothing else."""

from __future__ import annotations

import ast

import pytest
from ruamel.yaml import YAML

from bot import manifest as asked
from bot.manifest import EVENTS, SCOPES, manifest
from bot.sandbox.slack.methods import METHODS
from bot.terminal.manifest import main
from tests.terminal.shell import ROOT

PAGE = (ROOT / "docs" / "how-to" / "set-up-slack.md").read_text(encoding="utf-8")
URL = "https://backstop.example.com"


def test_the_app_asks_for_the_scopes_of_what_the_door_calls_and_no_more() -> None:
    used = {name: set(METHODS[name].scopes) for name in methods() if METHODS[name].scopes}
    assert {name for name, scopes in used.items() if not scopes & set(SCOPES)} == set()
    assert set(SCOPES) - set().union(*used.values()) == {
        *("app_mentions:read", "commands", "files:read", "reactions:read")
    }


def test_the_app_hears_what_the_door_listens_to() -> None:
    # To hear of every message is left to whoever sets the app up.
    assert sorted(EVENTS) == sorted(registered("event") - {"message"})
    shortcuts = manifest(None)["features"]["shortcuts"]
    assert sorted(each["callback_id"] for each in shortcuts) == sorted(registered("shortcut"))


def test_the_page_says_what_each_scope_is_for() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `") and ":" in line.split("|")[1]]
    said = [f"| `{scope}` | {purpose} |" for scope, purpose in SCOPES.items()]
    assert [line for line in said if line not in PAGE] == []
    assert [line for line in rows if line not in said] == []


def test_the_two_ways_differ_in_who_calls(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    called = YAML(typ="safe").load(capsys.readouterr().out)
    assert main(["--http", f"{URL}/"]) == 0
    text = capsys.readouterr().out
    reached = YAML(typ="safe").load(text)
    assert text.startswith("display_information:\n  name: Backstop\n")
    assert called == manifest(None)
    assert called["settings"]["socket_mode_enabled"] is True
    assert URL not in str(called)
    assert reached["settings"]["socket_mode_enabled"] is False
    assert reached["settings"]["event_subscriptions"]["request_url"] == f"{URL}/slack/events"
    assert reached["settings"]["interactivity"]["request_url"] == f"{URL}/slack/events"
    assert reached["features"]["slash_commands"][0]["url"] == f"{URL}/slack/events"


@pytest.mark.parametrize("url", ["http://backstop.example.com", "backstop.example.com", f"{URL}/?a=b"])
def test_an_address_that_slack_would_refuse_is_refused_here(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--http", url])
    assert ended.value.code == 2
    assert f"'{url}' is no address that Slack takes: write https:// and a host" in capsys.readouterr().err


def registered(what: str) -> set[str]:
    """Return the events or shortcuts that the door listens to by name."""
    found: set[str] = set()
    for file in (ROOT / "bot" / "slack").glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        named = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            match node:
                case ast.Call(ast.Attribute(ast.Name("app"), attr), [ast.Constant(str(name)), *_]) if (
                    attr == what
                ):
                    found.add(name)
                case ast.Call(ast.Attribute(ast.Name("app"), attr), [ast.Name(name), *_]) if attr == what:
                    found.add(str(named.get(name) or getattr(asked, name)))
    return found


def methods() -> set[str]:
    """Return the methods of Slack's Web API that the door's code names."""
    return {
        node.value
        for file in (ROOT / "bot" / "slack").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in METHODS
    }
