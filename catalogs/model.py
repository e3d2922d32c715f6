"""What the catalogue says, as frozen dataclasses. Loaded by `catalogs.load`, never built by hand elsewhere.

Field types (`FIELD_TYPES`) and checks (`CHECKS`) are closed lists. What a policy office may change is data, with `source` and `since`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from .access import AccessPolicy
from .elicense import Elicense
from .license_type import LicenseType
from .matter import Area, Matter, ShareWay
from .quality import ChangePolicy, Indicator, Responsible, TicketPolicy, Weights
from .workdays import Workdays

FIELD_TYPES = (
    "citizen_id", "uscc", "division", "person_name", "org_name", "date", "datetime", "code", "money", "decimal", "text",
    "address", "phone", "certificate_number", "holder_names", "holder_numbers", "real_estate_unit",
)  # fmt: skip
"""`code` is written `code:<table>` in YAML. `holder_names`/`holder_numbers` are `;`-separated lists after cleaning."""

ROW_CHECKS = (
    "not_null", "parsed", "pattern", "length", "check_digit", "in_codes", "division_known", "division_current", "clean_text",
    "in_partition", "well_formed_row", "birth_matches_id", "sex_matches_id", "not_future", "not_before", "date_order",
    "required_when", "empty_when", "number_range", "same_count", "org_part_check_digit", "division_matches", "expression",
)  # fmt: skip
ACROSS_CHECKS = ("reference", "agrees", "standing")
"""Of the batch checks, those that look rows up in other resources."""
BATCH_CHECKS = ("unique", *ACROSS_CHECKS, "freshness", "volume", "conflicting_duplicate")
CHECKS = ROW_CHECKS + BATCH_CHECKS


@dataclass(frozen=True)
class Field:
    """One column of a resource."""

    name: str
    source: str
    """Header (or column name) at the source."""
    title: str
    type: str
    table: str | None = None
    """Code table, for type `code`."""
    required: bool = False
    sensitivity: int = 1
    """1 open, 2 internal, 3 personal, 4 sensitive personal."""
    department: str = ""
    """Its one source department (一数一源)."""


@dataclass(frozen=True)
class Sharing:
    """attribute: unconditional, conditional or none; way: api, batch or file."""

    attribute: str
    way: str
    conditions: str


@dataclass(frozen=True)
class Delivery:  # mode: snapshot, partition or increment
    mode: str
    partition_field: str | None = None
    operation_field: str | None = None
    """Source column with I/U/D, for increments that carry one."""
    lag_minutes: int = 10
    """How far behind the watermark an increment re-reads, so that a late commit is not lost."""


@dataclass(frozen=True)
class Limits:
    max_rejects: float = 0.10
    max_removed: float = 0.005
    removed_floor: int = 20
    volume_band: float = 0.5
    """Share by which the number of rows may differ from the head's before the gate stops."""
    retention_days: int = 1095


@dataclass(frozen=True)
class Coverage:
    divisions: tuple[str, ...]
    """Division code prefixes the resource covers, e.g. ('99',)."""
    since_year: int


@dataclass(frozen=True)
class Connector:  # kind: file_drop, database or http_api
    kind: str
    options: Mapping[str, object]


@dataclass(frozen=True)
class Resource:
    """One data resource: the nine catalogue fields of Decree 809 art. 13 and how it is pulled, keyed and gated."""

    id: str
    title: str
    summary: str
    department: str
    format: str
    update_cycle: str
    cycle_hours: int
    sharing: Sharing
    data_class: str
    grade: str
    connector: Connector
    key: tuple[str, ...]
    order_by: str | None
    """Field that orders duplicates (watermark or date); then the line decides."""
    watermark: str | None
    delivery: Delivery
    limits: Limits
    responsible: Responsible
    usable_until: str | None
    """Field with the last day of a row's use."""
    coverage: Coverage
    fields: tuple[Field, ...]
    schedule: str | None
    """Cron of the landing DAG, Asia/Shanghai."""
    owner: str
    source: str
    since: str

    def field(self, name: str) -> Field:
        """The field of that name. Raises KeyError."""
        for one in self.fields:
            if one.name == name:
                return one
        raise KeyError(name)


@dataclass(frozen=True)
class Rule:
    """One quality rule. `check` names an algorithm of ROW_CHECKS or BATCH_CHECKS; `params` are its arguments."""

    id: str
    resource: str
    indicator: str
    """GB/T 36344 code, e.g. 0302."""
    severity: str  # reject or warn
    sentence: str
    """What is wrong and what to do, in Chinese, for people."""
    check: str
    fields: tuple[str, ...]
    params: Mapping[str, object]
    source: str
    since: str

    @property
    def scope(self) -> str:
        return "row" if self.check in ROW_CHECKS else "batch"


@dataclass(frozen=True)
class CodeTable:
    """A code table; `labels` maps code to label, `aliases` maps any accepted spelling (labels included) to code."""

    id: str
    title: str
    labels: Mapping[str, str]
    aliases: Mapping[str, str]
    source: str
    since: str


@dataclass(frozen=True)
class Department:
    id: str
    name: str
    credit_code: str
    division: str
    sample: bool
    contact: str = ""
    """Whom an applicant or a counter asks."""


@dataclass(frozen=True)
class Division:
    """One spell of a GB/T 2260 code. `until` None = in use; `successors` may be empty even when retired."""

    code: str
    name: str
    since: int | None
    until: int | None
    successors: tuple[str, ...]


@dataclass(frozen=True)
class Message:
    """What a person reads for a verdict, problem or finding code."""

    code: str
    sentence: str
    next_step: str
    http_status: int


@dataclass(frozen=True)
class Term:
    chinese: str
    english: str
    meaning: str


@dataclass(frozen=True)
class Catalog:
    """Everything, loaded and cross-checked. `version` is the SHA-256 of the files it came from (hex, 16 characters)."""

    version: str
    departments: Mapping[str, Department]
    resources: Mapping[str, Resource]
    license_types: Mapping[str, LicenseType]
    rules: Mapping[str, tuple[Rule, ...]]
    """resource id → its rules, in file order."""
    codes: Mapping[str, CodeTable]
    divisions: Mapping[str, Division]
    organs: Mapping[str, tuple[str, str]]
    """'<registrar kind><division>' e.g. '9450100' → (organ credit code, organ name); sample organs, marked so."""
    messages: Mapping[str, Message]
    indicators: Mapping[str, Indicator]
    """code → indicator, in the standard's order."""
    dimensions: Mapping[str, str]
    """Two digits → title."""
    least_sensitivity: Mapping[str, int]
    """Field type → what a field of it must at least be classified as."""
    weights: Weights
    workdays: Workdays
    tickets: TicketPolicy
    access: AccessPolicy
    elicense: Elicense
    changes: ChangePolicy
    matters: Mapping[str, Matter]
    """By id, drafts included; a bundle's materials, form and parties are the union of its matters'."""
    former_matters: Mapping[str, tuple[Matter, ...]]  # oldest first; most matters have none
    areas: Mapping[str, Area]
    """Fields of life matters lie in, by id; in the excluded ones nothing may be promised."""
    changed_by: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Resource → numbers of the approved changes laid over its part of the files (`catalogs.changes`)."""
    glossary: tuple[Term, ...] = field(default=())

    @cached_property
    def shared_fields(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """(resource, field of the number) → fields that some version of a matter relies on, tests or fills in."""
        found: dict[tuple[str, str], set[str]] = {}
        for matter in chain(self.matters.values(), *self.former_matters.values()):
            for way in (way for one in matter.materials for way in one.ways if isinstance(way, ShareWay)):
                found.setdefault((way.resource, way.number_field), set()).update(way.fields, way.where)
            for one in (one for asked in matter.form for one in asked.prefill if one.kind == "share"):
                found.setdefault((one.of, one.number_field), set()).add(one.field)
        return {place: frozenset(names) for place, names in found.items()}

    def type_named(self, identifier: str) -> LicenseType | None:
        """The license type an identifier 电子证照标识 names, by its type code alone, whatever the rest of it is."""
        parts = identifier.upper().split(".")
        code = parts[5] if len(parts) > 5 else ""
        return next((one for one in self.license_types.values() if one.type_code == code), None)

    def matter_version(self, matter_id: str, version: str) -> Matter:
        """As a case was opened under it. Raises KeyError for no matter or version."""
        versions = (*self.former_matters.get(matter_id, ()), self.matters[matter_id])
        found = next((one for one in versions if one.version == version), None)
        if found is None:
            raise KeyError(f"{matter_id} has no version {version}")
        return found

    def matter_on(self, matter_id: str, day: str) -> Matter | None:
        """The published version in force on that ISO day; None before the first. Raises KeyError for no matter."""
        versions = (*self.former_matters.get(matter_id, ()), self.matters[matter_id])
        return next((one for one in reversed(versions) if one.published and one.since <= day), None)
