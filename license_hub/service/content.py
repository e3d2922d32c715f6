"""What the rows of a version and of a status event say, and the leaves they give. Pure but for the keys."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from catalogs import checkdigits
from catalogs.model import Catalog
from license_hub.domain.masking import mask, mask_plan
from license_hub.log.tree import leaf_hash
from license_hub.signing.commitment import act_secret, commit, leaf
from license_hub.storage.crypt import Crypt
from license_hub.storage.licenses import open_secret

OLD_CITIZEN_DIGITS = 15
STATUS_PARTS = ("act", "state", "reason", "document_no", "organ_code", "effective_on")
"""Columns of hub_status that its leaf commits to, where they are not empty."""


class VersionRow(Protocol):
    """Columns of hub_version; `key_bi` and `resource` of its license; `of_leaf`, the leaf id of the version it supersedes."""

    entry: int
    identifier: str
    of_leaf: str | None


@dataclass(frozen=True)
class Opened:
    """A version's content, decrypted, and the leaf it gives."""

    fields: Mapping[str, str]
    secret: bytes
    leaf: bytes
    leaf_hash: bytes


def open_version(crypt: Crypt, row: VersionRow) -> Opened:
    """Raises DecryptionError, ValueError for content that cannot have been stored by us."""
    secret = open_secret(crypt, row)
    fields = json.loads(crypt.decrypt("hub_version", "payload", row.entry, row.payload))
    kind = "change" if row.of_leaf else "issue"
    content = leaf(kind, row.leaf_id, row.recorded_at, commit(secret, fields), row.of_leaf, row.source_status)
    return Opened(fields, secret, content, leaf_hash(content))


def status_leaf(row: object, of_leaf: str, of_secret: bytes) -> bytes:
    """The leaf a row of hub_status gives; `of_*` belong to the version it is about."""
    stated = {name: value for name in STATUS_PARTS if (value := getattr(row, name))}
    commitment = commit(act_secret(of_secret, row.leaf_id), stated)
    return leaf("status", row.leaf_id, row.recorded_at, commitment, of_leaf, row.state)


def number_form(text: str) -> str:
    """How a certificate number is looked up: half width, capitals, no spaces. Stored and asked numbers go through the same."""
    return "".join((text if text.isascii() else unicodedata.normalize("NFKC", text)).split()).upper()


def masked(catalog: Catalog, row: sa.Row, fields: Mapping[str, str]) -> Mapping[str, str]:
    """A version's fields as a caller may see them, by the sensitivity of what they were made of."""
    source = next(one for one in catalog.license_types[row.type_id].sources if one.resource == row.resource)
    return mask(fields, mask_plan(source, catalog.resources[row.resource]))


def holder_form(text: str) -> str:
    """The same for a holder's number; an obsolete 15-digit citizen number counts as its 18-digit form."""
    number = number_form(text)
    return checkdigits.citizen_id_18(number) if len(number) == OLD_CITIZEN_DIGITS and number.isascii() and number.isdigit() else number


def subject_index(crypt: Crypt, number: str | None) -> bytes | None:
    """Under what the audit log has a holder, however his number was written; None for nobody."""
    return crypt.blind_index("subject", holder_form(number)) if number else None
