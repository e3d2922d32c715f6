"""The truth file: what the pipeline must report for the first delivery, in the words of `hub run --json`.

`{"resources": {resource: {read, trusted, quarantined, superseded, deleted, removed, carried, warned, rules: {id: [keys]},
issued, versions, held, kinds: {kind: rows}, partitions?: {label: {the same}}}}, "totals": {issued, held}}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .ledger import Ledger

COUNTS = ("read", "trusted", "quarantined", "superseded", "deleted", "removed", "carried", "warned", "issued", "versions", "held")


def whole(population: Ledger, sectors: Mapping[str, Ledger], permits: Ledger, titles: Ledger) -> dict[str, object]:
    """Truth of a first delivery. The population makes no licenses; each trusted row of the others makes one, unless it is held."""
    partitions = {label: of_ledger(entries, licenses=True) for label, entries in sectors.items()}
    resources = {
        "population": of_ledger(population, licenses=False),
        "legal_entity": {**_sum(partitions.values()), "partitions": partitions},
        "food_permit": of_ledger(permits, licenses=True),
        "real_estate_title": of_ledger(titles, licenses=True),
    }
    totals = {name: sum(one[name] for one in resources.values()) for name in ("issued", "held")}
    return {"resources": resources, "totals": totals}


def counts(entries: Ledger) -> dict[str, object]:
    """Rows by outcome, rules with the keys that fail them, rows by kind of dirt."""
    rows = {name: getattr(entries, name) for name in ("read", "trusted", "quarantined", "superseded", "deleted", "warned")}
    return {
        **rows,
        "rules": {rule: sorted(keys) for rule, keys in sorted(entries.rules.items())},
        "kinds": dict(sorted(entries.kinds.items())),
    }


def of_ledger(entries: Ledger, licenses: bool) -> dict[str, object]:
    held = entries.held if licenses else 0
    made = {"issued": entries.trusted - held if licenses else 0, "versions": 0, "held": held}
    return {**counts(entries), "removed": 0, "carried": 0, **made}


def _sum(parts: Iterable[Mapping[str, object]]) -> dict[str, object]:
    entries = list(parts)
    rules: dict[str, list[str]] = {}
    kinds: dict[str, int] = {}
    for entry in entries:
        for rule, keys in entry["rules"].items():
            rules.setdefault(rule, []).extend(keys)
        for kind, rows in entry["kinds"].items():
            kinds[kind] = kinds.get(kind, 0) + rows
    totals = {name: sum(entry[name] for entry in entries) for name in COUNTS}
    return {**totals, "rules": {rule: sorted(keys) for rule, keys in sorted(rules.items())}, "kinds": dict(sorted(kinds.items()))}
