"""The signed event that one of the zone's own systems is sent. Pure.

`X-CRM-Signature` is `sha256=` and the HMAC-SHA256, under the channel's secret, of the timestamp, a
full stop and the body. A receiver refuses old timestamps, and an `X-CRM-Delivery` that it had.
"""

import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from crm.jobs.channels.words import Letter


def body_of(letter: Letter) -> bytes:
    """The event as JSON; a repeat has the same bytes."""
    event = {
        "id": letter.delivery_id,
        "event": letter.event,
        "made_at": letter.made_at.isoformat(),
        "recipient": letter.recipient or None,
        "title": letter.title,
        "text": letter.sentence,
        "url": letter.link,
    }
    return json.dumps(event, ensure_ascii=False, sort_keys=True).encode()


def headers_of(letter: Letter, body: bytes, *, secret: str, now: datetime) -> Mapping[str, str]:
    """The headers that sign the event; only the timestamp of a repeat differs, and its mark."""
    timestamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "X-CRM-Delivery": letter.delivery_id,
        "X-CRM-Timestamp": timestamp,
        "X-CRM-Signature": signature(secret, timestamp, body),
    }
    return headers | ({"X-CRM-Repeat": "1"} if letter.may_be_repeat else {})


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What `X-CRM-Signature` has to say."""
    signed = hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256)
    return f"sha256={signed.hexdigest()}"
