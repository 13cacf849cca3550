"""What programs and people read, and what hostile text does to it: nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from bot.core.document import (
    Bullets,
    Button,
    Buttons,
    Code,
    Document,
    Fields,
    Heading,
    Link,
    Menu,
    Moment,
    Paragraph,
    Preformatted,
    Small,
    Strong,
    Table,
    Who,
)
from bot.core.events import NoteAdded, PlanFailed, Planned, RunStarted, StepStarted
from bot.core.plan import plan_hash
from bot.web.html import POLICY, STYLE, page
from tests.core.plans import START, plan
from tests.web.door import DECLARED, FROZEN, PLAN_ASKED, Door

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)> \"quotes\" 'single' & | <!channel> "
    "\u202eesrever\u202c \x00\x1b[31m 😀 {{7*7}} ]]> <!-- "
)
URL = "https://x.example/?a=1&b=\"'"
PATHS = ("/incidents", "/incidents/INC-1", "/runs/RUN-1", "/freezes")


async def played(door: Door, text: str = "a note") -> None:
    drawn = plan(title=text)
    await door.write("incident/INC-1", DECLARED.model_copy(update={"title": text}), NoteAdded(text=text))
    await door.write("run/RUN-1", PLAN_ASKED)
    await door.write("run/RUN-1", Planned(plan=drawn, hash=plan_hash(drawn)))
    await door.write("freeze/FRZ-1", FROZEN.model_copy(update={"why": text}))


class Tags(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


async def test_an_incident_is_read_whole(any_door: Door) -> None:
    await played(any_door)

    reply = await any_door.get("/v1/incidents/INC-1", await any_door.token("ana", "read"))

    assert reply.status == 200
    assert (reply.json["runs"], reply.json["freezes"]) == (["RUN-1"], ["FRZ-1"])
    assert reply.json["incident"]["title"] == "a note"  # type: ignore[index]
    assert "INC-1 SEV1 investigating: a note" in str(reply.json["text"])


async def test_a_timeline_is_json_or_markdown_as_asked(door: Door) -> None:
    await played(door)
    token = await door.token("ana", "read")
    path = "/v1/incidents/INC-1/timeline"

    rows = (await door.get(path, token)).json[""]
    text = await door.get(path, token, headers={"Accept": "text/markdown"})

    assert [row["stream"] for row in rows] == sorted(row["stream"] for row in rows)  # type: ignore[attr-defined]
    assert len(rows) == 5  # type: ignore[arg-type]
    assert text.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert text.text.startswith("# INC-1 timeline: a note")


async def test_a_post_mortem_is_markdown(door: Door) -> None:
    await played(door)

    reply = await door.get("/v1/incidents/INC-1/postmortem", await door.token("ana", "read"))

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert "# INC-1 post-mortem: a note" in reply.text
    assert "## Timeline" in reply.text


async def test_a_run_tells_its_state_and_its_plan(door: Door) -> None:
    await played(door)
    token = await door.token("ana", "read")

    planned = await door.get("/v1/runs/RUN-1", token)
    drawn = plan(title="a note")
    started = RunStarted(hash=plan_hash(drawn), expires={"overwrite": START})
    await door.write("run/RUN-1", started, StepStarted(step="stop", attempt=1, key="RUN-1.stop.1"))
    await door.timeline.records.progressed("RUN-1", "stop", {"phase": "stopping", "done": 1})
    running = await door.get("/v1/runs/RUN-1", token)

    assert (planned.json["state"], planned.json["over"]) == ("planned", False)
    assert planned.json["run"]["plan"]["title"] == "a note"  # type: ignore[index]
    assert running.json["state"] == "running"
    assert str(running.json["text"]).startswith("RUN-1 running, 0 of 3 steps over")


async def test_a_run_whose_plan_is_being_drawn_or_failed_says_so(door: Door) -> None:
    await door.write("incident/INC-1", DECLARED)
    await door.write("run/RUN-1", PLAN_ASKED)
    token = await door.token("ana", "read")

    drawing = await door.get("/v1/runs/RUN-1", token)
    await door.write("run/RUN-1", PlanFailed(because="no such playbook"))
    failed = await door.get("/v1/runs/RUN-1", token)

    assert (drawing.json["state"], drawing.json["over"]) == ("planning", False)
    assert (failed.json["state"], failed.json["over"]) == ("not planned", True)
    assert "no such playbook" in str(failed.json["text"])


async def test_freezes_in_force_are_listed_with_their_scope(door: Door) -> None:
    await played(door)

    reply = await door.get("/v1/freezes", await door.token("ana", "read"))

    [freeze] = reply.json["freezes"]  # type: ignore[misc]
    assert freeze["id"] == "FRZ-1"
    assert freeze["scope"]["services"] == ["checkout"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/incidents/INC-9",
        "/v1/incidents/RUN-1",
        "/v1/incidents/INC-0",
        "/v1/incidents/INC-99999999999999999999",
        "/v1/incidents/..%2f..%2fetc",
        "/v1/incidents/INC-9/timeline",
        "/v1/incidents/INC-9/postmortem",
        "/v1/runs/RUN-9",
        "/v1/runs/INC-1",
        "/incidents/INC-9",
        "/incidents/%00",
        "/runs/RUN-9",
    ],
)
async def test_what_is_not_there_is_not_found(door: Door, path: str) -> None:
    await played(door)

    reply = await door.get(path, await door.token("ana", "read"))

    assert reply.status == 404
    assert set(reply.json) == {"error", "what_next"}


@pytest.mark.parametrize("path", PATHS)
async def test_hostile_text_stands_on_a_page_as_text(any_door: Door, path: str) -> None:
    # PostgreSQL keeps no NUL in a text; events carry it as an escape in their JSON.
    await played(any_door, HOSTILE)

    reply = await any_door.get(path, await any_door.token("ana", "read"))

    assert reply.status == 200
    seen = Tags(reply.text)
    assert {tag for tag, _ in seen.tags}.isdisjoint({"script", "img", "iframe", "form", "input", "object"})
    assert not any(name.startswith("on") for _, attributes in seen.tags for name in attributes)
    if path != "/incidents":
        assert "<script>alert(1)</script><img src=x onerror=alert(1)>" in seen.words
    assert not set(seen.words) & {"\x00", "\x1b"}


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_may_load_and_do_nothing(door: Door, path: str) -> None:
    await played(door)

    reply = await door.get(path, await door.token("ana", "read"))

    policy = reply.headers["Content-Security-Policy"]
    assert policy == POLICY
    assert policy.startswith(
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert "unsafe" not in policy
    assert f"<style>{STYLE}</style>" in reply.text
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert 'name="viewport"' in reply.text


async def test_the_pages_lead_to_each_other(door: Door) -> None:
    await played(door)
    token = await door.token("ana", "read")

    async def leads(path: str) -> set[str]:
        tags = Tags((await door.get(path, token)).text).tags
        return {str(attributes["href"]) for tag, attributes in tags if tag == "a"}

    assert "/incidents/INC-1" in await leads("/incidents")
    assert {"/runs/RUN-1", "/v1/incidents/INC-1/postmortem"} <= await leads("/incidents/INC-1")
    assert "/incidents/INC-1" in await leads("/runs/RUN-1")
    for path in (await leads("/incidents/INC-1")) | (await leads("/freezes")):
        assert (await door.get(path, token)).status == 200, path


async def test_without_incidents_and_freezes_the_pages_say_so(door: Door) -> None:
    token = await door.token("ana", "read")

    assert "No incident was declared." in (await door.get("/incidents", token)).text
    assert "Nothing is frozen." in (await door.get("/freezes", token)).text


async def test_forty_thousand_characters_are_shown(door: Door) -> None:
    await played(door, "x" * 40_000)

    reply = await door.get("/incidents/INC-1", await door.token("ana", "read"))

    assert "x" * 40_000 in reply.text


def test_every_part_of_a_document_has_a_form_on_a_page() -> None:
    document = Document(
        "All <parts>",
        (
            Heading("H<", 1),
            Paragraph(
                ("a<b ", Strong("s<"), Code("c<"), Link("l<", "https://x.example/?a=1&b=\"'"), Who("ana"))
            ),
            Paragraph((Moment(START),)),
            Bullets((("one",), ("two",))),
            Fields((("label", ("value",)),)),
            Table(("h",), ((("cell",),),)),
            Preformatted("  two\n  lines <"),
            Small(("small",)),
            Buttons((Button("Do it", 'retry RUN-1 why:"x"'),)),
            Menu("One of", (Button("Rows", "decide data_scope:rows"),)),
        ),
    )

    assert page(document).partition("<body>")[2] == (
        "<h1>All &lt;parts&gt;</h1><h2>H&lt;</h2><p>a&lt;b <strong>s&lt;</strong><code>c&lt;</code>"
        '<a href="https://x.example/?a=1&amp;b=&quot;&#x27;" rel="noreferrer">l&lt;</a>@ana</p>'
        '<p><time datetime="2026-11-23T02:10:00+00:00">2026-11-23 02:10:00Z</time></p>'
        "<ul><li>one</li><li>two</li></ul><dl><dt>label</dt><dd>value</dd></dl>"
        '<div class="wide"><table><tr><th>h</th></tr><tr><td>cell</td></tr></table></div>'
        "<pre>  two\n  lines &lt;</pre><p><small>small</small></p>"
        "<ul><li>Do it: <code>retry RUN-1 why:&quot;x&quot;</code></li></ul>"
        "<ul><li>Rows: <code>decide data_scope:rows</code></li></ul></body></html>"
    )


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/\\evil.example",
        "",
    ],
)
def test_an_address_that_is_none_of_the_web_is_text(url: str) -> None:
    drawn = page(Document("", (Paragraph((Link("look", url),)),)))

    assert "<a " not in drawn
    assert "look" in drawn


def test_a_text_cannot_turn_the_line_it_stands_in_round() -> None:
    drawn = page(Document("", (Paragraph(("before ", "\u202eesrever", " after")),)))

    assert "before \\u202eesrever after" in drawn


async def test_json_has_its_own_type(door: Door) -> None:
    await played(door, HOSTILE)
    reply = await door.get("/v1/incidents/INC-1", await door.token("ana", "read"))

    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert reply.json["incident"]["title"] == HOSTILE  # type: ignore[index]
