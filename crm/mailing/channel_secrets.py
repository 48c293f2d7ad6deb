"""The addresses and secrets of channels, sealed: whoever has both may write into a group.

What was stored before that is read as it is, and sealed by `crm init`, which knows the key.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.sealed import seal, unseal
from crm.mailing.channel_models import Channel

PURPOSE = "channel"
MARK = "sealed:"  # no address begins so: "//" would follow


def sealed(text: str, key: str) -> str:
    """The text as it is stored."""
    return MARK + seal(text, key=key, purpose=PURPOSE)


def opened(stored: str, key: str) -> str:
    """The text; refused as `secret_key_changed` where another key has sealed it."""
    if not stored.startswith(MARK):
        return stored
    return unseal(stored.removeprefix(MARK), key=key, purpose=PURPOSE)


def opens(channel: Channel, key: str) -> bool:
    """Whether the key opens all that the channel has stored."""
    try:
        for stored in filter(None, (channel.url, channel.secret)):
            opened(stored, key)
    except Refused:
        return False
    return True


def seal_all(db: Session, key: str) -> int:
    """Seal what is stored openly; of how many channels."""
    count = 0
    for channel in db.scalars(select(Channel).order_by(Channel.id).with_for_update()):
        is_url_open, is_secret_open = _is_open(channel.url), _is_open(channel.secret)
        if is_url_open:
            channel.url = sealed(channel.url, key)
        if is_secret_open and channel.secret:
            channel.secret = sealed(channel.secret, key)
        count += is_url_open or is_secret_open
    return count


def _is_open(stored: str | None) -> bool:
    return stored is not None and not stored.startswith(MARK)
