"""Who may use what, and on whose word: use grants, authorisations, budgets, watched numbers, sessions of holders.

None is append-only: every act is in the audit log, and a withdrawal must be seen by the very next reader of the row.
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import BIG, TEXT, metadata

use_grant = sa.Table(
    "hub_use_grant",
    metadata,
    sa.Column("grant_id", BIG, sa.Identity(), primary_key=True),
    sa.Column("client_id", TEXT, nullable=False),
    sa.Column("type_id", TEXT, nullable=False),
    sa.Column("purpose", TEXT, nullable=False),
    sa.Column("document_no", TEXT, nullable=False),
    sa.Column("given_by", TEXT, nullable=False),
    sa.Column("given_at", TEXT, nullable=False),
    sa.Column("valid_until", TEXT, nullable=False),
    sa.Column("suspended_at", TEXT),
    sa.Column("ended_at", TEXT),
    sa.Column("changed_by", TEXT),
    sa.Column("changed_at", TEXT),
    sa.Column("reason", sa.Text),
    sa.Column("reason_no", TEXT),
    sa.UniqueConstraint("client_id", "type_id", "purpose"),
)
"""`changed_by`, `changed_at`, `reason`, `reason_no`: of the last act on it, whose number of the document is `reason_no`; acts before are
in the audit log.
`type_id`: a license type, or a resource whose rows are shared. `purpose`: a matter's id. One row a triple; a new grant replaces it."""

authorization = sa.Table(
    "hub_authorization",
    metadata,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("client_id", TEXT, nullable=False),
    sa.Column("case_id", BIG),
    sa.Column("type_id", TEXT, nullable=False),
    sa.Column("purpose", TEXT, nullable=False),
    sa.Column("subject_bi", sa.LargeBinary, nullable=False),
    sa.Column("license_id", BIG),
    sa.Column("operator", TEXT),
    sa.Column("relation", TEXT, nullable=False),
    sa.Column("evidence", TEXT, nullable=False),
    sa.Column("payload", sa.LargeBinary),
    sa.Column("code_bi", sa.LargeBinary),
    sa.Column("asked_at", TEXT, nullable=False),
    sa.Column("given_at", TEXT),
    sa.Column("declined_at", TEXT),
    sa.Column("withdrawn_at", TEXT),
    sa.Column("valid_until", TEXT, nullable=False),
    sa.Index(None, "subject_bi"),
    sa.Index(None, "case_id"),
    sa.Index(None, "code_bi", unique=True),
)
"""`case_id` NULL: for every open case of that client and purpose until `valid_until`. `payload`: who acted for the holder, encrypted.
`code_bi`: blind index of a 用证码; its client, case and operator are '' and NULL until it is redeemed."""

budget = sa.Table(
    "hub_budget",
    metadata,
    sa.Column("of", TEXT, primary_key=True),
    sa.Column("window", BIG, primary_key=True, autoincrement=False),
    sa.Column("used", BIG, nullable=False),
    sa.Index(None, "window"),
)
"""`of`: `calls|misses:<who>` or `subject:<who>:<blind index, hex>`. `window`: its end, seconds of the epoch."""

canary = sa.Table(
    "hub_canary",
    metadata,
    sa.Column("subject_bi", sa.LargeBinary, primary_key=True),
    sa.Column("note", TEXT, nullable=False),
    sa.Column("planted_at", TEXT, nullable=False),
)
"""Numbers nobody has: whoever asks about one is guessing or has seen a dump."""

holder_session = sa.Table(
    "hub_holder_session",
    metadata,
    sa.Column("session", sa.LargeBinary, primary_key=True),
    sa.Column("subject_bi", sa.LargeBinary, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("opened_at", BIG, nullable=False),
    sa.Column("seen_at", BIG, nullable=False),
    sa.Index(None, "opened_at"),
)
"""`session`: SHA-256 of what the cookie holds. `payload`: number and name as the identity provider told them, encrypted."""
