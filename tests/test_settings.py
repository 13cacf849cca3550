"""A wrong setting is told in our own words, and its value is never repeated."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

import pytest
from inline_snapshot import snapshot
from pydantic import ValidationError

from bot.settings import Settings, belongs, say_wrong, wrong

CASES: Mapping[str, Mapping[str, str]] = {
    "a word for a number": {"PORT": "canary"},
    "a part of a number": {"PORT": "80.5"},
    "too small": {"PORT": "-1", "AUDIT_ENTERPRISE_NUMBER": "0"},
    "too large": {"PORT": "70000"},
    "no such choice": {"SLACK_MODE": "canary", "SLACK_ROOMS": "canary"},
    "no such form": {
        "ALERTMANAGER_URL": "canary",
        "AUDIT_SYSLOG": "canary canary",
        "SLACK_CAPTURE": "Ca nary",
    },
    "no JSON": {"RUNNERS": "canary"},
    "no names": {"RUNNERS": "[1]"},
    "no address": {"RUNNERS": '{"db": "https://canary"}'},
    "no place": {"RUNNERS": '{"db": 5, "other": [1]}'},
}
LIBRARY = re.compile(
    r"Input should|valid|validat|pattern|dictionary|instance|Value error|integer", re.IGNORECASE
)


def _told(monkeypatch: pytest.MonkeyPatch, given: Mapping[str, str]) -> str:
    with monkeypatch.context() as patch:
        for name, value in given.items():
            patch.setenv(f"BACKSTOP_{name}", value)
        with pytest.raises(ValidationError) as caught:
            Settings()
    lines = [f"{name} {says}. {belongs(name)}" for name, says in wrong(caught.value).items()]
    return "\n".join([say_wrong(caught.value), *lines])


def _folded(text: str) -> str:
    return "\n".join(textwrap.fill(line, 100, subsequent_indent="  ") for line in text.splitlines())


@pytest.mark.parametrize("case", CASES)
def test_no_word_of_the_library_and_no_value_is_read(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    told = _told(monkeypatch, CASES[case])
    assert not LIBRARY.search(told), told
    assert "anary" not in told


def test_what_is_wrong_and_what_belongs_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\n\n".join(_folded(_told(monkeypatch, given)) for given in CASES.values()) == snapshot("""\
The settings are wrong: BACKSTOP_PORT is no whole number. `backstop doctor` says more.
BACKSTOP_PORT is no whole number. What belongs there: The port the HTTP door listens on; 0 takes a
  free one. Unset, it is 8080.

The settings are wrong: BACKSTOP_PORT is no whole number. `backstop doctor` says more.
BACKSTOP_PORT is no whole number. What belongs there: The port the HTTP door listens on; 0 takes a
  free one. Unset, it is 8080.

The settings are wrong: BACKSTOP_PORT is less than 0; BACKSTOP_AUDIT_ENTERPRISE_NUMBER is less than
  1. `backstop doctor` says more.
BACKSTOP_PORT is less than 0. What belongs there: The port the HTTP door listens on; 0 takes a free
  one. Unset, it is 8080.
BACKSTOP_AUDIT_ENTERPRISE_NUMBER is less than 1. What belongs there: Your private enterprise number,
  under which syslog names its fields; the one for examples unless set. Unset, it is 32473.

The settings are wrong: BACKSTOP_PORT is more than 65535. `backstop doctor` says more.
BACKSTOP_PORT is more than 65535. What belongs there: The port the HTTP door listens on; 0 takes a
  free one. Unset, it is 8080.

The settings are wrong: BACKSTOP_SLACK_MODE is none of socket, http, off; BACKSTOP_SLACK_ROOMS is
  none of channel, thread. `backstop doctor` says more.
BACKSTOP_SLACK_MODE is none of socket, http, off. What belongs there: How Slack talks to Backstop.
  Unset, it is socket.
BACKSTOP_SLACK_ROOMS is none of channel, thread. What belongs there: Whether an incident gets a
  channel of its own or a thread of the home channel. Unset, it is channel.

The settings are wrong: BACKSTOP_SLACK_CAPTURE is not written as it has to be;
  BACKSTOP_ALERTMANAGER_URL is not written as it has to be; BACKSTOP_AUDIT_SYSLOG is not written as
  it has to be. `backstop doctor` says more.
BACKSTOP_SLACK_CAPTURE is not written as it has to be. What belongs there: The reaction that adds a
  message to the timeline of its incident; none if empty. Unset, it is pushpin.
BACKSTOP_ALERTMANAGER_URL is not written as it has to be. What belongs there: The Alertmanager in
  which alerts are silent while a run wants it, as http://host:9093.
BACKSTOP_AUDIT_SYSLOG is not written as it has to be. What belongs there: The collector that gets
  every entry by syslog over TLS, as host or host:6514.

The settings are wrong: BACKSTOP_RUNNERS cannot be read: write names and places as JSON: {"db-eu-1":
  "ssh://backstop@db-eu-1"}. `backstop doctor` says more.
BACKSTOP_RUNNERS cannot be read: write names and places as JSON: {"db-eu-1": "ssh://backstop@db-
  eu-1"}. What belongs there: Other runners by the name targets give as `runner`, each an SSH
  address or a socket, as JSON: {"db-eu-1": "ssh://backstop@db-eu-1:22"}. `local` is the one of
  BACKSTOP_RUNNER_SOCKET.

The settings are wrong: BACKSTOP_RUNNERS is not written as it has to be. `backstop doctor` says
  more.
BACKSTOP_RUNNERS is not written as it has to be. What belongs there: Other runners by the name
  targets give as `runner`, each an SSH address or a socket, as JSON: {"db-eu-1":
  "ssh://backstop@db-eu-1:22"}. `local` is the one of BACKSTOP_RUNNER_SOCKET.

The settings are wrong: BACKSTOP_RUNNERS cannot be read: write an address as ssh://user@host or
  ssh://user@host:port. `backstop doctor` says more.
BACKSTOP_RUNNERS cannot be read: write an address as ssh://user@host or ssh://user@host:port. What
  belongs there: Other runners by the name targets give as `runner`, each an SSH address or a
  socket, as JSON: {"db-eu-1": "ssh://backstop@db-eu-1:22"}. `local` is the one of
  BACKSTOP_RUNNER_SOCKET.

The settings are wrong: BACKSTOP_RUNNERS is not written as it has to be. `backstop doctor` says
  more.
BACKSTOP_RUNNERS is not written as it has to be. What belongs there: Other runners by the name
  targets give as `runner`, each an SSH address or a socket, as JSON: {"db-eu-1":
  "ssh://backstop@db-eu-1:22"}. `local` is the one of BACKSTOP_RUNNER_SOCKET.\
""")
