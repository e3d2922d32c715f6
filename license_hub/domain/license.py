"""What a license says: from a trusted row to a draft, from a draft to the flat fields the seal and the log commit to.

Field names are the short names of the metadata standard; face fields are `KZ_<title>`. Empty values are left out, lists are joined
by `;`, dates are `YYYY-MM-DD`. Status is no field: it changes by acts, not by versions. Source: standards.md §1.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from catalogs.license_type import LicenseSource, LicenseType
from license_hub.domain.holder import CODE_TYPES, Holder, holders
from license_hub.domain.lifecycle import SHANGHAI, SOURCE_STATES, State

FACE = "KZ_"
IDENTIFIER = "ZZBS"

FIELD_TITLES = {
    "ZZBS": "证照标识",
    "ZZMC": "证照名称",
    "ZZLXDM": "证照类型代码",
    "ZZBH": "证照编号",
    "ZZBFJG": "证照颁发机构",
    "ZZBFJGDM": "证照颁发机构代码",
    "ZZBFRQ": "证照颁发日期",
    "ZZYXQQSRQ": "证照有效期起始日期",
    "ZZYXQJZRQ": "证照有效期截止日期",
    "CZZT": "持证主体",
    "CZZTDM": "持证主体代码",
    "CZZTDMLX": "持证主体代码类型",
    "CZZTDMLXDM": "持证主体代码类型代码",
    "SSGXQH": "所属管辖区划",
}
"""`SSGXQH` is our own short name: no system seen has one for 所属管辖区划."""


@dataclass(frozen=True)
class Draft:
    """A license as a trusted row gives it, before it has an identifier."""

    type_id: str
    type_code: str
    type_name: str
    key: str
    issuer_code: str
    issuer_name: str
    number: str
    holders: tuple[Holder, ...]
    issued_on: date | None
    valid_from: date | None
    valid_to: date | None
    """None = 长期, no end."""
    area: str
    source_status: State | None
    """None: the source gives no status for this row."""
    face: Mapping[str, str]
    """Title → value, empty values left out."""


def draft_from_row(license_type: LicenseType, source: LicenseSource, row: Mapping[str, object], issuer: tuple[str, str]) -> Draft:
    """The draft of a trusted row (cleaned values by field name, `_key`); `issuer` is (credit code, name).

    Raises KeyError for a field the row lacks, ValueError for a mapped status no source may state.
    """
    holder = source.holder
    return Draft(
        type_id=license_type.id,
        type_code=license_type.type_code,
        type_name=license_type.name,
        key=str(row["_key"]),
        issuer_code=issuer[0],
        issuer_name=issuer[1],
        number=_text(row, source.number_field),
        holders=holders(holder, _text(row, holder.name_field), _text(row, holder.number_field), license_type.holder_kind),
        issued_on=_day(row, source.issued_on_field),
        valid_from=_day(row, source.valid_from_field),
        valid_to=_day(row, source.valid_to_field),
        area=_text(row, source.area_field),
        source_status=_status(source, row),
        face={title: value for title, name in source.face.items() if (value := _text(row, name))},
    )


def fields(draft: Draft, identifier: str | None = None) -> dict[str, str]:
    """The flat committed fields; with the identifier as `ZZBS` once it is minted."""
    listed = {
        IDENTIFIER: identifier or "",
        "ZZMC": draft.type_name,
        "ZZLXDM": draft.type_code,
        "ZZBH": draft.number,
        "ZZBFJG": draft.issuer_name,
        "ZZBFJGDM": draft.issuer_code,
        "ZZBFRQ": _iso(draft.issued_on),
        "ZZYXQQSRQ": _iso(draft.valid_from),
        "ZZYXQJZRQ": _iso(draft.valid_to),
        "CZZT": _joined(one.name for one in draft.holders),
        "CZZTDM": _joined(one.number for one in draft.holders),
        "CZZTDMLX": _joined(CODE_TYPES.get(one.code_type, "") for one in draft.holders),
        "CZZTDMLXDM": _joined(one.code_type for one in draft.holders),
        "SSGXQH": draft.area,
    }
    listed.update((FACE + title, value) for title, value in draft.face.items())
    return {name: value for name, value in listed.items() if value}


def fields_behind(source: LicenseSource) -> dict[str, str]:
    """Committed field name → the resource field it is made of, where it is made of one."""
    behind = {
        "ZZBH": source.number_field,
        "CZZT": source.holder.name_field,
        "CZZTDM": source.holder.number_field,
        "ZZBFJG": source.issuer_name_field,
        "ZZBFJGDM": source.issuer_field,
        "ZZBFRQ": source.issued_on_field,
        "ZZYXQQSRQ": source.valid_from_field,
        "ZZYXQJZRQ": source.valid_to_field,
        "SSGXQH": source.area_field,
    }
    behind |= {FACE + title: name for title, name in source.face.items()}
    return {name: field for name, field in behind.items() if field}


def holder_numbers(committed: Mapping[str, str]) -> list[str]:
    """Numbers of all holders, in order, empty ones left out."""
    return [one for one in committed.get("CZZTDM", "").split(";") if one]


def dates(committed: Mapping[str, str]) -> tuple[date | None, date | None]:
    """(valid from, valid to) of committed fields. Raises ValueError if they are not ISO dates."""
    start, end = committed.get("ZZYXQQSRQ"), committed.get("ZZYXQJZRQ")
    return date.fromisoformat(start) if start else None, date.fromisoformat(end) if end else None


def _joined(values) -> str:
    text = ";".join(values)
    return text if text.strip(";") else ""


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def _day(row: Mapping[str, object], name: str | None) -> date | None:
    value = row[name] if name else None
    if isinstance(value, datetime):
        return (value.astimezone(SHANGHAI) if value.tzinfo else value).date()
    if isinstance(value, str):
        return date.fromisoformat(value) if value else None
    return value if isinstance(value, date) else None


def _text(row: Mapping[str, object], name: str | None) -> str:
    """One cleaned value as text; an amount carries its currency."""
    value = row[name] if name else None
    if value is None:
        return ""
    if type(value) is str:
        return value
    if isinstance(value, datetime):
        return (value.astimezone(SHANGHAI) if value.tzinfo else value).isoformat(sep=" ", timespec="seconds")[:19]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        currency = row.get(f"{name}_currency")
        return f"{value:f} {currency}" if currency else f"{value:f}"
    return str(value)


def _status(source: LicenseSource, row: Mapping[str, object]) -> State | None:
    said = _text(row, source.status_field)
    if not said or said not in source.status_map:
        return None
    state = State(source.status_map[said])
    if state not in SOURCE_STATES:
        raise ValueError(f"status_map: a source cannot state {state}")
    return state
