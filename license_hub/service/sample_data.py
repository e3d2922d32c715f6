"""What test clients reach: made-up persons and bodies, by numbers nobody can have. Decided by the number alone, before any look-up.

- a credit code of a body in division 99xxxx, which GB/T 2260 does not give out
- a citizen number of address 99xxxx or 000000
- a license that such a body issued to such holders alone

Everything else is live data, and to a test client as if it were not there. Source: issue 5 §4; standards.md §2.1; DECISIONS 64.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from license_hub.domain.license import holder_numbers
from license_hub.service.content import holder_form, number_form
from license_hub.service.register_client import TEST

_ORGANISATION = re.compile(r"[0-9A-Z]{2}99[0-9]{4}[0-9A-Z]{10}")
_PERSON = re.compile(r"(99[0-9]{4}|000000)[0-9]{11}[0-9X]")
_ISSUER = 6
"""Which part of an identifier is the issuing body."""


def is_test(client_id: str) -> bool:
    """Whether it is the id of a test client; an audit entry's actor, too."""
    return client_id.startswith(TEST)


def is_sample(number: str) -> bool:
    """Whether nobody real can have that holder's number."""
    return bool(_PERSON.fullmatch(form := holder_form(number)) or _ORGANISATION.fullmatch(form))


def is_sample_license(identifier: str) -> bool:
    """Whether a body that does not exist issued it."""
    parts = number_form(identifier).split(".")
    return len(parts) > _ISSUER and bool(_ORGANISATION.fullmatch(parts[_ISSUER]))


def reaches(client_id: str, identifier: str | None = None, numbers: Iterable[str] = ()) -> bool:
    """Whether that client may ask about the license and the holders of those numbers, as far as they are named."""
    if not is_test(client_id):
        return True
    return (identifier is None or is_sample_license(identifier)) and all(is_sample(one) for one in numbers)


def reaches_found(client_id: str, identifier: str, fields: Mapping[str, str] | None) -> bool:
    """The same for a license that was found; one nobody can read (`fields` None) is nobody's to test with."""
    if not is_test(client_id):
        return True
    holders = holder_numbers(fields) if fields is not None else ()
    return is_sample_license(identifier) and bool(holders) and all(is_sample(one) for one in holders)
