"""The outbox page: what failed and why, and sending it again."""

from sqlalchemy import select, update

from crm.base.outbox import Message, MessageKind, State
from crm.mailing.announcing import put_and_announce
from crm.people.rules import Role
from tests.factories import arranged, make_person, sign_in
from tests.jobs.channels.work import make_channel, row_for

OUTBOX = "/admin/outbox"


def test_what_failed_is_listed_without_its_words_and_sent_again(app):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN)
        make_channel(db, "https://127.0.0.1/")
        put_and_announce(db, [row_for(make_person(db, "li"), MessageKind.WEEKLY)])
        failed = {"state": State.FAILED, "note": "对方拒绝接收（HTTP 404）"}
        db.execute(update(Message).values(**failed))
    root = sign_in(app, "root")

    page = root.get(OUTBOX).text
    root.post(f"{OUTBOX}/2/send")
    root.post(f"{OUTBOX}/retry")

    assert "渠道wecom（群）" in page
    assert "li同志（邮件）" in page
    assert "对方拒绝接收（HTTP 404）" in page
    assert "金丝雀" not in page
    with arranged(app) as db:
        states = set(db.scalars(select(Message.state)))
    assert states == {State.PENDING}
