"""Erasure: what a license says is destroyed for good, that there was one stays provable.

1. database   payload and secret of every version emptied, its indexes replaced by zeros, holds of its row deleted
2. log        one `erase` leaf a version, in the same transaction: `of` names the version, the commitment reason, document and organ
3. lake       the rows of its key leave landing, trusted and quarantine

Without its secret a commitment means nothing, so leaves, proofs and seals stay whole. Kept are: the identifier, the blind index of the
row's key (to know the row again in a restored copy), the audit log.

A version of several holders is left alone when one of them is erased, unless `shared` says to erase it for all.
Source: PIPL art. 47; design.md decision 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from license_hub.domain.holder import code_type
from license_hub.errors import IntakeError
from license_hub.log.tree import leaf_hash
from license_hub.service.behind import refuse_if_behind
from license_hub.service.blank import blank, remember, remembered, sweep_lake
from license_hub.service.content import holder_form
from license_hub.service.holder_traces import forget
from license_hub.service.hub import Hub
from license_hub.service.integrate import integrate
from license_hub.service.list_audit import Entry, record
from license_hub.signing.commitment import commit, instant, leaf
from license_hub.storage import bulk, tables
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import reading, writing
from license_hub.storage.leaves import advance_log, lock_log
from license_hub.storage.rewrite import opened
from license_hub.storage.tables import holder, license, version
from license_hub.storage.tables_at_rest import erasure


@dataclass(frozen=True)
class Ground:
    """Why it is erased: what the leaf commits to."""

    reason: str
    document_no: str
    organ_code: str

    def stated(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if value}


@dataclass
class Erased:
    """What an erasure did."""

    versions: int = 0
    kept_shared: int = 0
    """Licenses of several holders that were left alone."""
    lake_rows: int = 0
    identifiers: list[str] = field(default_factory=list)


def erase_license(hub: Hub, identifier: str, ground: Ground, actor: str) -> Erased:
    """All versions of the license that identifier names. Raises IntakeError where there is none."""
    with reading(hub.engine) as connection:
        found = connection.execute(sa.select(version.c.license_id).where(version.c.identifier == identifier)).scalar()
    if found is None:
        raise IntakeError("no version has that identifier: nothing was erased")
    return _erase(hub, [found], (), ground, actor, shared=True)


def erase_subject(hub: Hub, number: str, ground: Ground, actor: str, *, shared: bool = False) -> Erased:
    """All licenses that holder has, and the holder's own rows in holder bases."""
    index, form = hub.crypt.probes("holder", holder_form(number)), holder_form(number)
    query = sa.select(version.c.license_id).join(holder, holder.c.entry == version.c.entry).where(holder.c.number_bi.in_(index)).distinct()
    with reading(hub.engine) as connection:
        found = sorted(connection.execute(query).scalars())
    with writing(hub.engine) as connection:
        # First: what is read on the holder's word ends before what it reads is gone.
        forget(hub, connection, number)
    return _erase(hub, found, [(base, hub.crypt.blind_index("key", form)) for base in _bases(hub, form)], ground, actor, shared=shared)


def _erase(hub: Hub, licenses: Iterable[int], more: Iterable[tuple[str, bytes]], ground: Ground, actor: str, *, shared: bool) -> Erased:
    done, at = Erased(), instant(hub.now())
    with writing(hub.engine) as connection:
        entry = first = lock_log(connection)
        refuse_if_behind(hub.tiles, first)
        rows = []
        for license_id in licenses:
            versions = _standing(connection, license_id)
            if not shared and _is_shared(connection, [one.entry for one in versions]):
                done.kept_shared += 1
                continue
            rows += versions
        leaves, erasures, handles = [], [], dict.fromkeys(more, max(first - 1, 0))
        for row in rows:
            leaf_id, secret = hub.entropy(16).hex(), hub.entropy(32)
            content = leaf("erase", leaf_id, at, commit(secret, ground.stated()), row.leaf_id)
            sealed = hub.crypt.encrypt("hub_erasure", "secret", entry, secret, hub.entropy(NONCE_BYTES))
            leaves.append((entry, content, leaf_hash(content)))
            erasures.append((entry, row.entry, leaf_id, ground.reason, ground.document_no, ground.organ_code, at, sealed))
            handles[row.resource, bytes(row.key_bi)] = entry
            done.identifiers.append(row.identifier)
            entry += 1
        bulk.insert(connection, tables.leaf, leaves)
        bulk.insert(connection, erasure, erasures)
        remember(connection, handles)
        with opened(connection, "erase", actor, at) as work:
            blank(hub.crypt, work, [row.entry for row in rows])
        advance_log(connection, entry)
        record(connection, hub.now(), [Entry("", actor, "erase", row.entry, None, None, "ERASED") for row in rows])
        done.versions = len(rows)
    integrate(hub)
    with reading(hub.engine) as connection:
        # What was erased now leaves as it stands now, whatever the leaf before says.
        found = remembered(connection) | dict.fromkeys(handles, hub.now())
    done.lake_rows = sweep_lake(hub, found)
    return done


def _standing(connection: sa.Connection, license_id: int) -> list[sa.Row]:
    """Versions of a license that are not erased yet."""
    query = (
        sa.select(version.c.entry, version.c.identifier, version.c.leaf_id, license.c.resource, license.c.key_bi)
        .join(license, license.c.license_id == version.c.license_id)
        .outerjoin(erasure, erasure.c.of_entry == version.c.entry)
        .where(version.c.license_id == license_id, erasure.c.entry.is_(None))
    )
    return list(connection.execute(query.order_by(version.c.entry)))


def _is_shared(connection: sa.Connection, entries: list[int]) -> bool:
    query = sa.select(holder.c.entry).where(holder.c.entry.in_(entries), holder.c.position > 0).limit(1)
    return connection.execute(query).first() is not None


def _bases(hub: Hub, number: str) -> list[str]:
    """Holder bases whose rows are named by such a number."""
    wanted = "citizen_id" if code_type(number, "both") == "111" else "uscc"
    bases = {base for kind in hub.catalog.license_types.values() for source in kind.sources for base in source.holder_base}
    return sorted(
        one for one in bases if [hub.catalog.resources[one].field(name).type for name in hub.catalog.resources[one].key] == [wanted]
    )
