"""What is wrong with a repository of which restic only says that it failed, and what to do next.

To add a fault: add its sign in restic's words and a sentence; the first that fits is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_OTHERWISE = "take another copy of the repository"
_PIECE = re.compile(r"<data/(\w+)>|/data/\w\w/(\w{10})\w*")
_REPAIRS_SINCE = (0, 16)
_HOPELESS = re.compile(r"retrying after .*(no such file or directory|key does not exist)")
_CUT_SHORT = re.compile(r"retrying after .*EOF$")

_FAULTS = (
    (
        r"Resolving password failed|empty password",
        "The password file {password_file} is missing or empty. Write the repository's password to it.",
    ),
    (
        r"wrong password or no key found",
        "The password in {password_file} does not open the repository {url}, or the repository's keys are "
        "gone. Write the right password to that file; where it is right, bring the directory `keys` back "
        "from another copy of the repository, for without its keys nobody can read it.",
    ),
    (
        r"config or key \w+ is damaged|config file has zero size|config cannot be loaded|Unmarshal:",
        "The repository {url} has a damaged config or key file, so nothing in it can be read. Bring `config` "
        "and `keys` back from another copy of the repository, or restore from that copy; restic repairs "
        "neither, and `restic init` would not bring the backups back.",
    ),
    (
        r"unable to open config file",
        "There is no restic repository at {url}, or its config file is gone. Look whether its disk or "
        "storage is there and `repository` in runner.toml names it; where only `config` is gone, bring it "
        "back from another copy of the repository. Do not run `restic init` over it.",
    ),
    (
        r"load <index/|not found in (repository|index)",
        "The index of the repository {url} is damaged or incomplete, which says nothing about the backups "
        "themselves. Let nothing use the repository, run `{index}` and then `restic check --read-data`, and "
        "plan again.",
    ),
    (
        r"load <snapshot/",
        "The file of a snapshot in the repository {url} is damaged. Choose another snapshot, or "
        f"{_OTHERWISE}; `restic check` names what is damaged.",
    ),
    (
        r"<data/|StreamPack|ReadPack|ciphertext verification failed|wrong data returned|/data/\w\w/",
        "A piece of the backup{piece} is {how} in the repository {url}: what needs it cannot be restored "
        f"from there. Choose another snapshot or {_OTHERWISE}; `restic check --read-data` names all that is "
        "damaged.",
    ),
)


def explained(lines: Sequence[str], *, url: str, password_file: str, version: Callable[[], str]) -> str:
    """Return in a sentence or more what restic's words mean and what to do; empty where nobody knows it."""
    text = "\n".join(lines)
    said = next((says for sign, says in _FAULTS if re.search(sign, text)), "")
    found = _PIECE.search(text)
    piece = f" (pack {(found[1] or found[2])[:10]})" if found else ""
    how = "missing" if re.search("no such file|does not exist", text) else "damaged"
    index = _rebuilding(version()) if "{index}" in said else ""
    return said.format(url=url, password_file=password_file, piece=piece, how=how, index=index)


def hopeless(lines: Sequence[str], *, here: bool) -> bool:
    """Say whether restic goes on asking for what does not come back, for most of a minute each.

    A file that ends too early stays so on a disk of this host; elsewhere the line may have been cut.
    """
    return any(_HOPELESS.search(line) or (here and _CUT_SHORT.search(line)) for line in lines)


def _rebuilding(version: str) -> str:
    """Return what builds the index anew; `repair` is of 0.16."""
    found = re.search(r"(\d+)\.(\d+)", version)
    new = found is not None and (int(found[1]), int(found[2])) >= _REPAIRS_SINCE
    return "restic repair index" if new else "restic rebuild-index"
