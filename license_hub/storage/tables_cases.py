"""Tables of cases 办件: who asked for what, what was decided of each material, what was handed out for it. Migration 0012 makes them.

- hub_case, hub_check_task: rows that change (a case is closed once, a task answered once).
- Append-only but for their cells in an open rewrite: hub_case_party, hub_decision, hub_receipt. `number_bi` is of purpose `holder`,
  as in hub_holder: a party's licenses are found by it.
- A receipt's `entry` is its leaf's place in the log; what the leaf commits to is in its payload, encrypted.
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import BIG, TEXT, metadata

APPEND_ONLY = ("hub_case_party", "hub_decision", "hub_receipt")

case = sa.Table(
    "hub_case",
    metadata,
    sa.Column("case_id", BIG, sa.Identity(), primary_key=True),
    sa.Column("client_id", TEXT, nullable=False),
    sa.Column("case_no", TEXT, nullable=False),
    sa.Column("matter", TEXT, nullable=False),
    sa.Column("matter_version", TEXT, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("operator", TEXT, nullable=False),
    sa.Column("window", TEXT, nullable=False),
    sa.Column("received_in", TEXT, nullable=False),
    sa.Column("handled_in", TEXT, nullable=False),
    sa.Column("opened_at", TEXT, nullable=False),
    sa.Column("closed_at", TEXT),
    sa.Column("result", TEXT),
    sa.UniqueConstraint("client_id", "case_no"),
)
"""`state`: open | closed; `result`: done 办结 | returned 退件; `received_in`, `handled_in`: division codes of 收件地 and 办理地."""

party = sa.Table(
    "hub_case_party",
    metadata,
    sa.Column("case_id", BIG, primary_key=True, autoincrement=False),
    sa.Column("party", TEXT, primary_key=True),
    sa.Column("number_bi", sa.LargeBinary, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Index(None, "number_bi"),
)
"""`payload`: JSON {name, number, code_type}, encrypted under the row `<case_id>|<party>`."""

decision = sa.Table(
    "hub_decision",
    metadata,
    sa.Column("decision_id", TEXT, primary_key=True),
    sa.Column("case_id", BIG, nullable=False),
    sa.Column("operator", TEXT, nullable=False),
    sa.Column("rule_version", TEXT, nullable=False),
    sa.Column("request_id", TEXT, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("recorded_at", TEXT, nullable=False),
    sa.Column("seq", BIG, nullable=False),
    sa.UniqueConstraint("case_id", "seq"),
)
"""`payload`: what was answered, JSON; `rule_version`: matter's version and the catalogue's; `seq`: 1, 2 … of the case."""

receipt = sa.Table(
    "hub_receipt",
    metadata,
    sa.Column("entry", BIG, primary_key=True, autoincrement=False),
    sa.Column("receipt_id", TEXT, nullable=False, unique=True),
    sa.Column("case_id", BIG, nullable=False),
    sa.Column("decision_id", TEXT, nullable=False),
    sa.Column("matter", TEXT, nullable=False),
    sa.Column("material", TEXT, nullable=False),
    sa.Column("channel", TEXT, nullable=False),
    sa.Column("outcome", TEXT, nullable=False),
    sa.Column("reason", TEXT, nullable=False),
    sa.Column("version_entry", BIG),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("recorded_at", TEXT, nullable=False),
    sa.Index(None, "case_id"),
    sa.Index(None, "recorded_at"),
)
"""`receipt_id`: the leaf's id; `version_entry`: of the license relied on; `payload`: the signed receipt (JWS)."""

task = sa.Table(
    "hub_check_task",
    metadata,
    sa.Column("task_id", TEXT, primary_key=True),
    sa.Column("case_id", BIG, nullable=False),
    sa.Column("material", TEXT, nullable=False),
    sa.Column("party", TEXT, nullable=False),
    sa.Column("department", TEXT, nullable=False),
    sa.Column("opened_at", TEXT, nullable=False),
    sa.Column("due_on", TEXT, nullable=False),
    sa.Column("answer", TEXT),
    sa.Column("answered_by", TEXT),
    sa.Column("answered_at", TEXT),
    sa.Column("note", sa.LargeBinary),
    sa.UniqueConstraint("case_id", "material"),
    sa.Index(None, "department", "answer"),
)
"""A question to the issuing body, one for each material of a case. `answer`: CONFIRMED | DENIED | UNKNOWN; `note`: its words, encrypted."""
