"""Database URLs of PostgreSQL servers with several hosts, as libpq writes them."""

import re

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

DEFAULT_PORT = "5432"
_URL = re.compile(r"(?P<scheme>[\w+]+)://(?P<authority>[^/?]*)(?P<rest>.*)", re.DOTALL)
_HOST = re.compile(r"(\[[^\]]+\]|[^:\[\]]+)(?::(\d+))?")


def parse_url(text: str) -> URL:
    """The URL, also with several hosts (`//user@one:5432,two:5432/name`); raises ArgumentError."""
    parts = _URL.fullmatch(text)
    user, at, hosts = parts["authority"].rpartition("@") if parts else ("", "", "")
    if parts is None or "," not in hosts:
        return make_url(text)

    names, ports = zip(*map(_host_and_port, hosts.split(",")), strict=True)

    # SQLAlchemy takes several hosts only as parameters
    url = make_url(f"{parts['scheme']}://{user}{at}{parts['rest']}")
    return url.update_query_dict({"host": ",".join(names), "port": ",".join(ports)})


def _host_and_port(text: str) -> tuple[str, str]:
    found = _HOST.fullmatch(text)
    if found is None:
        raise ArgumentError(text)
    return found[1].strip("[]"), found[2] or DEFAULT_PORT


def primary_of(url: URL) -> URL:
    """The URL; of several hosts it connects to the one that can be written to."""
    hosts = url.query.get("host", "")
    if isinstance(hosts, str) and "," not in hosts:
        return url
    return url.set(query={"target_session_attrs": "read-write", **url.query})
