"""Words the pages share for codes of the database, in Chinese."""

from __future__ import annotations

from collections.abc import Mapping


def msgid(text: str) -> str:
    """Marks a text for gettext's extraction."""
    return text


STATUSES: Mapping[str, str] = {
    "published": msgid("已发布"),
    "noop": msgid("与上次相同"),
    "stopped": msgid("已拦截"),
    "rejected": msgid("已拒收"),
}
SEVERITIES: Mapping[str, str] = {"reject": msgid("拒收"), "warn": msgid("提示")}
FINDINGS: Mapping[str, str] = {
    "passed": msgid("通过"),
    "failed": msgid("未通过"),
    "errored": msgid("规则出错"),
    "skipped": msgid("未执行"),
    "silent": msgid("无可评记录"),
}
WARNINGS: Mapping[str, str] = {"remind": msgid("临期"), "overdue": msgid("超期"), "escalate": msgid("已升级")}
STAGES: Mapping[str, str] = {
    "scan": msgid("读取与清洗"),
    "check": msgid("逐条检查"),
    "quarantine": msgid("写入隔离区"),
    "compare": msgid("与上次比对"),
    "score": msgid("评分"),
    "publish": msgid("写入可信区"),
}
WAYS: Mapping[str, str] = {
    "rules": msgid("通过本指标规则的记录 ÷ 已评记录"),
    "columns": msgid("实际交付的约定字段 ÷ 约定字段；与单条记录无关"),
    "classified": msgid("敏感级别不低于要求的个人信息字段 ÷ 个人信息字段；与单条记录无关"),
    "records": msgid("上次已有、本次仍在的记录 ÷ 上次已有的记录；缺失的记录可在批次页下发工单"),
    "sampling": msgid("抽样核查中与档案一致的记录 ÷ 已核查的记录"),
    "duplicates": msgid("同一批次内主键重复而被取代的记录 ÷ 读入记录（越低越好）"),
    "dirty": msgid("被任何拒收规则拒收或命中脏数据规则的记录 ÷ 读入记录（越低越好）"),
    "arrivals": msgid("最近 30 个更新周期中按期取到交付的周期 ÷ 应交付的周期；与单条记录无关"),
    "usable": msgid("未过使用期限且未沿用旧值的可信记录 ÷ 可信记录"),
}
"""What A ÷ B of an indicator is, by its way of counting (catalogs/indicators.yaml)."""
GATE: Mapping[str, str] = {
    "max_rejects": msgid("拒收记录的比例"),
    "max_removed": msgid("缺失和删除的记录数"),
    "volume": msgid("与上次相比记录数的变化"),
}
LICENSES: Mapping[str, str] = {
    "NOT_ACTIVE": msgid("未激活"),
    "IN_FORCE": msgid("有效"),
    "SUSPENDED": msgid("暂扣"),
    "EXPIRED": msgid("过期"),
    "CANCELLED": msgid("注销"),
    "WITHDRAWN": msgid("撤销"),
    "REVOKED": msgid("吊销"),
    "MOVED_OUT": msgid("转出"),
    "SUPERSEDED": msgid("已变更"),
    "STATUS_NOT_PROVIDED": msgid("状态未提供"),
    "SOURCE_NO_LONGER_PROVIDES": msgid("数源未再提供"),
    "HELD": msgid("暂缓制发"),
}
"""Standing of a license made of a row, as `Surroundings.issued` says it."""
STANDINGS: Mapping[str, str] = {
    "proposed": msgid("待审批"),
    "active": msgid("生效中"),
    "merged": msgid("已并入目录"),
    "superseded": msgid("已被取代"),
    "refused": msgid("未批准"),
    "withdrawn": msgid("已撤回"),
}
"""What a change of the rules counts now (quality/changes.py)."""
ORGAN: Mapping[str, str] = {"confirm": msgid("确认签发"), "refuse": msgid("不予确认")}
"""An issuing organ's word on what came through a ticket."""
LIMITS: Mapping[str, str] = {
    "max_rejects": msgid("拒收记录的最大比例"),
    "max_removed": msgid("缺失和删除的最大比例"),
    "removed_floor": msgid("缺失和删除不超过几条时不拦截"),
    "volume_band": msgid("记录数与上次相比的最大变化比例"),
}
THRESHOLDS: Mapping[str, str] = {"min": msgid("下限"), "max": msgid("上限"), "date": msgid("最早日期")}
