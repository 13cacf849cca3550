"""The forms in which programs write a secret: as it is, or encoded for an address, a header or a document."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from functools import lru_cache

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_LEFT_AS_THEY_ARE = (b"", b"_.-~", b"_.-~/", b"_.-~!*'()", b"_.-~!*'();,/?:@&=+$#")
"""Of what is no letter, what programs do not encode: nothing, as RFC 3986 says, or as JavaScript does."""
_ENCODED = re.compile("%[0-9A-F]{2}")
_U = re.compile(r"\\u[0-9a-f]{4}")
SHORTEST = 4
"""A secret has so many bytes at least: what is shorter turns up by chance."""


@lru_cache(maxsize=1024)
def forms(secret: bytes) -> frozenset[bytes]:
    """Return a secret as it is, percent-encoded, in base64 and as JSON escapes it.

    In base64 it begins at any of three places of a group. Of a group that it shares with its neighbours the
    signs that depend on them are left out, so it is found in the middle of a longer text, as in a header with
    a name and a password.
    """
    found = {secret, *_percent(secret), *_base64(secret), *_json(secret)}
    return frozenset(form for form in found if len(form) >= SHORTEST)


def _percent(secret: bytes) -> Iterator[bytes]:
    every = "".join(f"%{byte:02X}" for byte in secret)
    for text in (every, *(_quoted(secret, safe) for safe in _LEFT_AS_THEY_ARE)):
        for form in (text, text.replace("%20", "+")):
            yield form.encode()
            yield _ENCODED.sub(lambda each: each[0].lower(), form).encode()


def _quoted(secret: bytes, safe: bytes) -> str:
    # `quote` of the library leaves a few signs as they are that other programs encode.
    return "".join(chr(byte) if byte in _LETTERS + safe else f"%{byte:02X}" for byte in secret)


def _base64(secret: bytes) -> Iterator[bytes]:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(secret)
        yield encode(secret).rstrip(b"=")
        for before in range(3):
            bits = 8 * (before + len(secret))
            yield encode(bytes(before) + secret)[-(-8 * before // 6) : bits // 6]


def _json(secret: bytes) -> Iterator[bytes]:
    text = secret.decode("utf-8", "replace")
    for plain in (True, False):
        form = json.dumps(text, ensure_ascii=plain)[1:-1]
        for each in (form, form.replace("/", r"\/"), _for_pages(form)):
            yield each.encode()
            yield _U.sub(lambda found: rf"\u{found[0][2:].upper()}", each).encode()


def _for_pages(form: str) -> str:
    """Return JSON as programs in Go write it, so that it may stand in a page."""
    for sign in "<>&":
        form = form.replace(sign, rf"\u{ord(sign):04x}")
    return form
