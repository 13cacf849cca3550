"""A secret is masked also in the forms that programs write it in on their way to somebody else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.runner.masks import MASK, Masks

SECRET = "s3cr3t-TOKEN/hunter2?ü"
PLAIN = SECRET.encode()


def _masks(tmp_path: Path, secret: str = SECRET) -> Masks:
    (tmp_path / "secret").write_text(secret)
    return Masks([tmp_path / "secret"])


def _shown(masks: Masks, tmp_path: Path, text: str) -> str:
    """Return what is shown of a text, be it in a status or in a log."""
    log = tmp_path / "log"
    log.write_text(f"{text}\n")
    shown, _ = masks.chunk(log, offset=0, limit=10_000, ended=True)
    assert shown == masks.text(f"{text}\n")
    return shown.removesuffix("\n")


@pytest.mark.parametrize(
    "form",
    [
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower().replace("token", "TOKEN"),
        quote(SECRET, safe="!*'()"),
        quote_plus(SECRET),
        SECRET.replace("-", "%2D").replace("/", "%2F").replace("?", "%3F").replace("ü", "%C3%BC"),
        "".join(f"%{byte:02X}" for byte in PLAIN),
        "".join(f"%{byte:02x}" for byte in PLAIN),
        base64.b64encode(PLAIN).decode(),
        base64.urlsafe_b64encode(PLAIN).decode(),
        base64.b64encode(PLAIN).decode().rstrip("="),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET)[1:-1].replace("/", r"\/"),
    ],
)
def test_a_secret_is_masked_in_every_form_that_programs_write_it_in(tmp_path: Path, form: str) -> None:
    assert _shown(_masks(tmp_path), tmp_path, f"auth <{form}> ok") == f"auth <{MASK}> ok"


def test_what_json_escapes_is_masked_as_it_stands_there(tmp_path: Path) -> None:
    secret = 'pass"word\\with\ttab é 🙂'
    masks = _masks(tmp_path, secret)
    for whole in (True, False):
        assert _shown(masks, tmp_path, json.dumps({"p": secret}, ensure_ascii=whole)) == f'{{"p": "{MASK}"}}'


@pytest.mark.parametrize("before", [b"", b"a", b"an", b"ana:", b"\xff\xff"])
@pytest.mark.parametrize("after", [b"", b"\n", b"\n\n", b":rw!"])
@pytest.mark.parametrize("encoded", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_inside_something_in_base64_is_masked(
    tmp_path: Path, before: bytes, after: bytes, encoded: Callable[[bytes], bytes]
) -> None:
    text = encoded(before + PLAIN + after).decode()
    left, right = _shown(_masks(tmp_path), tmp_path, f"Basic {text}").removeprefix("Basic ").split(MASK)
    assert text.startswith(left)
    assert text.endswith(right)
    # Only signs that a neighbour has a part of are left.
    assert len(left) <= -(-8 * len(before) // 6)
    assert len(right.rstrip("=")) <= -(-8 * len(after) // 6) + 1


def test_a_secret_as_short_as_they_may_be_is_masked_in_base64_too(tmp_path: Path) -> None:
    masks = _masks(tmp_path, "abcd")
    assert masks.problems() == ()
    assert _shown(masks, tmp_path, base64.b64encode(b"u:abcd").decode()) == f"dTp{MASK}"
    assert _shown(masks, tmp_path, "the abc of words") == "the abc of words"


FORMS = (SECRET, quote(SECRET, safe=""), base64.b64encode(PLAIN).decode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    parts=st.lists(st.sampled_from([*FORMS, "é", " x ", "czNj", "\n", "🙂", "%"]), max_size=10),
    limit=st.integers(4, 60),
)
def test_encoded_secrets_are_masked_however_the_log_is_cut_into_chunks(
    tmp_path: Path, parts: list[str], limit: int
) -> None:
    masks, log = _masks(tmp_path), tmp_path / "log"
    log.write_text("".join([*parts, "."]))
    text, offset = "", 0
    while True:
        part, following = masks.chunk(log, offset=offset, limit=limit, ended=True)
        text += part
        if following == offset:
            break
        offset = following
    assert not any(form in text for form in FORMS)
    expected = "".join([*parts, "."])
    for form in FORMS:
        expected = expected.replace(form, MASK)
    assert text == expected
