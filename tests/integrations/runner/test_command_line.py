"""What `backstop-runner` says of words that name nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from integrations.runner.__main__ import main


@pytest.mark.parametrize("verb", ["supervise", "sweep"])
@pytest.mark.parametrize("job", ["elsewhere", "/nowhere/jobs/RUN-1"])
def test_a_directory_that_is_of_no_job_is_refused_in_a_sentence(
    verb: str, job: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, job]) == 2

    said = capsys.readouterr().err
    says = f"{Path(job)} is not the directory of a job: it has no spec.json. Name one of jobs/."
    assert said == f"backstop-runner: {says}\n"


@pytest.mark.parametrize(
    ("verb", "does"), [("supervise", "Carry out a stored job"), ("sweep", "End what is left of a job")]
)
def test_the_help_of_what_acts_on_a_job_says_what_it_does(
    verb: str, does: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])

    assert (ended.value.code, does in capsys.readouterr().out) == (0, True)
