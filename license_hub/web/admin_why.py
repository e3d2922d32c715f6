"""Why a caller was refused, in words: what was missing, and what somebody can do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from catalogs.model import Catalog
from license_hub.api.access import ACTIONS
from license_hub.domain.budget import Budgets
from license_hub.service.refusal_facts import CALLS, SUBJECT, Facts, missing_grants
from license_hub.web.admin_words import Words
from license_hub.web.pages import msgid as _

CLIENT, GRANTS = "/admin/clients/{}", "/admin/grants?client={}"


@dataclass(frozen=True)
class Why:
    """`found`: what the register says of it, a line each; `to`: where it is put right, '' = nowhere here."""

    title: str
    found: tuple[str, ...]
    next_step: str
    to: str = ""
    to_title: str = ""


@dataclass(frozen=True)
class Reader:
    """Explains facts in this catalogue's words."""

    catalog: Catalog
    budgets: Budgets
    words: Words

    def why(self, told: Facts) -> Why:
        code = told.entry.code
        if missing_grants(told):
            return self._grant(told)
        known: Mapping[str, Callable[[Facts], Why]] = {
            "FORBIDDEN": self._forbidden, "UNAUTHENTICATED": self._stranger, "invalid_client": self._stranger,
            "invalid_scope": self._scope, "invalid_dpop_proof": self._proof, "CASE_NOT_OPEN": self._case, "RATE_LIMITED": self._budget,
            "CANARY": self._alarm, "FORM_STALE": self._form,
        }  # fmt: skip
        return known[code](told) if code in known else self._plain(told)

    def title(self, code: str) -> str:
        """In a list, by the code alone."""
        return TITLES.get(code) or self._sentence(code)[0].rstrip("。") or code

    def _sentence(self, code: str) -> tuple[str, str]:
        one = self.catalog.messages.get(code)
        return (one.sentence, one.next_step) if one else ("", "")

    def _plain(self, told: Facts) -> Why:
        sentence, step = self._sentence(told.entry.code)
        return Why(sentence or told.entry.code, (), step or _("请把请求编号交给平台运维人员查看。"))

    def _grant(self, told: Facts) -> Why:
        code, found = told.entry.code, []
        for one in told.grants:
            name = f"{self.words.type(one.type_id)} · {self.words.matter(one.purpose)}"
            found.append(
                _("权限 {} 号：{}，至 {}，原因：{}").format(one.grant_id, name, self.words.day(one.valid_until), one.reason or "—")
            )
        step = {
            "NO_GRANT": _("确认有批准文件后，在“用证权限”中按该系统、证照类型、事项批准一项。"),
            "GRANT_SUSPENDED": _("查明暂停原因已消除后，在该项权限页恢复。"),
            "GRANT_EXPIRED": _("取得新的批准文件后，在“用证权限”中重新批准。"),
        }[code]
        none = _("这个系统现在没有适用于该事项的用证权限。")
        return Why(TITLES[code], tuple(found) or (none,), step, GRANTS.format(told.client_id), _("该系统的用证权限"))

    def _forbidden(self, told: Facts) -> Why:
        if told.entry.action == "page":
            return Why(
                _("工作人员的角色不能打开这个页面"), (told.entry.purpose or "",), _("需要时由系统管理员为其另设账号；三员不得兼任。")
            )
        client, wanted = told.client, _scopes(told.entry.action)
        to = (CLIENT.format(told.client_id), _("该系统的权限范围")) if client else ("", "")
        if client and wanted and not set(wanted) & set(client.scopes):
            lines = _("需要权限范围：{}").format("、".join(self.words.scope(one) for one in wanted))
            return Why(
                _("没有这项功能的权限范围"), (lines, self._held(told)), _("确认该系统应有此功能后，由安全管理员授予该权限范围。"), *to
            )
        if client and told.type_id and told.type_id not in client.types:
            lines = _("证照类型“{}”不在该系统的授权类型中").format(self.words.type(told.type_id))
            return Why(_("没有授予这类证照"), (lines,), _("确认该系统应使用这类证照后，由安全管理员在权限范围中加入。"), *to)
        either = _("请求的证照类型不在授权类型中，或令牌领取时没有带上所需权限范围。")
        return Why(
            _("没有权限"),
            (either, self._held(told)) if client else (either,),
            _("核对该系统的权限范围和证照类型；刚授予的，请其重新领取令牌。"),
            *to,
        )

    def _held(self, told: Facts) -> str:
        held = "、".join(self.words.scope(one) for one in told.client.scopes) if told.client else ""
        return _("该系统现有：{}").format(held or _("还没有任何权限范围"))

    def _stranger(self, told: Facts) -> Why:
        to = (CLIENT.format(told.client_id), _("该系统")) if told.client else ("", "")
        if told.client and told.client.disabled_at:
            when = _("{} 停用").format(self.words.minute(told.client.disabled_at))
            return Why(_("该系统已停用"), (when,), _("确需恢复的，由系统管理员重新启用。"), *to)
        if told.client:
            key = _("登记的密钥指纹：{}").format(told.client.kid)
            return Why(_("断言没有通过验证"), (key,), _("请该系统核对私钥是否与登记的公钥成对、时钟是否准确、断言是否重复使用。"), *to)
        return Why(
            _("没有有效的访问令牌"), (), _("令牌可能已过期、被撤销，或 DPoP 证明不符；请调用方重新领取。反复出现而来源不明的，按攻击处置。")
        )

    def _scope(self, told: Facts) -> Why:
        to = (CLIENT.format(told.client_id), _("该系统的权限范围")) if told.client else ("", "")
        return Why(
            _("领取令牌时要了没有的权限范围"), (self._held(told),), _("请该系统只请求已授予的权限范围；新登记的，先由安全管理员授予。"), *to
        )

    def _proof(self, told: Facts) -> Why:
        return Why(_("DPoP 证明缺失或不符"), (), _("请该系统为每次调用生成新的 DPoP 证明（60 秒内有效，只能用一次），并核对时钟。"))

    def _case(self, told: Facts) -> Why:
        number = told.entry.case_no or "—"
        if told.case is None:
            lines = _("该系统没有登记编号为 {} 的办件").format(number)
        elif told.case.state == "open":
            lines = _("办件 {} 现在在办（事项：{}），被拒时可能尚未登记，或事项不符").format(number, self.words.matter(told.case.matter))
        else:
            lines = _("办件 {} 已于 {} 办结或退件").format(number, self.words.minute(told.case.closed_at))
        return Why(_("没有在办办件"), (lines,), _("请办件人员先登记办件，再使用证照；已办结的办件不能再用证。"))

    def _budget(self, told: Facts) -> Why:
        policy = {CALLS: self.budgets.calls, SUBJECT: self.budgets.subject}.get(told.budget, self.budgets.misses)
        spent = {
            CALLS: _("调用次数用完：每 {1} 秒 {0} 次"),
            SUBJECT: _("对同一持证主体的查看次数用完：每 {1} 秒 {0} 次"),
        }.get(told.budget, _("没有查到或内容不符的次数用完：每 {1} 秒 {0} 次"))
        step = _("查明是否程序反复重试；大量查不到的，可能是在猜号，请联系该单位核实。确需更多额度的，调整平台设置 HUB_BUDGET_*。")
        return Why(_("超过额度"), (spent.format(policy.quota, policy.seconds),), step, *self._client(told))

    def _alarm(self, told: Facts) -> Why:
        step = _("立即联系该单位查明来源；必要时由系统管理员停用该系统。")
        return Why(_("查询了监控号码"), (_("这个号码不属于任何人，查询者在猜号，或者得到了不该外流的名单。"),), step, *self._client(told))

    def _form(self, told: Facts) -> Why:
        return Why(
            _("页面表单已过期，或来自其他网站"),
            (told.entry.purpose or "",),
            _("偶发的请当事人刷新后再做；反复出现的，检查是否有仿冒页面。"),
        )

    def _client(self, told: Facts) -> tuple[str, str]:
        return (CLIENT.format(told.client_id), _("该系统")) if told.client else ("", "")


TITLES: Mapping[str, str] = {
    "NO_GRANT": _("没有用证权限"), "GRANT_SUSPENDED": _("用证权限已暂停"), "GRANT_EXPIRED": _("用证权限已到期"),
    "CASE_NOT_OPEN": _("没有在办办件"), "FORBIDDEN": _("没有权限"), "UNAUTHENTICATED": _("没有有效的访问令牌"),
    "RATE_LIMITED": _("超过额度"), "CANARY": _("查询了监控号码"), "FORM_STALE": _("页面表单已过期"),
    "invalid_client": _("断言没有通过验证"), "invalid_scope": _("要了没有的权限范围"), "invalid_dpop_proof": _("DPoP 证明不符"),
    "invalid_request": _("请求格式不对"), "unsupported_grant_type": _("领取令牌的方式不对"), "REFUSED": _("账号或密码不对"),
    "THROTTLED": _("登录失败过多，暂停尝试"), "NO_ROLE": _("没有可用的角色"), "DISABLED": _("账号已停用"),
}  # fmt: skip


def _scopes(action: str) -> tuple[str, ...]:
    """The scopes that an act of the audit log goes by."""
    return tuple(scope for scope, name in ACTIONS.items() if name == action)
