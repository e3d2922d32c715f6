"""The header of a delivery against the catalogue.

- A missing required column breaks the contract; so do two columns of one name, or one that takes a reserved name.
- Columns the catalogue does not know are landed and listed; optional ones that are missing are listed.
- A header may be a row of data by mistake: names the catalogue does not know are never repeated in an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from catalogs.model import Resource
from connectors.errors import ContractBroken
from connectors.protocol import RESERVED


@dataclass(frozen=True)
class Comparison:
    missing_optional: tuple[str, ...]
    extra: tuple[str, ...]


def required(resource: Resource) -> list[str]:
    """Source headers without which a row cannot be read: required fields, keys, partition and watermark."""
    names = {*resource.key, resource.delivery.partition_field, resource.watermark}
    return [one.source for one in resource.fields if one.required or one.name in names]


def declared(resource: Resource) -> list[str]:
    """Every source header the catalogue knows, the operation column of increments included."""
    headers = [one.source for one in resource.fields]
    operation = resource.delivery.operation_field
    return headers if operation is None or operation in headers else [*headers, operation]


def watermark_column(resource: Resource) -> str | None:
    """Source header of the watermark."""
    return None if resource.watermark is None else resource.field(resource.watermark).source


def compare(resource: Resource, header: Sequence[str], *, source: str) -> Comparison:
    """Raises ContractBroken, naming every missing required column at once."""
    known = declared(resource)
    _check_names(header, known, source)
    missing = [name for name in required(resource) if name not in header]
    if missing:
        raise ContractBroken(
            f"{len(missing)} required column(s) missing, {len(header)} column(s) found",
            source=resource.id,
            file=source,
            row=1,
            column="、".join(missing),
            hint="the provider restores the column(s), or the catalogue names the new header",
        )
    return Comparison(tuple(name for name in known if name not in header), tuple(name for name in header if name not in known))


def _check_names(header: Sequence[str], known: Sequence[str], source: str) -> None:
    for position, name in enumerate(header, 1):
        if not name or name in RESERVED:
            raise ContractBroken(
                "a column has no name" if not name else "a column takes a reserved name",
                source=source,
                row=1,
                column=f"no. {position}",
                hint="the provider names every column, none of them " + ", ".join(RESERVED),
            )
    for name, times in Counter(header).items():
        if times > 1:
            shown = name if name in known else f"no. {header.index(name) + 1}"
            raise ContractBroken(
                f"a column name occurs {times} times", source=source, row=1, column=shown, hint="the provider names each column once"
            )
