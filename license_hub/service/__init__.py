"""What the hub does: one verb a file. Each verb owns its transaction and its audit entry.

| module | call |
|---|---|
| hub | `open_hub(settings, *, clock, catalog=None) -> Hub` (upgrades the schema, makes missing keys), `hub.close()` |
| intake | `apply_pending(hub, resources=None) -> IntakeReport` |
| integrate | `integrate(hub) -> Checkpoint | None`: extends the tiles to the last leaf row and signs |
| verify | `verify(hub, [VerifyRequest(…)]) -> [Answer(verdict, type_id, mismatched, grade, holder_verified, as_of)]` |
| read | `read(hub, ReadRequest(principal, identifier, purpose, case_no, request_id)) -> MaskedLicense` (verdict, fields, grade) |
| export_bundle | `export_bundle(hub, ExportRequest(principal, identifier, …, show)) -> Exported(data, epoch)`: the license bundle |
| change_key | `rotate(hub, role, …)`, `retire(hub, kid, …)`, `compromise(hub, kid, …)` `-> Changed(keys, manifest, to_sign)` |
| publish_manifest | `newest(hub) -> str`, `export(hub) -> Manifest`, `accept(hub, note, operator)`, `renew(hub, operator)` |
| publish_status | `publish(hub, *, life_s, ttl_s) -> [Published(shard, uri, changed, …)]`: signs every status list |
| check_status | `serve(hub, shard) -> Served(token, digest, expires_at) | None`, `uris(hub)`, `check(hub) -> [ShardCheck]` |
| refer_status | `refer(hub, connection, entry, leaf_hash) -> str`: the signed place of a version in the lists, for its bundle |
| recall | `recall(hub, Source(kind, value, …), *, reason, operator) -> Recall`: lists and notifies, revokes nothing |
| list_notices | `waiting(hub, client_id)`, `acknowledge(hub, client_id, notice_id)`, `answers(hub, client_id, notice_id)`, `recalls(hub)` |
| prove | `prove(hub, leaf_hash: bytes) -> str | None`: the leaf's `.tlog-proof` |
| register_client | `register(hub, name, jwk: dict, scopes, types) -> Client`, `clients(hub) -> [Client]`, `disable(hub, client_id)` |
| refuse | `refuse(hub, [Refusal(request_id, action, code, actor=…)])`: the doors record what they turn away before they answer |
| issue_token | `issue_token(hub, form: Mapping[str, str], *, audiences, request_id="") -> IssuedToken(access_token, expires_in, …)` |
| authenticate | `authenticate(hub, bearer: str) -> Principal(client_id, scopes, types)`, `still(hub, connection, principal)`, `jwks(hub)` |
| list_audit | `list_audit(hub, *, after=0, limit=100, action=None) -> [AuditEntry]` |
| fsck | `fsck(hub) -> FsckReport(findings, checked)` |

Faults are `license_hub.errors`: `TokenRefused.error` is the OAuth code, `NotAuthenticated` → 401, `NotAuthorized` → 403,
`PurposeMissing` → 422; a database or audit that cannot be written raises `sqlalchemy.exc.DBAPIError` → 503 (no audit, no answer).
"""
