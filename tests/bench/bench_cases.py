"""`exempt_6`, `prefill`: cases of a matter with six materials, decided and filled in on PostgreSQL in one process.

- `exempt_6`: decisions a second, 64 cases a transaction as a worker makes them under load; each with six signed receipts (three by
  license, two by shared data, one to hand in), their leaves, the stored answer and six audit entries. Baseline: the same cases one by one.
- `prefill`: milliseconds of one call, median, six fields of two licenses and a shared row. Baseline: its 95th percentile.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from catalogs.load import load
from catalogs.matter import FormField, LicenseWay, Material, Prefill, ShareWay
from license_hub.service.decide_case import Asked, decide_case, decide_cases
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.integrate import integrate
from license_hub.service.prefill import prefill
from tests.license_hub.sample_hub import options
from tests.license_hub.service.casework_cases import Counter, matter, with_matters
from tests.license_hub.service.publishing import Publisher, credit_code, entity, permit
from tests.support import postgres

COMPANIES, TOGETHER, ROUNDS = 2_000, 64, 12


def material(code: str, *ways: object) -> Material:
    return Material(
        code, f"材料{code}", "20" if ways else "10", "1", "原件", "applicant", "province_market" if ways else None, "duty", ways
    )


def by(kind: str, title: str) -> Prefill:
    return Prefill("license", kind, title, "applicant", "duty")


SHOP, PERMIT = LicenseWay(("business_license",), ("名称", "住所"), "B"), LicenseWay(("food_permit",), ("许可证编号",), "B", 30)
ROW = ShareWay("legal_entity", "credit_code", ("name",), {"status": ("1",)})
FORM = {
    "name": by("business_license", "名称"),
    "home": by("business_license", "住所"),
    "scope": by("business_license", "经营范围"),
    "permit": by("food_permit", "许可证编号"),
    "rep": Prefill("share", "legal_entity", "legal_rep", "applicant", "duty", "credit_code"),
    "number": Prefill("case", "", "number", "applicant", "duty"),
}
SIX = matter(
    (material("a", SHOP), material("b", PERMIT), material("c", ROW), material("d", SHOP), material("e", ROW), material("f")),
    tuple(FormField(name, name, True, (source,)) for name, source in FORM.items()),
)


def run() -> dict:
    """Goal: at least 300 decisions a second."""
    with hub_of(COMPANIES) as hub:
        counter = Counter(hub)
        asked = [Asked(counter.open(SIX.id, applicant=credit_code(at)), counter.principal) for at in range(TOGETHER * ROUNDS)]
        decide_cases(hub, asked[:TOGETHER])
        began = time.perf_counter()
        made = [one for start in range(0, len(asked), TOGETHER) for one in decide_cases(hub, asked[start : start + TOGETHER])]
        rate = len(made) / (time.perf_counter() - began)
        assert all(len(one.entries) == 6 for one in made)
        began = time.perf_counter()
        for one in asked[:TOGETHER]:
            decide_case(hub, one)
        alone = TOGETHER / (time.perf_counter() - began)
    detail = {"materials": 6, "receipts": 6, "together": TOGETHER, "decisions": len(made), "companies": COMPANIES}
    return {
        "bench": "exempt_6",
        "value": round(rate),
        "unit": "decisions/s",
        "baseline": round(alone),
        "ratio": round(rate / alone, 2),
        "detail": detail,
    }


def run_prefill() -> dict:
    """Goal: at most 10 ms, median."""
    with hub_of(COMPANIES) as hub:
        counter = Counter(hub)
        cases = [counter.open(SIX.id, applicant=credit_code(at)) for at in range(200)]
        taken = []
        for case in cases:
            began = time.perf_counter()
            told = prefill(hub, case, principal=counter.principal, request_id="b" * 32)
            taken.append((time.perf_counter() - began) * 1e3)
            assert len(told["values"]) == 6, told["empty"]
    middle, slow = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
    return {"bench": "prefill", "value": round(middle, 2), "unit": "ms", "baseline": round(slow, 2), "ratio": round(slow / middle, 2),
            "detail": {"fields": 6, "calls": len(taken), "baseline": "95th percentile"}}  # fmt: skip


class hub_of:
    """A hub on its own PostgreSQL with that many companies, each with a license and a food permit."""

    def __init__(self, companies: int):
        self._companies = companies

    def __enter__(self) -> Hub:
        self._server = postgres.server()
        root = self._server.__enter__()
        self._database = postgres.database(root)
        url = self._database.__enter__()
        self._folder = tempfile.TemporaryDirectory()
        catalog = with_matters(load(), SIX)
        self.hub = open_hub(options(Path(self._folder.name), url), clock=lambda: datetime.now(UTC), catalog=catalog)
        publisher = Publisher(self.hub)
        publisher.publish("legal_entity", [entity(at) for at in range(self._companies)])
        publisher.publish("food_permit", [permit(at) for at in range(self._companies)])
        apply_pending(self.hub)
        integrate(self.hub)
        return self.hub

    def __exit__(self, *_fault: object) -> None:
        self.hub.close()
        self._folder.cleanup()
        self._database.__exit__(None, None, None)
        self._server.__exit__(None, None, None)
