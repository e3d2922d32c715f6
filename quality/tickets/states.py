"""What a ticket's rows and the acts on it make it. Pure.

A row is OPEN until a source delivery carries a value the rule accepts (CORRECTED, 待复核), and CLOSED when a person has looked at it.
A ticket's state is never set: it follows from its rows and from what was asked of it and answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class RowState(StrEnum):
    OPEN = "open"
    CORRECTED = "corrected"
    CLOSED = "closed"


class State(StrEnum):
    ISSUED = "ISSUED"
    ACCEPTED = "ACCEPTED"
    WORKING = "WORKING"
    REVIEW = "REVIEW"
    RETURNED = "RETURNED"
    DISPUTED = "DISPUTED"
    CLOSED = "CLOSED"


TITLES = {
    State.ISSUED: "已下发",
    State.ACCEPTED: "已签收",
    State.WORKING: "整改中",
    State.REVIEW: "待复核",
    State.RETURNED: "退回",
    State.DISPUTED: "争议",
    State.CLOSED: "已关闭",
}


class Kind(StrEnum):
    """What a ticket is about."""

    RULE = "rule"
    DELIVERY = "delivery"
    CORRECTION = "correction"


class Role(StrEnum):
    QUALITY = "quality"
    BODY = "body"
    SUPERVISOR = "supervisor"


class Act(StrEnum):
    ACCEPT = "accept"
    START = "start"
    REPORT = "report"
    ANSWER = "answer"
    RETURN = "return"
    OBJECT = "object"
    EXTEND = "extend"
    GRANT = "grant"
    REFUSE = "refuse"
    TRANSFER = "transfer"
    REISSUE = "reissue"
    CONFIRM = "confirm"
    REJECT = "reject"
    UPHOLD = "uphold"
    OVERTURN = "overturn"
    WITHDRAW = "withdraw"


@dataclass(frozen=True)
class Step:
    """Who may act, in which states, on which kinds of ticket, and whether it needs a reason code, a comment."""

    title: str
    role: Role
    states: frozenset[State]
    reason: bool = False
    comment: bool = False
    kinds: frozenset[Kind] = frozenset(Kind)


_AT_WORK = frozenset({State.ACCEPTED, State.WORKING})
_UNDECIDED = frozenset({State.ISSUED, *_AT_WORK, State.REVIEW})
_WITH_QUALITY = frozenset({State.ISSUED, *_AT_WORK, State.REVIEW, State.RETURNED})

STEPS: Mapping[Act, Step] = {
    Act.ACCEPT: Step("签收", Role.BODY, frozenset({State.ISSUED})),
    Act.START: Step("开始整改", Role.BODY, frozenset({State.ACCEPTED})),
    Act.REPORT: Step("报告已在源头更正", Role.BODY, _AT_WORK, comment=True),
    Act.ANSWER: Step("答复：不作更正", Role.BODY, _AT_WORK, reason=True, comment=True, kinds=frozenset({Kind.CORRECTION})),
    Act.RETURN: Step("退回", Role.BODY, frozenset({State.ISSUED, State.ACCEPTED}), reason=True, comment=True),
    Act.OBJECT: Step("提出争议", Role.BODY, _UNDECIDED, reason=True, comment=True),
    Act.EXTEND: Step("申请延期", Role.BODY, _AT_WORK, reason=True, comment=True),
    Act.GRANT: Step("同意延期", Role.QUALITY, _AT_WORK),
    Act.REFUSE: Step("不同意延期", Role.QUALITY, _AT_WORK, comment=True),
    Act.TRANSFER: Step("转办", Role.QUALITY, _WITH_QUALITY, comment=True),
    Act.REISSUE: Step("重新下发", Role.QUALITY, frozenset({State.RETURNED}), comment=True),
    Act.CONFIRM: Step("复核通过", Role.QUALITY, frozenset({*_AT_WORK, State.ISSUED, State.REVIEW})),
    Act.REJECT: Step("复核不通过", Role.QUALITY, frozenset({*_AT_WORK, State.ISSUED, State.REVIEW}), reason=True, comment=True),
    Act.UPHOLD: Step("裁定：规则正确", Role.SUPERVISOR, frozenset({State.DISPUTED}), comment=True),
    Act.OVERTURN: Step("裁定：争议成立", Role.SUPERVISOR, frozenset({State.DISPUTED}), comment=True),
    Act.WITHDRAW: Step("撤回", Role.QUALITY, frozenset({State.ISSUED, State.RETURNED}), reason=True, comment=True),
}


@dataclass(frozen=True)
class Standing:
    """All that decides a ticket's state: its phase, what is open between body and office, and its rows by state."""

    phase: State = State.ISSUED
    """ISSUED, ACCEPTED or WORKING; CLOSED where an act ended it, whatever its rows are."""
    returned: bool = False
    disputed: bool = False
    extension_asked: bool = False
    open: int = 0
    corrected: int = 0
    closed: int = 0
    kind: Kind = Kind.RULE

    @property
    def state(self) -> State:
        if self.phase is State.CLOSED or (self.closed and not self.open and not self.corrected):
            return State.CLOSED
        if self.disputed:
            return State.DISPUTED
        if self.returned:
            return State.RETURNED
        if self.corrected and not self.open:
            return State.REVIEW
        return self.phase


class ActRefused(ValueError):
    """The act is not possible now, or not for this role; the text says which acts are."""


def possible(standing: Standing, role: Role) -> list[Act]:
    """Acts of a role on a ticket, in the table's order."""
    return [act for act, step in STEPS.items() if step.role is role and standing.state in step.states
            and standing.kind in step.kinds and _asked(standing, act)]  # fmt: skip


def _asked(standing: Standing, act: Act) -> bool:
    if act in (Act.GRANT, Act.REFUSE):
        return standing.extension_asked
    if act is Act.EXTEND:
        return not standing.extension_asked
    return standing.corrected > 0 if act in (Act.CONFIRM, Act.REJECT) else True


def after(standing: Standing, act: Act, role: Role) -> dict[str, object]:
    """What the act changes of phase and questions; rows are changed apart. Raises ActRefused."""
    if act not in possible(standing, role):
        others = ", ".join(possible(standing, role)) or "none"
        raise ActRefused(f"{act} is not possible for {role} while the ticket is {standing.state}; possible: {others}")
    return dict(_CHANGES.get(act, {}))


_CHANGES: Mapping[Act, Mapping[str, object]] = {
    Act.ACCEPT: {"phase": State.ACCEPTED},
    Act.START: {"phase": State.WORKING},
    Act.REPORT: {"phase": State.WORKING},
    Act.ANSWER: {"phase": State.CLOSED},
    Act.RETURN: {"returned": True},
    Act.OBJECT: {"disputed": True},
    Act.EXTEND: {"extension_asked": True},
    Act.GRANT: {"extension_asked": False},
    Act.REFUSE: {"extension_asked": False},
    Act.TRANSFER: {"phase": State.ISSUED, "returned": False, "extension_asked": False},
    Act.REISSUE: {"phase": State.ISSUED, "returned": False},
    Act.UPHOLD: {"disputed": False},
    Act.OVERTURN: {"disputed": False, "phase": State.CLOSED},
    Act.WITHDRAW: {"phase": State.CLOSED},
}
