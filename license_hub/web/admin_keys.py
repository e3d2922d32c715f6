"""`/admin/keys`: which keys sign, since when, and what is due. Read alone: acts on keys are made where the keys are, by `hub keys`."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from license_hub.service import keys_due as due
from license_hub.service.hub import Hub
from license_hub.web.admin_words import KEY_STATES, Words
from license_hub.web.pages import msgid
from license_hub.web.staff import Pages

PATH = "/admin/keys"
DUE = {
    due.OLD_KEY: (msgid("在用满一年，应当更换"), "hub keys rotate {role} --reason yearly"),
    due.UNNAMED_KEY: (msgid("还没有列入根密钥签过的密钥清单，尚不能签名"), "hub keys manifest export"),
    due.MANIFEST_ENDS: (msgid("密钥清单不到 30 天就到期，应当重新签"), "hub keys manifest export"),
    due.NO_MANIFEST: (msgid("还没有根密钥签过的密钥清单"), "hub keys manifest export"),
    due.UNSIGNED_CHANGES: (msgid("密钥状态已变，密钥清单还没有重新签"), "hub keys manifest export"),
}
"""What is due → (in words, the command)."""


def router(hub: Hub, pages: Pages) -> APIRouter:
    made, words = APIRouter(), Words(hub)

    @made.get(PATH)
    def keys(request: Request) -> Response:
        found = due.keys_due(hub)
        lines = [
            (DUE[one.what][0], words.role(one.role) if one.role else "", one.kid, DUE[one.what][1].format(role=one.role))
            for one in found.due
        ]
        return pages.render(request, "admin_keys.html", found=found, due=lines, words=words, states=KEY_STATES)

    return made
