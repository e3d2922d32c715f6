"""DPoP proofs in batches: each counts once, and batches with the same proofs in other orders do not wait for each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from license_hub.service.hub import open_hub
from license_hub.service.register_client import register
from license_hub.service.use_proof import Use, use
from tests.license_hub.api.test_dpop import PATH, Prover
from tests.license_hub.caller import Key
from tests.license_hub.sample_hub import Clock, options


@pytest.fixture
def hub(tmp_path, catalog, database_url):
    made = open_hub(options(tmp_path, database_url), clock=Clock(), catalog=catalog)
    yield made
    made.close()


class Scene:
    """As much of a scene as a proof asks for."""

    def __init__(self, hub):
        self.hub, self.clock = hub, hub.clock


@pytest.fixture
def uses(hub) -> list[Use]:
    client, prover = register(hub, "bound", Key().jwk, ["license:verify"], ["business_license"]), Prover()
    return [Use(client.client_id, prover.proof(Scene(hub)), "POST", hub.public_url + PATH) for _ in range(40)]


def test_t2_of_a_proof_twice_in_a_batch_the_first_counts_and_a_bad_one_never(hub, uses):
    bad = Use(uses[0].client_id, "a.b.c", "POST", hub.public_url + PATH)
    assert use(hub, [uses[0], bad, uses[1], uses[0]]) == [True, False, True, False]
    assert use(hub, [uses[1], uses[2]]) == [False, True] and use(hub, [bad]) == [False]


def test_t29_batches_with_the_same_proofs_in_opposite_orders_do_not_end_each_other(hub, uses):
    with ThreadPoolExecutor(4) as pool:
        for start in range(0, len(uses), 8):
            part = uses[start : start + 8]
            found = list(pool.map(lambda order: use(hub, order), [part, part[::-1], part, part[::-1]]))
            counted = [
                dict(zip([one.text for one in order], counts, strict=True))
                for order, counts in zip([part, part[::-1]] * 2, found, strict=True)
            ]
            assert all(sum(one[use_.text] for one in counted) == 1 for use_ in part)
