"""The signed token in a mail's link to unsubscribe (RFC 8058)."""

from functools import cache

from itsdangerous import BadData, URLSafeSerializer

from crm.base.mail_kinds import MessageKind


def make(secret: str, person_id: int, kind: MessageKind) -> str:
    """The token of that person and kind; always the same, so that a mail's bytes are too."""
    return str(_serializer(secret).dumps([person_id, kind.value]))


def read(secret: str, text: str) -> tuple[int, MessageKind] | None:
    """The person id and the kind of a token; None where the signature is not ours."""
    try:
        person_id, kind = _serializer(secret).loads(text)
        return int(person_id), MessageKind(kind)
    except (BadData, ValueError, TypeError):
        return None


@cache  # to make one takes four times as long as a token
def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="unsubscribe")
