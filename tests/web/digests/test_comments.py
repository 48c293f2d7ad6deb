"""The page where a leader comments on a month, and later comments beside a sent digest."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.outbox import Message, MessageKind
from crm.base.periods import Period
from crm.people.rules import Duty, Role, UnitKind
from crm.quotas.service import freeze_period
from tests.factories import RECRUITER, arranged, make_person, make_rule, make_unit, sign_in
from tests.outbox import put

PAGE = "/digests/comment"
SENT_AT = datetime(2026, 7, 1, 0, tzinfo=UTC)


@pytest.fixture
def digest(app):
    """A zone with a leader and a recruiter; the recruiter got the digest of June."""
    with arranged(app) as db:
        top = make_unit(db, "滨海开发区", kind=UnitKind.ZONE)
        bureau = make_unit(db, "投资促进局", parent=top)
        make_person(db, "boss", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=top)
        make_person(db, "head", role=Role.LEADER, duty=Duty.DEPUTY, unit=make_unit(db, parent=top))
        person = make_person(db, "liwei", unit=bureau)
        make_rule(db, RECRUITER)
        frozen_at = at_civil(date(2026, 7, 4))
        freeze_period(db, period=Period.parse("2026-06"), at=frozen_at, now=frozen_at)
        put(
            db,
            kind=MessageKind.MONTHLY,
            dedupe_key="monthly-digest:zone:liwei:2026-06:-",
            person=person,
            subject="月报",
            text="正文",
            html="<p>原件</p>",
            at=SENT_AT,
        )
        return db.scalar(select(Message.id))


def submit(app, who="boss", *, month="2026-06", text="六月抓得紧。", **given):
    data = {"month": month, "text": text, **given}
    return sign_in(app, who).post(PAGE, data=data, follow_redirects=True)


def test_a_released_comment_is_shown_on_the_page(app, digest):
    assert "月点评已发布" in submit(app).text

    page = sign_in(app, "boss").get(PAGE).text

    assert "六月抓得紧。" in page
    assert "2026年6月" in page
    assert "<textarea" in page


def test_a_draft_is_visible_to_its_author_alone(app, digest):
    assert "草稿已保存" in submit(app, do="draft").text

    assert "六月抓得紧。" in sign_in(app, "boss").get(f"{PAGE}?month=2026-06").text
    assert "六月抓得紧。" not in sign_in(app, "liwei").get(f"/mailbox/{digest}").text


def test_a_comment_released_after_the_report_is_a_message_of_its_own(app, digest):
    submit(app)

    assert "招商月点评 2026年6月" in sign_in(app, "liwei").get("/mailbox").text


def test_an_unsettled_month_says_when_it_can_be_commented_on(app, digest):
    page = sign_in(app, "boss").get(f"{PAGE}?month=2026-07").text
    answer = submit(app, month="2026-07")

    assert "2026年7月的数据将于8月6日 00:00定稿，定稿后方可撰写点评。" in page
    assert "<textarea" not in page
    assert (answer.status_code, "尚未定稿" in answer.text) == (422, True)
    assert "六月抓得紧。" in answer.text


def test_a_later_comment_is_shown_beside_the_unchanged_digest(app, digest):
    submit(app)
    client = sign_in(app, "liwei")

    page = client.get(f"/mailbox/{digest}").text

    assert "六月抓得紧。" in page
    assert "本邮件发出后发布" in page
    assert client.get(f"/mailbox/{digest}/body").text == "<p>原件</p>"


def test_comments_from_leaders_of_other_units_are_not_shown(app, digest):
    submit(app, "head")

    assert "六月抓得紧。" not in sign_in(app, "liwei").get(f"/mailbox/{digest}").text


def test_an_empty_comment_is_refused(app, digest):
    answer = submit(app, text=" ")

    assert answer.status_code == 422
    assert "请填写点评内容。" in answer.text


@pytest.mark.parametrize("month", ["2026-08", "2026-W20", "x"])
def test_an_invalid_or_future_month_gets_404(app, digest, month):
    assert sign_in(app, "boss").get(f"{PAGE}?month={month}").status_code == 404
    assert submit(app, month=month).status_code == 404


def test_only_leaders_reach_the_page(app, digest):
    client = sign_in(app, "liwei")

    assert client.get(PAGE).status_code == 404
    assert client.post(PAGE).status_code == 404
    assert PAGE not in client.get("/digests").text


def test_only_its_recipient_opens_a_digest(app, digest):
    client = sign_in(app, "boss")

    assert client.get(f"/mailbox/{digest}").status_code == 404
    assert client.get(f"/mailbox/{digest}/body").status_code == 404
    assert "/digests/20" in sign_in(app, "liwei").get("/digests").text


def test_anonymous_visitors_are_redirected_to_the_login(client):
    assert "/login" in client.get(PAGE).location
