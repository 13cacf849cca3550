"""`backstop manifest`: the app that Slack is to make, ready to be pasted there."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from urllib.parse import urlsplit

from bot.manifest import manifest
from bot.terminal import OK
from bot.terminal.plain import as_yaml
from bot.terminal.screen import tell


def main(argv: Sequence[str]) -> int:
    """Print the manifest for one of the two ways between Slack and Backstop."""
    parser = argparse.ArgumentParser(prog="backstop manifest", allow_abbrev=False)
    parser.add_argument(
        "--http",
        type=_address,
        metavar="URL",
        help="where Slack reaches Backstop, such as https://backstop.example.com; without it Backstop calls",
    )
    tell(as_yaml(manifest(parser.parse_args(argv).http)))
    return OK


def _address(text: str) -> str:
    where = urlsplit(text)
    if where.scheme != "https" or not where.hostname or where.query or where.fragment:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address that Slack takes: write https:// and a host"
        )
    return text.rstrip("/")
