"""The runners that the settings name, each with the way to it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

from bot.settings import Settings
from integrations.connections import LOCAL
from integrations.process import Runner, serve_command
from integrations.ssh import Address, Ssh
from integrations.ways import UnixSocket


def runner_config(settings: Settings) -> Path:
    """Return what the runner of this machine may do."""
    return settings.file(settings.runner_config, "runner.toml")


def runner_socket(settings: Settings) -> Path:
    """Return where the runner of this machine answers."""
    return settings.file(settings.runner_socket, "runner.sock")


def runner_of(settings: Settings, own: Mapping[str, str] | None = None) -> Runner:
    """Return the runner of this machine, which may not answer.

    `own` is what the timeline says whose database it is: without it a runner that belongs to a Backstop
    answers questions only.
    """
    config, socket = runner_config(settings), runner_socket(settings)
    command = serve_command(config, settings.home / "runner", socket)
    log = settings.home / "runner" / "serve.log"
    return Runner(UnixSocket(socket, command, log), backstop=_named(settings, own))


def named_runners(settings: Settings, own: Mapping[str, str] | None = None) -> Mapping[str, Runner]:
    """Return the other runners by their names; none of them is connected to before it is asked."""
    key = settings.file(settings.ssh_key, "ssh_key")
    known_hosts = settings.file(settings.ssh_known_hosts, "known_hosts")
    named = _named(settings, own)
    return {
        name: Runner(
            Ssh(at, key=key, known_hosts=known_hosts) if isinstance(at, Address) else at, backstop=named
        )
        for name, at in settings.runners.items()
    }


def runners_of(settings: Settings, own: Mapping[str, str] | None = None) -> Mapping[str, Runner]:
    """Return every runner that the settings name; the one of this machine is `local`."""
    return {**named_runners(settings, own), LOCAL: runner_of(settings, own)}


def _named(settings: Settings, own: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Return how this Backstop names itself to a runner, which shows it to people."""
    return own and {**own, "host": platform.node(), "home": str(settings.home.absolute())}
