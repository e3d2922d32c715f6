"""`python -m catalogs check [--json] [--root DIR]`: lists every fault of the catalogue with file and key path.

Exit 0: no fault. Exit 1: faults, all listed. Exit 2: wrong use (unknown option, no such folder).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from . import reference_divisions, validate
from .load import PACKAGE_ROOT, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m catalogs", description="The catalogue of resources, rules and license types.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="list every fault with file and key path")
    check.add_argument("--root", type=Path, default=PACKAGE_ROOT, help="catalogue folder (default: the shipped one)")
    check.add_argument("--json", action="store_true", help="one JSON object on stdout")
    given = parser.parse_args(arguments)
    if not given.root.is_dir():
        parser.error(f"no folder {given.root}")
    return _check(given.root.resolve(), as_json=given.json)


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
