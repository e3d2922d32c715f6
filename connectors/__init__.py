"""LAND: pulls what departments deliver and lands it, immutable, as Parquet with origin and manifest.

    file_drop | database | http_api  →  contract (header against catalogue)  →  landing (rows.parquet, manifest.json)

`pull` lands one delivery, `pull_pending` everything that waits. Connectors are imported when they are used.
"""

from __future__ import annotations

from connectors.pulling import pull, pull_pending

__all__ = ["pull", "pull_pending"]
