"""Who changes something by hand, and on what grounds, as the audit log has it."""

from __future__ import annotations

from dataclasses import dataclass

from license_hub.errors import AccessError
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry

LONGEST_REASON, LONGEST_NUMBER = 500, 100
OPERATOR, STAFF = "operator:", "staff:"


@dataclass(frozen=True)
class Acting:
    """`actor`: `operator:<name>` at the command line, `staff:<account>` on a page. No personal data in the reason."""

    actor: str
    request_id: str = ""
    reason: str = ""
    document_no: str = ""

    @property
    def name(self) -> str:
        return self.actor.partition(":")[2]

    def entry(self, hub: Hub, action: str, code: str, told: str) -> Entry:
        """Its line in the audit log: what was changed, then why; the document where a case's number stands."""
        said = f"{told}\n{self.reason}" if self.reason else told
        return Entry(self.request_id or hub.entropy(16).hex(), self.actor, action, None, None, "DONE", code, said, self.document_no or None)

    def checked(self, *, needed: bool) -> Acting:
        """Raises AccessError for grounds that are too long or unreadable; with `needed`, for none."""
        for name, text, most in (("reason", self.reason, LONGEST_REASON), ("document", self.document_no, LONGEST_NUMBER)):
            if len(text) > most or not text.isprintable():
                raise AccessError(f"{name}: at most {most} printable characters")
        if needed and not self.reason.strip():
            raise AccessError("reason: say why")
        return self


def at_the_command_line(operator: str, reason: str = "") -> Acting:
    return Acting(OPERATOR + operator, reason=reason)


def on_a_page(account: str, request_id: str, reason: str = "", document_no: str = "") -> Acting:
    return Acting(STAFF + account, request_id, reason.strip(), document_no.strip())
