import logging
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.sandbox.jira import Drop, JiraStandIn, Reply, failing, maintenance, rate_limited
from integrations.jira import JiraSite, JiraTracker, RateLimited, Unanswered
from tests.integrations.jira.conftest import TEXT, ensure, error_of, site, stored, written


async def test_one_request_is_one_request_even_when_jira_is_rate_limiting(
    jira: JiraStandIn, tracker: JiraTracker, waits: list[float]
) -> None:
    jira.faults.add("create_issue", rate_limited("17"))
    error = await error_of(lambda: ensure(tracker))
    assert isinstance(error, RateLimited)
    assert (error.retry_after, error.permanent) == (17.0, False)
    assert str(error) == "Jira asks to wait 17 s before creating the issue."
    assert len(jira.asked("create_issue")) == 1
    assert await ensure(tracker) == ("OPS-1", [])  # nothing was made, so nothing is searched for
    assert waits == []


@pytest.mark.parametrize(
    ("header", "date", "seconds"),
    [
        (None, None, None),
        ("Mon, 23 Nov 2026 02:11:30 GMT", "Mon, 23 Nov 2026 02:11:00 GMT", 30.0),
        ("Mon, 23 Nov 2026 02:11:00 GMT", "Mon, 23 Nov 2026 02:12:00 GMT", 0.0),
        ("soon", None, None),
        ("٣", None, None),
    ],
)
async def test_a_pause_is_told_in_seconds_or_not_at_all(
    jira: JiraStandIn, tracker: JiraTracker, header: str | None, date: str | None, seconds: float | None
) -> None:
    given = {name: value for name, value in (("Retry-After", header), ("Date", date)) if value}
    jira.faults.add("edit_issue", Reply(429, headers=given))
    await ensure(tracker)
    error = await error_of(lambda: tracker.publish("OPS-1", written("new")))
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


DENIED = Reply(
    403, '{"errorMessages": ["No\\nentry."]}', headers={"X-Authentication-Denied-Reason": "CAPTCHA"}
)


@pytest.mark.parametrize(
    ("fault", "permanent", "sentence"),
    [
        (Reply(401), True, "Jira does not accept the e-mail and API token while updating OPS-1: "
                           "tokens end after a year at most, so make a new one."),
        (DENIED, True, "Jira does not allow updating OPS-1: No entry: "
                       "check the account's permissions in the project."),
        (Reply(404, "[]"), True, "Jira refused updating OPS-1 (HTTP 404)."),
        (Reply(408), False, "Jira did not answer in time while updating OPS-1."),
        (Reply(409), False, "Jira was busy with the same issue while updating OPS-1."),
        (Reply(400, '{"errors": {"a": "bad"}}'), True, "Jira refused updating OPS-1 (HTTP 400): a: bad."),
        (Reply(520, "<html>"), False, "Jira is in trouble (HTTP 520) while updating OPS-1."),
        (Drop(), False, "The connection to Jira was lost while updating OPS-1."),
    ],
)  # fmt: skip
async def test_an_error_is_one_sentence(
    jira: JiraStandIn, tracker: JiraTracker, fault: Reply | Drop, permanent: bool, sentence: str
) -> None:
    await ensure(tracker)
    jira.faults.add("edit_issue", fault)
    error = await error_of(lambda: tracker.publish("OPS-1", written("new")))
    assert (error.permanent, str(error)) == (permanent, sentence)
    assert len(jira.asked("edit_issue")) == 1


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


async def test_neither_token_nor_headers_get_into_an_error_or_a_log(
    jira: JiraStandIn,
    tracker: JiraTracker,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("PYJIRA_LOG_TO_TEMPFILE", "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    caplog.set_level(logging.DEBUG)
    await ensure(tracker)
    body = f'{{"errorMessages": ["you sent {jira.token}", "{"long " * 200}"]}}'
    jira.faults.add(
        "edit_issue", Reply(400, body, headers={"Set-Cookie": "atlassian.xsrf.token=canary"}), maintenance()
    )
    for _ in range(2):
        error = await error_of(lambda: tracker.publish("OPS-1", written("new")))
        assert error.__cause__ is None
        assert error.__suppress_context__
        assert len(str(error)) < 400
        for secret in (jira.token, "canary", "Set-Cookie"):
            assert secret not in str(error) + caplog.text
    assert jira.token not in repr(site(jira)) + repr(jira)
    assert is_empty(tmp_path)


async def test_a_maintenance_page_with_status_200_is_not_taken_for_data(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    jira.faults.add("search", maintenance())
    error = await error_of(lambda: ensure(tracker))
    assert not error.permanent
    assert "answered with a page instead of data while looking for the issue" in str(error)
    assert jira.issues == {}


@pytest.mark.parametrize("body", ["[]", '{"issues": 1}', '{"issues": [{"key": "OPS-1"}]}', '{"issues": [7]}'])
async def test_data_of_another_shape_is_not_taken_for_absence(
    jira: JiraStandIn, tracker: JiraTracker, body: str
) -> None:
    jira.faults.add("search", Reply(200, body))
    error = await error_of(lambda: ensure(tracker))
    assert str(error) == "Jira answered something unexpected while looking for the issue."
    assert jira.issues == {}


async def test_jira_being_down_delays_and_comes_back(jira: JiraStandIn, tracker: JiraTracker) -> None:
    jira.faults.add("server_info", failing(503), Drop("before"), Reply(200, '{"deploymentType": "Cloud"}'))
    for _ in range(3):
        assert not (await error_of(lambda: ensure(tracker))).permanent
    assert await ensure(tracker) == ("OPS-1", [])


async def test_a_server_that_is_not_there_was_not_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    tracker = JiraTracker(JiraSite(f"http://127.0.0.1:{port}", "a@example.org", SecretStr("t"), "OPS"))
    error = await error_of(lambda: ensure(tracker))
    assert str(error) == "Jira cannot be reached for looking for the issue."
    assert not isinstance(error, Unanswered)
    await tracker.close()


@pytest.mark.parametrize(
    ("server", "email", "words"),
    [
        ("not an address", "a@example.org", "looks like https://"),
        ("http://127.0.0.1:1", "ana→@example.org", "copy it"),
    ],
)
async def test_settings_that_cannot_be_sent_are_named(server: str, email: str, words: str) -> None:
    tracker = JiraTracker(JiraSite(server, email, SecretStr("t"), "OPS"))
    error = await error_of(lambda: ensure(tracker))
    assert error.permanent
    assert words in str(error)
    await tracker.close()


async def test_a_jira_that_is_not_cloud_is_refused_instead_of_found_empty(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    jira.faults.add("server_info", Reply(200, '{"deploymentType": "Server", "versionNumbers": [9, 12, 0]}'))
    error = await error_of(lambda: ensure(tracker))
    assert (error.permanent, jira.issues) == (True, {})
    assert "no Jira Cloud" in str(error)


@pytest.mark.parametrize(
    ("project", "issue_type"), [("NOPE", "Task"), ("OPS", "Epic"), ('X" OR key = "OPS-1', "Task")]
)
async def test_a_wrong_setting_is_permanent(jira: JiraStandIn, project: str, issue_type: str) -> None:
    tracker = JiraTracker(replace(site(jira), project=project, issue_type=issue_type))
    error = await error_of(lambda: ensure(tracker))
    assert (error.permanent, jira.issues) == (True, {})
    await tracker.close()


async def test_a_page_instead_of_an_answer_is_not_taken_for_a_write(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    await ensure(tracker)
    jira.faults.add("edit_issue", maintenance())
    error = await error_of(lambda: tracker.publish("OPS-1", written("new")))
    assert isinstance(error, Unanswered)
    assert jira.issues["OPS-1"].description == stored(TEXT)


async def test_health_names_the_account_and_the_version(jira: JiraStandIn, tracker: JiraTracker) -> None:
    health = await tracker.health()
    assert (health.ok, health.identity, health.version) == (True, f"Backstop at {jira.url}", "1001.0.0")


async def test_health_says_what_to_do_about_a_refused_token(jira: JiraStandIn) -> None:
    tracker = JiraTracker(replace(site(jira), token=SecretStr("expired")))
    health = await tracker.health()
    assert not health.ok
    assert "make a new one" in health.problems[0]
    await tracker.close()


async def test_health_sees_a_missing_project(jira: JiraStandIn) -> None:
    tracker = JiraTracker(replace(site(jira), project="NOPE"))
    health = await tracker.health()
    assert "looking at project NOPE" in health.problems[0]
    await tracker.close()


async def test_a_connection_that_is_not_secure_names_the_certificate(jira: JiraStandIn) -> None:
    tracker = JiraTracker(replace(site(jira), server=jira.url.replace("http:", "https:")))
    error = await error_of(lambda: ensure(tracker))
    assert "check its address and certificate" in str(error)
    await tracker.close()


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_write_that_would_be_redirected_into_a_read_is_an_error(
    jira: JiraStandIn, tracker: JiraTracker, status: int
) -> None:
    await ensure(tracker)
    elsewhere = {"Location": f"{jira.url}/rest/api/3/myself"}
    jira.faults.add("edit_issue", Reply(status, headers=elsewhere))
    error = await error_of(lambda: tracker.publish("OPS-1", written("new")))
    assert error.permanent
    assert "leads to another one" in str(error)
    assert jira.asked("myself") == []


async def test_a_redirect_that_keeps_the_method_is_followed(jira: JiraStandIn, tracker: JiraTracker) -> None:
    await ensure(tracker)
    jira.faults.add("edit_issue", Reply(307, headers={"Location": f"{jira.url}/rest/api/3/issue/OPS-1"}))
    await tracker.publish("OPS-1", written("new"))
    assert jira.issues["OPS-1"].description == stored(written("new"))
