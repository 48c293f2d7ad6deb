"""Channels to messengers and other systems: their kinds, hosts and addresses. Pure."""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import quote, urlsplit

from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.mail_kinds import MessageKind
from crm.base.value_class import value_class

PLACEHOLDER = "{address}"  # in the URL of an Apprise service, for a person's own address
LONGEST_URL = 2000
LONGEST_ADDRESS = 200
_NAT64 = IPv6Network("64:ff9b::/96")  # carries an IPv4 address in its last 32 bits
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.ASCII)
# `user`, `token` and the like would let an address leave its place in the URL
_ADDRESS = re.compile(r"[\w.@+-]+", re.ASCII)


class ChannelKind(LabeledEnum):
    """What receives the messages of a channel."""

    WECOM = "wecom", "企业微信群机器人"
    DINGTALK = "dingtalk", "钉钉群机器人"
    FEISHU = "feishu", "飞书群机器人"
    WEBHOOK = "webhook", "本区业务系统"
    APPRISE = "apprise", "其他服务（尽力而为）"

    @property
    def per_minute(self) -> int:
        """Messages a minute that the service takes; 0: no known limit."""
        return _PER_MINUTE.get(self, 0)

    @property
    def signs(self) -> bool:
        """Whether messages may be signed with a secret."""
        return self in (ChannelKind.DINGTALK, ChannelKind.FEISHU, ChannelKind.WEBHOOK)

    @property
    def is_robot(self) -> bool:
        """Whether it writes into a group, so that nobody can be addressed."""
        return self in _ROBOTS


_PER_MINUTE = {ChannelKind.WECOM: 20, ChannelKind.DINGTALK: 20, ChannelKind.FEISHU: 100}
_ROBOTS = (ChannelKind.WECOM, ChannelKind.DINGTALK, ChannelKind.FEISHU)

# What a group is told of: the zone's work, never a person's figures, absence or hand-over.
GROUP_KINDS = (
    MessageKind.WEEKLY,
    MessageKind.MONTHLY,
    MessageKind.SETTLED,
    MessageKind.MORNING_BRIEF,
    MessageKind.TEN_DAY,
    MessageKind.ORDER,
    MessageKind.PROBLEM,
    MessageKind.CLAIM,
)
SHIPPED_HOSTS = ("qyapi.weixin.qq.com", "oapi.dingtalk.com", "open.feishu.cn")


@value_class
class Target:
    """Where a request goes, as read from a URL."""

    scheme: str
    host: str
    port: int
    path: str  # with the query


def parse_host(text: str) -> str:
    """The normal form of a host name or IP address; refused as `bad_host`."""
    host = text.strip().lower().rstrip(".")
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        pass
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        raise Refused("bad_host", field="host") from None
    # a last label of digits would be read as an IPv4 address in another notation
    if not _HOST.fullmatch(host) or host.rpartition(".")[2][0].isdigit():
        raise Refused("bad_host", field="host")
    return host


def parse_target(url: str) -> Target:
    """The parts of an https or http URL; refused as `bad_url`."""
    refusal = Refused("bad_url", field="url")
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = parse_host(parts.hostname or "")
    except (ValueError, Refused):
        raise refusal from None
    is_plain = url.isascii() and url.isprintable() and len(url) <= LONGEST_URL
    if parts.scheme not in ("https", "http") or not is_plain or "@" in parts.netloc:
        raise refusal
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, host, port, (parts.path or "/") + query)


def require_allowed(target: Target, hosts: dict[str, bool]) -> None:
    """Refuse what the admin's list of hosts does not allow; `hosts`: whether each is internal.

    Refused as `host_not_listed`, `needs_https` (only internal hosts may do without), `odd_port`.
    """
    if (is_internal := hosts.get(target.host)) is None:
        raise Refused("host_not_listed", field="url", host=target.host)
    if target.scheme != "https" and not is_internal:
        raise Refused("needs_https", field="url")
    if target.port not in (443, 8443) and not is_internal:
        raise Refused("odd_port", field="url")


def parse_apprise(url: str) -> str:
    """The scheme of an Apprise URL, whatever the service; refused as `bad_apprise_url`."""
    scheme, separator, rest = url.strip().partition("://")
    is_plain = url.isascii() and url.strip().isprintable() and len(url) <= LONGEST_URL
    if not (separator and rest and scheme.isalnum() and is_plain):
        raise Refused("bad_apprise_url", field="url")
    return scheme.lower()


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet, also behind what wraps it in IPv6."""
    ip = ip_address(address.partition("%")[0])
    return all(each.is_global and not each.is_multicast for each in (ip, *_wrapped(ip)))


def _wrapped(ip: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    if isinstance(ip, IPv4Address):
        return ()
    inside = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64:
        inside.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return tuple(filter(None, inside))


def parse_address(text: str) -> str:
    """A person's address at a service; refused as `bad_channel_address`."""
    address = text.strip()
    if not _ADDRESS.fullmatch(address) or len(address) > LONGEST_ADDRESS:
        raise Refused("bad_channel_address", field="address")
    return address


def addressed(url: str, address: str) -> str:
    """The URL of a service with the person's address in its place."""
    return url.replace(PLACEHOLDER, quote(address, safe=""))
