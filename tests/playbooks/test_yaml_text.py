from __future__ import annotations

import pytest

from playbooks.problems import PlaybookInvalid
from playbooks.yaml_text import LARGEST, read_yaml


def problems(text: str) -> list[str]:
    """Return what keeps a text from being used, whether it could be read to its end or not."""
    try:
        found = read_yaml(text, "f.yaml").problems
    except PlaybookInvalid as invalid:
        found = invalid.problems
    return [str(problem) for problem in found]


def test_yaml_is_read_as_version_1_2() -> None:
    read = read_yaml(
        "a: 1:30\nb: on\nc: no\nd: 0x1F\ne: 0o17\nf: 1.5\ng: ~\nh: True\ni: -3\n"
        "j: [x, {k: null}]\nl: |\n  two\n  lines\nm: >-\n  one\n  line\n",
        "f.yaml",
    )

    assert read.data == {
        "a": "1:30",
        "b": "on",
        "c": "no",
        "d": 31,
        "e": 15,
        "f": 1.5,
        "g": None,
        "h": True,
        "i": -3,
        "j": ["x", {"k": None}],
        "l": "two\nlines\n",
        "m": "one line",
    }


def test_every_key_and_item_has_its_line() -> None:
    read = read_yaml("a: 1\nb:\n  - x\n  - {c: 2}\n", "f.yaml")

    assert read.line(("b",)) == 2
    assert read.line(("b", 1, "c")) == 4
    assert read.line(("b", 1, "nowhere", 7)) == 4
    assert read.line(("nowhere",)) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x 1\nb: 2\n", "f.yaml:1: the anchor &x is not allowed, write the value out"),
        ("a: 1\nb: *x\n", "f.yaml:2: the alias *x is not allowed, write the value out"),
        ("a: 1\n<<: {b: 1}\n", "f.yaml:2: the merge key << is not allowed, write the values out"),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3: the key 'a' is written twice, only one of them could count"),
        ("1: a\n", "f.yaml:1: a key must be text, put quotes around it"),
        ("? [a]\n: 1\n", "f.yaml:1: a key must be text, put quotes around it"),
        ("a: 012\n", "f.yaml:1: 012 is not a number people agree on, put quotes around it if it is text"),
        ("a: 1_000\n", "f.yaml:1: 1_000 is not a number people agree on, put quotes around it if it is text"),
        ("a: .nan\n", "f.yaml:1: .nan is not a number people agree on, put quotes around it if it is text"),
        ("a: 1e400\n", "f.yaml:1: 1e400 is not a number people agree on, put quotes around it if it is text"),
        (
            f"a: {'9' * 5000}\n",
            "f.yaml:1: a number of more than 40 characters, put quotes around it if it is text",
        ),
        ("a: b\x00c\n", "f.yaml:1: the control character U+0000 is not allowed, people could not see it"),
        (
            "a: 1\nb: x\u202ey\n",
            "f.yaml:2: the control character U+202E is not allowed, people could not see it",
        ),
        (
            'a: 1\nb: "x\\0y"\n',
            "f.yaml:2: the control character U+0000 is not allowed, people could not see it",
        ),
        ("a: \ud800\n", "f.yaml:1: the control character U+D800 is not allowed, people could not see it"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: a second document starts here, one file holds one document"),
        ("%YAML 1.1\n---\na: on\n", "f.yaml:2: directives are not allowed, every file is YAML 1.2"),
        ("[" * 200, "f.yaml:1: nested deeper than 40 levels, nobody could read it"),
        ("", "f.yaml:1: the file is empty, there is nothing to read"),
        (
            "a: [1\n",
            "f.yaml:2: this is not YAML 1.2: expected ',' or ']', but got '<stream end>', "
            "nothing after it was read",
        ),
    ],
)
def test_what_means_something_else_than_it_shows_is_refused(text: str, expected: str) -> None:
    assert problems(text) == [expected]


def test_a_tag_is_refused() -> None:
    assert problems("a: !!python/object:os.system x\n") == [
        "f.yaml:1: the tag tag:yaml.org,2002:python/object:os.system is not allowed, "
        "values are text, numbers and true or false"
    ]


@pytest.mark.parametrize("moment", ["2026-10-02", "2026-10-02T01:02:03", "2026-10-02 01:02:03Z"])
def test_a_bare_timestamp_is_refused_and_a_quoted_one_is_text(moment: str) -> None:
    assert problems(f"a: {moment}\n") == [
        f"f.yaml:1: {moment} is a bare timestamp, put quotes around it; "
        "a moment with its time ends with Z as well"
    ]
    assert read_yaml(f'a: "{moment}"\n', "f.yaml").data == {"a": moment}


def test_a_file_over_256_kb_is_refused_and_one_of_that_size_is_read() -> None:
    fits = "# " + "x" * (LARGEST - len("# \na: 1\n")) + "\na: 1\n"

    assert read_yaml(fits, "f.yaml").data == {"a": 1}
    assert problems(f"{fits}\n") == [
        "f.yaml:1: the file is over 256 kB, a plan people read at night is short"
    ]


def test_all_problems_are_told_at_once_in_the_order_of_lines() -> None:
    found = problems("b: 2026-01-01\na: 1\na: 2\n3: x\n")

    assert [line.split(":")[1] for line in found] == ["1", "3", "4"]
