"""Put a single message into the outbox."""

from crm.base import outbox


def put(db, **parts):
    """False where the key is there already."""
    return outbox.put(db, [outbox.row_of(**parts)]) > 0
