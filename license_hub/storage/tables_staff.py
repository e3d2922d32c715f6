"""Tables of people who sign in: accounts, sessions, sign-ins that failed. None is append-only: what happened is in the audit log."""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import BIG, TEXT, metadata

account = sa.Table(
    "hub_account",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("password", TEXT),
    sa.Column("roles", TEXT, nullable=False),
    sa.Column("body", TEXT),
    sa.Column("created_at", TEXT, nullable=False),
    sa.Column("disabled_at", TEXT),
)
"""`password`: Argon2id in PHC form, NULL for accounts of the identity provider. `roles`: spaces between. `body`: credit code."""

session = sa.Table(
    "hub_session",
    metadata,
    sa.Column("session", sa.LargeBinary, primary_key=True),
    sa.Column("account", TEXT, sa.ForeignKey("hub_account.account"), nullable=False),
    sa.Column("opened_at", BIG, nullable=False),
    sa.Column("seen_at", BIG, nullable=False),
    sa.Index(None, "account"),
    sa.Index(None, "opened_at"),
)
"""`session`: SHA-256 of what the cookie holds, so that a dump opens no session. Times are seconds of the epoch."""

failure = sa.Table(
    "hub_sign_in_failure",
    metadata,
    sa.Column("id", BIG, sa.Identity(), primary_key=True),
    sa.Column("of", sa.LargeBinary, nullable=False),
    sa.Column("at", BIG, nullable=False),
    sa.Index(None, "of", "at"),
    sa.Index(None, "at"),
)
"""`of`: blind index of the account's name or of the address the attempt came from."""
