"""What administrators ask: why a caller was turned away, why a grant stands as it does; and looks at a holder counted by one index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TURNED_AWAY = "status = 'REFUSED' OR code IN ('NO_GRANT', 'GRANT_SUSPENDED', 'GRANT_EXPIRED', 'CANARY')"
BY_HAND = "action IN ('use-grant', 'client', 'client-key', 'client-secret', 'account')"


def upgrade() -> None:
    op.add_column("hub_use_grant", sa.Column("changed_by", TEXT, nullable=True))
    op.add_column("hub_use_grant", sa.Column("changed_at", TEXT, nullable=True))
    op.add_column("hub_use_grant", sa.Column("reason", sa.Text, nullable=True))
    op.add_column("hub_use_grant", sa.Column("reason_no", TEXT, nullable=True))
    op.drop_index("ix_hub_audit_subject_bi", "hub_audit")
    op.create_index("ix_hub_audit_subject_bi_at", "hub_audit", ["subject_bi", "at"])
    acts = sa.text(BY_HAND)
    op.create_index("ix_hub_audit_by_hand_at", "hub_audit", ["at"], sqlite_where=acts, postgresql_where=acts)
    told = sa.text(TURNED_AWAY)
    for name, column in (("ix_hub_audit_turned_away_at", "at"), ("ix_hub_audit_turned_away_request_id", "request_id")):
        op.create_index(name, "hub_audit", [column], sqlite_where=told, postgresql_where=told)
