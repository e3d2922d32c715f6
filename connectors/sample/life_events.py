"""Generates the four departments that matters ask beside the first ones: marriages, education, births, social insurance.

The same persons as in `connectors.sample.generate` for the same request: numbers, names and employers match.

| file | what |
|---|---|
| marriage.csv, education.csv, birth.csv, social_insurance.csv | GB18030 file drops, whole sets |
| truth-life-events.json | what the pipeline must report once population and legal entities are in |
"""

from __future__ import annotations

from pathlib import Path

from . import birth, csv_drop, education, headers, marriage, social_insurance, truth
from .generate import about, record
from .ledger import Ledger
from .world import Request, imagine

TRUTH = "truth-life-events.json"
DEPARTMENTS = {
    "marriage": (marriage.deliver, headers.MARRIAGE),
    "education": (education.deliver, headers.EDUCATION),
    "birth": (birth.deliver, headers.BIRTH),
    "social_insurance": (social_insurance.deliver, headers.SOCIAL_INSURANCE),
}
WITHOUT_LICENSE = ("social_insurance",)


def generate(out: Path, request: Request) -> dict[str, object]:
    """Write the four drops and their truth into a folder; returns the truth. Raises FileExistsError, ValueError for too few persons."""
    world = imagine(request)
    out.mkdir(parents=True, exist_ok=True)
    resources = {}
    for name, (deliver, header) in DEPARTMENTS.items():
        entries = Ledger()
        csv_drop.write(out / f"{name}.csv", header, deliver(world, entries))
        resources[name] = truth.of_ledger(entries, licenses=name not in WITHOUT_LICENSE)
    whole = {"generated": about(request), "resources": resources}
    record(out / TRUTH, whole)
    return whole
