"""States of a license and the acts between them, as one table.

- `TRANSITIONS[(state, act)]` says where the act leads, who may do it, which document it needs and for which reasons an organ may give
  notice of it; what is not in it is refused.
- EXPIRED by date and SUPERSEDED are computed by `current`, never stored. (A source that itself says 失效 without a date stores LAPSE.)
- SOURCE_STOPPED never touches a state that already says the license does not count: a row that went missing revokes nothing and
  rehabilitates nothing.

Source: standards.md §1.4; design.md decision 7; grounds of 撤销 and 注销 after 行政许可法 §69, §70.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache

from catalogs.errors import EgovError

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Without daylight saving since 1991, so a fixed offset and no time-zone database."""


class State(StrEnum):
    NOT_ACTIVE = "NOT_ACTIVE"
    IN_FORCE = "IN_FORCE"
    SUSPENDED = "SUSPENDED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    WITHDRAWN = "WITHDRAWN"
    REVOKED = "REVOKED"
    MOVED_OUT = "MOVED_OUT"
    SUPERSEDED = "SUPERSEDED"
    STATUS_NOT_PROVIDED = "STATUS_NOT_PROVIDED"
    SOURCE_NO_LONGER_PROVIDES = "SOURCE_NO_LONGER_PROVIDES"

    @property
    def chinese(self) -> str:
        return _CHINESE[self]


class Act(StrEnum):
    ACTIVATE = "ACTIVATE"
    """激活"""
    CONFIRM = "CONFIRM"
    """有效确认: the source, silent before, says it is in force"""
    SUSPEND = "SUSPEND"
    """暂扣"""
    RESTORE = "RESTORE"
    """暂扣发还"""
    DEACTIVATE = "DEACTIVATE"
    """退回未激活: the source takes an activation back"""
    LAPSE = "LAPSE"
    """失效"""
    CANCEL = "CANCEL"
    """注销"""
    WITHDRAW = "WITHDRAW"
    """撤销"""
    REVOKE = "REVOKE"
    """吊销"""
    MOVE_OUT = "MOVE_OUT"
    """转出"""
    UNDO_MOVE_OUT = "UNDO_MOVE_OUT"
    """取消转出"""
    REINSTATE = "REINSTATE"
    """恢复: an earlier act was itself undone"""
    SOURCE_STOPPED = "SOURCE_STOPPED"
    """数源未再提供"""
    SOURCE_RESUMED = "SOURCE_RESUMED"
    """数源恢复提供, still without a status"""


class Actor(StrEnum):
    SOURCE = "SOURCE"
    """The source's own status field, by a publication."""
    ORGAN = "ORGAN"
    """The issuing organ's notice with act, document number and date."""
    HUB = "HUB"
    """The hub itself, from what publications hold."""


class Document(StrEnum):
    NONE = "NONE"
    SOURCE_ROW = "SOURCE_ROW"
    """The publication's row is the evidence."""
    DECISION = "DECISION"
    """A written decision: number, date and organ; from the source its row."""


class Reason(StrEnum):
    """Why an organ gives notice of an act. The source's own status field carries none."""

    CONDITION_MET = "CONDITION_MET"
    """生效条件成就"""
    STATE_CONFIRMED = "STATE_CONFIRMED"
    """现状经核实"""
    INVESTIGATION = "INVESTIGATION"
    """立案调查"""
    PENALTY = "PENALTY"
    """行政处罚"""
    HOLDER_APPLIED = "HOLDER_APPLIED"
    """依申请"""
    GROUND_GONE = "GROUND_GONE"
    """事由消除"""
    TERM_ENDED = "TERM_ENDED"
    """有效期届满未延续"""
    HOLDER_DIED = "HOLDER_DIED"
    """持证公民死亡或丧失行为能力"""
    HOLDER_ENDED = "HOLDER_ENDED"
    """持证法人或其他组织终止"""
    APPROVAL_ENDED = "APPROVAL_ENDED"
    """所依据的许可被撤销、撤回或吊销"""
    IMPOSSIBLE = "IMPOSSIBLE"
    """因不可抗力无法实施"""
    BEYOND_AUTHORITY = "BEYOND_AUTHORITY"
    """超越职权或滥用职权作出"""
    PROCEDURE_BROKEN = "PROCEDURE_BROKEN"
    """违反法定程序作出"""
    NOT_QUALIFIED = "NOT_QUALIFIED"
    """申请人不具备资格或条件"""
    OBTAINED_BY_DECEIT = "OBTAINED_BY_DECEIT"
    """以欺骗、贿赂等不正当手段取得"""
    MOVED = "MOVED"
    """迁出本地"""
    DECISION_OVERTURNED = "DECISION_OVERTURNED"
    """原决定经复议、诉讼或监督被撤销"""
    RECORDED_IN_ERROR = "RECORDED_IN_ERROR"
    """原状态登记有误"""
    LAW_PROVIDES = "LAW_PROVIDES"
    """法律、法规规定的其他情形"""


class ActRefused(EgovError):
    """The table has no such act from that state, or not by that actor."""

    code = "ACT_REFUSED"


@dataclass(frozen=True)
class Transition:
    to: State
    actors: frozenset[Actor]
    document: Document
    reasons: frozenset[Reason]
    """What an organ may give as its ground; empty where none may act."""


_CHINESE = dict(
    zip(State, ("未激活", "有效", "暂扣", "过期", "注销", "撤销", "吊销", "转出", "已变更", "状态未提供", "数源未再提供"), strict=True)
)

_SILENT = (State.STATUS_NOT_PROVIDED, State.SOURCE_NO_LONGER_PROVIDES)
_LIVING = (State.NOT_ACTIVE, State.IN_FORCE, State.SUSPENDED, *_SILENT)
FINAL = frozenset({State.CANCELLED, State.WITHDRAWN, State.REVOKED})
"""Ended by an act: no later version or date changes what we say of it."""
_BOTH = frozenset({Actor.SOURCE, Actor.ORGAN})
_HUB = frozenset({Actor.HUB})

_ACTS: tuple[tuple[Act, tuple[State, ...], State, frozenset[Actor], Document], ...] = (
    (Act.ACTIVATE, (State.NOT_ACTIVE,), State.IN_FORCE, _BOTH, Document.SOURCE_ROW),
    (Act.CONFIRM, _SILENT, State.IN_FORCE, _BOTH, Document.SOURCE_ROW),
    (Act.SUSPEND, (State.IN_FORCE, *_SILENT), State.SUSPENDED, _BOTH, Document.DECISION),
    (Act.RESTORE, (State.SUSPENDED,), State.IN_FORCE, _BOTH, Document.DECISION),
    (Act.DEACTIVATE, (State.IN_FORCE, *_SILENT), State.NOT_ACTIVE, _BOTH, Document.SOURCE_ROW),
    (Act.LAPSE, _LIVING, State.EXPIRED, _BOTH, Document.SOURCE_ROW),
    (Act.CANCEL, (*_LIVING, State.EXPIRED, State.MOVED_OUT), State.CANCELLED, _BOTH, Document.DECISION),
    (Act.WITHDRAW, (*_LIVING, State.EXPIRED, State.MOVED_OUT), State.WITHDRAWN, _BOTH, Document.DECISION),
    (Act.REVOKE, (*_LIVING, State.EXPIRED, State.MOVED_OUT), State.REVOKED, _BOTH, Document.DECISION),
    (Act.MOVE_OUT, _LIVING, State.MOVED_OUT, _BOTH, Document.SOURCE_ROW),
    (Act.UNDO_MOVE_OUT, (State.MOVED_OUT,), State.IN_FORCE, _BOTH, Document.SOURCE_ROW),
    (Act.REINSTATE, (State.EXPIRED, *sorted(FINAL)), State.IN_FORCE, _BOTH, Document.DECISION),
    (Act.SOURCE_STOPPED, (State.IN_FORCE, State.STATUS_NOT_PROVIDED), State.SOURCE_NO_LONGER_PROVIDES, _HUB, Document.NONE),
    (Act.SOURCE_RESUMED, (State.SOURCE_NO_LONGER_PROVIDES,), State.STATUS_NOT_PROVIDED, _HUB, Document.NONE),
)

_UNDONE = (Reason.DECISION_OVERTURNED, Reason.RECORDED_IN_ERROR)

REASONS: dict[Act, frozenset[Reason]] = {
    act: frozenset(reasons)
    for act, reasons in {
        Act.ACTIVATE: (Reason.CONDITION_MET,),
        Act.CONFIRM: (Reason.STATE_CONFIRMED,),
        Act.SUSPEND: (Reason.INVESTIGATION, Reason.PENALTY, Reason.HOLDER_APPLIED, Reason.LAW_PROVIDES),
        Act.RESTORE: (Reason.GROUND_GONE, Reason.HOLDER_APPLIED, *_UNDONE),
        Act.DEACTIVATE: _UNDONE,
        Act.LAPSE: (Reason.TERM_ENDED, Reason.LAW_PROVIDES),
        Act.CANCEL: (
            *(Reason.TERM_ENDED, Reason.HOLDER_DIED, Reason.HOLDER_ENDED, Reason.APPROVAL_ENDED, Reason.IMPOSSIBLE),
            *(Reason.HOLDER_APPLIED, Reason.LAW_PROVIDES),
        ),
        Act.WITHDRAW: (
            *(Reason.BEYOND_AUTHORITY, Reason.PROCEDURE_BROKEN, Reason.NOT_QUALIFIED, Reason.OBTAINED_BY_DECEIT),
            Reason.LAW_PROVIDES,
        ),
        Act.REVOKE: (Reason.PENALTY, Reason.LAW_PROVIDES),
        Act.MOVE_OUT: (Reason.MOVED, Reason.HOLDER_APPLIED),
        Act.UNDO_MOVE_OUT: (Reason.HOLDER_APPLIED, *_UNDONE),
        Act.REINSTATE: _UNDONE,
        Act.SOURCE_STOPPED: (),
        Act.SOURCE_RESUMED: (),
    }.items()
}
"""The grounds an organ may give for an act."""

TRANSITIONS: dict[tuple[State, Act], Transition] = {
    (state, act): Transition(to, actors, document, REASONS[act]) for act, states, to, actors, document in _ACTS for state in states
}

STORED_STATES = frozenset(State) - {State.SUPERSEDED}
"""What a status row may hold."""

SOURCE_STATES = frozenset(State) - {State.SUPERSEDED, State.SOURCE_NO_LONGER_PROVIDES}
"""What a source's status field may say (`status_map`)."""


def after(state: State, act: Act, actor: Actor) -> State:
    """The state the act leads to. Raises ActRefused."""
    found = TRANSITIONS.get((state, act))
    if found is None:
        raise ActRefused(f"{act} is not possible from {state}")
    if actor not in found.actors:
        raise ActRefused(f"{act} from {state} is not for {actor}")
    return found.to


def possible(state: State, act: Act, actor: Actor) -> bool:
    """Whether `after` would answer."""
    found = TRANSITIONS.get((state, act))
    return found is not None and actor in found.actors


@lru_cache(maxsize=256)
def acts_between(state: State, said: State) -> tuple[Act, ...]:
    """The acts (at most two) that bring a stored state to what the source now says; () if they agree.

    Every state of SOURCE_STATES can be reached from every one of STORED_STATES. Raises ActRefused for another `said`.

    `said` STATUS_NOT_PROVIDED changes nothing but the end of a silence: a source that stops filling the field has undone no act.
    """
    if state == said:
        return ()
    if said == State.STATUS_NOT_PROVIDED:
        return (Act.SOURCE_RESUMED,) if state == State.SOURCE_NO_LONGER_PROVIDES else ()
    direct = _by_source(state, said)
    if direct:
        return (direct,)
    # Two steps, back into force first: a revocation undone and the license then suspended.
    back = _by_source(state, State.IN_FORCE)
    onward = _by_source(State.IN_FORCE, said)
    if back and onward:
        return back, onward
    raise ActRefused(f"no act of the source leads from {state} to {said}")


def current(stored: State, *, newest: bool, valid_from: date | None, valid_to: date | None, now: datetime) -> State:
    """What the stored state means today: dates and later versions are looked at here and nowhere stored."""
    if stored in FINAL:
        return stored
    if not newest:
        return State.SUPERSEDED
    if stored in (State.EXPIRED, State.MOVED_OUT):
        return stored
    today = shanghai_date(now)
    if valid_to is not None and today > valid_to:
        return State.EXPIRED
    if stored in (State.IN_FORCE, State.STATUS_NOT_PROVIDED) and valid_from is not None and today < valid_from:
        return State.NOT_ACTIVE
    return stored


def shanghai_date(moment: datetime) -> date:
    """The day it is there. Raises ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return moment.astimezone(SHANGHAI).date()


def _by_source(state: State, said: State) -> Act | None:
    for (start, act), found in TRANSITIONS.items():
        if start == state and found.to == said and Actor.SOURCE in found.actors:
            return act
    return None
