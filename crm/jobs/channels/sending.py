"""One message over one channel, whatever its kind: what is sent, and what the answer means."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.jobs.channels import apprise, robots, webhook
from crm.jobs.channels.http import Line, Request, Response
from crm.jobs.channels.words import Letter
from crm.jobs.smtp import AmbiguousError, RefusedMailError
from crm.mailing.channel_rules import ChannelKind, Target, parse_target, require_allowed

JSON = {"Content-Type": "application/json; charset=utf-8"}
TRY_LATER = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


@value_class
class Destination:
    """A channel as it is sent to, read apart from the session."""

    kind: ChannelKind
    url: str
    secret: str | None
    hosts: dict[str, bool]  # the admin's list


def send(
    destination: Destination,
    letter: Letter,
    *,
    line: Line,
    now: datetime,
    before_body: Callable[[], None] = lambda: None,
) -> str:
    """Send it; the answer in words where it was taken.

    Raises `UnreachableError`, `RefusedMailError`, `AmbiguousError` or `StoppedError`.
    """
    if destination.kind is ChannelKind.APPRISE:
        url, hosts = destination.url, destination.hosts
        return apprise.send(url, letter, hosts=hosts, line=line, before_body=before_body)
    target = _allowed_target(destination)
    request = _request(destination, target, letter, now)
    response = line.post(request, before_body)
    _refuse_by_status(response)
    if destination.kind is ChannelKind.WEBHOOK:
        return f"对方已接收（HTTP {response.status}）"
    return robots.read_answer(destination.kind, response)


def _allowed_target(destination: Destination) -> Target:
    # checked again: the host may have been taken from the list since
    try:
        target = parse_target(destination.url)
        require_allowed(target, destination.hosts)
    except Refused as refusal:
        message = "渠道地址不在允许的主机之列"
        raise RefusedMailError(message, for_good=True) from refusal
    return target


def _request(destination: Destination, target: Target, letter: Letter, now: datetime) -> Request:
    kind, secret = destination.kind, destination.secret
    is_internal = destination.hosts[target.host]
    if kind is ChannelKind.WEBHOOK:
        body = webhook.body_of(letter)
        headers = webhook.headers_of(letter, body, secret=secret or "", now=now)
        return Request(target, body, headers, is_internal)
    body = robots.body_of(kind, letter, secret=secret, now=now)
    signed = robots.target_of(kind, target, secret=secret, now=now)
    return Request(signed, body, JSON, is_internal)


def _refuse_by_status(response: Response) -> None:
    """Only 2xx goes on to the answer itself; of other 5xx nobody knows what was done before."""
    status = response.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status in TRY_LATER:
        message = f"对方暂不接收（HTTP {status}）"
        raise RefusedMailError(message, for_good=False)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        message = f"对方要求转到其他地址（HTTP {status}），不跟随"
        raise RefusedMailError(message, for_good=True)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        message = f"对方拒绝接收（HTTP {status}）"
        raise RefusedMailError(message, for_good=True)
    message = f"对方应答 HTTP {status}，是否接收不明"
    raise AmbiguousError(message)
