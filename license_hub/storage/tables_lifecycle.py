"""Tables of acts and of calls that must not happen twice. They share `tables.metadata`; migration 0004 makes them.

- hub_idempotency: a call's key, the fingerprint of its body, and once it is done its encrypted answer, written in the transaction of
  its effect. `batch` leads from a landed row to the call that sent it, so that whoever applies the publication answers the call.
- hub_act_batch, hub_act_approval: lists of acts beyond what one name may do. Approvals are append-only and name what was approved.
- hub_attachment: file and seal an approval system sent with a finished case, encrypted.
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import BIG, TEXT, metadata, status

APPEND_ONLY = ("hub_act_approval",)

idempotency = sa.Table(
    "hub_idempotency",
    metadata,
    sa.Column("client_id", TEXT, primary_key=True),
    sa.Column("route", TEXT, primary_key=True),
    sa.Column("key_hash", sa.LargeBinary, primary_key=True),
    sa.Column("body_mac", sa.LargeBinary, nullable=False),
    sa.Column("type_id", TEXT),
    sa.Column("batch", TEXT),
    sa.Column("http_status", BIG),
    sa.Column("answer", sa.LargeBinary),
    sa.Column("created_at", TEXT, nullable=False),
    sa.Column("expires_at", TEXT, nullable=False),
    sa.Index(None, "batch"),
    sa.Index(None, "expires_at"),
)
"""`answer` NULL: the intent is recorded and its effect not known yet."""

act_batch = sa.Table(
    "hub_act_batch",
    metadata,
    sa.Column("batch_id", TEXT, primary_key=True),
    sa.Column("organ", TEXT, nullable=False),
    sa.Column("acts", TEXT, nullable=False),
    sa.Column("digest", TEXT, nullable=False),
    sa.Column("size", BIG, nullable=False),
    sa.Column("proposed_by", TEXT, nullable=False),
    sa.Column("proposed_at", TEXT, nullable=False),
    sa.Column("applied_at", TEXT),
)
"""`acts`: canonical JSON of the notices (identifiers and document numbers, no holder); `digest`: its SHA-256, what approvals name."""

act_approval = sa.Table(
    "hub_act_approval",
    metadata,
    sa.Column("batch_id", TEXT, primary_key=True),
    sa.Column("name", TEXT, primary_key=True),
    sa.Column("digest", TEXT, nullable=False),
    sa.Column("reason", TEXT, nullable=False),
    sa.Column("approved_at", TEXT, nullable=False),
)

attachment = sa.Table(
    "hub_attachment",
    metadata,
    sa.Column("batch", TEXT, primary_key=True),
    sa.Column("kind", TEXT, primary_key=True),
    sa.Column("entry", BIG),
    sa.Column("media_type", TEXT, nullable=False),
    sa.Column("sha256", TEXT, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("recorded_at", TEXT, nullable=False),
    sa.Index(None, "entry"),
    sa.Index(None, "sha256"),
)
"""`kind`: file | seal. `entry`: the version it belongs to, once there is one."""

acts_of_organ = sa.Index(
    "ix_hub_status_organ_code_recorded_at",
    status.c.organ_code,
    status.c.recorded_at,
    postgresql_where=status.c.organ_code.is_not(None),
    sqlite_where=status.c.organ_code.is_not(None),
)
"""How many acts an organ gave notice of lately. Acts by publication name no organ and cost it nothing."""
