"""Other services through Apprise, as well as that goes: its answer is yes or no, without a reason.

It runs in a process of its own, which is loaded for each message, is held to the listed hosts, and
is ended at its deadline whatever the service does.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from crm.base import clock
from crm.jobs.channels.http import Line
from crm.jobs.channels.words import Letter
from crm.jobs.connection import StoppedError
from crm.jobs.smtp import AmbiguousError, RefusedMailError
from crm.mailing.channel_rules import PLACEHOLDER, addressed
from crm.mailing.channel_texts import REPEATED

ROOT = Path(__file__).parents[3]
START_SECONDS = 40.0  # Apprise loads 180 services, on a machine that may be busy
LOOK_SECONDS = 0.1
COMMAND = (sys.executable, "-m", "crm.jobs.channels.apprise_child")
# no proxy, no settings of ours: what a plugin reads of the environment it may send
KEPT = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONPATH")


def send(
    url: str,
    letter: Letter,
    *,
    hosts: dict[str, bool],
    line: Line,
    before_body: Callable[[], None],
) -> str:
    """Send it; the answer in words where it was taken.

    Raises `RefusedMailError`, `AmbiguousError`, or `StoppedError` where nothing was sent.
    """
    if PLACEHOLDER in url:
        if not letter.recipient:
            message = "这个渠道按个人地址发送，不能发送给群"
            raise RefusedMailError(message, for_good=True)
        url = addressed(url, letter.recipient)
    title = (REPEATED if letter.may_be_repeat else "") + letter.title
    given = {"url": url, "hosts": hosts, "title": title, "body": letter.text}
    if line.stopped.is_set():
        raise StoppedError
    before_body()
    return _read(_run(json.dumps(given).encode(), line))


def _run(given: bytes, line: Line) -> dict[str, object]:
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # it may write no file
    process = subprocess.Popen(  # noqa: S603 - our own module
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it may name the address, which holds a secret
        cwd=ROOT,
        env=environment,
    )
    until = clock.monotonic() + START_SECONDS + line.limits.answer
    with process:
        try:
            output = _output_of(process, given, line, until)
        finally:
            process.kill()
    try:
        answer = json.loads(output)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        message = "发送程序中断"
        raise AmbiguousError(message)
    return answer


def _output_of(process: subprocess.Popen[bytes], given: bytes, line: Line, until: float) -> bytes:
    pending: bytes | None = given
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(pending, timeout=LOOK_SECONDS)[0]
        pending = None  # the rest is sent by the next call
        if line.stopped.is_set() or clock.monotonic() >= until:
            message = "系统停止运行" if line.stopped.is_set() else "对方在时限内没有应答"
            raise AmbiguousError(message)


def _read(answer: dict[str, object]) -> str:
    if not answer["known"]:
        message = "地址不是可用的 Apprise 服务"
        raise RefusedMailError(message, for_good=True)
    if refused := answer["refused"]:
        first = refused[0] if isinstance(refused, list) else ""
        message = f"该服务要访问的主机 {first} 不在允许之列"
        raise RefusedMailError(message, for_good=True)
    if answer["taken"]:
        return "对方已接收"
    if answer["connected"]:
        # Apprise says no to a refusal and to a broken connection alike
        message = "对方未确认接收"
        raise AmbiguousError(message)
    message = "连接不上对方"
    raise RefusedMailError(message, for_good=False)
