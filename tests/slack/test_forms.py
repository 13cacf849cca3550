"""Every form is one that Slack takes, and what is filled in becomes the line that says it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest

from bot.commands.grammar import read
from bot.sandbox.slack.checks import check_view
from bot.slack import asked, forms
from bot.slack.asked import FORMS, Stock, opened_by
from bot.slack.forms import Field, Form, Kept
from playbooks.catalog import Catalog, load_catalog
from tests.official import contract
from tests.runs.stage import CATALOG
from tests.slack.documents import NASTY

NOW = datetime(2026, 11, 23, 2, 25, tzinfo=UTC)
KEPT = Kept("declare", "declare", "C1", hook="https://hooks.slack.example/1")


def _catalog(services: int) -> Catalog:
    known = load_catalog(CATALOG, "catalog.yaml")
    [(name, one)] = known.services.items()
    more = {name: one, **{f"service-{number}": one for number in range(services - 1)}}
    return known.model_copy(update={"services": more})


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("services", [1, 2, 99, 300])
def test_slack_takes_every_form_whatever_the_catalog_holds(name: str, services: int) -> None:
    form = FORMS[name](Stock(_catalog(services), tuple(f"role-{number}" for number in range(200))))
    view = forms.modal(form, Kept(name, name, "C1"))
    check_view(view)
    assert {"type": "modal", "callback_id": "form"}.items() <= (view or {}).items()


@pytest.mark.parametrize("name", FORMS)
def test_every_form_fits_what_slack_publishes_of_its_blocks(name: str) -> None:
    schema = contract("slack/block-kit-from-types.schema.json")
    view = forms.modal(FORMS[name](Stock(_catalog(2))), Kept(name, name, "C1"))
    assert view
    for block in view["blocks"]:
        jsonschema_rs.Draft7Validator(schema | {"$ref": "#/definitions/KnownBlock"}).validate(block)


@pytest.mark.parametrize("text", NASTY)
def test_slack_takes_a_form_whose_draft_holds_anything(text: str) -> None:
    form = asked.with_draft(FORMS["update"](Stock(_catalog(1))), dict.fromkeys("can", text * 3), text)
    check_view(forms.modal(form, KEPT))
    check_view(forms.modal(forms.question("why", text, text), KEPT))
    check_view(forms.sheet(text, text, KEPT))


def test_what_is_too_long_to_travel_with_a_form_opens_none() -> None:
    assert (
        forms.modal(forms.question("why", "Why?", "Reject"), Kept("question", "reject " + "x" * 3000)) is None
    )


@pytest.mark.parametrize("text", [text for text in NASTY if text.strip()])
def test_what_is_filled_in_is_said_to_the_letter(text: str) -> None:
    form = Form("note", "", "", (Field("1", ""), Field("why", "")))
    words = read(forms.line_of(form, Kept("note", "note"), {"1": text, "why": text}))
    alone = read(forms.line_of(form, Kept("note", "note"), {"1": text, "why": ""}))
    assert words.verb == "note"
    assert words.args == (words.options["why"],) == alone.args
    assert not alone.options


def test_what_a_button_says_and_its_form_does_not_ask_goes_with_it() -> None:
    line = 'declare "Down" sev:1 env:production alerted:2026-11-23T02:08:00Z'
    form = FORMS["declare"](Stock(_catalog(1)))
    assert forms.rest_of(line, form) == 'declare alerted:"2026-11-23T02:08:00Z"'


def test_what_is_left_empty_is_not_said() -> None:
    form = FORMS["declare"](Stock(_catalog(1)))
    assert forms.line_of(form, KEPT, {"1": "Down", "since": "", "env": "production"}) == (
        'declare "Down" env:"production"'
    )


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"1": " \n ", "sev": "1"}, {"1": "Say it in a few words."}),
        ({"1": "Down", "since": "", "commander": ""}, {}),
        ({"1": "Down", "since": "25:00"}, {"since": "25:00 is no time with a zone"}),
        ({"1": "Down", "since": "2026-11-23T02:26:00Z"}, {"since": "lies in the future"}),
        ({"1": "Down", "commander": "@U0DEE"}, {"commander": "This person is not in the catalog."}),
        ({"1": "Down", "commander": "@U0BO"}, {}),
    ],
)
def test_a_mistake_that_nothing_has_to_be_read_for_is_told_beside_its_field(
    values: dict[str, str], wrong: dict[str, str]
) -> None:
    found = forms.wrong(FORMS["declare"](Stock(_catalog(1))), values, NOW)
    assert found.keys() == wrong.keys()
    assert all(sentence in found[name] for name, sentence in wrong.items())


def test_what_every_kind_of_field_sends_is_read() -> None:
    state: dict[str, Any] = {
        "1": {"1": {"type": "plain_text_input", "value": "Down"}},
        "2": {"2": {"type": "users_select", "selected_user": "U0BO"}},
        "sev": {"sev": {"type": "static_select", "selected_option": {"value": "2"}}},
        "svc": {"svc": {"type": "multi_static_select", "selected_options": [{"value": "a"}, {"value": "b"}]}},
        "env": {"env": {"type": "static_select", "selected_option": None}},
        "why": {"why": {"type": "plain_text_input", "value": None}},
        "who": {"who": {"type": "users_select", "selected_user": None}},
        "all": {"all": {"type": "multi_static_select", "selected_options": []}},
    }
    assert forms.filled({"state": {"values": state}}) == {
        "1": "Down",
        "2": "@U0BO",
        "sev": "2",
        "svc": "a,b",
        "env": "",
        "why": "",
        "who": "",
        "all": "",
    }


def test_only_the_words_of_a_verb_alone_open_its_form() -> None:
    opened = {
        line: opened_by(line) for line in ("declare", " Freeze  on ", "freeze", "decide", "update post", "")
    }
    assert opened == {
        "declare": "declare",
        " Freeze  on ": "freeze on",
        "freeze": None,
        "decide": None,
        "update post": None,
        "": None,
    }


def test_a_form_carries_where_it_was_opened_and_never_who_opened_it() -> None:
    view = forms.modal(FORMS["role"](Stock(_catalog(1))), KEPT)
    assert view
    kept = Kept.of(view)
    assert kept == KEPT
    assert kept.place("U0BO").user == "U0BO"
    assert "U0" not in view["private_metadata"]
