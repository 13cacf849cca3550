from __future__ import annotations

import re

import pytest

from integrations.runner.config import ConfigInvalid, parse
from integrations.runner.params import Refused, accept, accept_all

_GOOD = """
secrets = ["/etc/backstop/token"]
[targets.orders-db]
kind = "sqlite"
path = "/srv/orders.db"
points = "/backups/orders"
allow = ["sqlite.backup"]
[targets.checkout]
kind = "commands"
[commands.stop]
argv = ["/usr/bin/deploy", "--replicas={replicas}"]
target = "checkout"
effect = "reversible"
timeout = 60
params = { replicas = { type = "int", min = 0, max = 9 } }
secret_env = { DEPLOY_TOKEN = "/etc/backstop/deploy" }
"""


_FOLDER = """
[targets.uploads]
kind = "restic"
path = "/srv/uploads"
repository = "sftp:backup@store:/uploads"
password_file = "/etc/backstop/restic"
allow = ["restic.restore"]
secret_env = { AWS_SECRET_ACCESS_KEY = "/etc/backstop/aws" }
"""


def test_a_kind_brings_its_own_settings_and_their_defaults() -> None:
    config = parse(_FOLDER)
    settings = config.targets["uploads"].settings
    assert (settings["kept"], settings["notes"]) == ("/srv/uploads.kept", "/srv/uploads.kept/notes")
    assert [str(path) for path in config.secret_files()] == ["/etc/backstop/restic", "/etc/backstop/aws"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("sftp:backup@store:/uploads", "rest:https://bo:pw@store/", "uploads.repository: a password in an"),
        ("password_file", "points", "targets.uploads.password_file: write a text here"),
        ("AWS_SECRET_ACCESS_KEY", "BACKSTOP_TOKEN", "`BACKSTOP_TOKEN` cannot be set here"),
    ],
)
def test_what_a_kind_does_not_take_is_refused(old: str, new: str, says: str) -> None:
    with pytest.raises(ConfigInvalid, match=re.escape(says)):
        parse(_FOLDER.replace(old, new))


def test_a_configuration_is_read_whole() -> None:
    config = parse(_GOOD)
    assert config.targets["orders-db"].settings["kept"] == "/backups/orders/kept"
    assert config.commands["stop"].timeout_s == 60
    assert [str(path) for path in config.secret_files()] == ["/etc/backstop/token", "/etc/backstop/deploy"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'kind = "sqlite"',
            'kind = "oracle"',
            "targets.orders-db.kind: write one of sqlite, litestream, restic, postgres, pgbackrest, helm, "
            "commands",
        ),
        ("path =", "pth =", "targets.orders-db.path: write a text here"),
        ('allow = ["sqlite.backup"]', 'alow = ["x"]', "targets.orders-db.alow: there is no such setting"),
        ('"/srv/orders.db"', '"orders.db"', "targets.orders-db.path: write an absolute path here"),
        ('"/usr/bin/deploy"', '"deploy"', "commands.stop.argv: it must begin with the absolute path"),
        ('"/usr/bin/deploy"', '"/usr/bin/{replicas}"', "commands.stop.argv: it must begin with the absolute"),
        ("--replicas={replicas}", "--all", "`replicas` is not used in argv"),
        ("--replicas={replicas}", "{replicas} {more}", "`more` has no rule in params"),
        ('target = "checkout"', 'target = "cart"', "there is no target `cart`"),
        ("timeout = 60", "timeout = 0", "commands.stop.timeout: write a number of seconds above 0"),
        ("timeout = 60", "timeout = true", "commands.stop.timeout: write a number of seconds above 0"),
        ('type = "int"', 'type = "text"', "params.replicas.type: write one of int"),
        ("min = 0", 'min = "0"', "params.replicas.min: write a whole number"),
        ('type = "int", min = 0, max = 9', 'type = "choice"', "a choice needs them"),
        (
            'type = "int", min = 0, max = 9',
            'type = "choice", values = ["--force"]',
            "would be read as an option",
        ),
        ("DEPLOY_TOKEN =", "BACKSTOP_KEY =", "`BACKSTOP_KEY` cannot be set here"),
        ("[targets.orders-db]", '[targets."../x"]', "a name is made of a-z"),
        ("secrets = [", "secrets = [1, ", "secrets: write a list of texts"),
        ("timeout = 60", "leaves_daemon = 1", "leaves_daemon: write true or false"),
    ],
)
def test_a_mistake_is_refused_with_its_place(old: str, new: str, says: str) -> None:
    assert old in _GOOD
    with pytest.raises(ConfigInvalid, match=re.escape(says)):
        parse(_GOOD.replace(old, new))


_RULES = (
    parse(
        """
[targets.t]
kind = "commands"
[commands.c]
argv = ["/bin/c", "{n}", "{w}", "{i}", "{v}", "{c}"]
target = "t"
effect = "read"
[commands.c.params]
n = { type = "int", min = 0, max = 9 }
w = { type = "word" }
i = { type = "instant" }
v = { type = "version" }
c = { type = "choice", values = ["fast", "slow"] }
"""
    )
    .commands["c"]
    .params
)

_HOSTILE = [
    "; rm -rf /",
    "$(reboot)",
    "`reboot`",
    "--force",
    "-x",
    "../../etc/passwd",
    "a\nb",
    "a\0b",
    "a b",
    "<!channel>",
    "\u202efdp",
    "🙂",
    "",
    "x" * 40_000,
    None,
    True,
    1.5,
    ["a"],
    {"a": 1},
]


@pytest.mark.parametrize("name", sorted(_RULES))
@pytest.mark.parametrize("value", _HOSTILE, ids=lambda value: repr(value)[:20])
def test_hostile_values_never_become_an_argument(name: str, value: object) -> None:
    with pytest.raises(Refused) as refusal:
        accept(name, _RULES[name], value)
    assert len(str(refusal.value)) < 250
    assert str(refusal.value).isprintable()
    assert "\u202e" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("n", 0, "0"),
        ("n", 9, "9"),
        ("w", "orders-20261123T021000Z-ab12cd", "orders-20261123T021000Z-ab12cd"),
        ("i", "2026-11-23T03:10:00+01:00", "2026-11-23T02:10:00Z"),
        ("v", "2.3.0-rc.1", "2.3.0-rc.1"),
        ("c", "fast", "fast"),
    ],
)
def test_what_fits_is_taken(name: str, value: object, text: str) -> None:
    assert accept(name, _RULES[name], value) == text


@pytest.mark.parametrize(
    ("name", "value"), [("n", 10), ("n", -1), ("i", "2026-11-23T03:10:00"), ("c", "Fast")]
)
def test_what_nearly_fits_is_not(name: str, value: object) -> None:
    with pytest.raises(Refused):
        accept(name, _RULES[name], value)


def test_unknown_and_missing_parameters_are_named() -> None:
    with pytest.raises(Refused, match='no parameter "replica"'):
        accept_all(_RULES, {"replica": 1}, of="c")
    with pytest.raises(Refused, match="c needs `c`"):
        accept_all(_RULES, {"n": 1}, of="c")
