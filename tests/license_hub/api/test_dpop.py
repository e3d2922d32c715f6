"""RFC 9449: a token bound to a key is nothing in the hands of who lacks the key, and each proof counts once. T2, T3, T4 for proofs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import uuid4

import jwt
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from license_hub.api.build import build
from license_hub.domain.budget import of_quotas
from license_hub.service.list_audit import list_audit
from license_hub.service.register_client import register
from license_hub.signing import dpop
from license_hub.storage.engine import reading
from license_hub.storage.tables import jti
from license_hub.web import pages
from tests.license_hub.api.conftest import Scene
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import credit_code

PATH = "/v1/verifications"
CODE = credit_code(2000)
ASKED = {"type": "business_license", "number": CODE, "holder_number": CODE}


@dataclass
class Prover:
    """A key of a client, and proofs with it."""

    private: object = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def kind(self) -> tuple[str, type]:
        return ("EdDSA", OKPAlgorithm) if isinstance(self.private, Ed25519PrivateKey) else ("ES256", ECAlgorithm)

    @property
    def jwk(self) -> dict[str, str]:
        return {name: one for name, one in self.kind[1].to_jwk(self.private.public_key(), as_dict=True).items() if name != "key_ops"}

    def proof(self, scene: Scene, path: str = PATH, token: str = "", method: str = "POST", header=None, **changes: object) -> str:
        claims = {"jti": uuid4().hex, "htm": method, "htu": scene.hub.public_url + path, "iat": int(scene.clock().timestamp())}
        claims |= {"ath": dpop.hashed(token)} if token else {}
        head = {"typ": "dpop+jwt", "jwk": self.jwk} | (header or {})
        kept = {name: one for name, one in (claims | changes).items() if one is not None}
        return jwt.encode(kept, self.private, self.kind[0], headers={name: one for name, one in head.items() if one is not None})


def bound(scene: Scene, prover: Prover) -> str:
    answer = scene.send("POST", "/oauth/token", data=token_form(scene.assertion()), headers={"DPoP": prover.proof(scene, "/oauth/token")})
    assert (answer.status_code, answer.json()["token_type"]) == (200, "DPoP"), answer.text
    return answer.json()["access_token"]


def ask(scene: Scene, token: str, proof: str | None, scheme: str = "DPoP"):
    headers = {"Authorization": f"{scheme} {token}"} | ({"DPoP": proof} if proof is not None else {})
    return scene.send("POST", PATH, json=ASKED, headers=headers)


@pytest.mark.parametrize("private", [Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())], ids=["EdDSA", "ES256"])
def test_bound_token_is_good_with_a_fresh_proof_of_its_key_for_each_call(scene, private):
    prover = Prover(private)
    token = bound(scene, prover)
    assert jwt.decode(token, options={"verify_signature": False})["cnf"] == {"jkt": dpop.thumbprint(prover.jwk)}
    assert [ask(scene, token, prover.proof(scene, token=token)).status_code for _ in range(3)] == [200] * 3


def test_t2_proof_counts_once_also_on_another_worker(scene):
    prover = Prover()
    token = bound(scene, prover)
    proof = prover.proof(scene, token=token)
    other = replace(scene, app=build(scene.hub, pages.routers(), pages.problem_page))
    assert [ask(one, token, proof).status_code for one in (scene, scene, other)] == [200, 401, 401]


def test_t3_bound_token_without_its_key_is_refused(scene):
    prover, thief = Prover(), Prover()
    token, plain = bound(scene, prover), scene.token()
    for answer in (
        ask(scene, token, None, "Bearer"),
        ask(scene, token, None),
        ask(scene, token, prover.proof(scene, token=token), "Bearer"),
        ask(scene, token, thief.proof(scene, token=token)),
        ask(scene, plain, prover.proof(scene, token=plain)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
    assert 'error="invalid_dpop_proof"' in ask(scene, token, thief.proof(scene, token=token)).headers["www-authenticate"]


def forged(scene: Scene, prover: Prover, token: str) -> dict[str, str]:
    now, other = int(scene.clock().timestamp()), Prover()
    whole = prover.proof(scene, token=token)
    return {
        "other method": prover.proof(scene, token=token, method="GET"),
        "other address": prover.proof(scene, "/v1/recalls", token=token),
        "other host": prover.proof(scene, token=token, htu=f"https://elsewhere.example{PATH}"),
        "other token": prover.proof(scene, token=token + "x"),
        "no token": prover.proof(scene),
        "old": prover.proof(scene, token=token, iat=now - 61),
        "early": prover.proof(scene, token=token, iat=now + 11),
        "no time": prover.proof(scene, token=token, iat=None),
        "time is text": prover.proof(scene, token=token, iat=str(now)),
        "no jti": prover.proof(scene, token=token, jti=None),
        "jti too long": prover.proof(scene, token=token, jti="x" * 97),
        "jti of control characters": prover.proof(scene, token=token, jti="a\nb"),
        "other kind": prover.proof(scene, token=token, header={"typ": "JWT"}),
        "no key": prover.proof(scene, token=token, header={"jwk": None}),
        "private key": prover.proof(scene, token=token, header={"jwk": prover.jwk | {"d": "AAAA"}}),
        "key by address": prover.proof(scene, token=token, header={"jku": "https://elsewhere.example/keys"}),
        "key by chain": prover.proof(scene, token=token, header={"x5c": ["AAAA"]}),
        "somebody else's key beside it": prover.proof(scene, token=token, header={"jwk": other.jwk}),
        "symmetric": jwt.encode({"jti": "x"}, "k" * 32, "HS256", headers={"typ": "dpop+jwt", "jwk": {"kty": "oct", "k": "a2tr"}}),
        "last character changed": whole[:-2] + ("A" if whole[-2] != "A" else "Q") + whole[-1],
        "not a token": "a.b",
        "nothing": "",
    }


def test_t3_t4_proof_that_does_not_hold_is_refused_and_on_record(scene):
    prover = Prover()
    token = bound(scene, prover)
    for name, proof in forged(scene, prover, token).items():
        assert ask(scene, token, proof).status_code == 401, name
    headers = [("Authorization", f"DPoP {token}"), *(("DPoP", prover.proof(scene, token=token)) for _ in range(2))]
    assert scene.send("POST", PATH, json=ASKED, headers=headers).status_code == 401
    assert ask(scene, token, prover.proof(scene, token=token)).status_code == 200


def test_t3_token_request_with_a_bad_proof_gets_no_token(scene):
    prover = Prover()
    used = prover.proof(scene, "/oauth/token")
    send = {"data": token_form(scene.assertion()), "headers": {"DPoP": used}}
    assert scene.send("POST", "/oauth/token", **send).status_code == 200
    for proof in (used, prover.proof(scene), prover.proof(scene, "/oauth/token", iat=0), "a.b.c"):
        refused = scene.send("POST", "/oauth/token", data=token_form(scene.assertion()), headers={"DPoP": proof})
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_dpop_proof")


def test_t3_where_binding_is_required_no_plain_token_is_given_or_taken(scene):
    plain = scene.token()
    strict_hub = replace(scene.hub, dpop=True)
    strict = replace(scene, hub=strict_hub, app=build(strict_hub, pages.routers(), pages.problem_page))
    refused = strict.send("POST", "/oauth/token", data=token_form(strict.assertion()))
    assert refused.json()["error"] == "invalid_dpop_proof"
    assert ask(strict, plain, None, "Bearer").status_code == 401
    prover = Prover()
    token = bound(strict, prover)
    assert ask(strict, token, prover.proof(strict, token=token)).status_code == 200


def test_bound_call_with_a_wrong_body_is_told_so_and_spends_one_call(scene):
    prover = Prover()
    token = bound(scene, prover)
    headers = {"Authorization": f"DPoP {token}", "DPoP": prover.proof(scene, token=token)}
    answer = scene.send("POST", PATH, json={}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_t29_flood_beyond_the_budget_uses_up_no_proofs_and_is_on_record_once(scene):
    limited = replace(scene.hub, budgets=of_quotas(20, 1_000, 1_000))
    key = Key()
    client = register(limited, "bound", key.jwk, ["license:verify"], ["business_license"])
    own = Scene(limited, build(limited, pages.routers(), pages.problem_page), scene.clock, key, client.client_id)
    prover = Prover()
    token = bound(own, prover)

    def proofs() -> int:
        with reading(limited.engine) as connection:
            query = sa.select(sa.func.count()).where(jti.c.client_id == own.client_id, jti.c.jti.startswith("dpop:"))
            return connection.scalar(query)

    before = proofs()
    answers = [ask(own, token, prover.proof(own, token=token)) for _ in range(30)]
    assert [one.status_code for one in answers] == [200] * 20 + [429] * 10
    # The first that finds nothing left may have used its proof up; those behind it do not.
    assert proofs() - before <= 21
    refused = [one for one in list_audit(limited, limit=1_000, action="call") if one.actor == own.client_id]
    assert len(refused) == 1 and "retry-after" in answers[-1].headers
    # Nor does it say whether a proof is good.
    assert ask(own, token, Prover().proof(own, token=token)).status_code == 429
