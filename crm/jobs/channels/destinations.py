"""A channel's row as what is sent to needs it."""

from sqlalchemy.orm import Session

from crm.jobs.channels.sending import Destination
from crm.mailing.channel_models import Channel
from crm.mailing.channel_queries import allowed_hosts


def destination_of(db: Session, channel_id: int) -> Destination:
    """The channel, with the hosts that are allowed by now."""
    channel = db.get_one(Channel, channel_id)
    return Destination(channel.kind, channel.url, channel.secret, allowed_hosts(db))
