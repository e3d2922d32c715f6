"""The hub's settings: the only module of license_hub that reads the environment, once, into a frozen dataclass.

`ROWS` drive the command line's `hub config show`, docs/configuration and the tests: a setting exists exactly where its row does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from license_hub.errors import SettingsError


@dataclass(frozen=True)
class Row:
    """One setting. `default` None = derived from others (said in `help`). `secret`: shown as *** everywhere."""

    name: str
    env: str
    default: str | None
    help: str
    secret: bool = False


PROFILES = ("demo", "production")
DPOP = ("optional", "required")

ROWS = (
    Row("profile", "HUB_PROFILE", "demo", "demo or production; production refuses development shortcuts"),
    Row("lake", "HUB_LAKE", "var/lake", "folder of landed, trusted and quarantined data and of the log's tiles"),
    Row("database_url", "HUB_DATABASE_URL", None, "SQLAlchemy URL, sqlite or postgresql; default sqlite:///<lake>/hub.db", secret=True),
    Row("keys", "HUB_KEYS", "var/keys", "folder of keys, mode 700; made on first start"),
    Row(
        "root_keys",
        "HUB_ROOT_KEYS",
        None,
        "folder of a development root key that signs key manifests at once; default <keys>-root in demo without HUB_ROOT_KEY, else none",
    ),
    Row("root_key", "HUB_ROOT_KEY", "", "pinned root verifier keys (name+hash+base64, spaces between): who may sign key manifests"),
    Row("kek", "HUB_KEK", "", "key that wraps the data keys: a file of 64 hex digits or a pkcs11: URI; empty = one beside them, demo only"),
    Row("kek_before", "HUB_KEK_BEFORE", "", "the former HUB_KEK, while `hub data-keys rewrap` has not run yet"),
    Row("lake_encryption", "HUB_LAKE_ENCRYPTION", "on", "on, or off for trials without personal data; production takes on alone"),
    Row("spill", "HUB_SPILL", "", "folder on tmpfs or an encrypted volume for what DuckDB cannot hold in memory; default <lake>/tmp"),
    Row("host", "HUB_HOST", "127.0.0.1", "address the server listens on"),
    Row("port", "HUB_PORT", "8080", "port of the API and pages"),
    Row("metrics_port", "HUB_METRICS_PORT", "9090", "port of /metrics, for the monitoring network only"),
    Row("public_url", "HUB_PUBLIC_URL", None, "URL that callers use, the audience of their assertions; default http://<host>:<port>"),
    Row(
        "operator",
        "HUB_OPERATOR",
        "",
        "name of the person at the command line, recorded with every approval; default the login name",
    ),
    Row("log_origin", "HUB_LOG_ORIGIN", "log.mianzhengtong.example/demo", "origin line of the log's checkpoints (C2SP tlog-checkpoint)"),
    Row("witness_policy", "HUB_WITNESS_POLICY", None, "file with the witnesses checkpoints need (C2SP tlog-policy); none = demo only"),
    Row("witness_grace_s", "HUB_WITNESS_GRACE_S", "900", "seconds without a quorum of witnesses after which nothing is issued"),
    Row("workers", "HUB_WORKERS", "2", "processes that compute licenses of a large publication, 0 = none"),
    Row("pg_bin", "HUB_PG_BIN", "", "folder of pg_basebackup and pg_receivewal, for backups; default those on the PATH"),
    Row("mass_acts", "HUB_MASS_ACTS", "20", "status acts of one organ within 24 hours beyond which two named approvers are needed"),
    Row("presentation_s", "HUB_PRESENTATION_S", "60", "seconds a code that a holder shows lives"),
    Row("dpop", "HUB_DPOP", None, "required: access tokens are bound to a key (RFC 9449); or optional; default required in production"),
    Row("budget_calls", "HUB_BUDGET_CALLS", "6000", "API calls of one client in a minute"),
    Row("budget_misses", "HUB_BUDGET_MISSES", "100", "verifications of one client in an hour that find nothing or contradict the claims"),
    Row("budget_subject", "HUB_BUDGET_SUBJECT", "120", "verifications of one client in an hour about one holder"),
    Row("session_idle_s", "HUB_SESSION_IDLE_S", "1800", "seconds without a page after which a person must sign in again"),
    Row("session_s", "HUB_SESSION_S", "36000", "seconds after which a person must sign in again in any case"),
    Row("proxies", "HUB_PROXIES", "", "addresses or networks of our own proxies, spaces between, whose X-Forwarded-For is believed"),
    Row("airflow_origin", "HUB_AIRFLOW_ORIGIN", "", "scheme://host:port of Airflow, which may frame the pages below /quality/framed/"),
    Row("local_accounts", "HUB_LOCAL_ACCOUNTS", "on", "on, or off where people sign in at the identity provider alone"),
    Row("oidc_issuer", "HUB_OIDC_ISSUER", "", "issuer URL of an OpenID Connect provider at which people sign in; empty = none"),
    Row(
        "oidc_client_id",
        "HUB_OIDC_CLIENT_ID",
        "",
        "what the provider knows the hub as; it sends back to <public URL>/sign-in/provider/back",
    ),
    Row("oidc_client_secret", "HUB_OIDC_CLIENT_SECRET", "", "the hub's secret at the provider", secret=True),
    Row("oidc_scopes", "HUB_OIDC_SCOPES", "openid profile", "scopes asked for, spaces between"),
    Row("oidc_name_claim", "HUB_OIDC_NAME_CLAIM", "name", "claim with the person's name"),
    Row(
        "oidc_roles_claim",
        "HUB_OIDC_ROLES_CLAIM",
        "roles",
        "claim with the person's roles, full stops into nested ones: realm_access.roles",
    ),
    Row(
        "oidc_roles",
        "HUB_OIDC_ROLES",
        "quality=quality body=body supervisor=supervisor auditor=auditor",
        "the provider's word = role here, spaces between; other words grant nothing",
    ),
    Row("oidc_body_claim", "HUB_OIDC_BODY_CLAIM", "body", "claim with the credit code of the body whose staff a person is"),
    Row("holder_issuer", "HUB_HOLDER_ISSUER", "", "issuer URL of the OpenID Connect provider where holders sign in to /me; empty = none"),
    Row("holder_client_id", "HUB_HOLDER_CLIENT_ID", "", "the hub at that provider, which sends back to <public URL>/me/sign-in/back"),
    Row("holder_client_secret", "HUB_HOLDER_CLIENT_SECRET", "", "the hub's secret at that provider", secret=True),
    Row("holder_scopes", "HUB_HOLDER_SCOPES", "openid profile", "scopes asked for there, spaces between"),
    Row("holder_number_claim", "HUB_HOLDER_NUMBER_CLAIM", "id_number", "claim with the holder's citizen number or credit code"),
    Row("holder_name_claim", "HUB_HOLDER_NAME_CLAIM", "name", "claim with the holder's name"),
    Row(
        "frame_key",
        "HUB_FRAME_KEY",
        "",
        "file of 64 hex digits shared with Airflow's plugin, which seals links to the framed pages with it; empty = none",
    ),
    Row("log_level", "HUB_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR"),
)


@dataclass(frozen=True)
class Settings:
    profile: str
    lake: Path
    database_url: str
    keys: Path
    root_keys: Path | None
    root_key: str
    kek: str
    kek_before: str
    lake_encryption: str
    spill: str
    host: str
    port: int
    metrics_port: int
    public_url: str
    operator: str
    log_origin: str
    witness_policy: Path | None
    witness_grace_s: int
    workers: int
    pg_bin: str
    mass_acts: int
    presentation_s: int
    dpop: str
    budget_calls: int
    budget_misses: int
    budget_subject: int
    session_idle_s: int
    session_s: int
    proxies: tuple[IPv4Network | IPv6Network, ...]
    airflow_origin: str
    local_accounts: str
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: str
    oidc_scopes: str
    oidc_name_claim: str
    oidc_roles_claim: str
    oidc_roles: str
    oidc_body_claim: str
    holder_issuer: str
    holder_client_id: str
    holder_client_secret: str
    holder_scopes: str
    holder_number_claim: str
    holder_name_claim: str
    frame_key: Path | None
    log_level: str

    def shown(self) -> dict[str, str]:
        """For people: every setting by name, secrets as `***`."""
        values = {row.name: getattr(self, row.name) for row in ROWS}
        return {row.name: "***" if row.secret else "" if values[row.name] is None else str(values[row.name]) for row in ROWS}


def read(environ: Mapping[str, str] | None = None, overrides: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; `overrides` (by variable name, from the command line) win over the environment.

    Raises SettingsError with every problem at once; unknown `HUB_` variables are problems.
    """
    environ = {**(os.environ if environ is None else environ), **(overrides or {})}
    text = {row.name: environ.get(row.env, "") or row.default for row in ROWS}
    problems = _unknown(environ)
    lake = Path(text["lake"])
    host, port = text["host"], _port("HUB_PORT", text["port"], problems)
    settings = Settings(
        profile=_one_of("HUB_PROFILE", text["profile"], PROFILES, problems),
        lake=lake,
        database_url=_database("HUB_DATABASE_URL", text["database_url"] or f"sqlite:///{lake / 'hub.db'}", problems),
        keys=Path(text["keys"]),
        root_keys=_root_keys(text["root_keys"], Path(text["keys"]), text["profile"] == "demo" and not text["root_key"]),
        root_key=text["root_key"],
        kek=text["kek"],
        kek_before=text["kek_before"],
        lake_encryption=_one_of("HUB_LAKE_ENCRYPTION", text["lake_encryption"], ("on", "off"), problems),
        spill=text["spill"],
        host=host,
        port=port,
        metrics_port=_port("HUB_METRICS_PORT", text["metrics_port"], problems),
        public_url=_url("HUB_PUBLIC_URL", text["public_url"] or f"http://{host}:{port}", problems),
        operator=text["operator"],
        log_origin=_origin("HUB_LOG_ORIGIN", text["log_origin"], problems),
        witness_policy=Path(text["witness_policy"]) if text["witness_policy"] else None,
        witness_grace_s=_integer("HUB_WITNESS_GRACE_S", text["witness_grace_s"], 0, 86_400, problems),
        workers=_integer("HUB_WORKERS", text["workers"], 0, 64, problems),
        pg_bin=text["pg_bin"],
        mass_acts=_integer("HUB_MASS_ACTS", text["mass_acts"], 1, 1_000_000, problems),
        presentation_s=_integer("HUB_PRESENTATION_S", text["presentation_s"], 10, 600, problems),
        dpop=_one_of("HUB_DPOP", text["dpop"] or DPOP[text["profile"] == "production"], DPOP, problems),
        **{row.name: _integer(row.env, text[row.name], 1, 2_000_000_000, problems) for row in ROWS if row.name.startswith("budget_")},
        session_idle_s=_integer("HUB_SESSION_IDLE_S", text["session_idle_s"], 60, 86_400, problems),
        session_s=_integer("HUB_SESSION_S", text["session_s"], 60, 604_800, problems),
        proxies=_networks("HUB_PROXIES", text["proxies"], problems),
        airflow_origin=_web_origin("HUB_AIRFLOW_ORIGIN", text["airflow_origin"], problems),
        local_accounts=_one_of("HUB_LOCAL_ACCOUNTS", text["local_accounts"], ("on", "off"), problems),
        **_oidc(text, problems),
        **_holder(text, problems),
        frame_key=Path(text["frame_key"]) if text["frame_key"] else None,
        log_level=_one_of("HUB_LOG_LEVEL", text["log_level"], ("DEBUG", "INFO", "WARNING", "ERROR"), problems),
    )
    if settings.port == settings.metrics_port:
        problems.append("HUB_METRICS_PORT equals HUB_PORT: give metrics a port of its own")
    if problems:
        raise SettingsError(problems)
    return settings


def _root_keys(given: str | None, keys: Path, make: bool) -> Path | None:
    """Beside the hub's keys, never among them. Where a root is pinned, or in production, none is at hand unless it is given."""
    if given:
        return Path(given)
    return keys.with_name(f"{keys.name}-root") if make else None


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = {row.env for row in ROWS}
    # HUB_TEST_* belongs to the test suite, HUB_CONN_* to connectors/settings.py.
    ours = [name for name in environ if name.startswith("HUB_") and not name.startswith(("HUB_TEST_", "HUB_CONN_"))]
    return [f"{name} is not a setting: see `hub config show` for those that are" for name in sorted(ours) if name not in known]


def _one_of(env: str, value: str, allowed: tuple[str, ...], problems: list[str]) -> str:
    if value not in allowed:
        problems.append(f"{env} is none of {', '.join(allowed)}")
    return value


def _integer(env: str, value: str, low: int, high: int, problems: list[str]) -> int:
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        problems.append(f"{env} is not a whole number from {low} to {high}")
        return low
    return int(value)


def _port(env: str, value: str, problems: list[str]) -> int:
    return _integer(env, value, 1, 65535, problems)


def _database(env: str, value: str, problems: list[str]) -> str:
    # The value may hold a password: never in the message.
    if not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        problems.append(f"{env} is not a URL of sqlite or postgresql")
    return value


def _url(env: str, value: str, problems: list[str]) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        problems.append(f"{env} is not an http(s) URL without query")
    return value.rstrip("/")


def _oidc(text: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    """Settings of the identity provider: all that is needed, or nothing."""
    issuer = text["oidc_issuer"]
    _provider("HUB_OIDC", issuer, {name: text[f"oidc_{name}"] for name in ("client_id", "client_secret")}, problems)
    if not issuer and text["local_accounts"] == "off":
        problems.append("HUB_LOCAL_ACCOUNTS is off and HUB_OIDC_ISSUER is empty: nobody could sign in")
    if any("=" not in pair for pair in text["oidc_roles"].split()):
        problems.append("HUB_OIDC_ROLES is not word=role pairs with spaces between")
    return {name: value for name, value in text.items() if name.startswith("oidc_")}


def _holder(text: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    """Settings of the holders' identity provider: all that is needed, or nothing."""
    _provider("HUB_HOLDER", text["holder_issuer"], {name: text[f"holder_{name}"] for name in ("client_id", "client_secret")}, problems)
    return {name: value for name, value in text.items() if name.startswith("holder_")}


def _provider(prefix: str, issuer: str, needed: Mapping[str, str], problems: list[str]) -> None:
    """An identity provider is reached by https and knows us by name and secret."""
    if not issuer:
        return
    _url(f"{prefix}_ISSUER", issuer, problems)
    if issuer.startswith("http:") and urlsplit(issuer).hostname not in ("127.0.0.1", "localhost", "::1"):
        problems.append(f"{prefix}_ISSUER is not https: whoever is between could sign in as anybody")
    problems += [f"{prefix}_{name.upper()} is needed beside {prefix}_ISSUER" for name, value in needed.items() if not value]


def _networks(env: str, value: str, problems: list[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(one) for one in value.split())
    except ValueError:
        problems.append(f"{env} is not a list of addresses and networks such as 10.0.0.7 172.16.0.0/12")
        return ()


def _web_origin(env: str, value: str, problems: list[str]) -> str:
    """An origin as a browser writes it, or nothing: it goes into a header, where a space or semicolon would say something else."""
    parts = urlsplit(value)
    plain = re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+", value)
    if value and not (plain and parts.hostname):
        problems.append(f"{env} is not an origin: scheme, host and port alone")
    return value


def _origin(env: str, value: str, problems: list[str]) -> str:
    if not value or any(ch.isspace() or ch == "+" for ch in value):
        problems.append(f"{env} is not one line without spaces and plus signs (C2SP tlog-checkpoint)")
    return value
