"""The runners that the settings name, each with the way to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.settings import Settings
from integrations.connections import LOCAL
from integrations.process import Runner, serve_command
from integrations.ssh import Address, Ssh


def runner_config(settings: Settings) -> Path:
    """Return what the runner of this machine may do."""
    return settings.file(settings.runner_config, "runner.toml")


def runner_socket(settings: Settings) -> Path:
    """Return where the runner of this machine answers."""
    return settings.file(settings.runner_socket, "runner.sock")


def runner_of(settings: Settings) -> Runner:
    """Return the runner of this machine, which may not answer."""
    config, socket = runner_config(settings), runner_socket(settings)
    return Runner(socket, serve_command(config, settings.home / "runner", socket))


def named_runners(settings: Settings) -> Mapping[str, Runner]:
    """Return the other runners by their names; none of them is connected to before it is asked."""
    key = settings.file(settings.ssh_key, "ssh_key")
    known_hosts = settings.file(settings.ssh_known_hosts, "known_hosts")
    return {
        name: Runner(Ssh(at, key=key, known_hosts=known_hosts) if isinstance(at, Address) else at)
        for name, at in settings.runners.items()
    }


def runners_of(settings: Settings) -> Mapping[str, Runner]:
    """Return every runner that the settings name; the one of this machine is `local`."""
    return {**named_runners(settings), LOCAL: runner_of(settings)}
