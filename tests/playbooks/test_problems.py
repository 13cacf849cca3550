from __future__ import annotations

from playbooks.problems import PlaybookInvalid, Problem, instead, nearest


def test_a_problem_says_file_line_what_why_and_the_valid_words() -> None:
    problem = Problem("a.yaml", 3, "there is no role 'dbb'", "did you mean dba?", ("dba", "app"))

    assert str(problem) == "a.yaml:3: there is no role 'dbb', did you mean dba?, valid: dba, app"


def test_a_warning_says_that_it_is_one() -> None:
    assert (
        str(Problem("a.yaml", 3, "no drill", code="L22", severity="warn"))
        == "a.yaml:3: warning: L22 no drill"
    )


def test_problems_are_listed_by_line() -> None:
    invalid = PlaybookInvalid([Problem("a.yaml", 10, "later"), Problem("a.yaml", 9, "sooner")])

    assert str(invalid) == "a.yaml:9: sooner\na.yaml:10: later"


def test_the_nearest_word_is_offered_and_nothing_that_is_far() -> None:
    assert nearest("restoer", ["restore", "start"]) == "restore"
    assert nearest("banana", ["restore", "start"]) is None
    assert instead("restoer", ["restore"]) == "did you mean restore?"
    assert instead("banana", ["restore"]) == ""
