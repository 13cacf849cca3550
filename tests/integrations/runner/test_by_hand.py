"""What is not said by hand is as runner.toml has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from integrations.runner.config import parse
from integrations.runner.program import _given

_SAID = ["--stanza=orders", "--path=/srv/orders", "--programs=/usr/lib/postgresql/15/bin"]


def test_what_other_settings_decide_is_filled_in_as_in_the_file() -> None:
    given = vars(_given("pgbackrest", ["backup", *_SAID]))
    configured = parse("""
[targets.orders]
kind = "pgbackrest"
stanza = "orders"
path = "/srv/orders"
programs = "/usr/lib/postgresql/15/bin"
allow = []
""")
    settings = configured.targets["orders"].settings
    assert {name: str(given[name.replace("-", "_")]) for name in settings} == dict(settings)
    assert given["notes"] == Path("/srv/orders.kept/notes")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "[]"),
        ("pg_ctlcluster 15 main start", '["pg_ctlcluster", "15", "main", "start"]'),
        ('["pg_ctlcluster", "15", "main", "start"]', '["pg_ctlcluster", "15", "main", "start"]'),
    ],
)
def test_what_starts_a_server_is_typed_as_in_a_shell_or_as_a_list(typed: str, words: str) -> None:
    assert _given("pgbackrest", ["backup", *_SAID, f"--start={typed}"]).start == words


def test_what_nothing_else_decides_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _given("pgbackrest", ["backup", "--stanza=orders", "--path=/srv/orders"])
    assert "the following arguments are required: --programs" in capsys.readouterr().err
