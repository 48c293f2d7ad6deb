"""The addresses of a host, looked up with a deadline; private ones only where they are allowed."""

import socket
from collections.abc import Callable
from queue import Empty, Queue
from threading import Thread

from crm.base import clock
from crm.jobs.smtp import RefusedMailError, UnreachableError
from crm.mailing.channel_rules import is_public

LOOK_UP_SECONDS = 5.0
WAIT_SECONDS = 0.2


def addresses_of(
    host: str, port: int, *, is_internal: bool, is_stopped: Callable[[], bool]
) -> list[str]:
    """The IP addresses to connect to, which are used as they are: no second look-up.

    Raises `UnreachableError`, or `RefusedMailError` where one of them is private.
    """
    found = _look_up(host, port, is_stopped)
    if not is_internal and not all(map(is_public, found)):
        message = f"{host} 的地址在内网，未列为内部主机，不予发送"
        raise RefusedMailError(message, for_good=False)
    return found


def _look_up(host: str, port: int, is_stopped: Callable[[], bool]) -> list[str]:
    answers: Queue[list[str] | Exception] = Queue()

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(row[4][0]) for row in rows)))
        except (OSError, ValueError) as error:
            answers.put(error)

    # A daemon: a look-up has no deadline of its own, and must not keep the process from ending.
    Thread(target=ask, name="dns", daemon=True).start()
    until = clock.monotonic() + LOOK_UP_SECONDS
    while clock.monotonic() < until and not is_stopped():
        try:
            answer = answers.get(timeout=WAIT_SECONDS)
        except Empty:
            continue
        if isinstance(answer, Exception) or not answer:
            break
        return answer

    message = f"找不到主机 {host}"
    raise UnreachableError(message)
