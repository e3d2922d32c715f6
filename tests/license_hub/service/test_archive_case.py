from __future__ import annotations

import hashlib
import io
import json
import zipfile

import pytest

from license_hub.domain.lifecycle import shanghai_date
from license_hub.errors import CaseNotOpen, NotProvable
from license_hub.log import bundle as proofs
from license_hub.log.tree import leaf_hash
from license_hub.service.archive_case import TYPE, archive_case
from license_hub.service.erase import Ground, erase_license
from license_hub.service.integrate import attend
from license_hub.service.publish_manifest import newest
from license_hub.signing import bundle as bundles
from license_hub.signing import jose, manifest, receipt

from ..sample_hub import identifier_of
from .casework_cases import TEST, Counter, filled_counter, with_matters
from .publishing import ORGAN, Publisher, credit_code


@pytest.fixture
def catalog(catalog):
    return with_matters(catalog, TEST)


@pytest.fixture
def counter(hub, publisher: Publisher) -> Counter:
    return filled_counter(hub, publisher)


def package(hub, counter: Counter, case: int) -> dict[str, bytes]:
    made = archive_case(hub, case, principal=counter.principal, request_id="a" * 32)
    with zipfile.ZipFile(io.BytesIO(made)) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


def test_archive_of_a_closed_case_is_whole_signed_and_verifies_file_by_file(hub, counter):
    case = counter.open(TEST.id, applicant=credit_code(1))
    told = [counter.decide(case).told for _ in range(2)]
    with pytest.raises(CaseNotOpen):
        package(hub, counter, case)
    counter.close(case)
    with pytest.raises(NotProvable):
        package(hub, counter, case)
    attend(hub)
    files = package(hub, counter, case)
    claims = jose.read_own(files["index.jws"].decode(), TYPE, hub.security.keys("status"))
    assert claims["sha256"] == hashlib.sha256(files["index.json"]).hexdigest()
    index = json.loads(files["index.json"])
    assert index["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if not name.startswith("index.")}
    assert index["parties"][0]["number"] == credit_code(1) and index["erased"] == []
    assert json.loads(files["decisions.json"]) == told
    tokens = [name for name in files if name.endswith(".jws") and name.startswith("receipts/")]
    assert len(tokens) == 8
    for name in tokens:
        _, leaf = receipt.read(files[name].decode(), hub.security.keys("status"))
        proof = proofs.parse(files[name.replace(".jws", ".tlog-proof")].decode())
        proofs.verify(proof, leaf_hash(leaf), hub.origin, hub.security.checkpoint_keys(hub.origin))
    trust = bundles.trust_of(manifest.verify(newest(hub), hub.origin, hub.roots, hub.now()))
    evidence = [bundles.read(data) for name, data in files.items() if name.startswith("evidence/")]
    assert len(evidence) == 2
    for one in evidence:
        assert bundles.verify_bundle(one, trust, hub.now()).good
        assert "KZ_法定代表人" not in {field.name for field in one.shown}
    audit = json.loads(files["audit.json"])
    assert [one["code"] for one in audit][0] == "OPENED" and "CLOSED" in {one["code"] for one in audit}
    assert shanghai_date(hub.now()).isoformat() in audit[0]["at"]


def test_archive_names_an_erased_license_and_keeps_its_receipt(hub, counter):
    case = counter.open(TEST.id, applicant=credit_code(1))
    counter.decide(case)
    counter.close(case)
    identifier = identifier_of(hub, credit_code(1))
    erase_license(hub, identifier, Ground("test", "1", ORGAN), "officer")
    files = package(hub, counter, case)
    assert json.loads(files["index.json"])["erased"] == [identifier]
    assert sum(name.endswith(".jws") for name in files) == 5
