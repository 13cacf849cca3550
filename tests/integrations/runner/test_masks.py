from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.runner.masks import MASK, Masks

SECRET = "hunter2-äöü"


def _read_whole(masks: Masks, log: Path, limit: int, *, ended: bool) -> str:
    text, offset = "", 0
    while True:
        part, following = masks.chunk(log, offset=offset, limit=limit, ended=ended)
        text += part
        if following == offset:
            return text
        offset = following


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    parts=st.lists(st.sampled_from([SECRET, "é", "x", "hunter", "\n", "🙂"]), max_size=12),
    limit=st.integers(4, 40),
)
def test_a_secret_is_masked_however_the_log_is_cut_into_chunks(
    tmp_path: Path, parts: list[str], limit: int
) -> None:
    (tmp_path / "secret").write_text(SECRET)
    log = tmp_path / "log"
    log.write_text("".join([*parts, "."]))
    masks = Masks([tmp_path / "secret"])
    read = _read_whole(masks, log, limit, ended=True)
    assert read == "".join([*parts, "."]).replace(SECRET, MASK)


def test_the_beginning_of_a_secret_is_kept_back_while_the_log_grows(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    log, masks = tmp_path / "log", Masks([tmp_path / "secret"])
    log.write_text("token hunter2")
    text, offset = masks.chunk(log, offset=0, limit=1000, ended=False)
    assert text == "token "
    log.write_text(f"token {SECRET}!")
    assert masks.chunk(log, offset=offset, limit=1000, ended=False)[0] == f"{MASK}!"
    log.write_text("token hunter2")
    assert "hunter2" not in masks.chunk(log, offset=0, limit=1000, ended=True)[0]


def test_a_key_of_many_lines_is_masked_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("-----BEGIN-----\nAAAABBBB\nCCCCDDDD\n-----END-----\n")
    masks = Masks([tmp_path / "key"])
    assert "BBBB" not in masks.text("x AAAABBBB y")
    assert masks.value({"a": ["CCCCDDDD", 1, None]}) == {"a": [MASK, 1, None]}


def test_a_secret_that_cannot_be_masked_is_a_problem_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("abc")
    problems = Masks([tmp_path / "short", tmp_path / "missing"]).problems()
    assert [str(tmp_path / name) in text for name, text in zip(("short", "missing"), problems, strict=True)]
    assert len(problems) == 2
