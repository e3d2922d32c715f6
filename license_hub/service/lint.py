"""What can be said against a pushed row before anything is landed: schema, check digits, organ, commission.

The rest of the lint is the resource's own rules, which judge a pushed row more strictly than a delivery (`quality.rulebook.strict`):
what is only warned of in a million rows (dates out of order) its sender can correct at once. A delivery's rows have been through the
same rules before they come here: what identifies (number, holder, organ) is refused there too, and the commission is asked for each
issue (`decide.decide_live`).

Source: issue 3 §5; the order intent → lint → store is that of Boulder (threats.md §1).
"""

from __future__ import annotations

from collections.abc import Mapping

from catalogs import checkdigits
from catalogs.license_type import LicenseSource, LicenseType
from catalogs.model import Catalog, Resource
from catalogs.organs import issuer_by_prefix
from license_hub.errors import LintRefused
from license_hub.service.content import number_form

CREDIT_CODE_CHARS = 18
DELETES = "D"

Row = Mapping[str, str | None]


def lint(catalog: Catalog, kind: LicenseType, source: LicenseSource, row: Row, organ: str) -> None:
    """`row` by source header. Raises LintRefused with everything that is wrong."""
    resource = catalog.resources[source.resource]
    errors = [*_schema(resource, row), *_check_digits(resource, row), *_issuer(catalog, resource, source, row, organ)]
    if not commissioned(kind):
        errors.append(("", "not_commissioned"))
    if errors:
        raise LintRefused(errors)


def commissioned(kind: LicenseType) -> bool:
    """Whether licenses of the type are made here. No commission, no license: its organs have not asked this hub to make any."""
    return kind.origin != "verify_only" and (kind.origin != "made_for_issuer" or bool(kind.commission))


def _schema(resource: Resource, row: Row) -> list[tuple[str, str]]:
    known = {field.source: field for field in resource.fields}
    operation = resource.delivery.operation_field
    found = [(_pointer(name), "unknown_column") for name in row if name not in known and name != operation]
    found += [(_pointer(name), "required") for name, field in known.items() if field.required and not (row.get(name) or "").strip()]
    if operation and (row.get(operation) or "").strip().upper() == DELETES:
        # A case that ends a license gives notice of the act; rows are never deleted from outside.
        found.append((_pointer(operation), "no_deletion"))
    return found


def _check_digits(resource: Resource, row: Row) -> list[tuple[str, str]]:
    right = {"uscc": checkdigits.uscc, "citizen_id": _citizen}
    found = []
    for field in resource.fields:
        value = number_form(row.get(field.source) or "")
        if value and field.type in right and not right[field.type](value):
            found.append((_pointer(field.source), "check_digit"))
    return found


def _citizen(number: str) -> bool:
    return checkdigits.citizen_id(checkdigits.citizen_id_18(number) if len(number) == 15 and number.isdigit() else number)


def _issuer(catalog: Catalog, resource: Resource, source: LicenseSource, row: Row, organ: str) -> list[tuple[str, str]]:
    """The organ of the client must be the one the license would be issued by, and the row must be of the type."""
    found = []
    if source.applies_field is not None:
        text = number_form(row.get(resource.field(source.applies_field).source) or "")
        if not text.startswith(tuple(source.applies_prefixes)):
            found.append((_pointer(resource.field(source.applies_field).source), "not_of_this_type"))
    name = resource.field(source.issuer_field or source.number_field).source
    value = number_form(row.get(name) or "")
    if source.issuer_field is None:
        parts = (value[:1], value[2:8])
        value = issuer_by_prefix(catalog, [parts])[parts][0] if len(value) == CREDIT_CODE_CHARS else ""
    if value != organ:
        found.append((_pointer(name), "not_your_organ"))
    return found


def _pointer(name: str) -> str:
    return "/row/" + name.replace("~", "~0").replace("/", "~1")
