"""What the configuration file of pgBackRest says, which Backstop reads and never changes."""

from __future__ import annotations

import configparser
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SECRET = re.compile(r"-(?:pass|passphrase|key|key-secret|token)$")


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration file with the parts in `conf.d` beside it, as they hold for one stanza."""

    file: Path
    stanza: str

    def value(self, name: str) -> str | None:
        """Return what an option is set to, None where it is not."""
        known = self._read()
        for section in (self.stanza, "global"):
            if known.has_option(section, name):
                return known.get(section, name)
        return None

    def secrets(self) -> tuple[str, ...]:
        """Return every value that no person should read."""
        known = self._read()
        return tuple(
            value
            for section in known.sections()
            for name, value in known.items(section)
            if value and _SECRET.search(name) and not value.startswith("/")
        )

    def _read(self) -> configparser.ConfigParser:
        known = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
        parts = sorted((self.file.parent / "conf.d").glob("*.conf"))
        with suppress(configparser.Error):  # pgBackRest itself says what is wrong with it
            known.read([self.file, *parts], encoding="utf-8")
        return known
