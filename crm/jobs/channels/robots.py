"""What robots of WeCom, DingTalk and Feishu groups are sent, and what they answer. Pure.

Their shapes, signatures and codes are those of their vendors' manuals: developer.work.weixin.qq.com
(document 91770), open.dingtalk.com (custom robot), open.feishu.cn (custom bot).
"""

import hmac
import json
import re
from base64 import b64encode
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from crm.jobs.channels.http import Response
from crm.jobs.channels.words import Letter
from crm.jobs.smtp import AmbiguousError, RefusedMailError
from crm.mailing.channel_rules import ChannelKind, Target
from crm.mailing.channel_texts import REPEATED

# Too many at once, or the service is busy: the same again later.
TRY_LATER = {
    ChannelKind.WECOM: frozenset({-1, 45009, 45033}),
    ChannelKind.DINGTALK: frozenset({-1, 90030, 130101}),
    ChannelKind.FEISHU: frozenset({9499, 11232}),
}
MEANING = {
    (ChannelKind.WECOM, 93000): "机器人地址无效或机器人已被移出群",
    (ChannelKind.WECOM, 45009): "发送过于频繁",
    (ChannelKind.DINGTALK, 130101): "发送过于频繁",
    (ChannelKind.DINGTALK, 90030): "发送过于频繁",
    (ChannelKind.DINGTALK, 310000): "安全设置不符（加签密钥、关键词或 IP 地址）",
    (ChannelKind.DINGTALK, 300001): "机器人地址无效",
    (ChannelKind.DINGTALK, 300005): "机器人地址无效",
    (ChannelKind.FEISHU, 9499): "发送过于频繁",
    (ChannelKind.FEISHU, 11232): "发送过于频繁",
    (ChannelKind.FEISHU, 19001): "机器人地址无效",
    (ChannelKind.FEISHU, 19021): "签名校验未通过，或服务器时间不准",
    (ChannelKind.FEISHU, 19022): "服务器的 IP 地址不在白名单",
    (ChannelKind.FEISHU, 19024): "不含机器人设置的关键词",
}
LONGEST_NOTE = 200
_MARKS = re.compile(r"([\\`*_\[\]<>#|~])")


def body_of(kind: ChannelKind, letter: Letter, *, secret: str | None, now: datetime) -> bytes:
    """The JSON that the robot is posted."""
    title = (REPEATED if letter.may_be_repeat else "") + letter.title
    match kind:
        case ChannelKind.WECOM:
            text = f"**{_plain(title)}**\n{_plain(letter.sentence)}\n[查看]({letter.link})"
            content: dict[str, Any] = {"msgtype": "markdown", "markdown": {"content": text}}
        case ChannelKind.DINGTALK:
            text = f"### {_plain(title)}\n\n{_plain(letter.sentence)}\n\n[查看]({letter.link})"
            content = {"msgtype": "markdown", "markdown": {"title": title, "text": text}}
        case _:
            lines = [
                [{"tag": "text", "text": letter.sentence}],
                [{"tag": "a", "text": "查看", "href": letter.link}],
            ]
            post = {"zh_cn": {"title": title, "content": lines}}
            content = {"msg_type": "post", "content": {"post": post}}
            if secret:
                content |= _feishu_signature(secret, now)
    return json.dumps(content, ensure_ascii=False).encode()


def target_of(kind: ChannelKind, target: Target, *, secret: str | None, now: datetime) -> Target:
    """The address that is posted to: DingTalk's has its signature in the query."""
    if kind is not ChannelKind.DINGTALK or not secret:
        return target
    timestamp = str(int(now.timestamp() * 1000))
    signed = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), sha256).digest()
    query = urlencode({"timestamp": timestamp, "sign": b64encode(signed).decode()})
    return replace(target, path=f"{target.path}{'&' if '?' in target.path else '?'}{query}")


def _feishu_signature(secret: str, now: datetime) -> dict[str, str]:
    # the text is the key here, and what is signed is empty
    timestamp = str(int(now.timestamp()))
    signed = hmac.new(f"{timestamp}\n{secret}".encode(), b"", sha256).digest()
    return {"timestamp": timestamp, "sign": b64encode(signed).decode()}


def read_answer(kind: ChannelKind, response: Response) -> str:
    """The answer in words where the message was taken.

    Raises `RefusedMailError` where it was not, `AmbiguousError` where nobody can tell.
    """
    try:
        answer = json.loads(response.body)
        code = answer[_code_field(kind, answer)]
    except (ValueError, KeyError, TypeError, RecursionError):
        code = None
    if not isinstance(code, int) or isinstance(code, bool):
        message = f"对方的应答不合规（HTTP {response.status}）"
        raise AmbiguousError(message)
    if code == 0:
        return "对方已接收（代码 0）"

    detail = MEANING.get((kind, code)) or _printable(answer.get("errmsg") or answer.get("msg"))
    message = f"对方未接收（代码 {code}）：{detail}"
    raise RefusedMailError(message, for_good=code not in TRY_LATER[kind])


def _code_field(kind: ChannelKind, answer: dict[str, object]) -> str:
    if kind is not ChannelKind.FEISHU:
        return "errcode"
    return "code" if "code" in answer else "StatusCode"  # of its older answers


def _printable(text: object) -> str:
    shown = "".join(char for char in str(text or "") if char.isprintable())
    return shown[:LONGEST_NOTE] or "未说明原因"


def _plain(text: str) -> str:
    """The text without marks that Markdown would read."""
    return _MARKS.sub(r"\\\1", text)
