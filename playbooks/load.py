"""From the text of a playbook to the playbook, or to every problem it has, each with its line."""

from __future__ import annotations

from dataclasses import dataclass

from playbooks.consistency import inconsistencies
from playbooks.model import Playbook, content_hash
from playbooks.names import unknown_names
from playbooks.problems import PlaybookInvalid
from playbooks.validate import validated
from playbooks.yaml_text import Text, read_yaml


@dataclass(frozen=True, slots=True)
class Loaded:
    """A playbook with the text it came from (for lines) and the sha256 of its content."""

    playbook: Playbook
    text: Text
    hash: str


def load_playbook(text: str, file: str) -> Loaded:
    """Return the playbook a text describes, or raise PlaybookInvalid with all its problems by line.

    `file` labels the problems; nothing is read from it.
    """
    read = read_yaml(text, file)
    names = list(unknown_names(read))
    try:
        playbook = validated(read, Playbook)
    except PlaybookInvalid as invalid:
        raise PlaybookInvalid([*invalid.problems, *names]) from invalid
    problems = [*names, *inconsistencies(playbook, read)]
    if problems:
        raise PlaybookInvalid(problems)
    return Loaded(playbook, read, content_hash(playbook))
