"""The append-only log: RFC 6962 hashing in the C2SP formats (tlog-tiles, signed-note, tlog-checkpoint, tlog-proof). No database."""
