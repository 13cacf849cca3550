"""Which door the command line talks to, and with which token."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TOKEN_FILE = "cli-token"  # noqa: S105 - the name of a file
URL_FILE = "url"


class NoToken(Exception):
    """A sentence for whoever has no token."""


@dataclass(frozen=True, slots=True)
class Access:
    """The address of the door and the token to show."""

    url: str
    token: str


def access() -> Access:
    """Return what the settings say; the token may also stand in the file `cli-token` of the home."""
    url, token = os.environ.get("BACKSTOP_URL", ""), os.environ.get("BACKSTOP_TOKEN", "")
    if url and token:
        # A pipeline gives both and asks often: loading every setting would take longer than asking.
        return Access(url.rstrip("/"), token.strip())
    return _from_settings()


def _from_settings() -> Access:
    from bot.settings import Settings  # noqa: PLC0415 - slow to load, see above

    settings = Settings()
    token = settings.token.get_secret_value() if settings.token else _first_line(settings.home / TOKEN_FILE)
    if not token:
        raise NoToken(
            "There is no token. Make one on Backstop's host with `backstop token issue --for <you> --save`, "
            "or set BACKSTOP_TOKEN."
        )
    url = settings.url or _first_line(settings.home / URL_FILE) or settings.door
    return Access(url.rstrip("/"), token)


def _first_line(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        return ""
