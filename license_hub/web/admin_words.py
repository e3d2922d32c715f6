"""Codes of the administrators' pages as a person reads them, and what all of these pages need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

from fastapi import Request

from license_hub.api.serving import request_id
from license_hub.domain.lifecycle import SHANGHAI
from license_hub.errors import AccessError
from license_hub.service.acting import Acting, on_a_page
from license_hub.service.hub import Hub
from license_hub.web.me_words import Words as HolderWords
from license_hub.web.pages import msgid

NOT_DONE = msgid("没有办成，请刷新后核对现状。")


class Source(Protocol):
    """How one resource's source stands (`quality.health.Health`)."""

    resource: str
    title: str
    connector: str
    landed_at: datetime | None
    rows: int
    published_at: datetime | None
    number: int
    as_of: datetime | None
    cycle_hours: int
    late: bool
    batch: str
    status: str
    stops: Sequence[object]
    missing: Sequence[str]
    extra: Sequence[str]
    broken: bool
    ails: bool


Sources = Callable[[], Sequence[Source]]

SCOPES: Mapping[str, str] = {
    "license:verify": msgid("核验证照"),
    "license:read": msgid("查看证照内容（在办办件）"),
    "license:export": msgid("取得证照文件（在办办件）"),
    "license:recall": msgid("发起召回"),
    "license:status": msgid("以本机关名义变更状态"),
    "license:intake": msgid("以本机关名义在线签发"),
    "license:correct": msgid("申请校核"),
    "case:work": msgid("登记和办理办件"),
    "case:check": msgid("以本机关名义答复部门核验"),
    "license:scan": msgid("扫亮证码"),
    "license:copy": msgid("制作加注件"),
}
ACTIONS: Mapping[str, str] = {
    "verify": msgid("核验证照"), "verify_as_of": msgid("核验证照往时状态"), "read": msgid("查看证照内容"), "export": msgid("取得证照文件"),
    "copy": msgid("制作加注件"), "download": msgid("下载文件"), "check-file": msgid("核验文件"), "scan": msgid("扫亮证码"),
    "present": msgid("扫亮证码"), "case": msgid("办理办件"), "decide": msgid("判定可否免提交"), "prefill": msgid("预填表单"),
    "check": msgid("部门核验"), "authorize": msgid("用证授权"), "recall": msgid("召回"), "status": msgid("变更证照状态"),
    "intake": msgid("在线签发"), "correct": msgid("申请校核"), "token": msgid("领取访问令牌"), "call": msgid("调用接口"),
    "notices": msgid("取通知"), "page": msgid("打开管理页面"), "sign-in": msgid("登录"), "sign-out": msgid("退出"),
    "alarm": msgid("监控号码告警"), "use-grant": msgid("用证权限变更"), "client": msgid("调用系统变更"),
    "client-key": msgid("调用系统密钥变更"),
    "client-secret": msgid("调用系统口令变更"), "account": msgid("账号变更"),
    "key": msgid("密钥变更"), "data-key": msgid("数据密钥变更"), "erase": msgid("删除证照内容"), "audit.export": msgid("导出审计记录"),
}  # fmt: skip
STANDINGS: Mapping[str, str] = {
    "in_force": msgid("有效"),
    "suspended": msgid("已暂停"),
    "expired": msgid("已到期"),
    "ended": msgid("已终止"),
}
GRANT_ACTS: Mapping[str, str] = {
    "GIVEN": msgid("批准"), "SUSPENDED": msgid("暂停"), "RESUMED": msgid("恢复"), "ENDED": msgid("终止"),
}  # fmt: skip
CLIENT_ACTS: Mapping[str, str] = {
    "REGISTERED": msgid("登记"), "DISABLED": msgid("停用"), "ENABLED": msgid("重新启用"), "SCOPES": msgid("设定权限范围"),
    "SET": msgid("更换密钥"), "ALLOWED": msgid("允许简单令牌"), "FORBIDDEN": msgid("不再允许简单令牌"), "MADE": msgid("更换应用口令"),
}  # fmt: skip
KEY_STATES: Mapping[str, str] = {"active": msgid("在用"), "retired": msgid("已退役"), "compromised": msgid("已失密")}
KEY_ROLES: Mapping[str, str] = {
    "checkpoint": msgid("存证日志检查点"), "status": msgid("状态列表和核验回执"), "token": msgid("访问令牌"),
    "presentation": msgid("亮证码"),
    "copy": msgid("加注件（ES256）"), "copy-sm2": msgid("加注件（SM2）"), "witness": msgid("见证"), "root": msgid("根密钥"),
}  # fmt: skip
CONNECTORS: Mapping[str, str] = {"file_drop": msgid("文件交换"), "database": msgid("数据库"), "http_api": msgid("接口")}
DELIVERIES: Mapping[str, str] = {
    "published": msgid("已发布"), "noop": msgid("与上次相同"), "stopped": msgid("已拦截"), "rejected": msgid("已拒收"), "": msgid("还没有"),
}  # fmt: skip
GATE: Mapping[str, str] = {
    "max_rejects": msgid("拒收记录的比例过高"), "max_removed": msgid("缺失和删除的记录过多"), "volume": msgid("记录数变化过大"),
}  # fmt: skip


STATUSES: Mapping[str, str] = {
    "DONE": msgid("办成"), "REFUSED": msgid("拒绝"), "VALID": msgid("有效"), "INVALID": msgid("无效"), "UNDETERMINED": msgid("不能确定"),
}  # fmt: skip


class Words(HolderWords):
    """Codes as administrators read them."""

    def __init__(self, hub: Hub):
        super().__init__(hub)
        self._hub = hub

    def scope(self, name: str) -> str:
        return SCOPES.get(name, name)

    def action(self, name: str) -> str:
        return ACTIONS.get(name, name)

    def status(self, name: str | None) -> str:
        """Of an audit entry."""
        return STATUSES.get(name or "", name or "")

    def standing(self, name: str) -> str:
        return STANDINGS[name]

    def role(self, name: str) -> str:
        """Of a key; an organ's by its name."""
        return KEY_ROLES.get(name) or (self.issuer(name.removeprefix("organ/")) if name.startswith("organ/") else name)

    def minute(self, at: str | datetime | None) -> str:
        """2026-11-22 18:05 in Shanghai."""
        found = datetime.fromisoformat(at) if isinstance(at, str) else at
        return found.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") if found else ""

    def day(self, at: str | None) -> str:
        """The last day of what is not valid any more at that instant."""
        return (datetime.fromisoformat(at) - timedelta(seconds=1)).astimezone(SHANGHAI).date().isoformat() if at else ""

    def days(self, at: str) -> int:
        """How many days ago."""
        return (self._hub.now() - datetime.fromisoformat(at)).days

    @property
    def today(self) -> date:
        return self._hub.now().astimezone(SHANGHAI).date()


def acting(request: Request, reason: str = "", document_no: str = "") -> Acting:
    """The visitor, as the audit log names him."""
    return on_a_page(request.state.visit.account.account, request_id(request), reason, document_no)


def complaint(wrong: Mapping[str, tuple[str, str]], refused: AccessError) -> dict[str, str]:
    """Field → what is wrong with it. `wrong`: what a refusal's message is, or begins with up to its colon → (field, sentence)."""
    text = str(refused)
    field, sentence = wrong.get(text) or wrong.get(text.partition(":")[0]) or ("", NOT_DONE)
    return {field: sentence}
