"""`make docs`: write every file that is drawn from the code, and remove pages that are no more."""

from __future__ import annotations

import sys

from tests.reference import FOLDER, ROOT, written


def main() -> None:
    """Write what changed and say so."""
    files = written()
    (ROOT / FOLDER).mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        file = ROOT / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path}\n")
    for file in (ROOT / FOLDER).glob("*.md"):
        if file.relative_to(ROOT).as_posix() not in files:
            file.unlink()
            sys.stdout.write(f"removed {file.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
