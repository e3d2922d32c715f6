"""Fails on a skipped test whose reason is not on the list: `python -m tests.support.skips var/test tests/allowed_skips.txt`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree


def skipped(folder: Path) -> list[tuple[str, str]]:
    """(test id, reason) of every skipped test in the JUnit files of a folder."""
    found = []
    for report in sorted(folder.glob("*.xml")):
        for case in ElementTree.parse(report).iter("testcase"):
            for skip in case.iter("skipped"):
                found.append((f"{case.get('classname')}::{case.get('name')}", skip.get("message", "")))
    return found


def allowed(path: Path) -> list[re.Pattern[str]]:
    """Patterns of reasons that are accepted, one a line; `#` starts a comment."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [re.compile(line) for line in lines if line and not line.startswith("#")]


def main(folder: str, listing: str) -> int:
    """Exit code 1 if any skip is not allowed or no report exists at all."""
    reports, patterns = Path(folder), allowed(Path(listing))
    if not any(reports.glob("*.xml")):
        print(f"no test report in {reports}")
        return 1
    stray = [(test, reason) for test, reason in skipped(reports) if not any(p.search(reason) for p in patterns)]
    for test, reason in stray:
        print(f"skipped without a listed reason: {test}: {reason}")
    return 1 if stray else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
