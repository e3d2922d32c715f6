"""`python -m catalogs check [--json] [--root DIR]`: lists every fault of the catalogue with file and key path.
`python -m catalogs import-matters FILE [--out DIR] [--json] [--root DIR]`: takes a department's 实施清单 in, lists what is odd in it.

Exit 0: no fault or finding. Exit 1: some, all listed. Exit 2: wrong use (unknown option, no such folder, a file that is no sheet).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from . import import_matters, item_sheet, reference_divisions, validate, written_matters
from .load import PACKAGE_ROOT, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m catalogs", description="The catalogue of resources, rules and license types.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="list every fault with file and key path")
    check.add_argument("--root", type=Path, default=PACKAGE_ROOT, help="catalogue folder (default: the shipped one)")
    check.add_argument("--json", action="store_true", help="one JSON object on stdout")
    bring = commands.add_parser("import-matters", help="list what is odd in a department's 实施清单 (CSV, .xlsx)")
    bring.add_argument("file", type=Path)
    bring.add_argument("--out", type=Path, help="folder to write a draft into for each item without a blocking finding (new files only)")
    bring.add_argument("--since", type=date.fromisoformat, help="date the drafts carry, default today")
    bring.add_argument("--root", type=Path, default=PACKAGE_ROOT, help="catalogue folder (default: the shipped one)")
    bring.add_argument("--json", action="store_true", help="one JSON object on stdout")
    given = parser.parse_args(arguments)
    if not given.root.is_dir():
        parser.error(f"no folder {given.root}")
    if given.command == "check":
        return _check(given.root.resolve(), as_json=given.json)
    if not given.file.is_file():
        parser.error(f"no file {given.file}")
    return _import(given)


def _import(given: argparse.Namespace) -> int:
    since = (given.since or datetime.now(ZoneInfo("Asia/Shanghai")).date()).isoformat()
    try:
        found = import_matters.take_in(given.file, load(given.root.resolve()), since)
        written = written_matters.write(given.out, found.drafts) if given.out else []
    except (item_sheet.UnreadableSheet, FileExistsError) as error:
        print(f"{given.file}: {error}", file=sys.stderr)
        return 2
    counts = Counter(one.code for one in found.findings)
    told = {"items": found.items, "lines": found.lines, "drafts": len(found.drafts), "findings": dict(counts.most_common())}
    if given.json:
        print(json.dumps(told | {"list": [asdict(one) for one in found.findings], "written": written}, ensure_ascii=False))
    else:
        for one in found.findings:
            print(f"{given.file.name}:{one.line}: {one.column}: {one.code}: {one.text}", file=sys.stderr)
        numbers = ", ".join(f"{number} {code}" for code, number in counts.most_common()) or "nothing odd"
        print(f"{found.items} items, {len(found.drafts)} good for a draft; {len(found.findings)} finding(s): {numbers}")
    return 1 if found.findings else 0


def _check(root: Path, *, as_json: bool) -> int:
    _, faults = validate.check(root)
    faults.extend(reference_divisions.faults(root))
    counts = _counts(root) if not faults else {}
    if as_json:
        print(json.dumps({"ok": not faults, "faults": faults, "counts": counts}, ensure_ascii=False))
    else:
        for fault in faults:
            print(fault, file=sys.stderr)
        print(f"{len(faults)} fault(s)" if faults else "no fault: " + ", ".join(f"{number} {name}" for name, number in counts.items()))
    return 1 if faults else 0


def _counts(root: Path) -> dict[str, int]:
    catalog = load(root)
    return {
        "departments": len(catalog.departments),
        "resources": len(catalog.resources),
        "rules": sum(len(rules) for rules in catalog.rules.values()),
        "license types": len(catalog.license_types),
        "matters": len(catalog.matters),
        "code tables": len(catalog.codes),
        "divisions": len(catalog.divisions),
        "messages": len(catalog.messages),
        "terms": len(catalog.glossary),
    }


if __name__ == "__main__":
    sys.exit(main())
