"""`qr_token` and `signed_pdf`: codes that holders show, and copies 加注件, as the hub makes them.

- `qr_token`: PHONES callers at once through the API's coalescer, each asking for the next code when it has one: holder looked up, signed,
  row stored, audit entry durable (PostgreSQL, fsync and synchronous_commit on) before it is shown. Wall clock, median of the rounds;
  `alone` is one caller by itself, `image` QR codes as SVG a second of one core, which the page adds. Stored rows must be as many as codes.
- `signed_pdf`: a license looked up and judged, set as PDF/A with its fonts and QR code, signed (PAdES ES256), SM2 beside it, recorded,
  encrypted for its download. CPU of this process, one core, SQLite in it; each time another license and purpose. `page` and `signature`
  are the two large parts by themselves. Every file of the last round must be known again.
- `dpop_proof`: proofs of one client read, checked and used up, MOMENT of them a transaction as the API's coalescer makes them under load
  (PostgreSQL, fsync on). Wall clock, median of the rounds; `checked` is the reading of proofs alone, a second of one core. Each must count
  once: the last batch is offered again.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import sqlalchemy as sa

from catalogs.load import load
from license_hub.api.coalesce import Coalescer
from license_hub.domain.verdict import Code
from license_hub.paper import pades, qr
from license_hub.service import copies, print_copy
from license_hub.service.authenticate import Principal
from license_hub.service.check_file import FileRequest, check_file
from license_hub.service.hub import Hub
from license_hub.service.make_copy import SCOPE, CopyRequest, make_copy
from license_hub.service.present import Show, present
from license_hub.service.register_client import register
from license_hub.service.use_proof import Use, read, use
from license_hub.storage.engine import reading
from license_hub.storage.tables_presentations import presentation
from tests.license_hub.api.test_dpop import PATH, Prover
from tests.license_hub.caller import Key
from tests.license_hub.sample_hub import Clock, credit_code, identifier_of, opened_case, sample_hub
from tests.support import postgres

PHONES, SECONDS, ROUNDS = 64, 4, 5
COPIES = 40
PROOFS, MOMENT = 640, 64
CASE_NO = "990101-2026-000001"
NUMBERS = [credit_code(2000 + place) for place in range(20)]
PARTIES = 3
"""Whose copies are made: as many as a case has parties."""


def run_codes(rounds: int = ROUNDS, seconds: float = SECONDS) -> dict:
    """The row `qr_token`. Raises RuntimeError if a code was refused or not stored."""
    with tempfile.TemporaryDirectory(prefix="mzt-bench-") as folder, postgres.server() as root, postgres.database(root) as url:
        hub = sample_hub(Path(folder), load(), url, Clock())
        shows = itertools.cycle([Show(identifier_of(hub, one), one, "holder:bench", "r" * 32) for one in NUMBERS])
        asyncio.run(_mint(hub, shows, PHONES, 0.5))
        made = [(asyncio.run(_mint(hub, shows, PHONES, seconds)), asyncio.run(_mint(hub, shows, 1, seconds / 4))) for _ in range(rounds)]
        with reading(hub.engine) as connection:
            stored = connection.execute(sa.select(sa.func.count()).select_from(presentation)).scalar_one()
            [fsync] = connection.execute(sa.text("SHOW fsync")).one()
        text = present(hub, [next(shows)])[0].text
        hub.close()
    codes = sum(one[0] for pair in made for one in pair)
    if fsync != "on" or stored < codes:
        raise RuntimeError(f"{codes} codes were shown and {stored} are stored (fsync {fsync})")
    rates, alone = ([count / taken for count, taken in part] for part in zip(*made, strict=True))
    return {
        "bench": "qr_token", "value": round(statistics.median(rates)), "unit": "codes/s, stored and audited", "phones": PHONES,
        "rounds": [round(one) for one in rates], "alone": round(statistics.median(alone)), "image": round(_rate(lambda: qr.svg(text))),
    }  # fmt: skip


async def _mint(hub: Hub, shows, phones: int, seconds: float) -> tuple[int, float]:
    """(codes, seconds taken)."""
    coalescer: Coalescer = Coalescer(partial(present, hub))
    begun, count = time.perf_counter(), 0

    async def phone() -> None:
        nonlocal count
        while time.perf_counter() - begun < seconds:
            if await coalescer.call(next(shows)) is None:
                raise RuntimeError("a holder's own license was not found")
            count += 1

    await asyncio.gather(*(phone() for _ in range(phones)))
    taken = time.perf_counter() - begun
    coalescer.close()
    return count, taken


def run_copies(rounds: int = ROUNDS, each: int = COPIES) -> dict:
    """The row `signed_pdf`. Raises RuntimeError if a copy is not known again."""
    with tempfile.TemporaryDirectory(prefix="mzt-bench-") as folder:
        hub = sample_hub(Path(folder), load(), clock=Clock())
        client = register(hub, "样例窗口", Key().jwk, [SCOPE], ["business_license"])
        caller = Principal(client.client_id, frozenset({SCOPE}), frozenset({"business_license"}), kid=hub.keyring.signer("token").kid)
        opened_case(hub, caller, CASE_NO, *NUMBERS[:PARTIES])
        named = itertools.cycle([identifier_of(hub, one) for one in NUMBERS[:PARTIES]])
        wanted = (CopyRequest(caller, one, f"公租房申请（{place}）", CASE_NO) for place, one in enumerate(named))
        make_copy(hub, next(wanted))
        rates, made = [], []
        for _ in range(rounds):
            begun = time.process_time()
            made = [make_copy(hub, next(wanted)) for _ in range(each)]
            rates.append(each / (time.process_time() - begun))
        files = [copies.fetch(hub, one.secret).data for one in made]
        if any(check_file(hub, FileRequest(one, "bench")).answer.verdict.code is not Code.IN_FORCE for one in files):
            raise RuntimeError("a copy is not known again")
        parts = _parts(hub)
        hub.close()
    return {
        "bench": "signed_pdf", "value": round(statistics.median(rates), 1), "unit": "copies/s of one core",
        "rounds": [round(one, 1) for one in rates], "bytes": round(statistics.mean(map(len, files))), **parts,
    }  # fmt: skip


def run_proofs(rounds: int = ROUNDS, each: int = PROOFS) -> dict:
    """The row `dpop_proof`. Raises RuntimeError if a proof did not count, or counted twice."""
    with tempfile.TemporaryDirectory(prefix="mzt-bench-") as folder, postgres.server() as root, postgres.database(root) as url:
        hub = sample_hub(Path(folder), load(), url, Clock())
        client, prover = register(hub, "样例窗口", Key().jwk, ["license:verify"], ["business_license"]), Prover()
        scene = SimpleNamespace(hub=hub, clock=hub.clock)
        made = [Use(client.client_id, prover.proof(scene), "POST", hub.public_url + PATH) for _ in range(rounds * each)]
        rates = []
        for start in range(0, len(made), each):
            begun = time.perf_counter()
            for place in range(start, start + each, MOMENT):
                if not all(use(hub, made[place : place + MOMENT])):
                    raise RuntimeError("a fresh proof did not count")
            rates.append(each / (time.perf_counter() - begun))
        if any(use(hub, made[-MOMENT:])):
            raise RuntimeError("a proof counted twice")
        again = itertools.cycle(made)
        checked = _rate(lambda: read(hub, next(again)))
        hub.close()
    return {
        "bench": "dpop_proof", "value": round(statistics.median(rates)), "unit": "proofs/s, used up", "moment": MOMENT,
        "rounds": [round(one) for one in rates], "checked": round(checked),
    }  # fmt: skip


def _parts(hub: Hub) -> dict[str, float]:
    """Pages, and signatures over one page, a second of one core."""
    at, numbers = hub.now(), itertools.count()

    def page() -> bytes:
        face = {"ZZMC": "营业执照", "CZZT": f"样例第{next(numbers)}号贸易有限公司", "KZ_住所": "样例省样例市样例路1号"}
        wanted = print_copy.Wanted(f"{next(numbers):032x}", "公租房申请", "样例窗口", at, at + timedelta(days=30))
        return print_copy.typesetter().pdf(print_copy.sheet_of(hub, face, wanted), at)

    signer, one = hub.keyring.signer("copy"), page()
    held = pades.certificate(signer, hub.origin, at, at + timedelta(days=1))
    return {"page": round(_rate(page), 1), "signature": round(_rate(lambda: pades.sign(one, signer, held, at, "bench")), 1)}


def _rate(work: Callable[[], object], seconds: float = 1.5) -> float:
    """Calls a second of CPU time of this process."""
    count, begun = 0, time.process_time()
    while (taken := time.process_time() - begun) < seconds:
        work()
        count += 1
    return count / taken
