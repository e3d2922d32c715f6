"""Codes of the holders' pages as a person reads them."""

from __future__ import annotations

from datetime import datetime

from license_hub.domain.lifecycle import State
from license_hub.service.access_log import Look
from license_hub.service.hub import Hub
from license_hub.web.license_page import issuer
from license_hub.web.pages import msgid, shown

ACTIONS = {
    "verify": msgid("核验证照"),
    "read": msgid("查看证照内容"),
    "search": msgid("检索证照目录"),
    "export": msgid("取得证照文件"),
    "case": msgid("办理您的事项"),
    "authorize": msgid("用证授权"),
    "decide": msgid("判定可否免提交"),
    "prefill": msgid("预填表单"),
    "present": msgid("扫码亮证"),
    "correct": msgid("申请校核"),
    "sign-in": msgid("登录"),
    "page": msgid("打开页面"),
}
STATES = {
    "asked": msgid("等您确认"),
    "given": msgid("已授权"),
    "declined": msgid("已拒绝"),
    "withdrawn": msgid("已撤回"),
    "expired": msgid("已到期"),
}
KINDS = {"holder": msgid("手机确认"), "window": msgid("窗口现场授权"), "code": msgid("用证码")}
ACTORS = {"holder": msgid("您本人"), "page:/verify": msgid("公开核验页面"), "unknown": msgid("身份不明的请求")}


class Words:
    """Codes as a person reads them."""

    def __init__(self, hub: Hub):
        self._catalog = hub.catalog

    def type(self, name: str) -> str:
        kind = self._catalog.license_types.get(name)
        resource = self._catalog.resources.get(name)
        return kind.name if kind else resource.title if resource else name

    def matter(self, name: str) -> str:
        found = self._catalog.matters.get(name)
        return found.title if found else name

    def issuer(self, code: str) -> str:
        return issuer(self._catalog, code)

    def known(self, code: str) -> bool:
        """Whether the body has a name here; a bare code says nothing to anybody."""
        return issuer(self._catalog, code) != code

    def state(self, name: str) -> str:
        return State(name).chinese

    def standing(self, name: str) -> str:
        return STATES[name]

    def kind(self, name: str) -> str:
        return KINDS[name]

    def who(self, look: Look) -> str:
        if look.who.startswith("staff:"):
            return msgid("数据质量工作人员")
        return ACTORS.get(look.who, look.who)

    def action(self, look: Look) -> str:
        return ACTIONS.get(look.action, look.action)

    def why(self, look: Look) -> str:
        """The matter, where the purpose names one; else the purpose as it was given. What our own acts note is not for reading."""
        if look.action in ("authorize", "page"):
            return next((self.matter(one) for one in look.purpose.split() if one in self._catalog.matters), "")
        return self.matter(look.purpose)

    def outcome(self, look: Look) -> str:
        found = self._catalog.messages.get(look.code)
        return found.sentence if found else ""

    def when(self, text: str) -> str:
        return shown(datetime.fromisoformat(text))
