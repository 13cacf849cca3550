"""A real OpenSSH server on loopback: its own configuration, keys and port; the account is the tests' own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from integrations.ssh import Address, Ssh

ABSENT = (
    "OpenSSH's server (sshd) is not on this machine; "
    "install it with `apt-get install openssh-server` and run the tests again."
)
_READY_S = 20.0
_LOOK_S = 0.02

# The account's own files are of no interest: not its keys, not its shell's, not those of PAM.
_CONFIG = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin forced-commands-only
PrintMotd no
PrintLastLog no
PermitUserRC no
"""


def program() -> Path | None:
    """Return sshd's path, which it insists to be called by, or None when there is none."""
    found = shutil.which("sshd", path=f"/usr/sbin:/usr/local/sbin:{os.environ.get('PATH', '')}")
    return Path(found) if found else None


class Sshd:
    """A server in a folder; `key` is the one it lets in, with the command that the line forces."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self._binary = binary
        self.folder = folder
        self.known_hosts = folder / "known_hosts"
        self.key = folder / "key"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.address = Address(getpass.getuser(), "127.0.0.1", self.port)
        self._listening: subprocess.Popen[bytes] | None = None
        make_key(folder / "host_key")
        make_key(self.key)
        (folder / "sshd_config").write_text(_CONFIG.format(port=self.port, folder=folder))
        public = (folder / "host_key.pub").read_text()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {public}")

    def let_in(self, command: str | None, key: Path | None = None) -> None:
        """Let a key in, to run this command and nothing else; None lets it run whatever it likes."""
        forced = "" if command is None else f'command="{command}",restrict '
        public = (key or self.key).with_suffix(".pub").read_text()
        (self.folder / "authorized_keys").write_text(f"{forced}{public}")

    def way(self, *, key: Path | None = None, known_hosts: Path | None = None) -> Ssh:
        """Return the way to whatever the key's line forces there."""
        return Ssh(self.address, key=key or self.key, known_hosts=known_hosts or self.known_hosts)

    def start(self) -> None:
        """Start listening and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._listening = subprocess.Popen(
                [self._binary, "-D", "-e", "-f", self.folder / "sshd_config"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + _READY_S
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as talk:
                if talk.recv(4) == b"SSH-":
                    return
            if self._listening.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"sshd did not begin: {(self.folder / 'log').read_text()}")
            time.sleep(_LOOK_S)

    def sessions(self) -> list[int]:
        """Return the pids that serve connections."""
        pid = self._listening.pid if self._listening else 0
        with suppress(FileNotFoundError):
            return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return []

    def cut(self) -> None:
        """Kill every session, as a network that breaks does, and nothing of what it started."""
        for pid in self.sessions():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """Stop listening and end all sessions."""
        if self._listening is not None:
            # Not one more connection meanwhile.
            self._listening.send_signal(signal.SIGSTOP)
            self.cut()
            self._listening.kill()
            self._listening.wait()
            self._listening = None


def make_key(path: Path, phrase: str = "") -> None:
    """Make a pair of keys."""
    program = shutil.which("ssh-keygen")
    assert program, "ssh-keygen comes with sshd"
    subprocess.run([program, "-q", "-t", "ed25519", "-N", phrase, "-C", "tests", "-f", path], check=True)


@contextmanager
def server(binary: Path) -> Iterator[Sshd]:
    """Run a server until the block ends."""
    if os.geteuid() == 0:
        # Where it locks in what is not yet known to be a friend; a package's service makes it at boot.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bs-sshd-"))
    made = Sshd(binary, folder)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)
