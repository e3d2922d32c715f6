"""What must be decided of a material, from the catalogue's YAML and the applicants' truth alone: nothing of the hub's is imported here.

An applicant is what the departments know of it. `expected` goes through a material's ways as docs/architecture.md words the rule: the
first that holds decides; where the holder's word is missing nothing is said of what there is; what no way covers is handed in, because of
what was found and does not count, else because of why nothing was found.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import yaml

PERSON_OF = {"applicant": "company", "legal_rep": "person"}
ABSENCES = ["IN_QUARANTINE", "SOURCE_LATE", "NOT_COVERED", "NOT_FOUND", "DATA_NOT_FOUND"]

NOT_FINAL = ("IN_FORCE", "SUSPENDED", "STATUS_NOT_PROVIDED")
"""States that end on the license's last day by themselves."""
SECOND = {
    "check": ("DEPARTMENT_CHECK", "DEPARTMENT_ASKED"), "promise": ("PROMISE", "PROMISE_OFFERED"), "defer": ("DEFERRED", "DEFERRAL_OFFERED"),
}  # fmt: skip


@dataclass
class Permit:
    number: str
    status: str
    valid_to: date
    division: str
    """Of its issuing organ."""


@dataclass
class Applicant:
    number: str
    person: str
    division: str
    entity: str | None
    """Status in legal_entity; None: no row."""
    home: bool
    """Whether the rows of legal_entity and population give an address."""
    registry: bool
    """A row in enterprise_registry, which gives no status."""
    permits: list[Permit] = field(default_factory=list)
    alive: str | None = None
    """life_status of the legal representative; None: no row."""
    quarantined: frozenset[str] = frozenset()
    """Resources that have the company in quarantine."""
    answers: dict[str, str] = field(default_factory=dict)


class Oracle:
    def __init__(self, catalogs: Path, today: date, *, since_h: int = 0):
        self.today = today
        self.since_h = since_h
        """Hours since every source was published."""
        self.types = {one["id"]: one for one in self._all(catalogs / "license_types")}
        self.resources = {one["id"]: one for one in self._all(catalogs / "resources")}

    @staticmethod
    def _all(folder: Path) -> list[dict]:
        return [yaml.safe_load(path.read_text("utf-8")) for path in sorted(folder.glob("*.yaml"))]

    def expected(self, material: dict, who: Applicant) -> tuple[str, str, set[str]]:
        """(outcome, reason, certificate numbers that may be the evidence)."""
        said: list[str] = []
        consent = False
        for way in material["ways"]:
            kind = way["kind"]
            if kind == "cancel":
                return "CANCELLED", "NO_LONGER_ASKED", set()
            if kind in ("license", "share") and material["consent"] == "holder":
                consent = True
                said.append("CONSENT_MISSING")
            elif kind == "license":
                good, why = self._licenses(way, who)
                if good:
                    return "EXEMPT", "IN_FORCE", good
                said += why
            elif kind == "share":
                why = self._row(way, who, material["party"])
                if why is None:
                    return "EXEMPT", "SHARED_DATA", set()
                said.append(why)
            elif not consent:
                return *SECOND[kind], set()
        if consent:
            return "NEEDS_AUTHORIZATION", "CONSENT_MISSING", set()
        return "SUBMIT", self._why(material, said), set()

    def _why(self, material: dict, said: list[str]) -> str:
        found = [one for one in said if one not in ABSENCES]
        if not said:
            return "NO_WAY" if material["channel"] == "20" else "OWN_MATERIAL"
        return found[0] if found else min(said, key=ABSENCES.index)

    def _licenses(self, way: dict, who: Applicant) -> tuple[set[str], list[str]]:
        good, why = set(), []
        lacking = set() if who.home else {"住所"}
        for kind in way["types"]:
            mine = self._held(kind, who)
            for number, state, valid_to, division in mine:
                fault = self._fault(way, state, valid_to, division, lacking)
                if fault is None:
                    good.add(number)
                else:
                    why.append(fault)
            if not mine:
                why.append(self._absent([one["resource"] for one in self.types[kind]["sources"]], who))
        return good, why

    def _held(self, kind: str, who: Applicant) -> list[tuple[str, str, date | None, str]]:
        """(certificate number, state, valid to, division of the organ) of the licenses of that type."""
        states = {one["resource"]: one.get("status_map", {}) for one in self.types[kind]["sources"]}
        if kind == "business_license":
            found = [(who.number, states["legal_entity"][who.entity], None, "990100")] if who.entity else []
            return found + ([(who.number, "STATUS_NOT_PROVIDED", None, "")] if who.registry else [])
        if kind == "food_permit" and (who.entity or who.registry):
            # A permit whose operator no base knows is on hold.
            order = sorted(who.permits, key=lambda one: one.valid_to, reverse=True)
            return [(one.number, states["food_permit"][one.status], one.valid_to, one.division) for one in order]
        return []

    def _fault(self, way: dict, state: str, valid_to: date | None, division: str, lacking: set[str]) -> str | None:
        if state in NOT_FINAL and valid_to is not None and valid_to < self.today:
            state = "EXPIRED"
        if state != "IN_FORCE":
            return state
        if way.get("grade", "C") == "A":
            # Sealed by a development key: no license of the test is better than B.
            return "GRADE_TOO_LOW"
        if way.get("days_left") and valid_to is not None and valid_to < self.today + timedelta(days=way["days_left"]):
            return "DAYS_TOO_FEW"
        if way.get("regions") and not any(division.startswith(one) for one in way["regions"]):
            return "OTHER_REGION"
        return "FACE_INCOMPLETE" if lacking & set(way["face"]) else None

    def _row(self, way: dict, who: Applicant, party: str) -> str | None:
        """Why the shared rows do not do; None: one does."""
        rows = self._rows(way["resource"], who, party)
        right = [row for row in rows if all(row.get(name) in values for name, values in way["where"].items())]
        if right:
            # All rows of somebody give an address, or none does.
            return "DATA_INCOMPLETE" if "address" in way["fields"] and not who.home else None
        if rows:
            return "DATA_DIFFERS"
        why = self._absent([way["resource"]], who, person=party == "legal_rep")
        return "DATA_NOT_FOUND" if why == "NOT_FOUND" else why

    def _rows(self, resource: str, who: Applicant, party: str) -> list[dict]:
        if party == "legal_rep":
            return [{"life_status": who.alive}] if resource == "population" and who.alive else []
        if resource == "legal_entity":
            return [{"status": who.entity}] if who.entity else []
        return [{"status": one.status} for one in who.permits] if resource == "food_permit" else []

    def _absent(self, resources: list[str], who: Applicant, *, person: bool = False) -> str:
        covering = [one for one in resources if person or who.division.startswith(tuple(self.resources[one]["coverage"]["divisions"]))]
        if not covering:
            return "NOT_COVERED"
        if not person and who.quarantined & set(covering):
            return "IN_QUARANTINE"
        late = any(self.resources[one]["cycle_hours"] < self.since_h for one in covering)
        return "SOURCE_LATE" if late else "NOT_FOUND"


def materials(seed: int, count: int) -> list[dict]:
    """Materials as YAML data: every kind of way, alone and one after the other."""
    draw = random.Random(seed)
    return [_material(draw, number) for number in range(count)]


def _material(draw: random.Random, number: int) -> dict:
    party = draw.choice(["applicant", "applicant", "applicant", "legal_rep"])
    holder = party == "applicant" and draw.random() < 0.1
    if draw.random() < 0.05:
        ways = [{"kind": "cancel", "basis": "样例取消清单"}]
    else:
        makers = [_person_row] if party == "legal_rep" else [_title] if holder else [_license, _license, _row]
        ways = [draw.choice(makers)(draw) for _ in range(draw.choice([0, 1, 1, 2]) if party == "applicant" else 1)]
        ways += [_LAST[draw.choice(list(_LAST))]] if draw.random() < 0.4 else []
    channel = draw.choice(["10", "20", "20"])
    issued = {"department": "province_market"} if channel == "20" else {}
    head = {"code": f"T{number:04d}", "title": f"材料{number}", "channel": channel, "necessity": "1", "form": "原件", "party": party}
    return head | issued | {"consent": "holder" if holder else "duty", "ways": ways}


_LAST = {
    "check": {"kind": "check", "department": "province_market", "working_days": 2},
    "promise": {"kind": "promise", "text": "承诺所述内容真实有效。", "liability": "承诺不实的，依法撤销并记入信用记录。", "due_days": 10},
    "defer": {"kind": "defer", "text": "五日内补交。", "liability": "逾期不补交的，不予许可。", "due_days": 5},
}


def _license(draw: random.Random) -> dict:
    types = draw.choice([["business_license"], ["food_permit"], ["food_permit", "business_license"]])
    face = {("business_license",): ["名称", "住所"], ("food_permit",): ["经营场所"]}.get(tuple(types), ["统一社会信用代码"])
    made = {"kind": "license", "types": types, "face": face, "grade": draw.choice("ABBBCD")}
    made |= {"days_left": draw.choice([30, 400, 900])} if draw.random() < 0.5 else {}
    return made | ({"regions": draw.choice([["9901"], ["9902"], ["99"]])} if draw.random() < 0.5 else {})


def _row(draw: random.Random) -> dict:
    known = [("legal_entity", ["name"]), ("legal_entity", ["name", "address"]), ("food_permit", ["permit_no"])]
    resource, fields = draw.choice(known)
    where = {"status": draw.choice([["1"], ["1", "6"], ["1", "2"]])} if draw.random() < 0.8 else {}
    return {"kind": "share", "resource": resource, "number_field": "credit_code", "fields": fields, "where": where}


def _person_row(draw: random.Random) -> dict:
    where = {"life_status": ["1"]} if draw.random() < 0.8 else {}
    fields = draw.choice([["name"], ["name", "address"]])
    return {"kind": "share", "resource": "population", "number_field": "id_number", "fields": fields, "where": where}


def _title(_draw: random.Random) -> dict:
    return {"kind": "license", "types": ["real_estate_title"], "face": ["坐落"], "grade": "C"}
