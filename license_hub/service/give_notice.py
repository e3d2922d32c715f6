"""One notice by a calling system, with its answer remembered under the call's key in the transaction of the act."""

from __future__ import annotations

from collections.abc import Mapping

from license_hub.service.authenticate import Principal, still
from license_hub.service.change_status import Changed, Notice, change_within
from license_hub.service.hub import Hub
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import writing
from license_hub.storage.idempotency import Call, complete, intend, purge

DONE = 200


def give_notice(hub: Hub, notice: Notice, call: Call, *, principal: Principal, request_id: str) -> tuple[Mapping[str, object], bool]:
    """(answer, whether it is the answer of an earlier call). A refusal leaves nothing behind, so it is judged anew each time.

    Raises what `change_status` raises, KeyReused, and NotAuthenticated for a caller that may no longer.
    """
    with writing(hub.engine) as connection:
        still(hub, connection, principal)
        known = intend(connection, hub.crypt, call, hub.now())
        if known is not None and known.answer is not None:
            return known.answer, True
        purge(connection, hub.now())
        answers: list[Mapping[str, object]] = []

        def remember(changed: list[Changed]) -> None:
            # After the wait for the log's lock: whom the register dropped meanwhile changes nothing.
            still(hub, connection, principal)
            answers.append(_told(changed[0]))
            complete(connection, hub.crypt, call, DONE, answers[0], hub.entropy(NONCE_BYTES))

        change_within(hub, connection, [notice], actor=principal.client_id, request_id=request_id, also=remember)
    return answers[0], False


def _told(changed: Changed) -> Mapping[str, object]:
    return {
        "identifier": changed.identifier,
        "state": changed.state.value,
        "entry": changed.entry,
        "leaf_hash": changed.leaf_hash.hex(),
        "recorded_at": changed.recorded_at,
    }
