import aiohttp

from bot.core.adf import adf
from bot.core.document import (
    Block,
    Bullets,
    Document,
    Fields,
    Heading,
    Link,
    Paragraph,
    Preformatted,
    Small,
    Strong,
    Table,
)
from bot.sandbox.jira import Attachment, Comment, JiraStandIn
from tests.sandbox.jira.conftest import create, doc, node, text

HOSTILE = '<script>alert("x")</script> & <!channel> \'"'


async def test_a_browser_sees_the_document_as_a_page(
    jira: JiraStandIn, client: aiohttp.ClientSession
) -> None:
    blocks: list[Block] = [
        Heading("What happened"),
        Paragraph(["Orders ", Strong("lost"), "\n", Link("run", "https://example.org/?a=1&b=2")]),
        Bullets([["one"]]),
        Fields([("RTO", ["1 h"])]),
        Table(["Event"], [[[HOSTILE]]]),
        Preformatted("a < b"),
        Small(["small"]),
    ]
    await create(client, summary=HOSTILE, description=adf(Document("INC-42", blocks)), labels=["<b>"])
    await jira_files(jira)
    async with client.get("/browse/OPS-1") as answer:
        page = await answer.text()
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    for part in (
        "<h2>What happened</h2>",
        '<p>Orders <strong>lost</strong><br><a rel="noreferrer" href="https://example.org/?a=1&amp;b=2">run</a></p>',
        "<ul><li><p>one</p></li></ul>",
        "<tr><th><p>RTO</p></th><td><p>1 h</p></td></tr>",
        "<pre>a &lt; b</pre>",
        "<em>small</em>",
        "<code>&lt;b&gt;</code>",
        "<aside><p>note</p></aside><hr><div>far</div>",
        '<a rel="noreferrer" href="#">bad</a>',
        '/secure/attachment/7/%3Cx%3E%2F..%22.json"><bdi>&lt;x&gt;/..&quot;.json</bdi>',
        '<li>Relates: <a href="/browse/OPS-2">OPS-2</a></li>',
    ):
        assert part in page
    assert "<script" not in page
    async with client.get("/secure/attachment/7/x") as answer:
        assert await answer.read() == b"{}"
    async with client.get("/") as answer:
        assert 'href="/browse/OPS-1"' in await answer.text()


async def jira_files(jira: JiraStandIn) -> None:
    issue, at = jira.issues["OPS-1"], jira.now()
    issue.attachments.append(Attachment("7", '<x>/..".json', b"{}", at))
    bad = {
        **text("bad"),
        "marks": [{"type": "link", "attrs": {"href": "javascript:alert(1)"}}, {"type": "blink"}],
    }
    said = doc(node("panel", node("paragraph", text("note"))), {"type": "rule"}, node("far", text("far")))
    issue.comments.append(Comment("8", said, at, at))
    issue.comments.append(Comment("9", doc(node("paragraph", bad)), at, at))
    issue.links.append(("Relates", "OPS-2"))


async def test_an_empty_site_says_so(client: aiohttp.ClientSession) -> None:
    async with client.get("/") as answer:
        assert "No issue has been created yet." in await answer.text()
