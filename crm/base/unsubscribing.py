"""The signed word in a mail's link by which one stops mails of its kind (RFC 8058)."""

from itsdangerous import BadData, URLSafeSerializer

from crm.base.mail_kinds import MessageKind


def token(secret: str, person_id: int, kind: MessageKind) -> str:
    """The token of that person and kind: always the same, so that a mail's bytes are."""
    return str(_serializer(secret).dumps([person_id, kind.value]))


def read(secret: str, text: str) -> tuple[int, MessageKind] | None:
    """Whose mails of which kind the token is about; none where it is not ours."""
    try:
        person_id, kind = _serializer(secret).loads(text)
        return int(person_id), MessageKind(kind)
    except (BadData, ValueError, TypeError):
        return None


def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="unsubscribe")
