"""A decision in the words of the counter: what becomes of each material, on what evidence, what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalogs.matter import Matter
from catalogs.model import Catalog
from license_hub.web.pages import msgid, shown

OUTCOMES = {
    "EXEMPT": msgid("免于提交"),
    "NEEDS_AUTHORIZATION": msgid("需授权"),
    "DEPARTMENT_CHECK": msgid("部门核查"),
    "PROMISE": msgid("告知承诺"),
    "DEFERRED": msgid("容缺受理"),
    "CANCELLED": msgid("已取消"),
    "SUBMIT": msgid("需提交"),
}
"""In the order in which a summary names them."""
BASES = {
    "duty": msgid("依职能用证"),
    "holder": msgid("持证人手机授权"),
    "window": msgid("窗口现场授权"),
    "code": msgid("用证码"),
    "shown": msgid("持证人当面亮证"),
}
ALTERNATIVES = {"check": msgid("部门核查"), "promise": msgid("告知承诺"), "defer": msgid("容缺受理")}
STATES = {
    "asked": msgid("等持证人确认"),
    "given": msgid("已授权"),
    "declined": msgid("持证人不同意"),
    "withdrawn": msgid("持证人已撤回"),
    "expired": msgid("已到期"),
}
RESULTS = {"done": msgid("办结"), "returned": msgid("退件")}
RELATIONS = {"self": msgid("本人"), "guardian": msgid("监护人"), "officer": msgid("法人经办人"), "agent": msgid("帮办代办人员")}
EVIDENCE = {"signed_paper": msgid("已签字的纸质授权书"), "id_card": msgid("核验了身份证件"), "phone": msgid("手机页面")}
NECESSITIES = {"2": msgid("涉及时才需要"), "3": msgid("可以后补")}
LEVELS = {"high": msgid("高"), "medium": msgid("中"), "low": msgid("低")}
SOURCES = {"case": msgid("本办件登记")}


@dataclass(frozen=True)
class Words:
    catalog: Catalog

    def of(self, name: str) -> str:
        """A license type or resource."""
        kind, resource = self.catalog.license_types.get(name), self.catalog.resources.get(name)
        return f"电子{kind.name}" if kind else f"{resource.title}数据" if resource else name

    def matter(self, name: str) -> str:
        found = self.catalog.matters.get(name)
        return found.title if found else name

    def when(self, text: str) -> str:
        return shown(datetime.fromisoformat(text)) if "T" in text else text

    def outcome(self, name: str) -> str:
        return OUTCOMES[name]

    def basis(self, name: str) -> str:
        return BASES[name]

    def state(self, name: str) -> str:
        return STATES[name]

    def result(self, name: str) -> str:
        return RESULTS[name]

    def relation(self, name: str) -> str:
        return RELATIONS[name]

    def evidence(self, name: str) -> str:
        return EVIDENCE[name]

    def alternatives(self, names: Sequence[str]) -> str:
        return "、".join(ALTERNATIVES[one] for one in names)

    def fields(self, evidence: Mapping[str, object]) -> str:
        """What is relied on: face titles as they are, a resource's fields by their titles."""
        if evidence["kind"] != "share":
            return "、".join(evidence["fields"])
        resource = self.catalog.resources[evidence["resource"]]
        return "、".join(resource.field(one).title for one in evidence["fields"])

    def tried(self, one: Mapping[str, str]) -> str:
        """One thing that did not count: what it was."""
        if one["kind"] == "check":
            body = self.catalog.departments.get(one["of"])
            return f"{body.name if body else one['of']}核查"
        return self.of(one["of"])

    def source(self, one: Mapping[str, str]) -> str:
        """Where a form's value is from."""
        if one["source"] == "case":
            return SOURCES["case"]
        kind = self.catalog.type_named(one["of"]) if one["source"] == "license" else None
        return f"电子{kind.name}" if kind else self.of(one["of"])

    def necessity(self, name: str) -> str:
        return NECESSITIES[name]

    def level(self, name: str) -> str:
        return LEVELS[name]

    def receipt(self, said: Mapping[str, str]) -> list[tuple[str, str]]:
        """(title, text) of a receipt's fields, those that are printed."""
        return [(title, self._of_receipt(name, said)) for name, title in RECEIPT.items() if name in said]

    def _of_receipt(self, name: str, said: Mapping[str, str]) -> str:
        value = said[name]
        if name == "relied_on":
            resource = self.catalog.resources.get(said.get("resource", ""))
            return "、".join(resource.field(one).title if resource else one for one in value.split(";"))
        if name in ("outcome", "basis"):
            return (OUTCOMES | BASES)[value]
        if name == "reason":
            return self.catalog.messages[value].sentence
        if name in ("license_type", "resource"):
            return self.of(value)
        if name == "department":
            return self.department(value)
        return self.when(value) if name in ("as_of", "decided_at", "answered_at") else value

    def department(self, name: str) -> str:
        found = self.catalog.departments.get(name)
        return found.name if found else name


@dataclass(frozen=True)
class Missing:
    """One word of a holder's that is missing: of which party, for which license type or resource, for which materials."""

    party: str
    of: str
    materials: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"{self.party}-{self.of}"


def missing(told: Mapping[str, object]) -> list[Missing]:
    """What a decision could not look at without the holder, in the order of its materials."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in told["materials"]:
        if one["outcome"] == "NEEDS_AUTHORIZATION":
            lacking = dict.fromkeys(tried["of"] for tried in one["tried"] if tried["reason"] == "CONSENT_MISSING")
            for of in lacking:
                found.setdefault((one["party"], of), []).append(one["title"])
    return [Missing(party, of, tuple(titles)) for (party, of), titles in found.items()]


def summary(told: Mapping[str, object]) -> list[tuple[str, int]]:
    """(outcome, how many materials), those there are."""
    return [(name, told["summary"][name]) for name in OUTCOMES if told["summary"].get(name)]


def party(matter: Matter, name: str) -> str:
    return matter.parties.get(name, name)


RECEIPT = {
    "material_title": msgid("材料"),
    "outcome": msgid("结论"),
    "matter": msgid("事项"),
    "task_code": msgid("实施编码"),
    "case_no": msgid("办件编号"),
    "party": msgid("当事人"),
    "holder": msgid("持证主体"),
    "holder_number": msgid("证件号码"),
    "license_type": msgid("依据的证照"),
    "license": msgid("证照标识"),
    "resource": msgid("依据的数据"),
    "relied_on": msgid("采用的项目"),
    "department": msgid("核查部门"),
    "answered_at": msgid("答复时间"),
    "grade": msgid("可信等级"),
    "as_of": msgid("数据截至"),
    "valid_to": msgid("有效期至"),
    "basis": msgid("用证依据"),
    "reason": msgid("理由"),
    "decided_at": msgid("判定时间"),
    "operator": msgid("经办人"),
    "window": msgid("窗口"),
    "matter_version": msgid("事项版本"),
}
"""What of a receipt's fields is printed, in that order; the rest is for machines."""
