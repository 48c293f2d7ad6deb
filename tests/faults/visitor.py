"""Somebody in front of the pages of a running server."""

import re
import socket
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.cookiejar import CookieJar

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class Visitor:
    """A browser without a screen, on 127.0.0.1."""

    port: int
    _jar: CookieJar = field(default_factory=CookieJar)

    def get(self, path: str) -> tuple[int, str]:
        """The status of a page and its text; 0 where nobody answers."""
        return self._ask(path, None)

    def sign_in(self) -> int:
        """Try to sign in as somebody unknown, which looks and writes; the status of the answer."""
        return self._ask("/login", {"username": "nobody", "password": "p", **self._token})[0]

    def begin(self) -> None:
        """Open the form."""
        self._token = {"csrf_token": TOKEN.search(self.get("/login")[1])[1]}

    def _ask(self, path: str, form: dict[str, str] | None) -> tuple[int, str]:
        data = form and urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data)
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
