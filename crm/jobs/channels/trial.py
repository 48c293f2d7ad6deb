"""A test message, sent at once by hand, with its answer in words."""

from datetime import datetime
from uuid import uuid4

from crm.base.mail import Site
from crm.base.value_class import value_class
from crm.jobs.channels.http import Limits, Line
from crm.jobs.channels.sending import Destination, send
from crm.jobs.channels.words import Letter
from crm.jobs.smtp import AmbiguousError, RefusedMailError, UnreachableError

# somebody waits for the page
LIMITS = Limits(connect=4.0, answer=8.0)


@value_class
class Trial:
    """What became of a test message."""

    words: str
    is_taken: bool


def try_out(destination: Destination, *, site: Site, now: datetime) -> Trial:
    """Send a test message; nothing of it is kept in the outbox."""
    letter = Letter(
        delivery_id=uuid4().hex,
        event="test",
        title="测试消息",
        text=f"招商系统的测试消息，收到即表示渠道可用。\n{site.link('/')}",
        recipient="",
        made_at=now,
    )
    try:
        words = send(destination, letter, line=Line(limits=LIMITS), now=now)
    except (UnreachableError, RefusedMailError) as error:
        return Trial(str(error), is_taken=False)
    except AmbiguousError as error:
        return Trial(f"结果不明：{error}", is_taken=False)
    return Trial(words, is_taken=True)
