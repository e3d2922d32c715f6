"""What the demo did, as numbers: gathered from the DAGs' own answers, compared with the generator's truth, shown as a table."""

from __future__ import annotations

from collections import Counter

ROWS = ("read", "trusted", "quarantined", "superseded", "deleted", "removed", "carried", "warned")
LICENSES = ("issued", "versions", "held", "unchanged")


def gather(resources: tuple[str, ...], answers: dict[str, dict]) -> dict[str, dict]:
    """Per resource the counts of `hub run --json`, several batches (partitions) added up."""
    return {resource: _one(resource, answers) for resource in resources}


def _one(resource: str, answers: dict[str, dict]) -> dict:
    batches = answers[f"check_{resource}"]
    rules: Counter[str] = Counter()
    severities = {}
    for batch in batches:
        for rule, outcome in batch["rules"].items():
            rules[rule] += outcome["failed"]
            severities[rule] = outcome["severity"]
    licenses = answers["issue"]["resources"].get(resource, {})
    return {
        "batch": [batch["batch"] for batch in batches],
        "publication": [batch["publication"] for batch in batches],
        **{name: sum(batch[name] for batch in batches) for name in ROWS},
        "rules": {rule: {"severity": severities[rule], "failed": failed} for rule, failed in rules.items()},
        **{name: licenses.get(name, 0) for name in LICENSES},
    }


def differences(found: dict[str, dict], truth: dict[str, dict]) -> list[str]:
    """Every number that is not what the generator seeded; empty = all agree. Rules the truth does not name must not fail."""
    lines = []
    for resource, expected in truth.items():
        for name in (*ROWS, "issued", "held"):
            if found[resource][name] != expected[name]:
                lines.append(f"{resource}.{name}: {found[resource][name]}, seeded {expected[name]}")
        for rule, outcome in found[resource]["rules"].items():
            seeded = len(expected["rules"].get(rule, ()))
            if outcome["failed"] != seeded:
                lines.append(f"{resource}.rules.{rule}: {outcome['failed']}, seeded {seeded}")
        unknown = set(expected["rules"]) - set(found[resource]["rules"])
        lines += [f"{resource}.rules.{rule}: seeded, but no rule of that id ran" for rule in sorted(unknown)]
    return lines


def show(report: dict) -> None:
    """The table and the URLs, on stdout."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="免证通 demo: generated departments, checked, issued, verified")
    columns = ("read", "trusted", "quarantined", "warned", "held", "issued")
    table.add_column("resource")
    for name in columns:
        table.add_column(name, justify="right")
    for resource, counts in report["resources"].items():
        table.add_row(resource, *(f"{counts[name]:,}" for name in columns))
    console = Console()
    console.print(table)
    console.print(f"log size   {report['log_size']:,} leaves")
    console.print(f"checkpoint {report['checkpoint']}")
    console.print(f"verdict    {report['verdict']['status']} / {report['verdict']['code']} in {report['verdict']['milliseconds']} ms")
    for line in report["differences"]:
        console.print(f"differs    {line}", style="bold red")
