"""Tables of what leaves the hub for a moment. They share `tables.metadata`; migration 0014 makes them.

- hub_presentation: codes that holders show, each named by 128 random bits. The one update that finds `scanner` empty takes the code; the
  row outlives the code's end, so that what was used up stays so whatever the clocks say.
- hub_copy: copies 加注件 the hub made, known again by the SHA-256 of the whole file. A row vouches for a file only while its encrypted
  cell opens, and a lost row makes its file unknown, never good.
- hub_download: files that wait for their one download, found by the SHA-256 of the address's secret part, encrypted, minutes long.
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import BIG, TEXT, metadata

presentation = sa.Table(
    "hub_presentation",
    metadata,
    sa.Column("presentation_id", TEXT, primary_key=True),
    sa.Column("entry", BIG, nullable=False),
    sa.Column("minted_at", TEXT, nullable=False),
    sa.Column("expires_at", TEXT, nullable=False),
    sa.Column("scanner", TEXT),
    sa.Column("case_no", TEXT),
    sa.Column("scanned_at", TEXT),
    sa.Index(None, "expires_at"),
    sa.Index(None, "scanner", "case_no"),
)
"""`entry`: the version that is shown. `scanner`: the client that scanned it, on the case `case_no` ('' = on none)."""

copy = sa.Table(
    "hub_copy",
    metadata,
    sa.Column("copy_id", TEXT, primary_key=True),
    sa.Column("entry", BIG, nullable=False),
    sa.Column("sha256", TEXT, nullable=False, unique=True),
    sa.Column("client_id", TEXT, nullable=False),
    sa.Column("made_at", TEXT, nullable=False),
    sa.Column("valid_to", TEXT, nullable=False),
    sa.Column("purpose", sa.LargeBinary, nullable=False),
    sa.Index(None, "entry"),
)
"""`sha256`: of the signed file, hex. `valid_to`: the copy's own end, an instant. `purpose` is encrypted and bound to all the other
columns: a row that was changed, or made by who has not the data key, does not open and vouches for nothing."""

download = sa.Table(
    "hub_download",
    metadata,
    sa.Column("secret_hash", TEXT, primary_key=True),
    sa.Column("entry", BIG, nullable=False),
    sa.Column("client_id", TEXT, nullable=False),
    sa.Column("media_type", TEXT, nullable=False),
    sa.Column("case_no", TEXT, nullable=False),
    sa.Column("expires_at", TEXT, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Index(None, "expires_at"),
    sa.Index(None, "entry"),
)
