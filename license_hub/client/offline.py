"""Bundles checked by the root key one has pinned: who serves the key manifest and the status list is of no account, they are signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from license_hub.errors import JoseRefused, SignatureBad, TokenMalformed
from license_hub.log.note import note_key
from license_hub.log.tree import leaf_hash
from license_hub.signing import bundle as bundles
from license_hub.signing import manifest as manifests
from license_hub.signing import reference
from license_hub.signing.commitment import instant

ROOT = "/root"
MANIFEST = "/.well-known/hub-manifest"
"""Path below the hub's address."""


class Checker:
    """The trust of one root key. It keeps the newest manifest it has seen while that is in force."""

    def __init__(self, root: str):
        """`root`: the verifier key `<origin>/root+…`. Raises NoteMalformed, ValueError."""
        self._root = note_key(root)
        if not self._root.name.endswith(ROOT):
            raise ValueError("root: the key of another role; a root key's name ends in /root")
        self._origin = self._root.name.removesuffix(ROOT)
        self._manifest: manifests.Manifest | None = None

    def check(self, data: bytes, now: datetime, fetch: Callable[[str], str | None]) -> bundles.Report:
        """Every step, and by the status list whether it is in force; where no list can be had, the report says so.

        `fetch` gives the text at an address or a path, None where there is none. Raises BundleMalformed; SignatureBad, ManifestMalformed,
        NoteMalformed for a manifest that is not the root's, is over, or older than one seen before.
        """
        bundle, kept = bundles.read(data), self._in_force(now)
        report = self._report(bundle, kept or self._newest(now, fetch), now, fetch)
        if kept is not None and not report.good:
            # It may be signed by a key that is newer than the kept manifest.
            report = self._report(bundle, self._newest(now, fetch), now, fetch)
        return report

    def _report(
        self, bundle: bundles.Bundle, manifest: manifests.Manifest, now: datetime, fetch: Callable[[str], str | None]
    ) -> bundles.Report:
        trust = bundles.trust_of(manifest)
        try:
            place = reference.read(bundle.status, leaf_hash(bundle.leaf), trust.status_keys) if bundle.status is not None else None
        except (JoseRefused, TokenMalformed, SignatureBad):
            place = None
        return bundles.verify_bundle(bundle, trust, now, status_list=fetch(place.uri) if place is not None else None)

    def _in_force(self, now: datetime) -> manifests.Manifest | None:
        kept = self._manifest
        return kept if kept is not None and kept.issued_at <= instant(now) < kept.expires_at else None

    def _newest(self, now: datetime, fetch: Callable[[str], str | None]) -> manifests.Manifest:
        found = manifests.verify(fetch(MANIFEST) or "", self._origin, [self._root], now)
        if self._manifest is not None and found.sequence < self._manifest.sequence:
            raise SignatureBad("a key manifest older than one seen before")
        self._manifest = found
        return found
