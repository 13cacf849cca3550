"""A foreign site in the same browser reaches nothing, and what people type is shown and never obeyed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.sandbox.page.html import Html, joined, tag, text
from bot.sandbox.page.markup import Eyes, mrkdwn
from bot.sandbox.page.seat import seat_of
from bot.sandbox.slack import SlackStandIn
from tests.sandbox.page.visitor import Visitor, read

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><b>"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "192.0.2.7", "", "[", "127.0.0.1.evil.example"]
)
async def test_a_name_that_leads_here_is_refused(visitor: Visitor, host: str) -> None:
    async with visitor.session.get("/", headers={"Host": host}) as answer:
        assert answer.status in (400, 403)
        assert "<form" not in await answer.text()


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:9"])
async def test_names_of_this_machine_are_let_in(visitor: Visitor, host: str) -> None:
    async with visitor.session.get("/", headers={"Host": host}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
@pytest.mark.parametrize("path", ["/", "/live"])
async def test_what_another_site_asks_for_is_refused(visitor: Visitor, origin: str, path: str) -> None:
    async with visitor.session.get(path, headers={"Origin": origin}) as answer:
        assert answer.status == 403


@pytest.mark.parametrize("path", ["say", "press", "submit", "close", "home", "join", "switch", "outside"])
@pytest.mark.parametrize("token", ["", "wrong"])
async def test_a_form_without_the_token_changes_nothing(
    visitor: Visitor, slack: SlackStandIn, path: str, token: str
) -> None:
    sent = {"token": token, "line": "hello", "here": "as=ana", "name": "slack", "on": "yes"}
    async with visitor.session.post(f"/{path}", data=sent) as answer:
        assert answer.status == 403
        assert "Nothing was done" in await answer.text()
    assert slack.messages("general") == []
    assert not slack.faults.down


async def test_every_answer_forbids_what_the_page_does_not_need(visitor: Visitor) -> None:
    for path in ("/", "/static/page.js", "/static/nothing.js"):
        async with visitor.session.get(path) as answer:
            assert answer.headers["Content-Security-Policy"].startswith(
                "default-src 'none'; script-src 'self'"
            )
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_inside(visitor: Visitor) -> None:
    document = await visitor.look()
    scripts = [each["src"] for each in document.all("script")]
    loaded = scripts + [each["href"] for each in document.all("link")]
    assert loaded
    assert all(address.startswith("/static/") for address in loaded)
    assert all(not key.startswith("on") for each in document.all() for key in each.attributes)
    assert [each for each in document.all() if "style" in each.attributes] == []


async def test_hostile_text_is_shown_as_it_was_typed(visitor: Visitor, slack: SlackStandIn) -> None:
    slack.say("bo", EVIL)
    document = await visitor.look(f"/?as={EVIL}&note={EVIL}".replace("<", "%3C").replace(">", "%3E"))
    assert [each.attributes.get("src") for each in document.all("script")] == ["/static/page.js"]
    assert document.all("img") == []
    assert EVIL in document.one("div", id="talk").text
    assert EVIL[:20] in document.one("div", id="note").text


def test_a_moment_is_read_once_and_with_its_day_where_that_is_not_today() -> None:
    slack = SlackStandIn(now=lambda: datetime(2026, 11, 23, 8, 59, tzinfo=UTC))
    eyes = Eyes(slack.workspace, seat_of(slack, {}, ()))
    today, before = (
        "<!date^1795399800^{date_num}|x> (02:10:00Z)",
        "<!date^1795391940^{date_num}|x> (23:59:00Z)",
    )
    shown = read(mrkdwn(eyes, f"{before}, {today}"))
    assert [each.text for each in shown.all("time")] == ["2026-11-22 23:59:00Z", "02:10:00Z"]
    assert "(" not in shown.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.sampled_from("<>&\"'|*_~`!@#^:/ ab\n\ue000\ue0010"), max_size=60))
def test_no_markup_of_slack_becomes_an_element_that_was_not_meant(said: str) -> None:
    slack = SlackStandIn()
    shown = mrkdwn(Eyes(slack.workspace, seat_of(slack, {}, ())), said)
    known = {"strong", "em", "s", "code", "pre", "br", "span", "a", "time"}
    for element in read(shown).all():
        assert element.name in known
        assert set(element.attributes) <= {"class", "href", "target", "rel", "datetime", "title"}
        assert element.attributes.get("href", "https://").startswith(("https://", "http://", "/?", "mailto:"))


@given(st.text(max_size=40), st.text(max_size=40))
def test_text_stays_text_inside_and_in_attributes(inside: str, value: str) -> None:
    shown = tag("p", inside, title=value)
    [element] = read(shown).children
    assert element.children == []
    assert isinstance(joined([shown, inside]), Html)
    assert read(text(inside)).children == []
