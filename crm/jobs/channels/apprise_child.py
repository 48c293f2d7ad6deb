"""A process of its own that sends one message through Apprise, and reaches listed hosts only.

`python -m crm.jobs.channels.apprise_child` reads a JSON object from its standard input and prints
another. Apprise's plugins choose their hosts themselves, follow redirects and may run programs: so
the interpreter refuses, by audit hooks that no plugin can take off, every other look-up, address,
process and file to be written. Whoever started it ends it at the deadline.
"""

import json
import socket
import sys
from contextlib import suppress
from typing import Any

from crm.mailing.channel_rules import is_public

FORBIDDEN = (
    *("os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.system", "subprocess.Popen"),
    *("socket.bind", "socket.sendto", "socket.sendmsg", "ctypes.dlopen", "pty.spawn"),
    *("os.remove", "os.rename", "os.mkdir", "os.link", "os.symlink", "shutil.rmtree"),
)
WRITES = frozenset("wxa+")


class Refusal(RuntimeError):  # noqa: N818 - of what a plugin wants to do
    """The interpreter refuses what a plugin wants to do."""


class Guard:
    """What the process may reach: the hosts of the list, at the addresses looked up for them."""

    def __init__(self, hosts: dict[str, bool]) -> None:
        self._hosts = hosts
        self._addresses: set[str] = set()
        self.refused: list[str] = []  # host names, for the admin
        self.has_connected = False

    def install(self) -> None:
        look_up = socket.getaddrinfo

        def noted(host: Any, *args: Any, **named: Any) -> Any:
            rows = look_up(host, *args, **named)
            found = {str(row[4][0]) for row in rows}
            if self._hosts[_name_of(host)] or all(map(is_public, found)):
                self._addresses |= found
                return rows
            self._refuse(_name_of(host))
            return []

        socket.getaddrinfo = noted
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in FORBIDDEN:
            self._refuse(event)
        if event in ("socket.getaddrinfo", "socket.gethostbyname"):
            host = _name_of(arguments[0])
            if host not in self._hosts:
                self._refuse(host)
        if event == "socket.connect":
            address = arguments[1]
            known = isinstance(address, tuple) and str(address[0]) in self._addresses
            if not known:
                self._refuse(str(address[0]) if isinstance(address, tuple) else "local")
            self.has_connected = True
        if event == "open" and isinstance(arguments[1], str) and WRITES & set(arguments[1]):
            self._refuse("file")

    def _refuse(self, what: str) -> None:
        self.refused.append(what)
        raise Refusal(what)


def _name_of(host: Any) -> str:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    return name.lower().rstrip(".")


def main() -> None:
    """Send what the standard input says; print whether, and what was refused."""
    given = json.load(sys.stdin)
    # imported here, before the guard: it reads and compiles many files
    import apprise  # noqa: PLC0415

    sender = apprise.Apprise(
        asset=apprise.AppriseAsset(async_mode=False, plugin_paths=[], secure_logging=True)
    )
    is_known = sender.add(given["url"])
    guard = Guard(given["hosts"])
    guard.install()
    is_taken = False
    with suppress(Refusal):
        is_taken = is_known and bool(sender.notify(title=given["title"], body=given["body"]))
    print(  # noqa: T201 - what this process is for
        json.dumps(
            {
                "known": is_known,
                "taken": is_taken,
                "refused": guard.refused,
                "connected": guard.has_connected,
            }
        )
    )


if __name__ == "__main__":
    main()
