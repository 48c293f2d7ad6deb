"""A channel's row as what is sent to needs it."""

from sqlalchemy.orm import Session

from crm.jobs.channels.sending import Destination
from crm.mailing.channel_models import Channel
from crm.mailing.channel_queries import allowed_hosts
from crm.mailing.channel_secrets import opened


def destination_of(db: Session, channel_id: int, key: str) -> Destination:
    """The channel, with the hosts that are allowed by now; refused as `secret_key_changed`."""
    channel = db.get_one(Channel, channel_id)
    url = opened(channel.url, key)
    secret = opened(channel.secret, key) if channel.secret else None
    return Destination(channel.kind, url, secret, allowed_hosts(db))
