"""Calling systems: each with its own public key, scopes and license types. The hub never holds their private keys.

Beside a live client stands its test client, with a key of its own: it is a client like any other, so that cases, grants, budgets and
audit entries are apart, and reaches sample data alone (`service.sample_data`).

Registered is not allowed: on the pages one person registers a system and another says what it may do (三员分立). Until then it has no scope
and gets no token. Acts of a person (`by`) are in the audit log in the transaction that does them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import sqlalchemy as sa

from catalogs import checkdigits
from license_hub.errors import AccessError, JoseRefused
from license_hub.service.acting import Acting
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.signing import jose, sm2
from license_hub.signing.canonical import jcs
from license_hub.signing.commitment import instant
from license_hub.storage import epoch
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables import client as clients_table
from license_hub.storage.tables import sequence

SCOPES = (
    "license:verify", "license:read", "license:export", "license:recall", "license:status", "license:intake", "license:correct",
    "case:work", "case:check", "license:scan", "license:copy",
)  # fmt: skip
ORGAN_SCOPES = frozenset({"license:status", "license:intake", "case:check"})
"""What a client does in the name of an organ, which its registration names."""
ALGORITHMS = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("EC", sm2.JOSE_CURVE): sm2.JOSE}
"""Kind of key → the one algorithm it may sign with."""
PUBLIC_MEMBERS = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y")}

ACTION, KEY_ACTION = "client", "client-key"
TEST = "test-"
"""Before a live client's id: its test client's. It shows in every audit entry of that."""
TEST_SCOPES = frozenset({"license:verify", "license:read", "license:export", "license:copy", "license:scan", "case:work"})
"""What a test client may at most: nothing that changes a license, its data or another body's work."""

_KID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NAME_CHARS = 100


@dataclass(frozen=True)
class Client:
    client_id: str
    name: str
    jwk: Mapping[str, str]
    """Public members only; empty for a client without a key."""
    kid: str
    """'' = it has no key, and gets no token."""
    scopes: tuple[str, ...]
    types: tuple[str, ...]
    created_at: str
    disabled_at: str | None
    organ: str | None = None
    """Credit code of the organ the client acts for."""
    secret: str | None = field(default=None, repr=False)
    """Of the facade, hashed (`client_secrets`)."""
    plain_token: str | None = None
    """The approval by which the facade's plain token is given; None: it is not."""
    test_of: str | None = None

    @property
    def credential(self) -> str:
        """Names the facade's secret in tokens made with it; '' where there is none or it must not be used."""
        usable = self.secret if self.plain_token and not self.disabled_at else None
        return hashlib.sha256(usable.encode()).hexdigest()[:16] if usable else ""

    @property
    def alg(self) -> str:
        return ALGORITHMS[self.jwk["kty"], self.jwk["crv"]]


def register(
    hub: Hub, name: str, jwk: Mapping[str, object], scopes: Collection[str], types: Collection[str], organ: str | None = None,
    by: Acting | None = None,
) -> Client:  # fmt: skip
    """A new client; without scopes and types it waits for them. `kid` of the key is kept, or made by RFC 7638.

    Raises AccessError naming what is wrong with the request.
    """
    with writing(hub.engine) as connection:
        made = enter(hub, connection, name, jwk, scopes, types, organ)
        _note(hub, connection, by, "REGISTERED", made.client_id, name)
    return made


def enter(
    hub: Hub, connection: sa.Connection, name: str, jwk: Mapping[str, object] | None, scopes: Collection[str], types: Collection[str],
    organ: str | None,
) -> Client:  # fmt: skip
    """`register` in the caller's transaction. `jwk` None: a client without a key, for which there are no tokens."""
    public, kid = _public(jwk) if jwk is not None else ({}, "")
    row = _row(hub, str(UUID(bytes=hub.entropy(16), version=4)), public, kid) | _granted(hub, name, scopes, types, organ)
    connection.execute(sa.insert(clients_table), [row])
    epoch.bump(connection)
    return client_of(row)


def set_key(hub: Hub, client_id: str, jwk: Mapping[str, object], *, test: bool = False, operator: str = "") -> Client:
    """Another key instead of the client's, or (`test`) of its test client, which is made with its first key. The former key gives no more
    tokens. Raises AccessError, also for a client that has none, like a desk's.
    """
    public, kid = _public(jwk)
    live_id = client_id.removeprefix(TEST)
    test = test or live_id != client_id
    wanted = TEST + live_id if test else live_id
    with writing(hub.engine) as connection:
        live, tested = find(connection, live_id)[1], find(connection, TEST + live_id)[1]
        if live is None or live.disabled_at or not live.kid:
            raise AccessError("no client of this id that has a key and is not disabled: see `hub clients list`")
        if any(one is not None and (one.kid == kid or dict(one.jwk) == public) for one in (live, tested)):
            raise AccessError("key: this client has this key, or one of this kid, already; make a new pair")
        if test and tested is None:
            scopes = TEST_SCOPES & set(live.scopes)
            if not scopes:
                raise AccessError(f"none of its scopes can be tested: those are {', '.join(sorted(TEST_SCOPES))}")
            row = _row(hub, wanted, public, kid) | _granted(hub, live.name, scopes, live.types, None) | {"test_of": live_id}
            connection.execute(sa.insert(clients_table), [row])
        else:
            changed = sa.update(clients_table).where(clients_table.c.client_id == wanted)
            connection.execute(changed.values(jwk=jcs(public).decode(), kid=kid))
        epoch.bump(connection)
        entry = Entry(hub.entropy(16).hex(), f"operator:{operator}", KEY_ACTION, None, None, "DONE", "SET", f"{wanted} {kid}")
        record(connection, hub.now(), [entry])
        return find(connection, wanted)[1]


def _row(hub: Hub, client_id: str, public: Mapping[str, str], kid: str) -> dict[str, object]:
    return {
        "client_id": client_id,
        "jwk": jcs(public).decode(),
        "kid": kid,
        "created_at": instant(hub.now()),
        "disabled_at": None,
    }


def change(
    hub: Hub, connection: sa.Connection, client_id: str, name: str, scopes: Collection[str], types: Collection[str], organ: str | None
) -> None:
    """Name, scopes and types from now on, in the caller's transaction; every process looks again. Raises AccessError."""
    values = _granted(hub, name, scopes, types, organ)
    connection.execute(sa.update(clients_table).where(clients_table.c.client_id == client_id).values(values))
    epoch.bump(connection)


def clients(hub: Hub) -> list[Client]:
    """All of them, oldest first."""
    query = sa.select(clients_table).order_by(clients_table.c.created_at, clients_table.c.client_id)
    with reading(hub.engine) as connection:
        return [client_of(row._mapping) for row in connection.execute(query)]


def disable(hub: Hub, client_id: str, by: Acting | None = None) -> None:
    """No more tokens for it or its test client, and those they have are refused, by every process at its next look. Raises AccessError."""
    both = (clients_table.c.client_id == client_id) | (clients_table.c.test_of == client_id)
    still = sa.update(clients_table).where(both, clients_table.c.disabled_at.is_(None)).values(disabled_at=instant(hub.now()))
    _act(hub, client_id, still, by, "DISABLED")


def enable(hub: Hub, client_id: str, by: Acting | None = None) -> None:
    """It and its test client may ask for tokens again, with what they were granted. Raises AccessError."""
    both = (clients_table.c.client_id == client_id) | (clients_table.c.test_of == client_id)
    _act(hub, client_id, sa.update(clients_table).where(both).values(disabled_at=None), by, "ENABLED")


def allow(hub: Hub, client_id: str, scopes: Collection[str], types: Collection[str], by: Acting | None = None) -> None:
    """These scopes and license types from now on; none takes everything. Its test client has no more. Raises AccessError."""
    with reading(hub.engine) as connection:
        client, tested = find(connection, client_id)[1], find(connection, TEST + client_id)[1]
    if client is None:
        raise AccessError(f"no client {client_id[:64]!r}: see `hub clients list`")
    if client.test_of and not set(scopes) <= TEST_SCOPES:
        raise AccessError(f"scope: of a test client at most {', '.join(sorted(TEST_SCOPES))}")
    values = _granted(hub, client.name, scopes, types, client.organ)
    changes = [sa.update(clients_table).where(clients_table.c.client_id == client_id).values(values)]
    if tested is not None:
        left, kinds = set(tested.scopes) & set(scopes), set(tested.types) & set(types)
        less = _granted(hub, tested.name, *((left, kinds) if left and kinds else ((), ())), tested.organ)
        changes.append(sa.update(clients_table).where(clients_table.c.client_id == tested.client_id).values(less))
    _act(hub, client_id, changes, by, "SCOPES", str(values["scopes"]))


def _act(
    hub: Hub, client_id: str, changes: sa.Update | Sequence[sa.Update], by: Acting | None, code: str, told: str = ""
) -> None:  # fmt: skip
    by = by and by.checked(needed=True)
    with writing(hub.engine) as connection:
        if connection.execute(sa.select(clients_table.c.client_id).where(clients_table.c.client_id == client_id)).first() is None:
            raise AccessError(f"no client {client_id[:64]!r}: see `hub clients list`")
        for one in [changes] if isinstance(changes, sa.Update) else changes:
            connection.execute(one)
        epoch.bump(connection)
        _note(hub, connection, by, code, client_id, told)


def _note(hub: Hub, connection: sa.Connection, by: Acting | None, code: str, client_id: str, told: str) -> None:
    if by is not None:
        record(connection, hub.now(), [by.entry(hub, ACTION, code, f"{client_id} {told}".strip())])


def find(connection: sa.Connection, client_id: str) -> tuple[int, Client | None]:
    """(security epoch, the client, disabled or not), in one look-up."""
    wanted = sequence.outerjoin(clients_table, clients_table.c.client_id == client_id)
    row = connection.execute(sa.select(sequence.c.next, clients_table).select_from(wanted).where(sequence.c.name == "epoch")).one()
    return row.next, client_of(row._mapping) if row.client_id is not None else None


def client_of(row: Mapping[str, object]) -> Client:
    jwk = json.loads(str(row["jwk"]))
    lists = tuple(tuple(str(row[name]).split()) for name in ("scopes", "types"))
    optional = {name: row.get(name) for name in ("organ", "secret", "plain_token", "test_of")}
    return Client(row["client_id"], row["name"], jwk, row["kid"], *lists, row["created_at"], row["disabled_at"], **optional)


def _public(jwk: Mapping[str, object]) -> tuple[dict[str, str], str]:
    kind, curve = jwk.get("kty"), jwk.get("crv")
    if (kind, curve) not in ALGORITHMS:
        raise AccessError("key: an Ed25519 (OKP), P-256 or SM2 (EC) JWK expected")
    if "d" in jwk:
        raise AccessError("key: this JWK holds a private key; give the public part of a new pair, for this one has travelled")
    if jwk.get("use", "sig") != "sig" or jwk.get("key_ops", ["verify"]) != ["verify"]:
        raise AccessError("key: use and key_ops must be those of a signature key")
    if jwk.get("alg", ALGORITHMS[kind, curve]) != ALGORITHMS[kind, curve]:
        raise AccessError(f"key: alg must be {ALGORITHMS[kind, curve]} for this kind of key")
    public = {name: str(jwk.get(name, "")) for name in PUBLIC_MEMBERS[str(kind)]}
    try:
        jose.key_of({**public, "alg": ALGORITHMS[kind, curve]})
    except JoseRefused:
        raise AccessError("key: not a point of its curve") from None
    kid = str(jwk.get("kid") or thumbprint(public))
    if not _KID.fullmatch(kid):
        raise AccessError("key: kid must be 1 to 64 letters, digits, dots, dashes or underscores")
    return public, kid


def thumbprint(public: Mapping[str, str]) -> str:
    """RFC 7638, shortened to 16 hex digits like every kid here."""
    return hashlib.sha256(jcs(dict(public))).hexdigest()[:16]


def _granted(hub: Hub, name: str, scopes: Collection[str], types: Collection[str], organ: str | None) -> dict[str, str | None]:
    """Columns. Raises AccessError."""
    _check(hub, name, scopes, types, organ)
    return {"name": name, "scopes": " ".join(sorted(set(scopes))), "types": " ".join(sorted(set(types))), "organ": organ}


def _check(hub: Hub, name: str, scopes: Collection[str], types: Collection[str], organ: str | None) -> None:
    if not name.strip() or len(name) > _NAME_CHARS or not name.isprintable():
        raise AccessError(f"name: 1 to {_NAME_CHARS} printable characters")
    for one in scopes:
        if one not in SCOPES:
            raise AccessError(f"scope: none of {', '.join(SCOPES)}")
    for one in types:
        if one not in hub.catalog.license_types:
            raise AccessError(f"type: {one[:64]!r} is no license type of the catalogue")
    if bool(scopes) != bool(types):
        raise AccessError("at least one scope and one license type, or neither")
    if organ is not None and not checkdigits.uscc(organ):
        raise AccessError("organ: a credit code with right check characters")
    if organ is None and ORGAN_SCOPES & set(scopes):
        raise AccessError(f"organ: {', '.join(sorted(ORGAN_SCOPES & set(scopes)))} needs the credit code of the organ the client acts for")
