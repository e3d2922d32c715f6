"""Tables of tickets. Keys and values of their rows lie in the lake; here are row numbers, states and who did what.

- One open ticket per rule × resource × responsible body (of a 校核申请: × license): a partial unique index.
- `quality_ticket_event` is what happened, in order; a ticket's columns are what follows from it. Triggers keep it append-only, and
  the requests too.
- A 暂行更正 is a value people gave for the time being: the value lies in the lake, here is that there is one, and until when.
"""

from __future__ import annotations

import sqlalchemy as sa

from quality.store.tables import BIG, Instant, metadata

ticket = sa.Table(
    "quality_ticket",
    metadata,
    sa.Column("ticket", sa.Text, primary_key=True),
    sa.Column("number", BIG, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("resource", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, server_default=""),
    sa.Column("handler", sa.Text, nullable=False),
    sa.Column("division", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("opened_by", sa.Text, nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("due_on", sa.Text, nullable=False),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("returned", sa.Boolean, nullable=False),
    sa.Column("disputed", sa.Boolean, nullable=False),
    sa.Column("extension_asked", sa.Boolean, nullable=False),
    sa.Column("rows_open", BIG, nullable=False),
    sa.Column("rows_corrected", BIG, nullable=False),
    sa.Column("rows_closed", BIG, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("closed_at", Instant),
    sa.Index(
        "uq_quality_ticket_open", "rule", "resource", "body", "subject", unique=True,
        sqlite_where=sa.text("closed_at IS NULL"), postgresql_where=sa.text("closed_at IS NULL"),
    ),
    sa.Index("ix_quality_ticket_handler_state", "handler", "state"),
    sa.Index("ix_quality_ticket_resource", "resource"),
)  # fmt: skip
"""`kind`: rule | delivery (a delivery that failed as a whole: its row 1 has no file) | correction (校核申请: `rule` is "correction",
`subject` the license as it is called from version to version). `body` is who the rows belong to, `handler` who has the ticket now
(转办). `rows_*` and `state` follow from the rows and events."""

ticket_row = sa.Table(
    "quality_ticket_row",
    metadata,
    sa.Column("ticket", sa.Text, primary_key=True),
    sa.Column("row", BIG, primary_key=True, autoincrement=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Column("reopened", sa.Integer, nullable=False),
    sa.Column("refused", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""`row`: its number in the ticket's files; `batch`: the one that failed, then the one that corrected it; `reopened`: how often;
`refused`: open because a reviewer did not accept the correction."""

ticket_part = sa.Table(
    "quality_ticket_part",
    metadata,
    sa.Column("ticket", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("rows", BIG, nullable=False),
)
"""Files of a ticket's rows, relative to the lake."""

ticket_event = sa.Table(
    "quality_ticket_event",
    metadata,
    sa.Column("id", BIG, primary_key=True, autoincrement=True),
    sa.Column("ticket", sa.Text, nullable=False, index=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("figures", sa.JSON, nullable=False),
)
"""`act`: of `tickets.states.Act`, or open | added | settled | reopened by the system; `figures`: rows and dates, never a value."""

correction = sa.Table(
    "quality_correction",
    metadata,
    sa.Column("correction", sa.Text, primary_key=True),
    sa.Column("ticket", sa.Text, nullable=False, index=True),
    sa.Column("fields", sa.JSON, nullable=False),
    sa.Column("named", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("asked_at", Instant, nullable=False),
    sa.Column("identifier", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
)
"""One request, append-only: whoever asks about a license that has an open ticket joins it. `fields`: of the resource, doubted;
`named`: the same as the asker called them; `identifier`: of the version asked about; `path`: the lake's file with what he wrote."""

provisional = sa.Table(
    "quality_provisional",
    metadata,
    sa.Column("edit", sa.Text, primary_key=True),
    sa.Column("ticket", sa.Text, nullable=False),
    sa.Column("row", BIG, nullable=False),
    sa.Column("resource", sa.Text, nullable=False),
    sa.Column("field", sa.Text, nullable=False),
    sa.Column("license", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("ended", sa.Text, nullable=False),
    sa.Index("ix_quality_provisional_ticket_row", "ticket", "row"),
    sa.Index(
        "ix_quality_provisional_license", "license",
        sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"),
    ),
    sa.Index(
        "uq_quality_provisional_standing", "ticket", "row", "field", unique=True,
        sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"),
    ),
)  # fmt: skip
"""`license`: whose content it would change, '' where the row made none; `ended`: '' | replaced | withdrawn | delivered | expired |
closed. It counts while it is not ended, its ticket is open and the ticket's due date has not passed."""
