"""Matters 事项 as data: which materials they ask for, and every way in which a material need not be handed in.

A material's ways stand in the order in which they are tried; the first that holds decides. What none covers is handed in.

Source: standards.md §6.1–6.3; GB/T 39554 (事项编码) as read there; D809; policy texts named in each file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OWN, GOVERNMENT, OTHER = "10", "20", "99"
"""Source channels 来源渠道: kept by the applicant, issued by a government body, any other."""
REQUIRED, OPTIONAL, LATER = "1", "2", "3"
"""Necessity: asked, may be given, may follow later."""
DUTY, HOLDER = "duty", "holder"
"""On what a license is used: the organ's statutory duty 依职能用证, or the holder's consent 持证人授权."""
DRAFT, REVIEW, PUBLISHED = "draft", "review", "published"
CASE_FIELDS = ("name", "number", "code_type")
"""What a case says of each party."""
OFFICES = ("government_services", "establishment", "justice")
"""三方审核: 政务服务管理, 机构编制, 司法行政. A matter is published once each has agreed."""


@dataclass(frozen=True)
class LicenseWay:
    """电子证照免实体: a license of one of these types stands for the material."""

    types: tuple[str, ...]
    face: tuple[str, ...]
    """Titles of the face fields relied on."""
    grade: str = "C"
    """Least trust grade, A the best."""
    days_left: int = 0
    """Days the license must still be valid, from the day of the decision."""
    regions: tuple[str, ...] = ()
    """Division prefixes of the issuing organ; empty = any."""
    kind: str = "license"


@dataclass(frozen=True)
class ShareWay:
    """共享核验免证明: a trusted row about the holder says what the material would prove."""

    resource: str
    number_field: str
    """Field of the resource with the holder's number."""
    fields: tuple[str, ...]
    """What is relied on and shown."""
    where: Mapping[str, tuple[str, ...]]
    """Field → values of which the row must have one; {} = that there is a row is enough."""
    kind: str = "share"


@dataclass(frozen=True)
class CheckWay:
    """部门核验: the issuing body is asked and answers within its working days."""

    department: str
    working_days: int
    kind: str = "check"


@dataclass(frozen=True)
class PromiseWay:
    """告知承诺: the applicant promises in writing; what the promise says, what follows if it is false, when it is checked."""

    text: str
    liability: str
    due_days: int
    kind: str = "promise"


@dataclass(frozen=True)
class DeferWay:
    """容缺: accepted without it; handed in until `due_days` after acceptance."""

    text: str
    liability: str
    due_days: int
    kind: str = "defer"


@dataclass(frozen=True)
class CancelWay:
    """直接取消: nobody asks for it any more; `basis` is the text that says so."""

    basis: str
    kind: str = "cancel"


Way = LicenseWay | ShareWay | CheckWay | PromiseWay | DeferWay | CancelWay


@dataclass(frozen=True)
class Material:
    """One material of a matter."""

    code: str
    title: str
    channel: str
    necessity: str
    form: str
    """As asked so far: 原件, 复印件 or 电子件."""
    party: str
    """Whose it is: a party of the matter, e.g. `applicant`."""
    department: str | None
    """Id of the department that issues it (channel 20)."""
    consent: str
    """`duty` or `holder`."""
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class Prefill:
    """Where a form value may come from: a face field of a license type, a field of a resource's row, or what the case says."""

    kind: str
    """license, share or case."""
    of: str
    """License type, resource; '' for the case."""
    field: str
    """Title of the face field, name of the resource's field, or one of `CASE_FIELDS`."""
    party: str
    consent: str
    number_field: str = ""
    """Of a share: field of the resource with the party's number, as in a `ShareWay`."""


@dataclass(frozen=True)
class FormField:
    name: str
    title: str
    required: bool
    prefill: tuple[Prefill, ...]


@dataclass(frozen=True)
class Area:
    """A field of life of `catalogs/promises.yaml`. In an excluded one nobody may promise what a document would prove."""

    id: str
    title: str
    excluded: bool


@dataclass(frozen=True)
class Review:
    """What one of the three offices said. `by` is the office's account, `on` an ISO date."""

    office: str
    by: str
    on: str
    document_no: str


@dataclass(frozen=True)
class Bundle:
    """一件事: several matters asked for together. Its own materials are the union of theirs, by material code."""

    lead: str
    """Department id."""
    cooperating: tuple[str, ...]
    matters: tuple[str, ...]


@dataclass(frozen=True)
class Matter:
    id: str
    code: str
    """基本编码, 12 digits."""
    task_code: str
    """实施编码, 31 characters: credit code of the implementing body, level, 基本编码."""
    title: str
    department: str
    level: str
    """行使层级: 1 国, 2 省, 3 市, 4 县."""
    audience: tuple[str, ...]
    """`person`, `organisation`."""
    areas: tuple[str, ...]
    """Fields of life the policies name, e.g. `public_safety`; some exclude promises (catalogs/promises.yaml)."""
    parties: Mapping[str, str]
    """Party → title, e.g. applicant → 申请人."""
    version: str
    since: str
    state: str
    reviews: tuple[Review, ...]
    materials: tuple[Material, ...]
    form: tuple[FormField, ...]
    bundle: Bundle | None
    source: str

    @property
    def published(self) -> bool:
        return self.state == PUBLISHED

    def material(self, code: str) -> Material:
        """The material of that code. Raises KeyError."""
        for one in self.materials:
            if one.code == code:
                return one
        raise KeyError(code)
