"""Keys and bytes: canonical JSON, commitments, suites, keyring, issuer attestations, license bundles. No database, no clock."""
